//! Signals around a run: all blocked while it is set up, all back to normal for the command.

use rustix::io::Errno;

use crate::clone::last_errno;

/// Blocks every signal for this thread; the child inherits that through the clone, so that nothing
/// is lost in between.
///
/// # Errors
/// Never on a working kernel.
pub fn block_all() -> Result<SignalMask, Errno> {
    // SAFETY: an all-zero set is valid storage for sigfillset and sigprocmask to write to.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `all` is valid for writing.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets outlive the call.
    let result = unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    if result == 0 { Ok(SignalMask(before)) } else { Err(last_errno()) }
}

/// The mask that was in force before.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl SignalMask {
    /// Puts this mask in force again.
    ///
    /// # Errors
    /// Never on a working kernel.
    pub fn restore(&self) -> Result<(), Errno> {
        // SAFETY: the set was filled by the kernel.
        let result = unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
        if result == 0 { Ok(()) } else { Err(last_errno()) }
    }
}

/// Gives the signals of this mask their default meaning again and lets all signals through, as a
/// program expects after exec. `ignored` has bit `n - 1` set for each signal `n` that is ignored now:
/// handlers are reset by exec itself, ignored signals are not.
///
/// The Rust runtime ignores SIGPIPE and a caller may have left others ignored. What a caller ignores
/// on purpose (`nohup`: SIGHUP; background jobs: SIGINT and SIGQUIT) stays ignored.
pub(crate) fn reset(ignored: u64) -> Result<(), Errno> {
    for signal in 1..=64 {
        let is_ignored = ignored & (1 << (signal - 1)) != 0;
        let stays_ignored = matches!(signal, libc::SIGHUP | libc::SIGINT | libc::SIGQUIT);
        if is_ignored && !stays_ignored {
            // SAFETY: SIG_DFL installs no code of ours.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: an all-zero set is an empty set on Linux.
    let none: libc::sigset_t = unsafe { std::mem::zeroed() };
    SignalMask(none).restore()
}

/// A signal that was waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) number: i32,
    pub(crate) sender: Sender,
}

/// Who sent a signal to the run's init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The supervisor passed it on.
    Supervisor(To),
    /// The terminal, a process in here, or one outside that signalled the whole process group (the command has that one
    /// already).
    Other,
}

/// Whom a signal is passed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The command's process.
    Command,
    /// All of the command's process group, where it has one of its own.
    Group,
}

/// Waits for any signal; all of them are blocked.
pub(crate) fn wait() -> Result<Received, Errno> {
    // SAFETY: an all-zero set is valid storage for sigfillset to write to.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `all` is valid for writing.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: an all-zero `siginfo_t` is valid storage.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: both outlive the call.
    let number = unsafe { libc::sigwaitinfo(&raw const all, &raw mut info) };
    if number < 0 {
        return Err(last_errno());
    }
    // SAFETY: the kernel filled `info`; for SI_QUEUE the sender's pid is valid, 0 when it has none here.
    let sender = unsafe { info.si_pid() };
    // SAFETY: for SI_QUEUE the value is valid.
    let value = unsafe { info.si_value() }.sival_ptr.addr();
    let sender = match value {
        _ if info.si_code != libc::SI_QUEUE || sender != 0 => Sender::Other,
        FORWARDED => Sender::Supervisor(To::Command),
        FORWARDED_TO_GROUP => Sender::Supervisor(To::Group),
        _ => Sender::Other,
    };
    Ok(Received { number, sender })
}

/// Marks a signal that the supervisor passes on, so that init tells it from all others.
const FORWARDED: usize = 0x6f70_6171;
/// The same, to the whole group.
const FORWARDED_TO_GROUP: usize = 0x6f70_6172;

/// Passes a signal on to the run's init, which hands it on.
///
/// # Errors
/// The init is gone.
pub fn send_to_init(pidfd: impl std::os::fd::AsFd, number: i32, to: To) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let value = match to {
        To::Command => FORWARDED,
        To::Group => FORWARDED_TO_GROUP,
    };
    let info = QueuedInfo { number, errno: 0, code: libc::SI_QUEUE, _pad: 0, pid: 0, uid: 0, value, rest: [0; 12] };
    // SAFETY: `info` has the size and layout of `siginfo_t` for queued signals and outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_fd().as_raw_fd(), number, std::ptr::from_ref(&info), 0_u32)
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// `siginfo_t` as sigqueue(3) fills it (`asm-generic/siginfo.h`, 64 bits).
#[repr(C)]
struct QueuedInfo {
    number: i32,
    errno: i32,
    code: i32,
    _pad: i32,
    pid: i32,
    uid: u32,
    value: usize,
    rest: [usize; 12],
}

const _: () = assert!(size_of::<QueuedInfo>() == size_of::<libc::siginfo_t>());
