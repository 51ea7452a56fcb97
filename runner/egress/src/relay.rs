//! Carries bytes between a connection inside and one outside until both directions have ended.
//!
//! Half-closes, resets and back-pressure pass through. While one side does not read, what is held for it is bounded,
//! and all that is held together is too: a slow reader cannot grow this process.

use std::cell::{Cell, RefCell};
use std::io;
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::bulk::Pipe;

/// Read at once: measured on loopback, larger reads gain nothing and smaller ones cost a fifth.
const LARGE: usize = 256 * 1024;
/// Read at once while much is held already.
const SMALL: usize = 4 * 1024;
/// A read of so much tells a large transfer, which goes on through a pipe while it moves so much at once.
const BULK: usize = LARGE / 2;
/// Reads in a row before another connection gets its turn.
const TURN: u32 = 8;
/// A connection on which nothing moves for so long is ended.
const IDLE: Duration = Duration::from_secs(3600);

/// What all relays of a gate share.
#[derive(Debug)]
pub struct Relays {
    scratch: RefCell<Box<[u8]>>,
    budget: Budget,
    /// True when nobody is left inside.
    over: watch::Sender<bool>,
}

impl Default for Relays {
    fn default() -> Self {
        Self {
            scratch: RefCell::new(vec![0; LARGE].into_boxed_slice()),
            budget: Budget::default(),
            over: watch::Sender::new(false),
        }
    }
}

/// Bytes that passed, and when the last did.
#[derive(Debug)]
pub struct Meter {
    /// From inside.
    pub sent: Cell<u64>,
    /// To inside.
    pub received: Cell<u64>,
    moved: Cell<Instant>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { sent: Cell::new(0), received: Cell::new(0), moved: Cell::new(Instant::now()) }
    }
}

impl Meter {
    /// Bytes that passed from inside.
    pub fn count_sent(&self, bytes: usize) {
        self.count(&self.sent, bytes);
    }

    fn count(&self, counter: &Cell<u64>, bytes: usize) {
        counter.set(counter.get() + bytes as u64);
        self.moved.set(Instant::now());
    }

    /// Ends when nothing has moved for too long.
    async fn idle(&self) {
        loop {
            let until = self.moved.get() + IDLE;
            tokio::time::sleep_until(until).await;
            if self.moved.get() + IDLE <= Instant::now() {
                return;
            }
        }
    }
}

impl Relays {
    /// What is held for all connections.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Nobody is left inside: only what comes from there is carried from now on.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Carries both directions until both have ended, or one has broken: then the other is reset too.
    pub async fn relay(&self, inside: &TcpStream, outside: &TcpStream, meter: &Meter) {
        let out = self.carry(inside, outside, meter, &meter.sent);
        let back = self.carry(outside, inside, meter, &meter.received);
        self.both(inside, outside, meter, out, back).await;
    }

    /// The same with something else in the way out, which sees and judges the bytes.
    pub async fn both(
        &self,
        inside: &TcpStream,
        outside: &TcpStream,
        meter: &Meter,
        out: impl Future<Output = io::Result<()>>,
        back: impl Future<Output = io::Result<()>>,
    ) {
        let mut over = self.over.subscribe();
        let back = async {
            tokio::select! {
                ended = back => ended,
                _ = over.wait_for(|over| *over) => Ok(()),
            }
        };
        let both = async { tokio::try_join!(out, back).map(drop) };
        let is_well = tokio::select! {
            ended = both => ended.is_ok(),
            () = meter.idle() => false,
        };
        if !is_well {
            reset(inside);
            reset(outside);
        }
    }

    /// Carries one direction to its end, which is passed on as a half-close.
    ///
    /// # Errors
    /// Either side broke.
    pub async fn carry(&self, from: &TcpStream, to: &TcpStream, meter: &Meter, counter: &Cell<u64>) -> io::Result<()> {
        let mut turns = 0;
        let mut pipe = None;
        let mut moved = 0;
        loop {
            from.readable().await?;
            if moved >= BULK && pipe.is_none() && !self.budget.is_tight() {
                pipe = Pipe::new();
            }
            let passed = match &pipe {
                Some(pipe) => self.pass_bulk(pipe, from, to).await,
                None => self.pass(from, to).await,
            };
            moved = match passed {
                Ok(0) => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Who waits for more holds no pipe meanwhile.
                    pipe = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            meter.count(counter, moved);
            if moved < BULK || self.budget.is_tight() {
                pipe = None;
            }
            turns += 1;
            if turns % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        // A peer that is gone already needs no telling.
        let _ = rustix::net::shutdown(to, Shutdown::Write);
        Ok(())
    }

    /// Reads once and writes all of it; how much that was, 0 at the end of the stream.
    async fn pass(&self, from: &TcpStream, to: &TcpStream) -> io::Result<usize> {
        let (rest, length) = self.pass_at_once(from, to)?;
        if !rest.is_empty() {
            let mut held = self.budget.hold();
            held.set(rest.len());
            write_all(to, &rest).await?;
        }
        Ok(length)
    }

    /// The same without a copy.
    async fn pass_bulk(&self, pipe: &Pipe, from: &TcpStream, to: &TcpStream) -> io::Result<usize> {
        let length = pipe.fill(from, usize::MAX)?;
        let mut held = self.budget.hold();
        held.set(length);
        pipe.empty(to, length).await?;
        Ok(length)
    }

    /// One read and as much writing as goes without waiting: what is left, and how much was read.
    fn pass_at_once(&self, from: &TcpStream, to: &TcpStream) -> io::Result<(Vec<u8>, usize)> {
        let mut scratch = self.scratch.borrow_mut();
        let most = if self.budget.is_tight() { SMALL } else { LARGE };
        let length = from.try_read(scratch.get_mut(..most).unwrap_or_default())?;
        let bytes = scratch.get(..length).unwrap_or_default();
        let mut written = 0;
        while written < length {
            match to.try_write(bytes.get(written..).unwrap_or_default()) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((bytes.get(written..).unwrap_or_default().to_vec(), length));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((Vec::new(), length))
    }
}

/// Writes everything, waiting for room where there is none.
///
/// # Errors
/// The peer is gone.
pub async fn write_all(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => to.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends without a clock on a connection that never leaves the host. Where the host prefers BBR, its timers cost a
/// fifth of what passes; Reno has none, and every process may choose it (tcp(7)).
pub fn unpaced(stream: &TcpStream) {
    // Where it stays as it is, it is slower and right.
    let _ = rustix::net::sockopt::set_tcp_congestion(stream, "reno");
}

/// Makes the end of this connection a reset.
pub fn reset(stream: &TcpStream) {
    // On a socket that is gone there is nothing to reset.
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
