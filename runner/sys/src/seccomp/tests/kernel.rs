//! The filter in force: what the running kernel answers to a process inside and to one outside.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::time::Instant;

use libc::{c_int, c_long};

use super::super::call;
use super::super::{Filter, PROBES, Profile, install, probes_hold};

/// A call, what it ends in outside and what it ends in inside; `0` is success.
type Row = (&'static str, c_long, [c_long; 5], &'static [c_int], c_int);

/// Outside, some answers depend on rights or on how the kernel was built; each that is possible is listed.
const MATRIX: &[Row] = &[
    ("unshare nothing", libc::SYS_unshare, [0; 5], &[0], libc::EPERM),
    ("join no namespace", libc::SYS_setns, [-1, 0, 0, 0, 0], &[libc::EBADF], libc::EPERM),
    ("mount nowhere", libc::SYS_mount, [0; 5], &[libc::EFAULT], libc::EPERM),
    ("unmount nowhere", libc::SYS_umount2, [0; 5], &[libc::EFAULT], libc::EPERM),
    ("clone a mount of nowhere", libc::SYS_open_tree, [-1, 0, 0, 0, 0], &[libc::EFAULT], libc::EPERM),
    ("attach no mount", libc::SYS_move_mount, [-1, 0, -1, 0, 0], &[libc::EFAULT, libc::EPERM], libc::EPERM),
    ("trace nobody", libc::SYS_ptrace, [-1, 0, 0, 0, 0], &[libc::ESRCH, libc::EIO], libc::EPERM),
    ("read no memory", libc::SYS_process_vm_readv, [-1, 0, 0, 0, 0], &[0, libc::ESRCH, libc::EINVAL], libc::EPERM),
    ("take no descriptor", libc::SYS_pidfd_getfd, [-1, 0, 0, 0, 0], &[libc::EBADF], libc::EPERM),
    ("compare nobody", libc::SYS_kcmp, [-1, -1, 0, 0, 0], &[libc::ESRCH, libc::ENOSYS], libc::EPERM),
    ("no bpf command", libc::SYS_bpf, [-1, 0, 0, 0, 0], &[libc::EINVAL, libc::EPERM], libc::EPERM),
    ("no event", libc::SYS_perf_event_open, [0, 0, 0, -1, 0], &[libc::EFAULT, libc::ENOSYS], libc::EPERM),
    (
        "unknown flags",
        libc::SYS_userfaultfd,
        [1 << 30, 0, 0, 0, 0],
        &[libc::EINVAL, libc::ENOSYS, libc::EPERM],
        libc::EPERM,
    ),
    ("no key command", libc::SYS_keyctl, [-1, 0, 0, 0, 0], &[libc::EOPNOTSUPP, libc::ENOSYS], libc::EPERM),
    ("no key", libc::SYS_add_key, [0; 5], &[libc::EFAULT, libc::ENOSYS], libc::EPERM),
    (
        "no handle",
        libc::SYS_open_by_handle_at,
        [-1, 0, 0, 0, 0],
        &[libc::EFAULT, libc::EPERM, libc::EBADF],
        libc::EPERM,
    ),
    ("clone3 of nothing", libc::SYS_clone3, [0; 5], &[libc::EINVAL], libc::ENOSYS),
    (
        "no ring",
        libc::SYS_io_uring_register,
        [-1, -1, 0, 0, 0],
        &[libc::EINVAL, libc::EBADF, libc::ENOSYS],
        libc::ENOSYS,
    ),
    ("remap nothing", libc::SYS_remap_file_pages, [0; 5], &[libc::EINVAL], libc::ENOSYS),
    ("type into no terminal", libc::SYS_ioctl, [-1, 0x5412, 0, 0, 0], &[libc::EBADF], libc::EPERM),
    ("the same with an upper bit", libc::SYS_ioctl, [-1, 0x5412 | 1 << 32, 0, 0, 0], &[libc::EBADF], libc::EPERM),
    ("paste into no terminal", libc::SYS_ioctl, [-1, 0x541C, 0, 0, 0], &[libc::EBADF], libc::EPERM),
    ("a device nowhere", libc::SYS_mknodat, [-1, 0, 0o020600, 0, 0], &[libc::EFAULT], libc::EPERM),
    ("a pipe nowhere", libc::SYS_mknodat, [-1, 0, 0o010600, 0, 0], &[libc::EFAULT], libc::EFAULT),
    (
        "a datagram to the kernel's crypto",
        libc::SYS_socket,
        [38, 5, 0, 0, 0],
        &[0, libc::EAFNOSUPPORT],
        libc::EAFNOSUPPORT,
    ),
    (
        "a virtual machine's socket",
        libc::SYS_socket,
        [40, 1, 0, 0, 0],
        &[0, libc::EAFNOSUPPORT, libc::ENODEV],
        libc::EAFNOSUPPORT,
    ),
    (
        "a packet socket of no protocol",
        libc::SYS_socket,
        [17, 2, 0, 0, 0],
        &[0, libc::EPERM, libc::EAFNOSUPPORT],
        libc::EAFNOSUPPORT,
    ),
    (
        "a raw socket of no protocol",
        libc::SYS_socket,
        [2, 3, 0, 0, 0],
        &[libc::EPROTONOSUPPORT, libc::EPERM],
        libc::EPERM,
    ),
    ("audit messages", libc::SYS_socket, [16, 3, 9, 0, 0], &[0, libc::EPROTONOSUPPORT], libc::EPERM),
    ("routing messages", libc::SYS_socket, [16, 3 | 0x80000, 0, 0, 0], &[0], 0),
    ("a stream socket", libc::SYS_socket, [2, 1 | 0x80000, 6, 0, 0], &[0], 0),
    ("a local socket", libc::SYS_socket, [1, 1 | 0x80000, 0, 0, 0], &[0], 0),
    ("the present personality", libc::SYS_personality, [0xFFFF_FFFF, 0, 0, 0, 0], &[0], 0),
    ("readable is executable", libc::SYS_personality, [0x40_0000, 0, 0, 0, 0], &[0], libc::EPERM),
    ("no memory map field", libc::SYS_prctl, [35, -1, 0, 0, 0], &[libc::EINVAL, libc::EPERM], libc::EPERM),
    ("a listener of nothing", libc::SYS_seccomp, [1, 8, 0, 0, 0], &[libc::EFAULT], libc::EPERM),
    ("a filter of nothing", libc::SYS_seccomp, [1, 0, 0, 0, 0], &[libc::EFAULT], libc::EFAULT),
    ("a core limit from nowhere", call::SETRLIMIT, [4, 0, 0, 0, 0], &[libc::EFAULT], 0),
    ("a core limit from an odd address", libc::SYS_prlimit64, [0, 4, 1, 0, 0], &[libc::EFAULT], 0),
    ("a file limit from an odd address", libc::SYS_prlimit64, [0, 7, 1, 0, 0], &[libc::EFAULT], libc::EFAULT),
    ("a namespace from clone", libc::SYS_clone, [0x1000_0000 | 0x0800, 0, 0, 0, 0], &[libc::EINVAL], libc::EPERM),
    ("a number from the future", 1022, [0; 5], &[libc::ENOSYS], libc::ENOSYS),
];

