//! A program that was started for a value: waiting for it, hearing it, and making an end of it and of its process group.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use opaque_sys::locked::Locked;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::complaint::Complaint;
use super::failure::Why;
use super::value::{self, Taken};

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The program said something or closed a stream.
    Said,
    /// It has ended.
    Ended,
    /// Nothing came in time.
    Silence,
}

/// A program that was started apart, so that it leads its group. Dropping it kills the group and reaps the program.
pub(super) struct Started {
    // INVARIANT: the group is killed before its leader is reaped, so the number is still its own.
    child: Child,
    pidfd: OwnedFd,
    output: Option<OwnedFd>,
    complaints: Option<OwnedFd>,
}

impl Started {
    /// Starts it, with pipes for what it prints and complains.
    pub(super) fn begin(mut command: Command) -> Result<Self, Errno> {
        let mut child = start(&mut command).map_err(|error| errno(&error))?;
        let output = child.stdout.take().map(OwnedFd::from);
        let complaints = child.stderr.take().map(OwnedFd::from);
        let pidfd = match rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(errno) => {
                drop((child.kill(), child.wait()));
                return Err(errno);
            }
        };
        let started = Self { child, pidfd, output, complaints };
        for stream in started.output.iter().chain(&started.complaints) {
            rustix::io::ioctl_fionbio(stream, true)?;
        }
        Ok(started)
    }

    /// Waits so long for something to happen.
    pub(super) fn wait(&self, left: Duration) -> Result<Event, Errno> {
        // A stream that is closed has the program's end in its place.
        let files = [Some(&self.pidfd), self.output.as_ref(), self.complaints.as_ref()];
        let mut watched =
            files.map(|file| PollFd::from_borrowed_fd(file.unwrap_or(&self.pidfd).as_fd(), PollFlags::IN));
        let timeout = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
        match rustix::event::poll(&mut watched, Some(&timeout)) {
            Ok(0) => return Ok(Event::Silence),
            Ok(_) => {}
            // The caller counts the time that is left.
            Err(Errno::INTR) => return Ok(Event::Said),
            Err(errno) => return Err(errno),
        }
        let has_ended = watched.first().is_some_and(|pidfd| !pidfd.revents().is_empty());
        Ok(if has_ended { Event::Ended } else { Event::Said })
    }

    /// Reads what there is, without waiting.
    pub(super) fn hear(
        &mut self,
        printed: &mut Locked,
        complaint: &mut Complaint,
        failed: impl Fn(Errno) -> Why,
    ) -> Result<Taken, Why> {
        if let Some(stream) = &self.complaints
            && complaint.hear(stream).map_err(&failed)? == Taken::All
        {
            self.complaints = None;
        }
        let Some(stream) = &self.output else { return Ok(Taken::All) };
        let taken = value::take(stream, printed, failed)?;
        if taken == Taken::All {
            self.output = None;
        }
        Ok(taken)
    }

    /// Kills it and everything in its group.
    pub(super) fn kill(&self) -> Result<(), Errno> {
        // A leader that somebody else has reaped: its number may be another's by now.
        rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL)?;
        rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL)
    }

    /// Waits for the end that it has come to.
    pub(super) fn reap(mut self) -> Result<ExitStatus, Errno> {
        self.child.wait().map_err(|error| errno(&error))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Fails where it was reaped already: then its group was killed before.
        if self.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

#[cfg(not(test))]
fn start(command: &mut Command) -> std::io::Result<Child> {
    command.spawn()
}

#[cfg(test)]
fn start(command: &mut Command) -> std::io::Result<Child> {
    use crate::alone::Alone;
    command.spawn_alone()
}

fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
