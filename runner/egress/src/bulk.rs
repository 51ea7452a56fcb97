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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn every_byte_arrives_in_order_at_a_reader_that_comes_late() {
        let sent: Vec<u8> = (0..20_000_000_u32).map(|place| (place % 251) as u8).collect();
        let received = run(async {
            let ((mut source, from), (to, mut sink)) = (pair().await, pair().await);
            let whole = sent.clone();
            let pour = async move { source.write_all(&whole).await.unwrap() };
            let carry = async move {
                let pipe = Pipe::new().unwrap();
                loop {
                    from.readable().await.unwrap();
                    match pipe.fill(&from, usize::MAX) {
                        Ok(0) => break,
                        Ok(length) => pipe.empty(&to, length).await.unwrap(),
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                    }
                }
            };
            let drink = async move {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                let mut received = Vec::new();
                sink.read_to_end(&mut received).await.unwrap();
                received
            };
            tokio::join!(pour, carry, drink).2
        });
        assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        run(async {
            let ((mut source, from), (to, sink)) = (pair().await, pair().await);
            let pipe = Pipe::new().unwrap();
            drop(sink);
            let mut ended = Ok(());
            for _ in 0..10 {
                source.write_all(b"bytes").await.unwrap();
                from.readable().await.unwrap();
                let length = pipe.fill(&from, usize::MAX).unwrap();
                ended = pipe.empty(&to, length).await;
                if ended.is_err() {
                    break;
                }
            }
            assert!(ended.is_err());
        });
    }
}
