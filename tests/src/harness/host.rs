//! Looks at the host: processes, cgroups and placeholders that a run may have left, programs that a test needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Skips a test, aloud. Where `CI` is set a missing facility is a failure.
///
/// # Panics
/// When `CI` is set.
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is missing, and in CI nothing is skipped");
    eprintln!("skipped: {what} is missing");
}

/// Where a program is, from `PATH`.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Waits until a condition holds; false when it never did within the bound.
pub fn eventually(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > bound {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// The processes that are marked with a text in their command line or working directory.
#[derive(Debug)]
pub struct Processes;

impl Processes {
    /// Pids of the live processes whose command line contains the mark.
    #[must_use]
    pub fn marked(mark: &str) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let own = std::process::id();
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != own)
            .filter(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                line.contains(mark) && !is_dead(*pid)
            })
            .collect()
    }
}

fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| matches!(rest.trim_start().chars().next(), None | Some('Z' | 'X')))
}

/// Every cgroup whose name says that a run made it.
#[must_use]
pub fn cgroups() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    collect_cgroups(Path::new("/sys/fs/cgroup"), 0, &mut found);
    found
}

fn collect_cgroups(directory: &Path, depth: u32, found: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("opaque-") && name != "opaque-supervisors" {
            found.insert(entry.path());
        }
        if depth < 8 {
            collect_cgroups(&entry.path(), depth + 1, found);
        }
    }
}

/// Everything below a directory, relative to it and sorted, links not followed: a tree before and after a run.
#[must_use]
pub fn tree(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(entry.path());
            }
            if let Ok(relative) = entry.path().strip_prefix(directory) {
                found.insert(relative.to_owned());
            }
        }
    }
    found
}
