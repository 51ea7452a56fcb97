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

/// Read at once: measured on loopback, larger reads gain nothing and smaller ones cost a fifth.
const LARGE: usize = 256 * 1024;
/// Read at once while much is held already.
const SMALL: usize = 4 * 1024;
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
        loop {
            from.readable().await?;
            match self.pass(from, to) {
                Ok(Passed::End) => break,
                Ok(Passed::All(bytes)) => meter.count(counter, bytes),
                Ok(Passed::Some(rest, bytes)) => {
                    let mut held = self.budget.hold();
                    held.set(rest.len());
                    write_all(to, &rest).await?;
                    meter.count(counter, bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
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

    /// One read and as much writing as goes without waiting.
    fn pass(&self, from: &TcpStream, to: &TcpStream) -> io::Result<Passed> {
        let mut scratch = self.scratch.borrow_mut();
        let most = if self.budget.is_tight() { SMALL } else { LARGE };
        let length = from.try_read(scratch.get_mut(..most).unwrap_or_default())?;
        if length == 0 {
            return Ok(Passed::End);
        }
        let bytes = scratch.get(..length).unwrap_or_default();
        let mut written = 0;
        while written < length {
            match to.try_write(bytes.get(written..).unwrap_or_default()) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Passed::Some(bytes.get(written..).unwrap_or_default().to_vec(), length));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Passed::All(length))
    }
}

enum Passed {
    /// The stream has ended.
    End,
    /// Everything that was read was written.
    All(usize),
    /// This is left of so many bytes.
    Some(Vec<u8>, usize),
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

/// Makes the end of this connection a reset.
pub fn reset(stream: &TcpStream) {
    // On a socket that is gone there is nothing to reset.
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
