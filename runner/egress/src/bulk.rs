//! Moves the bytes of a large transfer from socket to socket inside the kernel, through a pipe, without copying them.
//!
//! Never sees the bytes: for what was judged already and needs no second look.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What a pipe takes at once: as much as an unprivileged process may ask for (pipe(7), `pipe-max-size`).
const ROOM: usize = 1024 * 1024;

/// A pipe between two sockets, empty whenever nobody waits for room in the second one.
#[derive(Debug)]
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// A pipe with room; `None` where there are no descriptors or no memory for one, and bytes have to be copied.
    #[must_use]
    pub fn new() -> Option<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        fcntl_setpipe_size(&write, ROOM).ok()?;
        Some(Self { read, write })
    }

    /// Takes what has come, at most so much. The pipe must be empty.
    ///
    /// # Errors
    /// Nothing has come (`WouldBlock`), or the stream broke.
    pub fn fill(&self, from: &TcpStream, most: usize) -> io::Result<usize> {
        from.try_io(Interest::READABLE, || transfer(from, &self.write, most.min(ROOM)))
    }

    /// Gives so many bytes on, waiting for room where there is none.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn empty(&self, to: &TcpStream, mut left: usize) -> io::Result<()> {
        while left > 0 {
            match to.try_io(Interest::WRITABLE, || transfer(&self.read, to, left)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(moved) => left = left.saturating_sub(moved),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => to.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn transfer(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    Ok(splice(from, None, to, None, most, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)?)
}
