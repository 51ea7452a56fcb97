//! What is done to output on its way to the caller. Reads no clock: who owns the stream says when it is quiet.

use std::collections::BTreeMap;
use std::time::Duration;

use opaque_policy::output::{Sequences, Show};
use opaque_policy::plan::Plan;
use opaque_redact::{Redactor, Rules, SequenceFilter, Stream};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::relay::Relay;

/// As much as is pushed at once, and what a filter may have held back before it.
const ONCE: usize = 80 * 1024;

/// The treatment of one stream: sequences are taken out, then what is left is masked. In this order, since what is taken out
/// may have parted a secret.
pub struct Treatment {
    filter: Option<SequenceFilter>,
    redactor: Option<Redactor>,
    stream: Stream,
    /// What the filter has let through, on its way to the redactor.
    between: Zeroizing<Vec<u8>>,
}

impl Treatment {
    /// Takes out sequences where that is wanted and masks what these rules name; `None` when nothing is to be done.
    #[must_use]
    pub fn of(rules: &Rules, sequences: Sequences, stream: Stream) -> Option<Self> {
        let filter = match sequences {
            Sequences::Filter => Some(SequenceFilter::new()),
            Sequences::Pass => None,
        };
        let redactor = (!rules.is_empty()).then(|| Redactor::new(rules));
        (filter.is_some() || redactor.is_some()).then(|| Self {
            filter,
            redactor,
            stream,
            between: Zeroizing::new(Vec::with_capacity(ONCE)),
        })
    }

    /// Takes what the stream brought and adds to `out` what may leave.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.pass(out, |filter, out| filter.push(data, out), |redactor, out| redactor.push(data, out));
    }

    /// True when [`Treatment::flush`] would let something go.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.filter.as_ref().is_some_and(SequenceFilter::wants_flush)
            || self.redactor.as_ref().is_some_and(Redactor::wants_flush)
    }

    /// How long the stream has to be quiet before that.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.stream.silence()
    }

    /// The stream is quiet: what may go goes.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.pass(out, SequenceFilter::flush, |_, _| ());
        if let Some(redactor) = &mut self.redactor {
            redactor.flush(out);
        }
    }

    /// The stream has ended: the rest leaves.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.pass(out, SequenceFilter::finish, |_, _| ());
        if let Some(redactor) = &mut self.redactor {
            redactor.finish(out);
        }
    }

    /// How often each secret and each pattern was masked, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.redactor.iter().flat_map(Redactor::counts)
    }

    /// How many sequences were taken out.
    #[must_use]
    pub fn taken_out(&self) -> u64 {
        self.filter.as_ref().map_or(0, SequenceFilter::count)
    }

    /// Lets the filter work and the redactor on what it lets through; without a filter, the redactor on what came.
    fn pass(
        &mut self,
        out: &mut Vec<u8>,
        filtering: impl FnOnce(&mut SequenceFilter, &mut Vec<u8>),
        unfiltered: impl FnOnce(&mut Redactor, &mut Vec<u8>),
    ) {
        match (&mut self.filter, &mut self.redactor) {
            (None, None) => {}
            (None, Some(redactor)) => unfiltered(redactor, out),
            (Some(filter), None) => filtering(filter, out),
            (Some(filter), Some(redactor)) => {
                filtering(filter, &mut self.between);
                redactor.push(&self.between, out);
                self.between.clear();
            }
        }
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
