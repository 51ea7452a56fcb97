//! The caller's terminal, and what takes its place inside when output is carried.
//!
//! With output handed on directly the command has the terminal itself, and [`guard`] gives it back as it was. When
//! output is carried nothing inside can write to it: [`carried`] holds the other ends of the run's own terminals, and
//! [`keyboard`] hands keys on.

pub mod carried;
pub mod guard;
pub mod keyboard;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::descriptor;

/// The three standard streams of this process.
#[must_use]
pub fn streams() -> [BorrowedFd<'static>; 3] {
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
}

/// Opens the caller's terminal anew, so that flags and rights are this process's alone: those of the caller's own
/// descriptor are shared with its shell.
///
/// # Errors
/// It belongs to another user, and is not the one that controls this session either.
pub fn reopen(terminal: impl AsFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOCTTY;
    match descriptor::reopen(&terminal, flags) {
        // After `su` it is another user's; the one that controls the session can be opened by everybody in it.
        Err(Errno::ACCESS | Errno::PERM) if rustix::termios::tcgetsid(&terminal).is_ok() => {
            rustix::fs::open("/dev/tty", flags | OFlags::CLOEXEC, Mode::empty())
        }
        other => other,
    }
}
