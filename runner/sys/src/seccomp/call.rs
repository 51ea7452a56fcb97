//! Call numbers that the libc crate does not name on every target.
//!
//! From the kernel's `arch/x86/entry/syscalls/syscall_64.tbl` and `scripts/syscall.tbl`. Numbers from 424 on are the
//! same on every architecture.

use libc::c_long;

#[cfg(target_arch = "x86_64")]
mod native {
    use super::c_long;

    pub(in super::super) const IO_PGETEVENTS: c_long = 333;
    pub(in super::super) const GETRLIMIT: c_long = libc::SYS_getrlimit;
    pub(in super::super) const SETRLIMIT: c_long = libc::SYS_setrlimit;
    pub(in super::super) const RENAMEAT: c_long = libc::SYS_renameat;
    pub(in super::super) const SYNC_FILE_RANGE: c_long = libc::SYS_sync_file_range;
    pub(in super::super) const KEXEC_FILE_LOAD: c_long = libc::SYS_kexec_file_load;
}

#[cfg(target_arch = "aarch64")]
mod native {
    use super::c_long;

    pub(in super::super) const IO_PGETEVENTS: c_long = 292;
    pub(in super::super) const GETRLIMIT: c_long = 163;
    pub(in super::super) const SETRLIMIT: c_long = 164;
    pub(in super::super) const RENAMEAT: c_long = 38;
    pub(in super::super) const SYNC_FILE_RANGE: c_long = 84;
    pub(in super::super) const KEXEC_FILE_LOAD: c_long = 294;
}

pub(super) use native::{GETRLIMIT, IO_PGETEVENTS, KEXEC_FILE_LOAD, RENAMEAT, SETRLIMIT, SYNC_FILE_RANGE};

pub(super) const PROCESS_MRELEASE: c_long = 448;
pub(super) const FUTEX_WAITV: c_long = 449;
pub(super) const SET_MEMPOLICY_HOME_NODE: c_long = 450;
pub(super) const CACHESTAT: c_long = 451;
pub(super) const FCHMODAT2: c_long = 452;
pub(super) const MAP_SHADOW_STACK: c_long = 453;
pub(super) const FUTEX_WAKE: c_long = 454;
pub(super) const FUTEX_WAIT: c_long = 455;
pub(super) const FUTEX_REQUEUE: c_long = 456;
pub(super) const STATMOUNT: c_long = 457;
pub(super) const LISTMOUNT: c_long = 458;
pub(super) const LSM_GET_SELF_ATTR: c_long = 459;
pub(super) const LSM_SET_SELF_ATTR: c_long = 460;
pub(super) const LSM_LIST_MODULES: c_long = 461;
pub(super) const MSEAL: c_long = 462;
pub(super) const SETXATTRAT: c_long = 463;
pub(super) const GETXATTRAT: c_long = 464;
pub(super) const LISTXATTRAT: c_long = 465;
pub(super) const REMOVEXATTRAT: c_long = 466;
pub(super) const OPEN_TREE_ATTR: c_long = 467;
pub(super) const FILE_GETATTR: c_long = 468;
pub(super) const FILE_SETATTR: c_long = 469;
