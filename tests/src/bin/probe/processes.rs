//! Acts on other processes and on the probe's own identity.

use std::io::Write;
use std::time::Duration;

use crate::{Act, Attempt, answer, argument, c_string, number, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("hold", hold),
    ("trace", trace),
    ("trace-child", trace_child),
    ("read-memory", read_memory),
    ("signal", signal),
    ("open-process", open_process),
    ("open-descriptors", open_descriptors),
    ("set-uid", set_uid),
    ("set-gid", set_gid),
    ("set-groups", set_groups),
    ("gain-capability", gain_capability),
    ("execute", execute),
    ("threads", threads),
    ("crash", crash),
    ("limit-core", limit_core),
    ("set-dumpable", set_dumpable),
    ("ignore-term", ignore_term),
    ("daemonize", daemonize),
    ("sleep", sleep),
    ("exit", exit),
    ("kill-self", kill_self),
    ("catch", catch),
];

static SECRET: &str = "the memory of another process";

/// Says who it is and where a text of its own lies, then waits to be killed.
fn hold(_: &[String]) -> Attempt {
    println!("{} {:#x} {}", std::process::id(), SECRET.as_ptr().addr(), SECRET.len());
    std::io::stdout().flush().map_err(os)?;
    std::thread::sleep(Duration::from_secs(120));
    Ok(String::new())
}

/// Attaches to a process and lets it go again.
fn trace(arguments: &[String]) -> Attempt {
    let pid: libc::pid_t = number(arguments, 0);
    let nothing: *mut libc::c_void = std::ptr::null_mut();
    // SAFETY: attaching reads no pointer.
    answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, nothing, nothing) })?;
    Ok(String::new())
}

/// Attaches to a child of its own.
fn trace_child(_: &[String]) -> Attempt {
    // SAFETY: the child only waits, and is killed below.
    let child = answer(unsafe { libc::fork() })?;
    if child == 0 {
        std::thread::sleep(Duration::from_secs(10));
        std::process::exit(0);
    }
    let attempt = trace(&[child.to_string()]);
    let child = libc::pid_t::try_from(child).unwrap_or(-1);
    // SAFETY: the pid is that of our own child, which has not been waited for.
    unsafe { libc::kill(child, libc::SIGKILL) };
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    attempt
}

/// Reads another process's memory: PID ADDRESS LENGTH.
fn read_memory(arguments: &[String]) -> Attempt {
    let pid: libc::pid_t = number(arguments, 0);
    let address = usize::from_str_radix(argument(arguments, 1).trim_start_matches("0x"), 16).expect("an address");
    let mut buffer = vec![0_u8; number(arguments, 2)];
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: buffer.len() };
    let (local, remote) = (&raw const local, &raw const remote);
    // SAFETY: the local buffer has the length that is passed; the remote side is checked by the kernel.
    let read = unsafe { libc::process_vm_readv(pid, local, 1, remote, 1, 0) };
    answer(i64::try_from(read).unwrap_or(-1))?;
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

/// Asks whether a process may be signalled; sends nothing (signal 0).
fn signal(arguments: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::kill(number(arguments, 0), 0) }).map(|_| String::new())
}

fn open_process(arguments: &[String]) -> Attempt {
    let pid: libc::pid_t = number(arguments, 0);
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) }).map(|_| String::new())
}

/// Opens what another process has open, one descriptor after the other, until one gives way.
fn open_descriptors(arguments: &[String]) -> Attempt {
    let mut last = libc::ENOENT;
    for descriptor in 0..64 {
        match std::fs::File::open(format!("/proc/{}/fd/{descriptor}", argument(arguments, 0))) {
            Ok(_) => return Ok(descriptor.to_string()),
            Err(error) => last = os(error),
        }
    }
    Err(last)
}

fn set_uid(arguments: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::setuid(number(arguments, 0)) }).map(|_| String::new())
}

fn set_gid(arguments: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::setgid(number(arguments, 0)) }).map(|_| String::new())
}

fn set_groups(_: &[String]) -> Attempt {
    let groups = [0];
    // SAFETY: the list has the length that is passed.
    answer(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) }).map(|_| String::new())
}

