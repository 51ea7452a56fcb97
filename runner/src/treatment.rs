//! What is done to output on its way to the caller. Reads no clock: who owns the stream says when it is quiet.

use std::collections::BTreeMap;
use std::time::Duration;

use opaque_policy::output::Show;
use opaque_policy::plan::Plan;
use opaque_redact::{Redactor, Rules, Stream};
use serde::Serialize;

use crate::relay::Relay;

/// The treatment of one stream.
pub struct Treatment {
    redactor: Redactor,
    stream: Stream,
}

impl Treatment {
    /// Masks what these rules name; `None` when they name nothing.
    #[must_use]
    pub fn of(rules: &Rules, stream: Stream) -> Option<Self> {
        (!rules.is_empty()).then(|| Self { redactor: Redactor::new(rules), stream })
    }

    /// Takes what the stream brought and adds to `out` what may leave.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.redactor.push(data, out);
    }

    /// True when [`Treatment::flush`] would let something go.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.redactor.wants_flush()
    }

    /// How long the stream has to be quiet before that.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.stream.silence()
    }

    /// The stream is quiet: what may go goes.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.redactor.flush(out);
    }

    /// The stream has ended: the rest leaves.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.redactor.finish(out);
    }

    /// How often each secret and each pattern was masked, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.redactor.counts()
    }
}

/// What became of all that a command printed, as far as it was carried. Never says what that was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Printed {
    /// Bytes that reached the caller.
    pub bytes: u64,
    /// Bytes that were thrown away: withheld, or beyond the limit.
    pub dropped: u64,
    /// How often each secret and each pattern was masked, by name.
    pub masked: BTreeMap<String, u64>,
}

impl Printed {
    /// Adds up what these streams carried.
    #[must_use]
    pub fn of(streams: &[Relay]) -> Self {
        let mut printed = Self::default();
        for stream in streams {
            printed.bytes += stream.carried();
            printed.dropped += stream.dropped();
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
        notes
    }
}
