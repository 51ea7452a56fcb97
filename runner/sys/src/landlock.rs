//! Landlock: the second layer over the file tree, and scopes for signals and abstract sockets.
//!
//! The supervisor creates the ruleset; the child adds a rule for each place as it opens it and then
//! restricts itself. A rule reaches everything below its place, across mounts, so a read-only bind
//! below a writable directory is kept by its mount alone: Landlock does not back `protect` and `hide`.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible, Ruleset as Builder, RulesetAttr, Scope};
use rustix::io::Errno;

use crate::clone::last_errno;
use crate::image::{Ruleset, STDIO};

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_SOCK: u64 = 1 << 9;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
/// What a rule on something that is not a directory may name.
const FILE_RIGHTS: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/// Lists directories: the root itself.
pub(crate) const LIST: u64 = READ_DIR;
/// Reads, lists and executes.
pub(crate) const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
/// Everything but device nodes.
pub(crate) const WRITE: u64 = READ
    | WRITE_FILE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | MAKE_SOCK
    | MAKE_FIFO
    | MAKE_SYM
    | REFER
    | TRUNCATE;
/// Uses a device node.
pub(crate) const DEVICE: u64 = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV;
/// Uses a device node without writing to it.
pub(crate) const READ_DEVICE: u64 = READ_FILE | IOCTL_DEV;
/// Opens and drives pseudo-terminals.
pub(crate) const TERMINALS: u64 = DEVICE | READ_DIR;

/// The newest ABI whose rights this file knows and whose behaviour was tested.
const NEWEST: i32 = 7;

/// Why no ruleset could be made.
#[derive(Debug, thiserror::Error)]
pub enum RulesetError {
    /// The kernel has no Landlock, or it is not enabled.
    #[error("this kernel has no Landlock, or it is turned off")]
    Missing,
    /// The kernel refused the ruleset.
    #[error("the kernel refused the Landlock ruleset: {0}")]
    Refused(String),
}

/// The Landlock ABI of this kernel; 0 when there is none.
#[must_use]
pub fn abi() -> i32 {
    // LANDLOCK_CREATE_RULESET_VERSION, landlock_create_ruleset(2).
    // SAFETY: with this flag the kernel reads no memory of ours.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, 1_u32) };
    i32::try_from(version).unwrap_or(0).max(0)
}

/// Creates a ruleset that handles every file right of this kernel's ABI, and from ABI 6 on forbids
/// signals to and abstract sockets of processes outside.
///
/// # Errors
/// See [`RulesetError`]; nothing is ever handled in part.
pub fn create_ruleset() -> Result<Ruleset, RulesetError> {
    let abi = abi().min(NEWEST);
    if abi < 1 {
        return Err(RulesetError::Missing);
    }
    let rights = AccessFs::from_all(ABI::from(abi));
    let refused = |error: landlock::RulesetError| RulesetError::Refused(error.to_string());
    let mut builder =
        Builder::default().set_compatibility(CompatLevel::HardRequirement).handle_access(rights).map_err(refused)?;
    if abi >= 6 {
        builder = builder.scope(Scope::AbstractUnixSocket | Scope::Signal).map_err(refused)?;
    }
    let created = builder.create().map_err(refused)?;
    let descriptor: Option<OwnedFd> = created.into();
    Ok(Ruleset { descriptor: descriptor.ok_or(RulesetError::Missing)?, handled: rights.bits(), abi })
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Allows `rights` on a place and everything below it; rights that the kernel does not know are
/// not handled, so they need no rule.
pub(crate) fn allow(ruleset: &Ruleset, place: impl AsFd, rights: u64) -> Result<(), Errno> {
    let rule = PathBeneath { allowed: rights & ruleset.handled, parent: place.as_fd().as_raw_fd() };
    match add_rule(ruleset, &rule) {
        // Directory rights on a file: the same rule with what makes sense for a file.
        Err(Errno::INVAL) => {
            let file = PathBeneath { allowed: rule.allowed & FILE_RIGHTS, ..rule };
            add_rule(ruleset, &file)
        }
        other => other,
    }
}

fn add_rule(ruleset: &Ruleset, rule: &PathBeneath) -> Result<(), Errno> {
    // LANDLOCK_RULE_PATH_BENEATH is 1.
    // SAFETY: `rule` outlives the call and has the layout of the kernel's structure.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.descriptor.as_raw_fd(), 1, std::ptr::from_ref(rule), 0_u32)
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Allows opening again, through `/dev/stdout` and its kin, what the standard streams already are.
pub(crate) fn allow_streams(ruleset: &Ruleset) -> Result<(), Errno> {
    for number in STDIO {
        // SAFETY: only borrowed for these calls; a closed number is an error that is looked at.
        let stream = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        let Ok(status) = rustix::fs::fstat(stream) else { continue };
        let kind = rustix::fs::FileType::from_raw_mode(status.st_mode);
        if !matches!(kind, rustix::fs::FileType::RegularFile | rustix::fs::FileType::CharacterDevice) {
            continue;
        }
        let mode = rustix::fs::fcntl_getfl(stream)? & rustix::fs::OFlags::RWMODE;
        let mut rights = IOCTL_DEV;
        if mode != rustix::fs::OFlags::WRONLY {
            rights |= READ_FILE;
        }
        if mode != rustix::fs::OFlags::RDONLY {
            rights |= WRITE_FILE | TRUNCATE;
        }
        allow(ruleset, stream, rights)?;
    }
    Ok(())
}

/// Restricts this process and all that come after it.
pub(crate) fn restrict(ruleset: &Ruleset) -> Result<(), Errno> {
    // SAFETY: takes a descriptor and flags, no memory.
    let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.descriptor.as_raw_fd(), 0_u32) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
