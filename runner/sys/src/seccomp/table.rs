//! The policy as data: which calls are permitted, refused or absent, under each profile.
//!
//! The permitted calls are about those that container engines permit by default, without the ones that only
//! debuggers, profilers and administrators need. Whatever stands in no list is absent.

use libc::{EPERM, c_long};

use super::argument::{CHECKED, PERSONALITY_OF_A_DEBUGGER};
use super::call;
use super::rule::{Action, Table, Verdict};

/// How much a command may do to other processes of its own sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For every ordinary command.
    Default,
    /// Adds what debuggers and tracers need: `ptrace`, reading and writing another process's memory, and switching off
    /// address randomisation.
    Debug,
}

/// The action of every number that no list names, and of every x32 number.
const UNLISTED: Action = Action::Errno(libc::ENOSYS as u16);

/// The table of `profile`.
pub(super) fn table(profile: Profile) -> Table {
    let plain = [
        (PERMITTED, Action::Allow),
        (PERMITTED_HERE, Action::Allow),
        (REFUSED, Action::Errno(EPERM as u16)),
        (REFUSED_HERE, Action::Errno(EPERM as u16)),
        (ABSENT, UNLISTED),
    ];
    let plain = plain
        .into_iter()
        .flat_map(|(calls, action)| calls.iter().map(move |&number| (number as u32, Verdict::Plain(action))));
    let checked = CHECKED.iter().map(|&(number, verdict)| (number as u32, verdict));
    let mut verdicts: Vec<_> = plain.chain(checked).collect();
    match profile {
        Profile::Default => {}
        Profile::Debug => {
            let traced = TRACING.iter().map(|&number| (number as u32, Verdict::Plain(Action::Allow)));
            verdicts.extend(traced);
            verdicts.push((libc::SYS_personality as u32, PERSONALITY_OF_A_DEBUGGER));
        }
    }
    // Of two verdicts for one number the last holds: a profile's own come after those of the lists.
    Table { verdicts: verdicts.into_iter().collect(), otherwise: UNLISTED }
}

/// Permitted on every architecture, whatever the arguments.
#[rustfmt::skip]
pub(super) const PERMITTED: &[c_long] = &[
    // Files and directories.
    libc::SYS_openat, libc::SYS_openat2, libc::SYS_close, libc::SYS_close_range, libc::SYS_read, libc::SYS_write,
    libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64, libc::SYS_preadv, libc::SYS_pwritev,
    libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_lseek, libc::SYS_dup, libc::SYS_dup3, libc::SYS_fcntl,
    libc::SYS_flock, libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync, libc::SYS_syncfs, call::SYNC_FILE_RANGE,
    libc::SYS_truncate, libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_fadvise64, libc::SYS_readahead,
    libc::SYS_getdents64, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir, call::RENAMEAT, libc::SYS_renameat2,
    libc::SYS_mkdirat, libc::SYS_linkat, libc::SYS_unlinkat, libc::SYS_symlinkat, libc::SYS_readlinkat,
    libc::SYS_fchmod, libc::SYS_fchmodat, call::FCHMODAT2, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_umask,
    libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs, libc::SYS_faccessat,
    libc::SYS_faccessat2, libc::SYS_utimensat, libc::SYS_name_to_handle_at, libc::SYS_sendfile, libc::SYS_splice,
    libc::SYS_tee, libc::SYS_vmsplice, libc::SYS_copy_file_range, libc::SYS_pipe2,
    libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr, libc::SYS_getxattr, libc::SYS_lgetxattr,
    libc::SYS_fgetxattr, libc::SYS_listxattr, libc::SYS_llistxattr, libc::SYS_flistxattr, libc::SYS_removexattr,
    libc::SYS_lremovexattr, libc::SYS_fremovexattr, call::SETXATTRAT, call::GETXATTRAT, call::LISTXATTRAT,
    call::REMOVEXATTRAT, call::FILE_GETATTR, call::FILE_SETATTR, call::CACHESTAT,
    libc::SYS_inotify_init1, libc::SYS_inotify_add_watch, libc::SYS_inotify_rm_watch,
    // Waiting and asynchronous input and output.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime, libc::SYS_io_setup, libc::SYS_io_destroy,
    libc::SYS_io_getevents, libc::SYS_io_submit, libc::SYS_io_cancel, call::IO_PGETEVENTS,
    // Memory.
    libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise, libc::SYS_mincore,
    libc::SYS_msync, libc::SYS_brk, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_munlockall,
    libc::SYS_membarrier, libc::SYS_memfd_create, libc::SYS_pkey_mprotect, libc::SYS_pkey_alloc, libc::SYS_pkey_free,
    call::MAP_SHADOW_STACK, call::MSEAL,
    // Processes and threads.
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid,
    libc::SYS_setsid, libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_get_robust_list,
    libc::SYS_rseq, libc::SYS_futex, call::FUTEX_WAITV, call::FUTEX_WAKE, call::FUTEX_WAIT, call::FUTEX_REQUEUE,
    libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, call::PROCESS_MRELEASE, libc::SYS_getrusage, libc::SYS_times,
    call::GETRLIMIT, libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_ioprio_get, libc::SYS_getcpu,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_setparam, libc::SYS_sched_getscheduler, libc::SYS_sched_setscheduler, libc::SYS_sched_getattr,
    libc::SYS_sched_setattr, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
    libc::SYS_sched_rr_get_interval,
    // Signals.
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn, libc::SYS_rt_sigpending, libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_sigaltstack, libc::SYS_restart_syscall,
    // Identity and self-confinement. Without capabilities the setters only give up rights.
    libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid,
    libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid,
    libc::SYS_setregid, libc::SYS_setresuid, libc::SYS_setresgid, libc::SYS_setfsuid, libc::SYS_setfsgid,
    libc::SYS_setgroups, libc::SYS_capget, libc::SYS_capset, libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self, call::LSM_GET_SELF_ATTR, call::LSM_LIST_MODULES,
    // Time.
    libc::SYS_nanosleep, libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
    libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
    // Sockets that exist, and messages between processes.
    libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect, libc::SYS_shutdown,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_sendto,
    libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg,
    libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmctl, libc::SYS_shmdt, libc::SYS_semget, libc::SYS_semop,
    libc::SYS_semtimedop, libc::SYS_semctl, libc::SYS_msgget, libc::SYS_msgsnd, libc::SYS_msgrcv, libc::SYS_msgctl,
    libc::SYS_mq_open, libc::SYS_mq_unlink, libc::SYS_mq_timedsend, libc::SYS_mq_timedreceive, libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
    // The machine.
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getrandom,
];

