//! Terminals of the run's own: their devices are the command's standard streams, their other ends the supervisor's.
//!
//! They come from the sandbox's own devpts, so that programs inside find their terminal by its name. Nothing here leads
//! to the caller's terminal.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Termios, Winsize};

use crate::channel::ChildChannel;
use crate::clone::last_errno;
use crate::descriptors;
use crate::image::{Image, Inode, STDIO};

/// Most terminals of one run: the session's own, and one for errors that are shown elsewhere.
pub(crate) const MOST: usize = 2;

/// A terminal to be opened inside.
pub struct Terminal {
    /// What it is for.
    pub role: Role,
    /// Which of the standard streams are on it, by number.
    pub streams: [bool; 3],
    /// The modes that it starts with; `None` for the kernel's own.
    pub modes: Option<Termios>,
    /// The size of its window.
    pub size: Winsize,
}

/// What a terminal inside is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The command's session has it: keys, signals and job control come through it.
    Session,
    /// Output is shown on it, and nothing comes from it.
    Display,
}

/// What stands at each standard stream that was replaced.
pub(crate) type Replaced = [Option<Inode>; 3];

/// Puts the run's own streams in the place of the caller's, hands the other ends of its terminals to the supervisor and
/// says what stands there now.
pub(crate) fn replace_streams(image: &Image, channel: &ChildChannel, replaced: &mut Replaced) -> Result<(), Errno> {
    for (number, stream) in STDIO.into_iter().zip(&image.streams) {
        if let Some(stream) = stream {
            put(stream, number, replaced)?;
        }
    }
    // INVARIANT: as many as the channel expects; an image has no more than there is room for.
    let mut masters: [Option<OwnedFd>; MOST] = [const { None }; MOST];
    for (terminal, slot) in image.terminals.iter().zip(&mut masters) {
        *slot = Some(open(terminal, replaced)?);
    }
    match &masters {
        [Some(one), Some(other)] => channel.send_terminals(&[one.as_fd(), other.as_fd()]),
        [Some(one), None] => channel.send_terminals(&[one.as_fd()]),
        [None, _] => Ok(()),
    }
}

fn open(terminal: &Terminal, replaced: &mut Replaced) -> Result<OwnedFd, Errno> {
    // The supervisor never waits for a terminal, so this end of it does not block.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let master = rustix::fs::open(c"/dev/ptmx", flags, Mode::empty())?;
    rustix::pty::unlockpt(&master)?;
    let access = match terminal.role {
        Role::Session => OFlags::RDWR,
        Role::Display => OFlags::WRONLY,
    };
    let flags = OpenptFlags::from_bits_retain((access | OFlags::NOCTTY | OFlags::CLOEXEC).bits());
    let device = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
    if let Some(modes) = &terminal.modes {
        rustix::termios::tcsetattr(&device, OptionalActions::Now, modes)?;
    }
    rustix::termios::tcsetwinsize(&device, terminal.size)?;
    if terminal.role == Role::Session {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(&device)?;
    }
    for (number, is_here) in STDIO.into_iter().zip(terminal.streams) {
        if is_here {
            put(&device, number, replaced)?;
        }
    }
    Ok(master)
}

fn put(stream: &OwnedFd, number: i32, replaced: &mut Replaced) -> Result<(), Errno> {
    descriptors::put_at(stream, number)?;
    let status = rustix::fs::fstat(stream)?;
    if let Some(slot) = usize::try_from(number).ok().and_then(|number| replaced.get_mut(number)) {
        *slot = Some(Inode { device: status.st_dev, number: status.st_ino });
    }
    Ok(())
}

/// Gives the command a process group of its own, in the foreground of the session's terminal: in the group of the run's
/// init, whose parent is in another session, job control would not stop it.
pub(crate) fn come_to_the_foreground(image: &Image) -> Result<(), Errno> {
    if !has_session(image) {
        return Ok(());
    }
    rustix::process::setpgid(None, None)?;
    with_session_stream(image, |stream| rustix::termios::tcsetpgrp(stream, rustix::process::getpid()))
}

/// True when the command has a session and a terminal of its own.
pub(crate) fn has_session(image: &Image) -> bool {
    image.terminals.iter().any(|terminal| terminal.role == Role::Session)
}

/// True when no stream of the caller stands where the image has another, and the session is the run's own.
pub(crate) fn holds(image: &Image, replaced: &Replaced) -> bool {
    let own = |number: usize| {
        let is_replaced = matches!(image.streams.get(number), Some(Some(_)));
        is_replaced || image.terminals.iter().any(|terminal| terminal.streams.get(number) == Some(&true))
    };
    let is_there = |(number, expected): (usize, &Option<Inode>)| match (STDIO.get(number), expected) {
        (Some(stream), Some(expected)) => {
            // SAFETY: only borrowed for one call; a closed number is an error that is looked at.
            let status = rustix::fs::fstat(unsafe { BorrowedFd::borrow_raw(*stream) });
            status.is_ok_and(|status| status.st_dev == expected.device && status.st_ino == expected.number)
        }
        (Some(_), None) => !own(number),
        (None, _) => false,
    };
    let in_foreground =
        || with_session_stream(image, |stream| rustix::termios::tcgetpgrp(stream)) == Ok(rustix::process::getpid());
    replaced.iter().enumerate().all(is_there) && (!has_session(image) || in_foreground())
}

fn with_session_stream<T>(image: &Image, act: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>) -> Result<T, Errno> {
    let session = image.terminals.iter().find(|terminal| terminal.role == Role::Session).ok_or(Errno::NOTTY)?;
    let on_it = STDIO.into_iter().zip(session.streams).find(|(_, is_here)| *is_here);
    let (number, _) = on_it.ok_or(Errno::NOTTY)?;
    // SAFETY: one of the standard streams, which no value here owns, borrowed for one call.
    act(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Puts a process group of the session that this process leads into the foreground of its terminal.
pub(crate) fn put_in_foreground(group: Pid) -> Result<(), Errno> {
    let terminal = rustix::fs::open(c"/dev/tty", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::termios::tcsetpgrp(terminal, group)
}

/// Sends a signal to whoever is in the foreground of the terminal whose other end this is: SIGINT, SIGQUIT or SIGTSTP,
/// as the keyboard does.
///
/// # Errors
/// Another signal, or not the other end of a terminal.
pub fn signal_foreground(master: impl AsFd, number: i32) -> Result<(), Errno> {
    // `TIOCSIG` (`asm-generic/ioctls.h`): takes the number itself.
    const TIOCSIG: u64 = 0x4004_5436;
    // SAFETY: takes a descriptor and a number, no memory.
    let result = unsafe { libc::ioctl(master.as_fd().as_raw_fd(), TIOCSIG as _, number) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