/// Takes the capability that opens most doors, `CAP_SYS_ADMIN`.
fn gain_capability(_: &[String]) -> Attempt {
    let header: [u32; 2] = [0x2008_0522, 0];
    const SYS_ADMIN: u32 = 1 << 21;
    let data: [u32; 6] = [SYS_ADMIN, SYS_ADMIN, 0, 0, 0, 0];
    // SAFETY: version 3 takes two sets of three words.
    answer(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) }).map(|_| String::new())
}

/// Executes a program; returns only when that is refused.
fn execute(arguments: &[String]) -> Attempt {
    let strings: Vec<_> = arguments.iter().map(|text| c_string(text)).collect();
    let mut pointers: Vec<_> = strings.iter().map(|text| text.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: the array ends in a null pointer and its strings outlive the call.
    answer(unsafe { libc::execv(pointers[0], pointers.as_ptr()) }).map(|_| String::new())
}

fn threads(arguments: &[String]) -> Attempt {
    let count: usize = number(arguments, 0);
    let mut running = Vec::new();
    for _ in 0..count {
        running.push(std::thread::Builder::new().spawn(|| ()).map_err(os)?);
    }
    let finished = running.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_ok).count();
    Ok(finished.to_string())
}

/// Dies of a segmentation fault in the directory given, where a core dump would land.
fn crash(arguments: &[String]) -> Attempt {
    std::env::set_current_dir(argument(arguments, 0)).map_err(os)?;
    die_of(libc::SIGSEGV)
}

/// Sets the limit on core dumps to what is given.
fn limit_core(arguments: &[String]) -> Attempt {
    let bytes: libc::rlim_t = number(arguments, 0);
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: the limit lives through the call.
    answer(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) }).map(|_| String::new())
}

fn set_dumpable(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }).map(|_| String::new())
}

/// Ignores SIGTERM and sleeps.
fn ignore_term(arguments: &[String]) -> Attempt {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    println!("ready");
    std::io::stdout().flush().map_err(os)?;
    sleep(arguments)
}

/// Forks twice into a session of its own and touches a file until it is killed (at most a minute).
fn daemonize(arguments: &[String]) -> Attempt {
    let path = argument(arguments, 0);
    // SAFETY: the probe has one thread, so the child may go on as it likes.
    if answer(unsafe { libc::fork() })? != 0 {
        while std::fs::metadata(path).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        return Ok(String::new());
    }
    // SAFETY: no pointer is passed.
    unsafe { libc::setsid() };
    // SAFETY: as above.
    if unsafe { libc::fork() } != 0 {
        std::process::exit(0);
    }
    for descriptor in 0..3 {
        // SAFETY: the daemon no longer uses its standard streams.
        unsafe { libc::close(descriptor) };
    }
    for beat in 0..6000 {
        let _ = std::fs::write(path, beat.to_string());
        std::thread::sleep(Duration::from_millis(10));
    }
    std::process::exit(0);
}

fn sleep(arguments: &[String]) -> Attempt {
    std::thread::sleep(Duration::from_millis(number(arguments, 0)));
    Ok(String::new())
}

fn exit(arguments: &[String]) -> Attempt {
    std::process::exit(number(arguments, 0));
}

fn kill_self(arguments: &[String]) -> Attempt {
    die_of(number(arguments, 0))
}

fn die_of(signal: libc::c_int) -> Attempt {
    // The probe's own runtime catches some signals.
    // SAFETY: the default action installs no code.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: the signal goes to ourselves.
    answer(unsafe { libc::raise(signal) }).map(|_| String::new())
}

/// Waits for one of the signals given, says which came, and leaves.
fn catch(arguments: &[String]) -> Attempt {
    // SAFETY: an all-zero set is what `sigemptyset` starts from.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&raw mut set) };
    for index in 0..arguments.len() {
        // SAFETY: the set is ours and was initialised.
        unsafe { libc::sigaddset(&raw mut set, number(arguments, index)) };
    }
    // SAFETY: the set was initialised; the old one is not asked for.
    answer(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) })?;
    println!("ready");
    std::io::stdout().flush().map_err(os)?;
    let patience = libc::timespec { tv_sec: 20, tv_nsec: 0 };
    // SAFETY: the set and the time live through the call; no details are asked for.
    let caught = answer(unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const patience) })?;
    Ok(format!("signal {caught}"))
}
