//! Acts that only look: what the probe was given.

use std::os::unix::ffi::OsStrExt;

use crate::{Act, Attempt, argument, number, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("environment", environment),
    ("arguments", arguments_given),
    ("status", status),
    ("descriptors", descriptors),
    ("descend", descend),
    ("mount-flags", mount_flags),
    ("processes", processes),
    ("namespace", namespace),
    ("directory", directory),
    ("limit", limit),
    ("umask", umask),
    ("signals", signals),
];

/// Every variable, one a line, as bytes.
fn environment(_: &[String]) -> Attempt {
    let mut lines: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}", name.as_bytes().escape_ascii(), value.as_bytes().escape_ascii()))
        .collect();
    lines.sort();
    Ok(format!("\n{}", lines.join("\n")))
}

/// Its own argument vector from the first to the last, one a line.
fn arguments_given(_: &[String]) -> Attempt {
    let lines: Vec<String> =
        std::env::args_os().map(|argument| argument.as_bytes().escape_ascii().to_string()).collect();
    Ok(format!("\n{}", lines.join("\n")))
}

/// One field of `/proc/self/status`.
fn status(arguments: &[String]) -> Attempt {
    let wanted = argument(arguments, 0);
    let text = std::fs::read_to_string("/proc/self/status").map_err(os)?;
    text.lines()
        .find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'))
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .ok_or(libc::ENOENT)
}

/// The open descriptors above standard error, asked of the kernel one by one.
fn descriptors(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed; a descriptor that is closed only answers EBADF.
    let open = (3..1024).filter(|descriptor| unsafe { libc::fcntl(*descriptor, libc::F_GETFD) } >= 0);
    let open: Vec<String> = open.map(|descriptor: i32| descriptor.to_string()).collect();
    if open.is_empty() { Err(libc::EBADF) } else { Ok(open.join(" ")) }
}

/// Opens a path below an inherited directory descriptor: N PATH.
fn descend(arguments: &[String]) -> Attempt {
    let path = crate::c_string(argument(arguments, 1));
    // SAFETY: the path ends in NUL.
    crate::answer(unsafe { libc::openat(number(arguments, 0), path.as_ptr(), libc::O_RDONLY) })?;
    Ok(String::new())
}

/// The options of the mount at a path, from `mountinfo`.
fn mount_flags(arguments: &[String]) -> Attempt {
    let wanted = argument(arguments, 0);
    let table = std::fs::read_to_string("/proc/self/mountinfo").map_err(os)?;
    table
        .lines()
        .rev()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields.get(4) == Some(&wanted))
        .and_then(|fields| fields.get(5).map(|options| (*options).to_owned()))
        .ok_or(libc::ENOENT)
}

/// The process ids that are visible.
fn processes(_: &[String]) -> Attempt {
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .map_err(os)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    Ok(pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
}

/// The identity of one of its namespaces.
fn namespace(arguments: &[String]) -> Attempt {
    let link = std::fs::read_link(format!("/proc/self/ns/{}", argument(arguments, 0))).map_err(os)?;
    Ok(link.display().to_string())
}

fn directory(_: &[String]) -> Attempt {
    Ok(std::env::current_dir().map_err(os)?.display().to_string())
}

/// The soft and hard value of a resource limit.
fn limit(arguments: &[String]) -> Attempt {
    let resource = match argument(arguments, 0) {
        "core" => libc::RLIMIT_CORE,
        "files" => libc::RLIMIT_NOFILE,
        "processes" => libc::RLIMIT_NPROC,
        "data" => libc::RLIMIT_DATA,
        "space" => libc::RLIMIT_AS,
        other => panic!("no such limit: {other}"),
    };
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is ours to be written.
    crate::answer(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    Ok(format!("{} {}", limit.rlim_cur, limit.rlim_max))
}

fn umask(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed; the mask is not used again.
    Ok(format!("{:o}", unsafe { libc::umask(0) }))
}

/// The signals that are ignored and blocked, as `/proc/self/status` has them.
fn signals(_: &[String]) -> Attempt {
    let ignored = status(&["SigIgn".to_owned()])?;
    let blocked = status(&["SigBlk".to_owned()])?;
    Ok(format!("ignored={ignored} blocked={blocked}"))
}
