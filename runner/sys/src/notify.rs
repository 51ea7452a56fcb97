//! Asks the kernel to tell this process when a name in a directory is made, removed or renamed.
//!
//! Directory notification (`F_NOTIFY`, fcntl(2)) says so by SIGIO and costs a few microseconds to set up
//! and to drop. Closing an inotify descriptor waits for a grace period of the kernel: 13 ms, measured.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use crate::clone::last_errno;

/// `DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT` (`linux/fcntl.h`).
const NAMES: libc::c_ulong = 0x4 | 0x8 | 0x10 | 0x8000_0000;

/// The signal that tells it. The caller has it blocked or ignored.
pub const SIGNAL: i32 = libc::SIGIO;

/// Watches the names in an open directory for as long as it is open.
///
/// # Errors
/// Not a directory, or a kernel without directory notification.
pub fn names_in(directory: impl AsFd) -> Result<(), Errno> {
    // SAFETY: takes a descriptor and flags, no memory.
    let result = unsafe { libc::fcntl(directory.as_fd().as_raw_fd(), libc::F_NOTIFY, NAMES) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