/// Makes a call; `0` when it succeeded.
fn errno_of(number: c_long, arguments: [c_long; 5]) -> c_int {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the rows above pass null, odd or absent objects only, so the kernel has nothing of ours to change.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e) };
    if answer == -1 { io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

fn forgo_new_privileges() {
    rustix::thread::set_no_new_privs(true).unwrap();
}

/// Runs `inside` in a forked child and returns its wait status. `inside` allocates nothing.
fn in_a_child(inside: impl FnOnce() -> c_int) -> std::process::ExitStatus {
    // SAFETY: the child only makes system calls and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let code = inside();
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    std::process::ExitStatus::from_raw(status)
}

#[test]
fn forbidden_calls_fail_inside_and_the_same_calls_answer_otherwise_outside() {
    let filter = Filter::compile(Profile::Default).unwrap();
    let mut wrong = Vec::new();
    for &(name, number, arguments, outside, inside) in MATRIX {
        let twin = in_a_child(|| errno_of(number, arguments));
        if !twin.code().is_some_and(|code| outside.contains(&code)) {
            wrong.push(format!("outside, {name}: {twin}, not one of {outside:?}"));
        }
        let status = in_a_child(|| {
            forgo_new_privileges();
            install(&filter).map_or_else(|errno| 200 + errno.raw_os_error(), |()| errno_of(number, arguments))
        });
        if status.code() != Some(inside) {
            wrong.push(format!("inside, {name}: {status}, not {inside}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_probes_hold_with_the_filter_and_fail_without() {
    let filter = Filter::compile(Profile::Default).unwrap();
    for probe in PROBES {
        assert_eq!(in_a_child(|| c_int::from(probe.holds())).code(), Some(0), "{}", probe.name);
    }
    let status = in_a_child(|| {
        forgo_new_privileges();
        c_int::from(install(&filter).is_ok() && probes_hold())
    });
    assert_eq!(status.code(), Some(1));
}

#[test]
fn without_no_new_privileges_a_plain_user_is_refused() {
    let filter = Filter::compile(Profile::Default).unwrap();
    let status = in_a_child(|| {
        let is_root = rustix::process::geteuid().is_root();
        // SAFETY: changes only this child's identity.
        if is_root && unsafe { libc::setresuid(65534, 65534, 65534) } != 0 {
            return 99;
        }
        install(&filter).map_or_else(rustix::io::Errno::raw_os_error, |()| 0)
    });
    assert_eq!(status.code(), Some(libc::EACCES));
}

/// A helper, started under the filter by the next test; on its own it shows that threads start outside too.
#[test]
fn a_thread_starts_and_answers() {
    let expected = if std::env::var_os("UNDER_THE_FILTER").is_some() { libc::ENOSYS } else { libc::EINVAL };
    assert_eq!(errno_of(libc::SYS_clone3, [0; 5]), expected);
    assert_eq!(std::thread::spawn(|| 42).join().unwrap(), 42);
    assert!(Command::new("/bin/true").status().unwrap().success());
}

#[test]
fn threads_and_programs_still_start_under_the_filter() {
    let filter = Filter::compile(Profile::Default).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "seccomp::tests::kernel::a_thread_starts_and_answers"]);
    command.env("UNDER_THE_FILTER", "1");
    let confine = move || {
        rustix::thread::set_no_new_privs(true)?;
        Ok(install(&filter)?)
    };
    // SAFETY: between fork and exec, `confine` makes two system calls and allocates nothing.
    unsafe { command.pre_exec(confine) };
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_through_the_32_bit_gate_kill_the_process() {
    /// `getpid` through `int 0x80`: number 20 of the i386 table.
    fn old_gate() -> c_int {
        let answer: i32;
        // SAFETY: `getpid` reads and writes no memory.
        unsafe { std::arch::asm!("int 0x80", inlateout("eax") 20 => answer, options(nostack)) };
        c_int::from(answer > 0)
    }
    let filter = Filter::compile(Profile::Default).unwrap();
    let outside = in_a_child(old_gate);
    if outside.signal() == Some(libc::SIGSEGV) {
        eprintln!("this kernel has no 32-bit gate: there is nothing to close");
        return;
    }
    assert_eq!(outside.code(), Some(1));
    let inside = in_a_child(|| {
        forgo_new_privileges();
        install(&filter).map_or(99, |()| old_gate())
    });
    assert_eq!(inside.signal(), Some(libc::SIGSYS));
}

/// Prints what a filter costs; run it with `--ignored --nocapture`, in a release build.
#[test]
#[ignore = "a measurement, not a test"]
fn what_compiling_and_installing_cost() {
    let mut compiled: Vec<u128> = (0..200)
        .map(|_| {
            let start = Instant::now();
            assert!(Filter::compile(Profile::Default).unwrap().instructions() > 100);
            start.elapsed().as_nanos()
        })
        .collect();
    let filter = Filter::compile(Profile::Default).unwrap();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut installed: Vec<u128> = (0..200)
        .map(|_| {
            let status = in_a_child(|| {
                forgo_new_privileges();
                let start = Instant::now();
                let answer = install(&filter);
                let nanoseconds = start.elapsed().as_nanos() as u64;
                let sent = rustix::io::write(&writer, &nanoseconds.to_le_bytes());
                c_int::from(answer.is_err() || sent != Ok(8))
            });
            assert!(status.success());
            let mut bytes = [0; 8];
            assert_eq!(rustix::io::read(&reader, &mut bytes).unwrap(), 8);
            u128::from(u64::from_le_bytes(bytes))
        })
        .collect();
    for (name, times) in [("compile", &mut compiled), ("install", &mut installed)] {
        times.sort_unstable();
        println!("{name}: least {} ns, median {} ns", times[0], times[times.len() / 2]);
    }
    println!("{} instructions", filter.instructions());
}
