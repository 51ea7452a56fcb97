//! What became of what a command printed: counted for report, journal and person. Never holds any of it.

use std::collections::BTreeMap;

use opaque_policy::output::Show;
use opaque_policy::plan::Plan;
use serde::Serialize;

use crate::relay::Relay;
use crate::treatment::Treatment;

/// What became of all that a command printed, as far as it was carried. Never says what that was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Printed {
    /// Bytes that reached the caller.
    pub bytes: u64,
    /// Bytes that were thrown away: withheld, or beyond the limit.
    pub dropped: u64,
    /// How often each secret and each pattern was masked, by name.
    pub masked: BTreeMap<String, u64>,
    /// How many sequences for terminals were taken out.
    pub taken_out: u64,
}

impl Printed {
    /// Adds up what these streams carried.
    #[must_use]
    pub fn of(streams: &[Relay]) -> Self {
        let mut printed = Self::default();
        for stream in streams {
            printed.bytes += stream.carried();
            printed.dropped += stream.dropped();
            printed.taken_out += stream.treatment().map_or(0, Treatment::taken_out);
            for (name, count) in stream.treatment().into_iter().flat_map(Treatment::counts) {
                *printed.masked.entry(name.to_owned()).or_default() += count;
            }
        }
        printed
    }

    /// What the person should know, in a line each.
    #[must_use]
    pub fn notes(&self, plan: &Plan) -> Vec<String> {
        let mut notes = Vec::new();
        if plan.output.show == Show::Nothing {
            notes.push(format!("{} bytes of output were withheld", self.dropped));
        } else if self.dropped > 0 {
            notes
                .push(format!("output was cut off after {} bytes: {} more were thrown away", self.bytes, self.dropped));
        }
        let masked: Vec<String> = self
            .masked
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        if !masked.is_empty() {
            notes.push(format!("masked in the output: {}", masked.join(", ")));
        }
        if self.taken_out > 0 {
            notes.push(format!("{} sequences for terminals were taken out of the output", self.taken_out));
        }
        notes
    }
}
