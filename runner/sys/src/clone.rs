//! `clone3`: a child in namespaces of its own, with a pidfd and, on cgroup version 2, in its cgroup.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::fault::Fault;

/// Every namespace that the sandbox has of its own.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u64;

/// The clone flag of a namespace, by its name in `/proc/self/ns`.
#[cfg(feature = "faults")]
pub(crate) fn flag(name: &str) -> Option<u64> {
    let flag = match name {
        "user" => libc::CLONE_NEWUSER,
        "mnt" => libc::CLONE_NEWNS,
        "pid" => libc::CLONE_NEWPID,
        "net" => libc::CLONE_NEWNET,
        "ipc" => libc::CLONE_NEWIPC,
        "uts" => libc::CLONE_NEWUTS,
        "cgroup" => libc::CLONE_NEWCGROUP,
        _ => return None,
    };
    u64::try_from(flag).ok()
}

/// `CLONE_INTO_CGROUP` (`linux/sched.h`); the constant of libc overflows its type.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Arguments of `clone3` (`struct clone_args`, clone(2)).
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// On which side of the clone we are.
pub(crate) enum Side {
    Parent { pid: Pid, pidfd: OwnedFd },
    Child,
}

/// Clones this process into new namespaces, like `fork`; a test may leave some of them out.
pub(crate) fn into_namespaces(cgroup: Option<BorrowedFd<'_>>, fault: Fault) -> Result<Side, Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = CloneArguments {
        flags: (NAMESPACES & !fault.shared_namespaces()) | libc::CLONE_PIDFD as u64,
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArguments::default()
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child has its own copy of the address space and no other thread
    // exists (the supervisor starts none before this), so both sides go on like after `fork`.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<CloneArguments>()) };
    match i32::try_from(result) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) if pid > 0 => {
            let pid = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
            // SAFETY: CLONE_PIDFD stored a new descriptor here, and nobody else owns it.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Side::Parent { pid, pidfd })
        }
        _ => Err(last_errno()),
    }
}

/// On which side of the fork we are.
pub(crate) enum Forked {
    Parent(Pid),
    Child,
}

/// Forks by a raw call, so that no libc handler runs in the confined child.
pub(crate) fn fork() -> Result<Forked, Errno> {
    // SAFETY: a plain fork without CLONE_VM; the process has one thread. The system call filter
    // allows `clone` without namespace flags; all other arguments are zero.
    let result = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    match i32::try_from(result) {
        Ok(0) => Ok(Forked::Child),
        Ok(pid) if pid > 0 => Pid::from_raw(pid).map(Forked::Parent).ok_or(Errno::SRCH),
        _ => Err(last_errno()),
    }
}

pub(crate) fn last_errno() -> Errno {
    // Allocates nothing: the error holds the number itself.
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
