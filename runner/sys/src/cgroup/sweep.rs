//! Clears away the groups of supervisors that were killed before they could.

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::discover::{Available, Home, Resource};
use super::name::Name;

/// Removes groups next to which ours would be made, when their supervisor is gone; returns how many.
///
/// The kernel refuses to remove a cgroup that holds a process, so a group in use always stays. A supervisor in another
/// pid namespace looks gone; in the moment between making its group and filling it, it could lose it, and its run is
/// then refused.
pub fn sweep(available: &Available) -> usize {
    homes(available).into_iter().map(sweep_home).sum()
}

/// The directories in which groups are made.
pub(super) fn homes(available: &Available) -> Vec<&Path> {
    let legacy = [Resource::Memory, Resource::Pids, Resource::Cpu].map(|resource| available.home(resource));
    let mut homes: Vec<&Path> = legacy
        .into_iter()
        .filter_map(|home| match home {
            Home::Legacy(directory) => Some(directory.as_path()),
            Home::Unified | Home::Nowhere(_) => None,
        })
        .chain(available.unified.as_ref().map(|unified| unified.home()))
        .collect();
    homes.sort_unstable();
    homes.dedup();
    homes
}

fn sweep_home(home: &Path) -> usize {
    let Ok(entries) = fs::read_dir(home) else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().and_then(Name::parse).is_some_and(|name| is_gone(name.supervisor())))
        .filter(|entry| fs::remove_dir(entry.path()).is_ok())
        .count()
}

/// Tells whether no process has this id any more.
fn is_gone(supervisor: u32) -> bool {
    let pid = i32::try_from(supervisor).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}
