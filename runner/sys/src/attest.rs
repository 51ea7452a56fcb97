//! Checks from inside, just before the command starts, that every layer holds.
//!
//! Not by what was asked for, but by trying: a file that only Landlock forbids, calls that only the
//! filter refuses, and what the kernel itself says about mounts, capabilities and namespaces.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Signal, Uid};

use crate::channel::ChildChannel;
use crate::image::{Identity, Image};
use crate::namespaces::NamespaceInodes;
use crate::step::{Failure, Step};
use crate::terminal::{self, Replaced};
use crate::{descriptors, limits, mountinfo, network, privilege, seccomp};

/// What attestation found missing, in the `detail` of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Missing {
    /// A file that no Landlock rule covers could be opened.
    Landlock = 1,
    /// A system call that the filter refuses got through.
    Seccomp = 2,
    /// A capability is left in some set, or uid 0 could get it back.
    Capabilities = 3,
    /// `no_new_privs` is not set.
    NoNewPrivileges = 4,
    /// A mount is missing, writable where it should not be, or takes device nodes or set-user-id bits.
    Mounts = 5,
    /// The core limit is not the one that turns core files off.
    CoreDumps = 6,
    /// A user namespace could be created below this one.
    NestedNamespaces = 7,
    /// A descriptor of the caller is still open.
    Descriptors = 8,
    /// The supervisor's death would not end this run.
    DieWithParent = 9,
    /// The init's memory could be read.
    HideInit = 10,
    /// A resource limit is not the one of the plan.
    ResourceLimits = 11,
    /// The ids are not those of the plan.
    Identity = 12,
    /// The kernel does not answer.
    Unreadable = 13,
    /// Something allocated memory after the clone.
    NoAllocation = 14,
    /// Nobody answers names at the run's own address.
    Resolver = 15,
    /// Somewhere no packet arrives inside.
    Routes = 16,
    /// A datagram got through to an address that is not granted.
    Rules = 17,
    /// Nobody listens at the gate.
    Listeners = 18,
    /// A stream of the caller stands where the run has its own, or its terminal is not its own.
    Streams = 19,
}

impl Missing {
    /// The layer's name for a failure's detail.
    #[must_use]
    pub fn name(detail: u32) -> &'static str {
        match detail {
            1 => "landlock",
            2 => "seccomp",
            3 => "capabilities",
            4 => "no-new-privileges",
            5 => "mounts",
            6 => "core-dumps",
            7 => "nested-namespaces",
            8 => "descriptors",
            9 => "die-with-parent",
            10 => "hide-init",
            11 => "resource-limits",
            12 => "identity",
            14 => "no-allocation",
            15 => "resolver",
            16 => "routes",
            17 => "rules",
            18 => "listeners",
            19 => "streams",
            _ => "attestation",
        }
    }
}

/// What the command's process sees of itself.
pub(crate) struct Inside {
    pub(crate) namespaces: NamespaceInodes,
    /// Signals that are ignored, bit `n - 1` for signal `n`.
    pub(crate) ignored_signals: u64,
    has_no_capabilities: bool,
    no_new_privileges: bool,
}

/// Asks the kernel about this process.
pub(crate) fn look() -> Result<Inside, Failure> {
    let status = Status::read().map_err(|errno| failed(Missing::Unreadable, errno))?;
    let namespaces = NamespaceInodes::own().map_err(|errno| failed(Missing::Unreadable, errno))?;
    let Status { has_no_capabilities, no_new_privileges, ignored_signals } = status;
    Ok(Inside { namespaces, ignored_signals, has_no_capabilities, no_new_privileges })
}

/// Checks that the init would be killed with its supervisor; called by the init itself.
pub(crate) fn init_dies_with_the_supervisor() -> Result<(), Failure> {
    match rustix::process::parent_process_death_signal() {
        Ok(Some(Signal::KILL)) => Ok(()),
        Ok(_) => Err(failed(Missing::DieWithParent, Errno::PERM)),
        Err(errno) => Err(failed(Missing::Unreadable, errno)),
    }
}