/// Permitted where they exist: the older forms of the calls above.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const PERMITTED_HERE: &[c_long] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_poll,
    libc::SYS_select, libc::SYS_pipe, libc::SYS_dup2, libc::SYS_getdents, libc::SYS_rename, libc::SYS_mkdir,
    libc::SYS_rmdir, libc::SYS_link, libc::SYS_unlink, libc::SYS_symlink, libc::SYS_readlink, libc::SYS_chmod,
    libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat,
    libc::SYS_inotify_init, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd,
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_pause, libc::SYS_alarm, libc::SYS_time,
    libc::SYS_arch_prctl,
];

/// Permitted where they exist: none is left on this architecture.
#[cfg(target_arch = "aarch64")]
pub(super) const PERMITTED_HERE: &[c_long] = &[];

/// Known and dangerous, or of no use without rights that a command never has.
#[rustfmt::skip]
pub(super) const REFUSED: &[c_long] = &[
    // Namespaces and mounts.
    libc::SYS_unshare, libc::SYS_setns, libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot,
    libc::SYS_open_tree, libc::SYS_move_mount, libc::SYS_fsopen, libc::SYS_fsconfig, libc::SYS_fsmount,
    libc::SYS_fspick, libc::SYS_mount_setattr, call::OPEN_TREE_ATTR, libc::SYS_quotactl, libc::SYS_quotactl_fd,
    libc::SYS_swapon, libc::SYS_swapoff,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd, libc::SYS_kcmp, libc::SYS_userfaultfd, libc::SYS_move_pages, libc::SYS_migrate_pages,
    libc::SYS_mbind, libc::SYS_set_mempolicy, libc::SYS_get_mempolicy, call::SET_MEMPOLICY_HOME_NODE,
    libc::SYS_mlockall, libc::SYS_ioprio_set,
    // Kernel code with a long history of flaws.
    libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_add_key, libc::SYS_request_key, libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    // Files beyond the sandbox's own view.
    libc::SYS_open_by_handle_at, libc::SYS_fanotify_init, libc::SYS_fanotify_mark,
    // The machine.
    libc::SYS_reboot, libc::SYS_kexec_load, call::KEXEC_FILE_LOAD, libc::SYS_init_module, libc::SYS_finit_module,
    libc::SYS_delete_module, libc::SYS_syslog, libc::SYS_acct, libc::SYS_settimeofday, libc::SYS_clock_settime,
    libc::SYS_clock_adjtime, libc::SYS_adjtimex, libc::SYS_sethostname, libc::SYS_setdomainname,
    libc::SYS_vhangup, call::LSM_SET_SELF_ATTR,
];

/// Refused where they exist.
#[cfg(target_arch = "x86_64")]
pub(super) const REFUSED_HERE: &[c_long] = &[libc::SYS_iopl, libc::SYS_ioperm];

/// Refused where they exist: none on this architecture.
#[cfg(target_arch = "aarch64")]
pub(super) const REFUSED_HERE: &[c_long] = &[];

/// Absent by intent: programs ask whether they exist and have another way. `clone3` hides its flags behind a pointer,
/// so the older `clone` is the only one that can be judged; `io_uring` carries calls past the filter.
#[rustfmt::skip]
pub(super) const ABSENT: &[c_long] = &[
    libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register,
    libc::SYS_memfd_secret, call::STATMOUNT, call::LISTMOUNT,
];

/// What the debug profile adds.
pub(super) const TRACING: &[c_long] = &[libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev];
