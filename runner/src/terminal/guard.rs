//! The caller's terminal, when the command has it: given back as it was found.
//!
//! The command inherits the terminal and may change its modes or its foreground process group.

use std::os::fd::OwnedFd;

use rustix::process::Pid;
use rustix::termios::{OptionalActions, Termios};

use crate::process::own_group;
use crate::terminal::streams;

/// The terminal's state before the run; puts it back when dropped.
#[derive(Debug)]
pub struct TerminalGuard {
    terminal: OwnedFd,
    modes: Termios,
    foreground: Pid,
}

impl TerminalGuard {
    /// Remembers the state of the controlling terminal, when this process is in its foreground.
    #[must_use]
    pub fn take() -> Option<Self> {
        let stream = streams().into_iter().find(|stream| rustix::termios::isatty(stream))?;
        let foreground = rustix::termios::tcgetpgrp(stream).ok()?;
        if Some(foreground) != own_group() {
            return None;
        }
        let modes = rustix::termios::tcgetattr(stream).ok()?;
        let terminal = rustix::io::fcntl_dupfd_cloexec(stream, 3).ok()?;
        Some(Self { terminal, modes, foreground })
    }
}

impl Drop for TerminalGuard {
    // SIGTTOU is blocked by now, so this works from the background as well.
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetpgrp(&self.terminal, self.foreground);
        let _ = rustix::termios::tcsetattr(&self.terminal, OptionalActions::Drain, &self.modes);
    }
}