/// Checks every layer.
pub(crate) fn every_layer(
    image: &Image,
    channel: &ChildChannel,
    canary: &OwnedFd,
    replaced: &Replaced,
    inside: &Inside,
) -> Result<(), Failure> {
    if !landlock_holds(canary) {
        return Err(failed(Missing::Landlock, Errno::ACCESS));
    }
    if !seccomp::probes_hold() {
        return Err(failed(Missing::Seccomp, Errno::PERM));
    }
    if !inside.has_no_capabilities || !privilege::is_locked() {
        return Err(failed(Missing::Capabilities, Errno::PERM));
    }
    if !inside.no_new_privileges {
        return Err(failed(Missing::NoNewPrivileges, Errno::PERM));
    }
    mountinfo::check(&image.entries).map_err(|errno| failed(Missing::Mounts, errno))?;
    let core = rustix::process::getrlimit(rustix::process::Resource::Core);
    if core.current != Some(1) || core.maximum != Some(1) {
        return Err(failed(Missing::CoreDumps, Errno::PERM));
    }
    if !nested_namespaces_are_closed() {
        return Err(failed(Missing::NestedNamespaces, Errno::PERM));
    }
    if !init_is_hidden() {
        return Err(failed(Missing::HideInit, Errno::PERM));
    }
    if !has_identity(image.identity) {
        return Err(failed(Missing::Identity, Errno::PERM));
    }
    if !limits::hold(&image.limits) {
        return Err(failed(Missing::ResourceLimits, Errno::PERM));
    }
    if !terminal::holds(image, replaced) {
        return Err(failed(Missing::Streams, Errno::NOTTY));
    }
    if let Some(missing) = network::attest::missing(&image.network) {
        return Err(failed(missing, Errno::NETUNREACH));
    }
    match descriptors::only_open(image.handed.len(), [channel.0.as_raw_fd(), canary.as_raw_fd()]) {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed(Missing::Descriptors, Errno::BADF)),
        Err(errno) => Err(failed(Missing::Unreadable, errno)),
    }
}

pub(crate) fn failed(missing: Missing, errno: Errno) -> Failure {
    Failure { step: Step::Attest, errno, detail: missing as u32 }
}

fn has_identity(planned: Identity) -> bool {
    let (uid, gid) = (Uid::from_raw(planned.uid), Gid::from_raw(planned.gid));
    let users = [rustix::process::getuid(), rustix::process::geteuid()];
    let groups = [rustix::process::getgid(), rustix::process::getegid()];
    users == [uid, uid] && groups == [gid, gid]
}

/// Tries to read what the init was given: only its being undumpable forbids that.
fn init_is_hidden() -> bool {
    rustix::fs::open(c"/proc/1/environ", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).err() == Some(Errno::ACCESS)
}

/// Opens the canary again through `/proc`: mode bits allow it, no Landlock rule covers it.
fn landlock_holds(canary: &OwnedFd) -> bool {
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0";
    let number = canary.as_raw_fd();
    let mut digits = [0_u8; 5];
    let mut length = 0;
    let mut rest = number;
    for slot in &mut digits {
        *slot = b'0' + (rest % 10) as u8;
        length += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    for (slot, digit) in path.iter_mut().skip(14).zip(digits.iter().take(length).rev()) {
        *slot = *digit;
    }
    let Ok(path) = CStr::from_bytes_until_nul(&path) else { return false };
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).err() == Some(Errno::ACCESS)
}

fn nested_namespaces_are_closed() -> bool {
    let mut text = [0_u8; 8];
    let read = rustix::fs::open(c"/proc/sys/user/max_user_namespaces", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::read(file, &mut text));
    matches!(read, Ok(2)) && text.starts_with(b"0\n")
}

/// What `/proc/self/status` says about privileges.
struct Status {
    has_no_capabilities: bool,
    no_new_privileges: bool,
    ignored_signals: u64,
}

impl Status {
    fn read() -> Result<Self, Errno> {
        let mut text = [0_u8; 4096];
        let file = rustix::fs::open(c"/proc/self/status", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let length = rustix::io::read(file, &mut text)?;
        Self::parse(text.get(..length).unwrap_or_default()).ok_or(Errno::BADMSG)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let field = |name: &[u8]| {
            let line = text.split(|byte| *byte == b'\n').find(|line| line.starts_with(name))?;
            line.get(name.len()..).map(<[u8]>::trim_ascii)
        };
        let sets: [&[u8]; 5] = [b"CapInh:", b"CapPrm:", b"CapEff:", b"CapBnd:", b"CapAmb:"];
        let mut has_no_capabilities = true;
        for name in sets {
            has_no_capabilities &= field(name)?.iter().all(|digit| *digit == b'0');
        }
        let ignored = std::str::from_utf8(field(b"SigIgn:")?).ok()?;
        Some(Self {
            has_no_capabilities,
            no_new_privileges: field(b"NoNewPrivs:")? == b"1",
            ignored_signals: u64::from_str_radix(ignored, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "Name:\tx\nSigIgn:\t0000000000001000\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";

    #[test]
    fn one_capability_in_any_set_is_seen() {
        let status = Status::parse(CLEAN.as_bytes()).unwrap();
        assert!(status.has_no_capabilities && status.no_new_privileges);
        assert_eq!(status.ignored_signals, 1 << (libc::SIGPIPE - 1));
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            let text = CLEAN.replace(&format!("{set}:\t0000000000000000"), &format!("{set}:\t0000000000200000"));
            assert!(!Status::parse(text.as_bytes()).unwrap().has_no_capabilities, "{set}");
        }
    }

    #[test]
    fn a_status_without_the_fields_is_not_taken_for_clean() {
        assert!(Status::parse(b"Name:\tx\n").is_none());
    }

    #[test]
    fn outside_the_canary_can_be_opened() {
        let file = tempfile::tempfile().unwrap();
        assert!(!landlock_holds(&OwnedFd::from(file)));
    }
}
