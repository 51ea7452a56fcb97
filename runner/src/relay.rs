//! Carries a standard stream between the caller and the command, when it cannot simply be inherited:
//! a socket on the caller's side, or output that is counted, treated or withheld.
//!
//! Nothing here blocks the supervisor for longer than one small write.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use opaque_redact::Stream;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use crate::descriptor;
use crate::treatment::Treatment;

/// The largest write that cannot block on a pipe that polls as writable (`PIPE_BUF`).
const ATOMIC: usize = 4096;
const CAPACITY: usize = 64 * 1024;

/// One direction of one stream.
pub struct Relay {
    from: Option<OwnedFd>,
    to: Drain,
    incoming: Vec<u8>,
    /// What may leave, of which so much has left.
    outgoing: Vec<u8>,
    sent: usize,
    treatment: Option<Treatment>,
    /// When something came last, while the treatment holds something back that silence lets go.
    quiet_since: Option<Instant>,
    carried: u64,
    dropped: u64,
}

/// Where bytes go.
enum Drain {
    /// To a descriptor, by writes of at most so many bytes.
    Descriptor(OwnedFd, usize),
    /// Nowhere: they are counted and thrown away.
    Nothing,
    /// Nobody reads any more.
    Closed,
}

impl Relay {
    /// Carries what comes from `from` to `to` until the end of the stream.
    ///
    /// # Errors
    /// The descriptors cannot be set up.
    pub fn new(from: OwnedFd, to: OwnedFd) -> Result<Self, Errno> {
        Ok(Self::between(from, Drain::over(to)?))
    }

    /// Counts what comes from `from` and throws it away.
    #[must_use]
    pub fn to_nothing(from: OwnedFd) -> Self {
        Self::between(from, Drain::Nothing)
    }

    fn between(from: OwnedFd, to: Drain) -> Self {
        Self {
            from: Some(from),
            to,
            incoming: Vec::with_capacity(CAPACITY),
            outgoing: Vec::with_capacity(CAPACITY),
            sent: 0,
            treatment: None,
            quiet_since: None,
            carried: 0,
            dropped: 0,
        }
    }

    /// Treats everything that comes from now on.
    pub fn treat(&mut self, treatment: Option<Treatment>) {
        self.treatment = treatment;
    }

    /// Who is at the other end: a program, or a person at a terminal.
    #[must_use]
    pub fn watched_by(&self) -> Stream {
        match &self.to {
            Drain::Descriptor(to, _) if rustix::termios::isatty(to) => Stream::Terminal,
            Drain::Descriptor(..) | Drain::Nothing | Drain::Closed => Stream::Pipe,
        }
    }

    /// What to wait for: room for what is held, else more to hold.
    #[must_use]
    pub fn interest(&self) -> Option<PollFd<'_>> {
        match &self.to {
            Drain::Descriptor(to, _) if self.has_more() => Some(PollFd::new(to, PollFlags::OUT)),
            Drain::Descriptor(..) | Drain::Nothing | Drain::Closed => {
                self.from.as_ref().map(|from| PollFd::new(from, PollFlags::IN))
            }
        }
    }

    /// How long it has to stay quiet until something that is held back may go; `None` when nothing is.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let silence = self.treatment.as_ref()?.silence();
        Some(silence.saturating_sub(self.quiet_since?.elapsed()))
    }

    /// Lets go what may go, when it was quiet for long enough.
    pub fn tick(&mut self) {
        if self.due() == Some(Duration::ZERO)
            && let Some(treatment) = &mut self.treatment
        {
            self.quiet_since = None;
            treatment.flush(&mut self.outgoing);
        }
    }

    /// Moves one chunk in the direction that [`Relay::interest`] named, handing on at most `room` bytes.
    pub fn step(&mut self, room: u64) {
        if self.has_more() {
            self.hand_on(room);
        } else {
            self.fill();
        }
    }

    /// True when there is more to hand on.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.pending().is_empty()
    }

    /// True when the stream has ended and everything was handed on.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.from.is_none() && !self.has_more()
    }

    /// Bytes handed on so far.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.carried
    }

    /// Bytes thrown away so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was done to the bytes on their way.
    #[must_use]
    pub fn treatment(&self) -> Option<&Treatment> {
        self.treatment.as_ref()
    }

    /// Drops what is held and ends the stream in both directions.
    pub fn close(&mut self) {
        self.from = None;
        self.to = Drain::Closed;
        self.forget();
    }

    /// Throws away what is held and all that still comes.
    pub fn cut_off(&mut self) {
        self.to = Drain::Nothing;
        self.dropped += self.pending().len() as u64;
        self.forget();
    }

    fn pending(&self) -> &[u8] {
        self.outgoing.get(self.sent..).unwrap_or_default()
    }

    fn forget(&mut self) {
        self.quiet_since = None;
        self.outgoing.clear();
        self.sent = 0;
    }

    fn fill(&mut self) {
        let Some(from) = &self.from else { return };
        self.outgoing.clear();
        self.sent = 0;
        self.incoming.resize(CAPACITY, 0);
        match rustix::io::read(from, &mut self.incoming[..]) {
            Ok(0) => self.end(),
            Ok(length) => {
                self.incoming.truncate(length);
                self.take();
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A terminal answers with an error (EIO) when nobody has its other side open any more.
            Err(_) => self.end(),
        }
    }

    /// What came becomes what leaves.
    fn take(&mut self) {
        match (&self.to, &mut self.treatment) {
            (Drain::Nothing | Drain::Closed, _) => self.dropped += self.incoming.len() as u64,
            (Drain::Descriptor(..), Some(treatment)) => {
                treatment.push(&self.incoming, &mut self.outgoing);
                self.quiet_since = treatment.wants_flush().then(Instant::now);
            }
            (Drain::Descriptor(..), None) => std::mem::swap(&mut self.incoming, &mut self.outgoing),
        }
    }

    /// Nothing comes any more: what was held back leaves.
    fn end(&mut self) {
        self.from = None;
        if let Some(treatment) = &mut self.treatment {
            treatment.finish(&mut self.outgoing);
        }
        self.close_when_done();
    }

    fn hand_on(&mut self, room: u64) {
        let Drain::Descriptor(to, largest) = &self.to else { return self.forget() };
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(*largest);
        let pending = self.pending();
        let chunk = pending.get(..pending.len().min(most)).unwrap_or_default();
        if chunk.is_empty() {
            return;
        }
        match rustix::io::write(to, chunk) {
            Ok(length) => {
                self.sent += length;
                self.carried += length as u64;
                self.close_when_done();
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The reader is gone: closing our end lets the writer see it.
            Err(_) => self.close(),
        }
    }

    /// After the end of the stream and its last byte the reader sees the end as well.
    fn close_when_done(&mut self) {
        if self.is_done() {
            self.to = Drain::Closed;
        }
    }
}

/// Never shows what it carries.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("from", &self.from).field("carried", &self.carried).finish_non_exhaustive()
    }
}

