//! What is done to output on its way to the caller. Reads no clock: who owns the stream says when it is quiet.

use std::time::Duration;

use opaque_policy::output::Sequences;
use opaque_redact::{Redactor, Rules, SequenceFilter, Stream};
use zeroize::Zeroizing;

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
