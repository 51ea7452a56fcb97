//! Acts on namespaces.

use std::fs::File;
use std::os::fd::AsRawFd;

use crate::{Act, Attempt, answer, argument, os};

pub(crate) const ACTS: &[(&str, Act)] = &[("unshare", unshare), ("clone", clone), ("clone3", clone3), ("setns", setns)];

fn flag(name: &str) -> libc::c_int {
    match name {
        "none" => 0,
        "user" => libc::CLONE_NEWUSER,
        "mount" => libc::CLONE_NEWNS,
        "pid" => libc::CLONE_NEWPID,
        "net" => libc::CLONE_NEWNET,
        "ipc" => libc::CLONE_NEWIPC,
        "uts" => libc::CLONE_NEWUTS,
        "cgroup" => libc::CLONE_NEWCGROUP,
        "time" => 0x80,
        other => panic!("no such namespace: {other}"),
    }
}

fn unshare(arguments: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::unshare(flag(argument(arguments, 0))) }).map(|_| String::new())
}

fn clone(arguments: &[String]) -> Attempt {
    let flags = libc::c_long::from(flag(argument(arguments, 0)) | libc::SIGCHLD);
    // SAFETY: without CLONE_VM the child has a copy of everything, its stack included.
    reap(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })
}

fn clone3(arguments: &[String]) -> Attempt {
    let mut request = [0_u64; 11];
    request[0] = u64::try_from(flag(argument(arguments, 0))).unwrap_or(0);
    request[4] = u64::try_from(libc::SIGCHLD).unwrap_or(0);
    // SAFETY: `struct clone_args` has eleven fields; without CLONE_VM the child has its own copy of the stack.
    reap(unsafe { libc::syscall(libc::SYS_clone3, request.as_ptr(), size_of_val(&request)) })
}

/// Ends the child at once and waits for it in the parent.
fn reap(pid: libc::c_long) -> Attempt {
    match answer(pid)? {
        // SAFETY: the child leaves without running anything else.
        0 => unsafe { libc::_exit(0) },
        child => {
            let child = i32::try_from(child).unwrap_or(-1);
            // SAFETY: no status is asked for.
            answer(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }).map(|_| String::new())
        }
    }
}

/// Joins a namespace by its file.
fn setns(arguments: &[String]) -> Attempt {
    let file = File::open(argument(arguments, 0)).map_err(os)?;
    // SAFETY: the descriptor is open.
    answer(unsafe { libc::setns(file.as_raw_fd(), 0) }).map(|_| String::new())
}
