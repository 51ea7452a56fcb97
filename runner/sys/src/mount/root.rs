//! The new root: one tmpfs that carries the tree and everything private, and the change of root.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags};

use crate::idmap;
use crate::image::Scratch;
use crate::mount::attributes::{self, READ_ONLY, Reach};

/// The new root while it is put together.
pub(crate) struct Root {
    /// The tmpfs, attached on top of the old root.
    pub(crate) base: OwnedFd,
    /// A file that mode bits allow and no Landlock rule covers; hidden below `/proc`.
    pub(crate) canary: OwnedFd,
    /// An empty directory to mask others with; hidden below `/proc`.
    pub(crate) empty_directory: OwnedFd,
}

/// Cuts mount propagation in both directions.
pub(crate) fn make_private() -> Result<(), Errno> {
    rustix::mount::mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// Mounts the empty root.
pub(crate) fn mount(scratch: &Scratch) -> Result<Root, Errno> {
    let context = rustix::mount::fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&context, c"size", &*scratch.size)?;
    rustix::mount::fsconfig_set_string(&context, c"nr_inodes", &*scratch.inodes)?;
    rustix::mount::fsconfig_set_string(&context, c"mode", c"0755")?;
    rustix::mount::fsconfig_create(&context)?;
    let base = rustix::mount::fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    rustix::mount::move_mount(&base, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;

    // What lies in this directory is out of sight once procfs is mounted on it.
    rustix::fs::mkdirat(&base, c"proc", Mode::from_raw_mode(0o755))?;
    rustix::fs::mkdirat(&base, c"proc/empty", Mode::from_raw_mode(0o555))?;
    let canary = rustix::fs::openat(
        &base,
        c"proc/canary",
        OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::from_raw_mode(0o444),
    )?;
    let empty_directory =
        rustix::fs::openat(&base, c"proc/empty", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(Root { base, canary, empty_directory })
}

/// A new procfs for the child's own pid namespace, not attached yet.
pub(crate) fn new_proc() -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    rustix::mount::fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC,
    )
}

/// Closes nested user namespaces: none may be created below this one.
pub(crate) fn close_nested_namespaces(proc: impl AsFd) -> Result<(), Errno> {
    write_below(proc, c"sys/user/max_user_namespaces", b"0")
}

/// Leaves nothing of the process in a core file.
pub(crate) fn empty_core_dumps(proc: impl AsFd) -> Result<(), Errno> {
    write_below(proc, c"self/coredump_filter", b"0")
}

fn write_below(proc: impl AsFd, name: &std::ffi::CStr, bytes: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::openat(proc, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    idmap::write_all(&file, bytes)
}

/// Makes the new root the root, with the old one stacked on it.
pub(crate) fn pivot(root: &Root) -> Result<(), Errno> {
    rustix::process::fchdir(&root.base)?;
    rustix::process::pivot_root(c".", c".")
}

/// Lets go of the old root: nothing of the host can be reached by any path from here on.
pub(crate) fn detach_old() -> Result<(), Errno> {
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

/// Makes the root itself read-only; its private directories are mounts of their own and stay writable.
pub(crate) fn seal(root: &Root) -> Result<(), Errno> {
    attributes::set(&root.base, READ_ONLY, Reach::One)
}

/// True when nothing stands at the path.
pub(crate) fn is_absent(at: impl AsFd, path: &std::ffi::CStr) -> Result<bool, Errno> {
    match rustix::fs::statat(at, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}
