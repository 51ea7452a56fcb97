//! PID 1 of the run: reaps, forwards signals, reports the command's end. It ends with the command,
//! and when it ends the kernel kills everything else in the namespace.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use crate::channel::{ChildChannel, End, Message};
use crate::leftover;
use crate::signals::{self, Sender, To};
use crate::terminal;

/// Whose session the command is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// The caller's: its shell does the job control.
    Callers,
    /// The run's own, which this process leads: the command has a process group of its own in it.
    Own,
}

/// What init serves.
pub(crate) struct Init<'a> {
    pub(crate) command: Pid,
    pub(crate) session: Session,
    pub(crate) channel: &'a ChildChannel,
    /// The private home, and how many files the tree itself puts there.
    pub(crate) home: Option<&'a (CString, u32)>,
}

impl Init<'_> {
    /// Serves the namespace until the command ends.
    pub(crate) fn serve(&self) -> ! {
        let mut stopped_by = None;
        loop {
            let Ok(signal) = signals::wait() else { continue };
            match (signal.sender, self.session) {
                (Sender::Other, _) if signal.number == libc::SIGCHLD => stopped_by = self.reap().or(stopped_by),
                // Its terminal hung up: the kernel tells the leader of the session, and a leader tells its jobs.
                (Sender::Other, Session::Own) if signal.number == libc::SIGHUP => {
                    self.forward_to_group(libc::SIGHUP, None);
                    self.forward_to_group(libc::SIGCONT, None);
                }
                (Sender::Other, _) => {}
                (Sender::Supervisor(To::Group), Session::Own) => self.forward_to_group(signal.number, stopped_by),
                (Sender::Supervisor(To::Command | To::Group), _) => {
                    send(self.command.as_raw_nonzero().get(), signal.number)
                }
            }
        }
    }

    /// Answers the signal that stopped the command, when one did.
    fn reap(&self) -> Option<i32> {
        let mut stopped_by = None;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((pid, status))) if pid == self.command => stopped_by = self.report(status).or(stopped_by),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(_) => return stopped_by,
            }
        }
    }

    fn report(&self, status: WaitStatus) -> Option<i32> {
        let end = if let Some(code) = status.exit_status() {
            End::Code(code)
        } else if let Some(signal) = status.terminating_signal() {
            End::Signal(signal)
        } else {
            let signal = status.stopping_signal()?;
            let _ = self.channel.send(Message::Stopped(signal));
            return Some(signal);
        };
        // When the supervisor is gone there is nobody to tell; the namespace ends either way.
        let _ = self.channel.send(Message::Ended(end, self.left()));
        leave(0)
    }

    fn left(&self) -> u32 {
        let left = |(path, own): &(CString, u32)| {
            leftover::count(Path::new(OsStr::from_bytes(path.to_bytes()))).saturating_sub(*own)
        };
        self.home.map_or(0, left)
    }

    /// For job control: all of the command's group stops and goes on together.
    fn forward_to_group(&self, number: i32, stopped_by: Option<i32>) {
        // What stopped because it is not in the foreground would stop there again.
        if number == libc::SIGCONT && matches!(stopped_by, Some(libc::SIGTTIN | libc::SIGTTOU)) {
            let _ = terminal::put_in_foreground(self.command);
        }
        send(-self.command.as_raw_nonzero().get(), number);
    }
}

/// Sends a signal to the command, or by its negative number to the group that it leads.
fn send(command: i32, number: i32) {
    // SAFETY: sends a signal to our own child or its group; it cannot have been reaped by anyone else.
    unsafe { libc::kill(command, number) };
}

/// Ends this process without running anything that belongs to the supervisor's copy of the program.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` runs no destructor and no handler.
    unsafe { libc::_exit(code) }
}
