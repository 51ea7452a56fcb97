//! PID 1 of the run: reaps, forwards signals, reports the command's end. It ends with the command,
//! and when it ends the kernel kills everything else in the namespace.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use crate::channel::{ChildChannel, End, Message};
use crate::leftover;
use crate::signals;

/// Serves the namespace until the command ends.
pub(crate) fn serve(command: Pid, channel: &ChildChannel, home: Option<&(CString, u32)>) -> ! {
    loop {
        match signals::wait() {
            Ok(signal) if signal.number == libc::SIGCHLD => reap(command, channel, home),
            Ok(signal) if signal.from_supervisor => forward(command, signal.number),
            Ok(_) | Err(_) => {}
        }
    }
}

fn reap(command: Pid, channel: &ChildChannel, home: Option<&(CString, u32)>) {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(Some((pid, status))) if pid == command => report(status, channel, home),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

fn report(status: WaitStatus, channel: &ChildChannel, home: Option<&(CString, u32)>) {
    let end = if let Some(code) = status.exit_status() {
        End::Code(code)
    } else if let Some(signal) = status.terminating_signal() {
        End::Signal(signal)
    } else {
        if let Some(signal) = status.stopping_signal() {
            let _ = channel.send(Message::Stopped(signal));
        }
        return;
    };
    // When the supervisor is gone there is nobody to tell; the namespace ends either way.
    let _ = channel.send(Message::Ended(end, left(home)));
    leave(0)
}

fn left(home: Option<&(CString, u32)>) -> u32 {
    home.map_or(0, |(path, own)| leftover::count(Path::new(OsStr::from_bytes(path.to_bytes()))).saturating_sub(*own))
}

fn forward(command: Pid, number: i32) {
    // SAFETY: sends a signal to our own child, which cannot have been reaped by anyone else.
    unsafe { libc::kill(command.as_raw_nonzero().get(), number) };
}

/// Ends this process without running anything that belongs to the supervisor's copy of the program.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` runs no destructor and no handler.
    unsafe { libc::_exit(code) }
}
