//! A process that outlives the supervisor by a moment, to clear up when the supervisor is killed.
//!
//! It holds no descriptor of the caller, no terminal and no part in the run. It waits for the end of a
//! pipe that only the supervisor holds, does its one job and ends.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal, WaitOptions};

use crate::clone::{self, Forked};
use crate::{descriptors, init};

/// A janitor that stands by. Dismissed when dropped.
#[derive(Debug)]
pub struct Janitor {
    pid: Pid,
    // The janitor sees the end of this pipe when the supervisor is gone.
    _alive: OwnedFd,
}

/// Starts a janitor that runs `clear_up` if this process dies without dismissing it.
///
/// The calling process has one thread and all its signals blocked.
///
/// # Errors
/// Out of processes or descriptors.
pub fn start(keep: &[BorrowedFd<'_>], clear_up: impl FnOnce()) -> Result<Janitor, Errno> {
    let (watched, alive) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    match clone::fork()? {
        Forked::Parent(pid) => Ok(Janitor { pid, _alive: alive }),
        Forked::Child => {
            drop(alive);
            stand_by(&watched, keep);
            clear_up();
            init::leave(0)
        }
    }
}

fn stand_by(watched: &OwnedFd, keep: &[BorrowedFd<'_>]) {
    // A session of its own: a signal to the caller's group or terminal is not meant for it.
    let _ = rustix::process::setsid();
    descriptors::close_for_janitor(watched.as_raw_fd(), keep);
    let mut byte = [0_u8; 1];
    while let Err(Errno::INTR) = rustix::io::read(watched, &mut byte) {}
}

impl Drop for Janitor {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        while let Err(Errno::INTR) = rustix::process::waitpid(Some(self.pid), WaitOptions::empty()) {}
    }
}
