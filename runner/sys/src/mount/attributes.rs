//! `mount_setattr(2)`: the one call of the mount API that neither nix nor rustix has.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use crate::clone::last_errno;

/// Read-only.
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
/// Set-user-id bits and file capabilities have no effect.
pub(crate) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
/// Device nodes cannot be opened.
pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;
/// Nothing can be executed.
pub(crate) const NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// How far an attribute change reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This mount only.
    One,
    /// This mount and every mount below it.
    Recursive,
}

/// Sets attributes on a mount that is held by a descriptor; none is ever cleared.
pub(crate) fn set(mount: impl AsFd, attributes: u64, reach: Reach) -> Result<(), Errno> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if reach == Reach::Recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a constant NUL-terminated string and `change` outlives the call; the
    // kernel reads no more than the size that is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const change,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
