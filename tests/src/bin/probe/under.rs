//! Acts that run a command on a machine that lacks something: under a filter, in a namespace, with other mounts.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Act, Attempt, answer, argument, c_string, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("deny", deny),
    ("without-user-namespaces", without_user_namespaces),
    ("with-covered-proc", with_covered_proc),
    ("with-shared-mounts", with_shared_mounts),
];

/// Runs a command for which one call fails or does nothing: CALL[:FIRST ARGUMENT] ERRNO|nothing -- COMMAND…
fn deny(arguments: &[String]) -> Attempt {
    let (name, first) = match argument(arguments, 0).split_once(':') {
        Some((name, first)) => (name, Some(first.parse().expect("the first argument is a number"))),
        None => (argument(arguments, 0), None),
    };
    let error = match argument(arguments, 1) {
        "EPERM" => libc::EPERM,
        "ENOSYS" => libc::ENOSYS,
        // The call does nothing and reports success.
        "nothing" => 0,
        other => panic!("no such error: {other}"),
    };
    install(call(name), first, u32::try_from(error).expect("error numbers are not negative"))?;
    become_command(arguments)
}

/// A filter of at most seven instructions, seccomp(2); the command uses the machine's own entry alone.
fn install(number: libc::c_long, first: Option<u32>, error: u32) -> Result<(), i32> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    // Offsets in `struct seccomp_data`: the number, then the low half of the first argument.
    let mut tests = vec![(0, u32::try_from(number).expect("a call's number"))];
    tests.extend(first.map(|first| (16, first)));
    let mut filter = Vec::new();
    let mut left = u8::try_from(tests.len() * 2).expect("a short filter");
    for (offset, value) in tests {
        left -= 2;
        filter.push(instruction(LOAD, 0, offset));
        filter.push(instruction(EQUAL, left + 1, value));
    }
    filter.push(instruction(RETURN, 0, libc::SECCOMP_RET_ERRNO | error));
    filter.push(instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    let length = u16::try_from(filter.len()).expect("a short filter");
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the program and its instructions live through the call.
    answer(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) })?;
    Ok(())
}

fn instruction(code: u32, otherwise: u8, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).expect("a code has 16 bits"), jt: 0, jf: otherwise, k: value }
}

fn call(name: &str) -> libc::c_long {
    match name {
        "capset" => libc::SYS_capset,
        "clone" => libc::SYS_clone,
        "clone3" => libc::SYS_clone3,
        "close_range" => libc::SYS_close_range,
        "execveat" => libc::SYS_execveat,
        "fsconfig" => libc::SYS_fsconfig,
        "fsmount" => libc::SYS_fsmount,
        "fsopen" => libc::SYS_fsopen,
        "landlock_add_rule" => libc::SYS_landlock_add_rule,
        "landlock_create_ruleset" => libc::SYS_landlock_create_ruleset,
        "landlock_restrict_self" => libc::SYS_landlock_restrict_self,
        "mount" => libc::SYS_mount,
        "mount_setattr" => libc::SYS_mount_setattr,
        "move_mount" => libc::SYS_move_mount,
        "open_tree" => libc::SYS_open_tree,
        "openat2" => libc::SYS_openat2,
        "pivot_root" => libc::SYS_pivot_root,
        "prctl" => libc::SYS_prctl,
        "prlimit64" => libc::SYS_prlimit64,
        "seccomp" => libc::SYS_seccomp,
        "setresuid" => libc::SYS_setresuid,
        "socketpair" => libc::SYS_socketpair,
        "umount2" => libc::SYS_umount2,
        "unshare" => libc::SYS_unshare,
        other => panic!("no such call: {other}"),
    }
}

/// Runs a command in a user namespace that may have none below it: -- COMMAND…
fn without_user_namespaces(arguments: &[String]) -> Attempt {
    enter_user_namespace(0)?;
    fs::write("/proc/sys/user/max_user_namespaces", "0").map_err(os)?;
    become_command(arguments)
}

/// Runs a command where a directory of procfs is covered, as container engines do it: -- COMMAND…
fn with_covered_proc(arguments: &[String]) -> Attempt {
    enter_mount_namespace()?;
    mount_empty(Path::new("/proc/irq"))?;
    become_command(arguments)
}

/// Runs a command where every mount is shared; when it has made `ready` in a directory, mounts an empty file system on
/// `point` there, puts `seen` into it and makes `go` in the directory: DIRECTORY -- COMMAND…
fn with_shared_mounts(arguments: &[String]) -> Attempt {
    let directory = Path::new(argument(arguments, 0));
    enter_mount_namespace()?;
    // SAFETY: the paths end in NUL; no type or data is passed.
    answer(unsafe {
        let (nothing, no_data) = (std::ptr::null(), std::ptr::null());
        libc::mount(nothing, c"/".as_ptr(), nothing, libc::MS_REC | libc::MS_SHARED, no_data)
    })?;
    let mut child = command(arguments).spawn().map_err(os)?;
    let start = Instant::now();
    while !directory.join("ready").exists() {
        if let Some(status) = child.try_wait().map_err(os)? {
            std::process::exit(status.code().unwrap_or(1));
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the command never made `ready`");
        std::thread::sleep(Duration::from_millis(2));
    }
    mount_empty(&directory.join("point"))?;
    fs::write(directory.join("point/seen"), "").map_err(os)?;
    fs::write(directory.join("go"), "").map_err(os)?;
    std::process::exit(child.wait().map_err(os)?.code().unwrap_or(1));
}

/// Enters a mount namespace of its own, by way of a user namespace where that takes privileges that it does not have.
fn enter_mount_namespace() -> Result<(), i32> {
    // SAFETY: reads no memory and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return enter_user_namespace(libc::CLONE_NEWNS);
    }
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::unshare(libc::CLONE_NEWNS) }).map(drop)
}

/// Gives a process without privileges the ones of a namespace of its own, where it has the same ids.
fn enter_user_namespace(with: libc::c_int) -> Result<(), i32> {
    // SAFETY: reads no memory and cannot fail.
    let uid = unsafe { libc::getuid() };
    // SAFETY: as above.
    let gid = unsafe { libc::getgid() };
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::unshare(libc::CLONE_NEWUSER | with) })?;
    fs::write("/proc/self/setgroups", "deny").map_err(os)?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).map_err(os)?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).map_err(os)
}

fn mount_empty(target: &Path) -> Result<(), i32> {
    let target = c_string(target.to_str().expect("a test's paths are text"));
    let kind = c"tmpfs".as_ptr();
    // SAFETY: every string ends in NUL; no data is passed.
    answer(unsafe { libc::mount(kind, target.as_ptr(), kind, 0, std::ptr::null()) }).map(drop)
}

/// Everything after `--`.
fn command(arguments: &[String]) -> Command {
    let start = arguments.iter().position(|word| word == "--").expect("a command after --");
    let mut command = Command::new(argument(arguments, start + 1));
    command.args(&arguments[start + 2..]);
    command
}

fn become_command(arguments: &[String]) -> Attempt {
    Err(os(command(arguments).exec()))
}