impl Drain {
    fn over(to: OwnedFd) -> Result<Self, Errno> {
        Ok(match FileType::from_raw_mode(rustix::fs::fstat(&to)?.st_mode) {
            // Its offset is shared with the caller, and writing to it never waits for a reader.
            FileType::RegularFile => Self::Descriptor(to, CAPACITY),
            // Opened once more it has flags of its own, so that a large write that finds no room does not wait.
            FileType::Fifo | FileType::CharacterDevice => {
                match descriptor::reopen(&to, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
                    Ok(own) => Self::Descriptor(own, CAPACITY),
                    Err(_) => Self::Descriptor(to, ATOMIC),
                }
            }
            FileType::Directory | FileType::Socket | FileType::BlockDevice | FileType::Symlink | FileType::Unknown => {
                Self::Descriptor(to, ATOMIC)
            }
        })
    }
}

/// A pipe whose both ends close on exec.
///
/// # Errors
/// Out of descriptors.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC)
}

/// A copy of one of our own standard streams.
///
/// # Errors
/// Out of descriptors.
pub fn duplicate(stream: impl AsFd) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_dupfd_cloexec(stream, 3)
}

#[cfg(test)]
mod tests {
    use opaque_policy::output::Sequences;

    use super::*;

    #[test]
    fn a_relay_carries_every_byte_and_then_the_end() {
        let (inside, command) = pipe().unwrap();
        let (caller, outside) = pipe().unwrap();
        let mut relay = Relay::new(inside, outside).unwrap();
        let text: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let writer = std::thread::spawn({
            let text = text.clone();
            move || {
                use std::io::Write;
                std::fs::File::from(command).write_all(&text).unwrap();
            }
        });
        let reader = std::thread::spawn(move || {
            use std::io::Read;
            let mut all = Vec::new();
            std::fs::File::from(caller).read_to_end(&mut all).unwrap();
            all
        });
        while !relay.is_done() {
            relay.step(u64::MAX);
        }
        assert_eq!(relay.carried(), 100_000);
        drop(relay);
        writer.join().unwrap();
        assert!(reader.join().unwrap() == text);
    }

    #[test]
    fn what_is_held_back_leaves_when_it_is_quiet_and_is_masked_when_it_goes_on() {
        use std::io::{Read, Write};
        let secret =
            opaque_redact::Secret::new("KEY", b"correct horse".to_vec(), opaque_redact::Short::Refused).unwrap();
        let rules = opaque_redact::Rules::new(&[secret], &opaque_redact::Patterns::none()).unwrap();
        let (inside, command) = pipe().unwrap();
        let (caller, outside) = pipe().unwrap();
        let treatment = Treatment::of(&rules, Sequences::Pass, Stream::Pipe);
        let mut relay = Relay::new(inside, outside).unwrap();
        relay.treat(treatment);
        let (mut command, mut caller) = (std::fs::File::from(command), std::fs::File::from(caller));
        command.write_all(b"say: corr").unwrap();
        relay.step(u64::MAX);
        relay.step(u64::MAX);
        let mut shown = [0; 64];
        assert_eq!(caller.read(&mut shown).unwrap(), 5);
        while relay.due().unwrap() > Duration::ZERO {
            std::thread::yield_now();
        }
        relay.tick();
        assert_eq!(relay.due(), None);
        relay.step(u64::MAX);
        assert_eq!(caller.read(&mut shown).unwrap(), 3);
        command.write_all(b"ect horse!").unwrap();
        drop(command);
        while !relay.is_done() {
            relay.step(u64::MAX);
        }
        let mut rest = String::new();
        caller.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "***!");
        assert_eq!(relay.treatment().unwrap().counts().collect::<Vec<_>>(), [("KEY", 1)]);
    }

    #[test]
    fn what_is_cut_off_is_read_and_thrown_away() {
        use std::io::Write;
        let (inside, command) = pipe().unwrap();
        let (_caller, outside) = pipe().unwrap();
        let mut relay = Relay::new(inside, outside).unwrap();
        let mut command = std::fs::File::from(command);
        command.write_all(b"0123456789").unwrap();
        relay.step(u64::MAX);
        relay.step(4);
        relay.cut_off();
        command.write_all(b"0123456789").unwrap();
        drop(command);
        while !relay.is_done() {
            relay.step(0);
        }
        assert_eq!((relay.carried(), relay.dropped()), (4, 16));
    }
}
