//! Takes every bind source from the host: opened again in the child's own mount namespace, compared
//! with what was judged, cloned and made safe, before the new root covers anything.
//!
//! A descriptor that the supervisor opened cannot be bound here: it belongs to another mount
//! namespace. So the path is looked up once more and must lead to the inode that was judged.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, FileType};
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;

use crate::fault::Fault;
use crate::image::{Access, Content, Entry, Inode, Ruleset};
use crate::landlock;
use crate::mount::attributes::{self, NO_DEVICES, NO_EXEC, NO_SUID, READ_ONLY, Reach};
use crate::step::{Failure, Step};

/// Takes the sources of all entries; on failure `detail` is the entry's index.
pub(crate) fn take(entries: &mut [Entry], ruleset: &Ruleset, fault: Fault) -> Result<(), Failure> {
    for (index, entry) in entries.iter_mut().enumerate() {
        take_one(entry, ruleset, fault).map_err(|errno| Failure {
            step: Step::Sources,
            errno,
            detail: u32::try_from(index).unwrap_or(u32::MAX),
        })?;
    }
    Ok(())
}

fn take_one(entry: &mut Entry, ruleset: &Ruleset, fault: Fault) -> Result<(), Errno> {
    match &entry.content {
        Content::Bind { source, inode, access, .. } => {
            let tree = clone_path(source)?;
            compare(&tree, *inode)?;
            let read_only = match access {
                Access::ReadOnly if fault.skips(Step::Sources) => 0,
                Access::ReadOnly => READ_ONLY,
                Access::ReadWrite => 0,
            };
            attributes::set(&tree, NO_SUID | NO_DEVICES | read_only, Reach::Recursive)?;
            // Below another grant the rule of that grant reaches here already; see `landlock`.
            match access {
                Access::ReadWrite => landlock::allow(ruleset, &tree, landlock::WRITE)?,
                Access::ReadOnly if is_top_level(&entry.target) => landlock::allow(ruleset, &tree, landlock::READ)?,
                Access::ReadOnly => {}
            }
            entry.taken = Some(tree);
        }
        Content::Device { source, access } => {
            let tree = clone_path(source)?;
            let status = rustix::fs::fstat(&tree)?;
            if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
                return Err(Errno::NODEV);
            }
            attributes::set(&tree, NO_SUID | NO_EXEC, Reach::One)?;
            // A read-only mount does not keep a device from being written: Landlock alone does.
            let rights = match access {
                Access::ReadOnly => landlock::READ_DEVICE,
                Access::ReadWrite => landlock::DEVICE,
            };
            landlock::allow(ruleset, &tree, rights)?;
            entry.taken = Some(tree);
        }
        Content::Private { .. }
        | Content::Directory
        | Content::MaskDirectory
        | Content::MaskFile
        | Content::Symlink(_)
        | Content::File { .. }
        | Content::Secret { .. }
        | Content::Proc
        | Content::Pts => {}
    }
    Ok(())
}

fn is_top_level(target: &CStr) -> bool {
    !target.to_bytes().contains(&b'/')
}

/// `ESTALE` when the descriptor is not the file that was judged.
pub(crate) fn compare(opened: impl AsFd, expected: Inode) -> Result<(), Errno> {
    let status = rustix::fs::fstat(opened)?;
    if status.st_dev == expected.device && status.st_ino == expected.number { Ok(()) } else { Err(Errno::STALE) }
}

/// A detached copy of the mount at a path, submounts included. What it leads to is compared by identity afterwards, so
/// a link that appears on the way can lead to nothing but the file that was judged.
fn clone_path(path: &CStr) -> Result<OwnedFd, Errno> {
    rustix::mount::open_tree(
        CWD,
        path,
        OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_SYMLINK_NOFOLLOW
            | OpenTreeFlags::AT_NO_AUTOMOUNT
            | OpenTreeFlags::AT_RECURSIVE,
    )
}

/// A detached copy of the mount below an open file or directory, submounts included.
pub(crate) fn clone_tree(of: impl AsFd) -> Result<OwnedFd, Errno> {
    rustix::mount::open_tree(
        of,
        c"",
        OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::AT_RECURSIVE,
    )
}
