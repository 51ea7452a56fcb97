//! Puts the file tree together: one entry after the other, parents before children.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags};

use crate::idmap;
use crate::image::{Access, Content, Entry, IdMap, MountPoint, Ruleset};
use crate::landlock;
use crate::locked::Locked;
use crate::mount::attributes::{self, NO_DEVICES, NO_SUID, READ_ONLY, Reach};
use crate::mount::root::{self, Root};
use crate::mount::sources::clone_tree;
use crate::step::{Failure, Step};

/// Files and directories of procfs that tell about the machine or its keys.
const MASKED_IN_PROC: &[&CStr] = &[c"keys", c"key-users"];
/// Those that only the superuser's uid could read.
const MASKED_IN_PROC_FOR_ROOT: &[&CStr] = &[
    c"kcore",
    c"timer_list",
    c"interrupts",
    c"latency_stats",
    c"sched_debug",
    c"slabinfo",
    c"vmallocinfo",
    c"pagetypeinfo",
    c"kpagecount",
    c"kpageflags",
    c"kpagecgroup",
    c"iomem",
    c"ioports",
    c"acpi",
    c"asound",
    c"scsi",
];

/// Puts every entry in its place; on failure `detail` is the entry's index.
pub(crate) fn build(
    root: &Root,
    proc: &OwnedFd,
    entries: &mut [Entry],
    ruleset: &Ruleset,
    secrets: &[Locked],
    map: IdMap,
) -> Result<(), Failure> {
    let failed = |errno| Failure { step: Step::Tree, errno, detail: u32::MAX };
    landlock::allow(ruleset, &root.base, landlock::LIST).map_err(failed)?;
    for (index, entry) in entries.iter_mut().enumerate() {
        put(root, proc, entry, ruleset, secrets, map).map_err(|errno| Failure {
            step: Step::Tree,
            errno,
            detail: u32::try_from(index).unwrap_or(u32::MAX),
        })?;
    }
    Ok(())
}

fn put(
    root: &Root,
    proc: &OwnedFd,
    entry: &mut Entry,
    ruleset: &Ruleset,
    secrets: &[Locked],
    map: IdMap,
) -> Result<(), Errno> {
    let target = &*entry.target;
    match &entry.content {
        Content::Bind { point, .. } => {
            make_point(root, target, *point)?;
            attach(entry.taken.take().ok_or(Errno::BADF)?, root, target)
        }
        Content::Device { .. } => {
            make_point(root, target, MountPoint::File)?;
            attach(entry.taken.take().ok_or(Errno::BADF)?, root, target)
        }
        Content::Private { mode } => put_private(root, target, *mode, ruleset),
        Content::Directory => {
            make_directory(root, target, 0o755)?;
            let directory = open_directory(root, target)?;
            landlock::allow(ruleset, &directory, landlock::READ)
        }
        Content::MaskDirectory => mask(root, &root.empty_directory, target),
        Content::MaskFile => mask(root, &root.canary, target),
        Content::Symlink(text) => rustix::fs::symlinkat(&**text, &root.base, target),
        Content::File { text, access } => put_file(root, target, text, *access),
        Content::Secret { index } => put_secret(root, target, secrets.get(*index).ok_or(Errno::NOENT)?),
        Content::Proc => put_proc(root, proc, target, ruleset, map),
        Content::Pts => put_pts(root, target, ruleset),
    }
}

/// A writable directory of the run's own: part of the root's tmpfs, bound onto itself so that it
/// stays writable when the root becomes read-only.
fn put_private(root: &Root, target: &CStr, mode: u32, ruleset: &Ruleset) -> Result<(), Errno> {
    make_directory(root, target, mode)?;
    let directory = open_directory(root, target)?;
    landlock::allow(ruleset, &directory, landlock::WRITE)?;
    attach(clone_tree(&directory)?, root, target)
}

fn put_file(root: &Root, target: &CStr, text: &[u8], access: Access) -> Result<(), Errno> {
    let mode = match access {
        Access::ReadOnly => 0o444,
        Access::ReadWrite => 0o644,
    };
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&root.base, target, flags, Mode::from_raw_mode(mode))?;
    if text.is_empty() { Ok(()) } else { idmap::write_all(&file, text) }
}

/// For the command's own uid, and for nobody who writes.
fn put_secret(root: &Root, target: &CStr, value: &Locked) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&root.base, target, flags, Mode::from_raw_mode(0o400))?;
    idmap::write_all(&file, value.as_bytes())
}

fn put_proc(root: &Root, proc: &OwnedFd, target: &CStr, ruleset: &Ruleset, map: IdMap) -> Result<(), Errno> {
    // The directory was made together with the root, to hide the canary.
    attributes::set(proc, READ_ONLY, Reach::One)?;
    landlock::allow(ruleset, proc, landlock::READ)?;
    rustix::mount::move_mount(proc, c"", &root.base, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    let masked_for_root = match map {
        IdMap::Single => &[],
        IdMap::Full => MASKED_IN_PROC_FOR_ROOT,
    };
    for name in MASKED_IN_PROC.iter().chain(masked_for_root) {
        mask_in_proc(root, proc, name)?;
    }
    Ok(())
}

fn mask_in_proc(root: &Root, proc: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let status = match rustix::fs::statat(proc, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let cover = match rustix::fs::FileType::from_raw_mode(status.st_mode) {
        rustix::fs::FileType::Directory => clone_tree(&root.empty_directory)?,
        _ => clone_tree(&root.canary)?,
    };
    attributes::set(&cover, READ_ONLY | NO_SUID | NO_DEVICES, Reach::One)?;
    rustix::mount::move_mount(&cover, c"", proc, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn put_pts(root: &Root, target: &CStr, ruleset: &Ruleset) -> Result<(), Errno> {
    let context = rustix::mount::fsopen(c"devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&context, c"ptmxmode", c"0666")?;
    rustix::mount::fsconfig_set_string(&context, c"mode", c"0620")?;
    rustix::mount::fsconfig_create(&context)?;
    let mounted = rustix::mount::fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC,
    )?;
    landlock::allow(ruleset, &mounted, landlock::TERMINALS)?;
    make_directory(root, target, 0o755)?;
    attach(mounted, root, target)
}

fn mask(root: &Root, cover: &OwnedFd, target: &CStr) -> Result<(), Errno> {
    let cover = clone_tree(cover)?;
    attributes::set(&cover, READ_ONLY | NO_SUID | NO_DEVICES, Reach::One)?;
    attach(cover, root, target)
}

fn make_point(root: &Root, target: &CStr, point: MountPoint) -> Result<(), Errno> {
    match point {
        MountPoint::Exists => Ok(()),
        MountPoint::Directory => make_directory(root, target, 0o755),
        MountPoint::File => put_file(root, target, b"", Access::ReadOnly),
    }
}

fn make_directory(root: &Root, target: &CStr, mode: u32) -> Result<(), Errno> {
    match rustix::fs::mkdirat(&root.base, target, Mode::from_raw_mode(mode)) {
        Err(Errno::EXIST) if !root::is_absent(&root.base, target)? => Ok(()),
        other => other,
    }
}

fn open_directory(root: &Root, target: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&root.base, target, flags, Mode::empty())
}

fn attach(mount: impl AsFd, root: &Root, target: &CStr) -> Result<(), Errno> {
    rustix::mount::move_mount(mount, c"", &root.base, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
