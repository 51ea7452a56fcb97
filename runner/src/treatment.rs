//! What is done to output on its way to the caller. Reads no clock: who owns the stream says when it is quiet.

use std::time::Duration;

use opaque_redact::{Redactor, Rules, Stream};

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
