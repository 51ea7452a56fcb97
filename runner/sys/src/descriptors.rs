//! Closes what the caller left open: one descriptor of a host directory would be an escape.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::clone::last_errno;

/// What is handed to a command comes from numbers from here on, so that it does not stand in its own way.
const ABOVE_HANDED: RawFd = 16;

/// Moves a descriptor out of the way of those that are handed to the command.
pub(crate) fn moved_above_handed(descriptor: OwnedFd) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_dupfd_cloexec(descriptor, ABOVE_HANDED)
}

/// Gives each of these the next number from 3 on, where it outlives exec; what has such a number is closed.
pub(crate) fn hand(descriptors: &[OwnedFd]) -> Result<(), Errno> {
    for (number, descriptor) in (FIRST..).zip(descriptors) {
        // SAFETY: whatever has this number is given up here; see `close_range`.
        if unsafe { libc::dup2(descriptor.as_raw_fd(), number) } < 0 {
            return Err(last_errno());
        }
    }
    Ok(())
}

/// The number behind the standard streams.
const FIRST: RawFd = 3;

/// Closes every descriptor behind those that are handed to the command, except the ones to keep.
///
/// By number, never by listing `/proc`: a restriction on `/proc` would silently close nothing.
pub(crate) fn close_all_except<const N: usize>(handed: usize, mut keep: [RawFd; N]) -> Result<(), Errno> {
    keep.sort_unstable();
    let mut first: u32 = 3 + u32::try_from(handed).map_err(|_| Errno::MFILE)?;
    for kept in keep {
        let Ok(kept) = u32::try_from(kept) else { continue };
        if kept < first {
            continue;
        }
        if kept > first {
            close_range(first, kept - 1)?;
        }
        first = kept + 1;
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: every owned descriptor in this range is given up here; the child uses only the ones
    // that it keeps, and never drops another (it ends by exec or `_exit`).
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Makes a standard stream of this process the same as another descriptor.
pub(crate) fn put_at(descriptor: &OwnedFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: the number is one of the three standard streams, which no value here owns.
    if unsafe { libc::dup2(descriptor.as_raw_fd(), number) } < 0 { Err(last_errno()) } else { Ok(()) }
}

/// True when nothing is open but the standard streams, so many that are handed to the command, and these, as `/proc`
/// lists it.
///
/// # Errors
/// `/proc` is not readable.
pub(crate) fn only_open<const N: usize>(handed: usize, chosen: [RawFd; N]) -> Result<bool, Errno> {
    let first = FIRST + RawFd::try_from(handed).map_err(|_| Errno::MFILE)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(c"/proc/self/fd", flags, Mode::empty())?;
    let listing = directory.as_raw_fd();
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let number = std::str::from_utf8(name).ok().and_then(|name| name.parse::<RawFd>().ok());
        match number {
            Some(number) if number < first || number == listing || chosen.contains(&number) => {}
            None if name == b"." || name == b".." => {}
            Some(_) | None => return Ok(false),
        }
    }
    Ok(true)
}

/// A close-on-exec copy of an open descriptor that the caller names by number; `None` when it is not open.
#[must_use]
pub fn duplicate(number: RawFd) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: takes numbers; a number that is not open is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    // SAFETY: a descriptor that fcntl just made belongs to nobody else.
    (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Leaves a janitor nothing but its pipe and what it was given: the standard streams are closed as
/// well, so that nobody who reads them waits for it.
pub(crate) fn close_for_janitor(watched: RawFd, keep: &[BorrowedFd<'_>]) {
    let mut kept: Vec<RawFd> = keep.iter().map(std::os::fd::AsRawFd::as_raw_fd).chain([watched]).collect();
    kept.sort_unstable();
    let mut first: u32 = 0;
    for number in kept.into_iter().filter_map(|number| u32::try_from(number).ok()) {
        if number > first {
            let _ = close_range(first, number - 1);
        }
        first = number + 1;
    }
    let _ = close_range(first, u32::MAX);
}
