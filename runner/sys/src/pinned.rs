//! Private copies of files whose content was pinned: laid into the run's own tmpfs, where nobody outside
//! can write, and read-only inside.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::MoveMountFlags;

use crate::image::{Inode, Ruleset};
use crate::landlock;
use crate::mount::attributes::{self, NO_DEVICES, NO_SUID, READ_ONLY, Reach};
use crate::mount::root::Root;
use crate::mount::sources::clone_tree;

/// The directory that holds the copies, below the new root.
pub const DIRECTORY: &CStr = c".pinned";

/// One copy.
#[derive(Debug)]
pub struct Pinned {
    /// Where it lies below the new root: [`DIRECTORY`]`/name`.
    pub target: CString,
    /// Its content: a sealed descriptor of ours.
    pub content: OwnedFd,
    /// Bytes of content.
    pub length: u64,
    /// The path below the new root that it is bound over, so that a binary finds itself where it was.
    pub over: Option<CString>,
}

/// Lays the copies down and says which inodes they are, in order, into `laid`.
pub(crate) fn lay(root: &Root, pinned: &[Pinned], ruleset: &Ruleset, laid: &mut [Option<Inode>]) -> Result<(), Errno> {
    if pinned.is_empty() {
        return Ok(());
    }
    rustix::fs::mkdirat(&root.base, DIRECTORY, Mode::from_raw_mode(0o755))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(&root.base, DIRECTORY, flags, Mode::empty())?;
    landlock::allow(ruleset, &directory, landlock::READ)?;
    for (pinned, slot) in pinned.iter().zip(laid) {
        *slot = Some(copy(root, pinned)?);
    }
    Ok(())
}

fn copy(root: &Root, pinned: &Pinned) -> Result<Inode, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&root.base, &*pinned.target, flags, Mode::from_raw_mode(0o555))?;
    let mut offset = 0;
    while offset < pinned.length {
        let rest = usize::try_from(pinned.length - offset).unwrap_or(usize::MAX);
        if rustix::fs::sendfile(&file, &pinned.content, Some(&mut offset), rest)? == 0 {
            return Err(Errno::IO);
        }
    }
    let status = rustix::fs::fstat(&file)?;
    Ok(Inode { device: status.st_dev, number: status.st_ino })
}

/// Binds the copies over the files that they stand for, once the tree is complete.
pub(crate) fn cover(root: &Root, pinned: &[Pinned]) -> Result<(), Errno> {
    for Pinned { target, over, .. } in pinned {
        let Some(over) = over else { continue };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&root.base, &**target, flags, Mode::empty())?;
        let tree = clone_tree(&file)?;
        attributes::set(&tree, READ_ONLY | NO_SUID | NO_DEVICES, Reach::One)?;
        rustix::mount::move_mount(&tree, c"", &root.base, &**over, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    }
    Ok(())
}
