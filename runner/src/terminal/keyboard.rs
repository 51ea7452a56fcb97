//! The caller's keyboard: handed on to the run's own terminal while this process is in the foreground.
//!
//! The caller's terminal is raw meanwhile, so that each key arrives as it is and means inside what the run's own
//! terminal makes of it. Nothing here waits, and whatever ends this process, the terminal is given back.

use std::os::fd::{AsFd, OwnedFd};

use opaque_sys::janitor::{self, Janitor};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios};

use crate::process::own_group;
use crate::relay;
use crate::terminal::reopen;

/// Most keys that are held until somebody inside reads them.
const CAPACITY: usize = 4096;

/// The keyboard of the caller's terminal.
pub struct Keyboard {
    terminal: OwnedFd,
    /// The modes of whoever had the terminal before.
    before: Termios,
    state: State,
    held: Vec<u8>,
    // Gives the terminal back when this process is killed.
    _janitor: Janitor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is somebody else's.
    Released,
    /// The terminal is raw, and keys are handed on.
    Taken,
    /// The terminal is gone.
    HungUp,
}

/// What came of one look at the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Keys, or none.
    Alive,
    /// The terminal is gone.
    HungUp,
}

impl Keyboard {
    /// Stands by the terminal without taking it.
    ///
    /// The calling process has one thread and all its signals blocked: a janitor is forked.
    ///
    /// # Errors
    /// The terminal does not tell its modes, or no janitor can be started.
    pub fn stand_by(terminal: impl AsFd) -> Result<Self, Errno> {
        // Where it cannot be opened anew, it is only read when there is something to read.
        let terminal = reopen(&terminal, OFlags::RDWR | OFlags::NONBLOCK).or_else(|_| relay::duplicate(&terminal))?;
        let before = rustix::termios::tcgetattr(&terminal)?;
        let janitor = janitor::start(&[terminal.as_fd()], || restore(&terminal, &before))?;
        Ok(Self { terminal, before, state: State::Released, held: Vec::new(), _janitor: janitor })
    }

    /// Takes the terminal, when this process is in its foreground.
    pub fn take(&mut self) {
        if self.state != State::Released || !is_in_foreground(&self.terminal) {
            return;
        }
        let Ok(before) = rustix::termios::tcgetattr(&self.terminal) else { return };
        let mut raw = before.clone();
        raw.make_raw();
        // Not after output has drained: that could wait for ever.
        if rustix::termios::tcsetattr(&self.terminal, OptionalActions::Now, &raw).is_ok() {
            self.before = before;
            self.state = State::Taken;
        }
    }

    /// Gives the terminal back as it was.
    pub fn give_back(&mut self) {
        restore(&self.terminal, &self.before);
        if self.state == State::Taken {
            self.state = State::Released;
        }
    }

    /// This process was stopped and goes on: it takes the terminal, also when somebody else had it meanwhile.
    pub fn go_on(&mut self) {
        let is_raw = || rustix::termios::tcgetattr(&self.terminal).is_ok_and(|now| is_raw(&now));
        if self.state == State::Taken && !(is_in_foreground(&self.terminal) && is_raw()) {
            self.state = State::Released;
        }
        self.take();
    }

    /// True when the terminal may become ours without anybody saying so: a shell that brings a running job to the
    /// foreground sends no signal.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.state == State::Released
    }

    /// What to wait for: keys, or room for those that are held.
    #[must_use]
    pub fn interest<'a>(&'a self, master: &'a OwnedFd) -> Option<PollFd<'a>> {
        match self.state {
            State::Released | State::HungUp => None,
            State::Taken if self.held.is_empty() => Some(PollFd::new(&self.terminal, PollFlags::IN)),
            State::Taken => Some(PollFd::new(master, PollFlags::OUT)),
        }
    }

    /// Reads keys, or hands held ones on.
    pub fn step(&mut self, master: &OwnedFd) -> Looked {
        if self.held.is_empty() {
            let looked = self.read();
            if looked == Looked::HungUp || self.held.is_empty() {
                return looked;
            }
        }
        match rustix::io::write(master, &self.held) {
            Ok(written) => drop(self.held.drain(..written)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Everything inside is gone, or its terminal hung up: nobody reads keys any more.
            Err(_) => self.held.clear(),
        }
        Looked::Alive
    }

    fn read(&mut self) -> Looked {
        self.held.resize(CAPACITY, 0);
        let read = rustix::io::read(&self.terminal, &mut self.held[..]);
        self.held.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(1..) | Err(Errno::AGAIN | Errno::INTR) => {}
            // Somebody else has the foreground now, and does with the modes as it likes.
            Err(Errno::IO) if !is_in_foreground(&self.terminal) => self.state = State::Released,
            // A terminal that was made cooked behind our back reads as ended once; one that hung up has no modes.
            Ok(0) if rustix::termios::tcgetattr(&self.terminal).is_ok() => {}
            Ok(0) | Err(_) => {
                self.state = State::HungUp;
                return Looked::HungUp;
            }
        }
        Looked::Alive
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Puts the modes back, when the terminal is still as it was made here: otherwise it is somebody else's by now.
fn restore(terminal: &OwnedFd, before: &Termios) {
    let Ok(now) = rustix::termios::tcgetattr(terminal) else { return };
    if is_raw(&now) && modes(&now) != modes(before) {
        // SIGTTOU is blocked, so this works from the background as well.
        let _ = rustix::termios::tcsetattr(terminal, OptionalActions::Now, before);
    }
}

fn is_raw(now: &Termios) -> bool {
    let mut raw = now.clone();
    raw.make_raw();
    modes(now) == modes(&raw)
}

/// What raw mode is about.
fn modes(of: &Termios) -> [u32; 4] {
    [of.input_modes.bits(), of.output_modes.bits(), of.control_modes.bits(), of.local_modes.bits()]
}

/// True when this process may read the terminal and change its modes without being in anybody's way.
pub(super) fn is_in_foreground(terminal: impl AsFd) -> bool {
    match rustix::termios::tcgetpgrp(terminal) {
        Ok(group) => Some(group) == own_group(),
        // No job control here: it does not control this session (`su -c`).
        Err(Errno::NOTTY) => true,
        // Its group cannot be named from this pid namespace, no more than our own.
        Err(_) => own_group().is_none(),
    }
}
