//! Carries a standard stream between the caller and the command, when it cannot simply be inherited:
//! a socket on the caller's side, or output that is counted.
//!
//! Bytes pass unchanged. Nothing here blocks the supervisor for longer than one small write.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

/// The largest write that cannot block on a pipe that polls as writable (`PIPE_BUF`).
const ATOMIC: usize = 4096;
const CAPACITY: usize = 64 * 1024;

/// One direction of one stream.
#[derive(Debug)]
pub struct Relay {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    buffer: Vec<u8>,
    sent: usize,
    chunk: usize,
    carried: u64,
}

impl Relay {
    /// Carries what comes from `from` to `to` until the end of the stream.
    ///
    /// # Errors
    /// The descriptors cannot be set up.
    pub fn new(from: OwnedFd, to: OwnedFd) -> Result<Self, Errno> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&to)?.st_mode);
        let chunk = if kind == FileType::RegularFile { CAPACITY } else { ATOMIC };
        Ok(Self { from: Some(from), to: Some(to), buffer: Vec::with_capacity(CAPACITY), sent: 0, chunk, carried: 0 })
    }

    /// What to wait for: room for what is held, else more to hold.
    #[must_use]
    pub fn interest(&self) -> Option<PollFd<'_>> {
        if self.pending().is_empty() {
            self.from.as_ref().map(|from| PollFd::new(from, PollFlags::IN))
        } else {
            self.to.as_ref().map(|to| PollFd::new(to, PollFlags::OUT))
        }
    }

    /// Moves one chunk in the direction that [`Relay::interest`] named, handing on at most `room` bytes.
    pub fn step(&mut self, room: u64) {
        if self.has_more() {
            self.drain(room);
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
        self.from.is_none() && self.pending().is_empty()
    }

    /// Bytes handed on so far.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.carried
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.sent..).unwrap_or_default()
    }

    fn fill(&mut self) {
        let Some(from) = &self.from else { return };
        self.buffer.resize(CAPACITY, 0);
        self.sent = 0;
        match rustix::io::read(from, &mut self.buffer[..]) {
            Ok(0) => self.finish(),
            Ok(length) => self.buffer.truncate(length),
            Err(Errno::INTR | Errno::AGAIN) => self.buffer.clear(),
            Err(_) => self.finish(),
        }
    }

    fn drain(&mut self, room: u64) {
        let Some(to) = &self.to else { return };
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(self.chunk);
        let pending = self.buffer.get(self.sent..).unwrap_or_default();
        let chunk = pending.get(..pending.len().min(most)).unwrap_or_default();
        if chunk.is_empty() {
            return;
        }
        match rustix::io::write(to, chunk) {
            Ok(length) => {
                self.sent += length;
                self.carried += length as u64;
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The reader is gone: closing our end lets the writer see it.
            Err(_) => self.finish(),
        }
    }

    /// Drops what is held and ends the stream in both directions.
    pub fn close(&mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.from = None;
        self.to = None;
        self.buffer.clear();
        self.sent = 0;
    }
}

/// What stands behind one of the caller's standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A file, pipe, terminal or device: the command inherits it.
    Inheritable,
    /// A socket: never handed inside, since more descriptors could be passed through it.
    Socket,
    /// Nothing: the caller closed it.
    Closed,
}

/// Looks at one of the caller's streams.
///
/// # Errors
/// What it is, when it must not be handed inside: a directory or an `O_PATH` descriptor.
pub fn inspect(stream: BorrowedFd<'_>) -> Result<Stream, &'static str> {
    let Ok(status) = rustix::fs::fstat(stream) else { return Ok(Stream::Closed) };
    if rustix::fs::fcntl_getfl(stream).is_ok_and(|flags| flags.contains(OFlags::PATH)) {
        return Err("an O_PATH descriptor");
    }
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Err("a directory"),
        FileType::Socket => Ok(Stream::Socket),
        FileType::BlockDevice => Err("a block device"),
        FileType::RegularFile | FileType::Fifo | FileType::CharacterDevice => Ok(Stream::Inheritable),
        FileType::Symlink | FileType::Unknown => Err("of an unknown kind"),
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
    fn a_directory_is_never_handed_inside() {
        let directory = std::fs::File::open("/").unwrap();
        assert_eq!(inspect(directory.as_fd()), Err("a directory"));
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(inspect(socket.as_fd()), Ok(Stream::Socket));
    }
}
