//! Closes what the caller left open: one descriptor of a host directory would be an escape.

use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::clone::last_errno;

/// Closes every descriptor from 3 on, except the ones to keep.
///
/// By number, never by listing `/proc`: a restriction on `/proc` would silently close nothing.
pub(crate) fn close_all_except<const N: usize>(mut keep: [RawFd; N]) -> Result<(), Errno> {
    keep.sort_unstable();
    let mut first: u32 = 3;
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
