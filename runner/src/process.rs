//! Reads what `/proc` says of a process. Never believes the name that it gives itself where its executable can be read.

use std::os::fd::OwnedFd;

use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::Pid;

use crate::descriptor;

/// Longest command line that is read.
const COMMAND: usize = 128 * 1024;
const SHORT: usize = 4096;
/// Fields of `stat`, counted from behind the name. The leader of a session is 0 outside of the pid namespace; a terminal is 0
/// where there is none.
const PARENT: usize = 1;
const SESSION: usize = 3;
const TERMINAL: usize = 4;
/// How far up the tree a look goes.
pub(crate) const GENERATIONS: usize = 32;

/// This process's group; `None` where its leader is outside of the pid namespace, as behind `unshare --pid`.
#[must_use]
pub fn own_group() -> Option<Pid> {
    // Not by `rustix`, whose `Pid` cannot say that there is none.
    Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// A process, by its number. It may be gone, or another one, at the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: i32,
}

impl Process {
    /// The process with this number.
    #[must_use]
    pub const fn new(pid: i32) -> Self {
        Self { pid }
    }

    /// This one.
    #[must_use]
    pub fn this() -> Self {
        Self::new(rustix::process::getpid().as_raw_nonzero().get())
    }

    /// The process that started this one.
    #[must_use]
    pub fn parent_of_this() -> Option<Self> {
        rustix::process::getppid().map(|pid| Self::new(pid.as_raw_nonzero().get()))
    }

    /// Its number.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// The process above it, unless that is the first one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.status()?;
        (parent > 1).then_some(Self { pid: parent })
    }

    /// It and all above it, as far as a look goes.
    #[must_use]
    pub fn lineage(self) -> Vec<Self> {
        std::iter::successors(Some(self), Self::parent).take(GENERATIONS).collect()
    }

    /// True when the leader of its session is seen among it and all above it, and is no daemon. Otherwise somebody in between
    /// is gone, or too far away, and nobody can tell any more who stood there.
    #[must_use]
    pub fn has_its_lineage(self) -> bool {
        let Some(stat) = self.read("stat", 512) else { return false };
        let (Some(leader), Some(terminal)) = (number(&stat, SESSION), number(&stat, TERMINAL)) else { return false };
        let (mut at, mut is_reached) = (self, false);
        for _ in 0..GENERATIONS {
            let Some((_, parent)) = at.status() else {
                // One above the session that another user hides.
                return is_reached;
            };
            // The first process takes orphans in; what it starts itself has a terminal, or is no person.
            is_reached |= at.pid == leader && (parent != 1 || terminal != 0);
            if parent <= 0 {
                return is_reached;
            }
            at = Self::new(parent);
        }
        false
    }

    /// The name of its executable; of another user's process, the name that it gives itself.
    #[must_use]
    pub fn name(&self) -> Option<Text> {
        let link = rustix::fs::readlink(format!("/proc/{}/exe", self.pid), Vec::with_capacity(256)).ok();
        let path = link.and_then(|link| AbsPath::new(link.as_bytes()).ok());
        match path.as_ref().and_then(AbsPath::name) {
            Some(name) => Text::new(name.strip_suffix(b" (deleted)").unwrap_or(name)),
            None => Text::new(self.status()?.0),
        }
    }

    /// Its argument vector.
    #[must_use]
    pub fn command(&self) -> Option<Vec<Text>> {
        // A process that has just begun, or has no memory of its own, has no words.
        let bytes = self.read("cmdline", COMMAND).filter(|bytes| !bytes.is_empty())?;
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        bytes.split(|byte| *byte == 0).map(Text::new).collect()
    }

    /// The path of its cgroup: of version 2, else of the first hierarchy.
    #[must_use]
    pub fn cgroup(&self) -> Option<Text> {
        let text = String::from_utf8(self.read("cgroup", SHORT)?).ok()?;
        let lines = || text.lines().filter_map(|line| line.splitn(3, ':').nth(2).map(|path| (line, path)));
        let unified = lines().find(|(line, _)| line.starts_with("0::")).filter(|(_, path)| *path != "/");
        let (_, path) = unified.or_else(|| lines().next())?;
        Text::new(path)
    }

    /// Its executable, opened.
    #[must_use]
    pub fn open_executable(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(format!("/proc/{}/exe", self.pid), flags, Mode::empty()).ok()
    }

    /// What its standard error is: device and inode of a pipe; `None` where it is none, or nobody may look.
    #[must_use]
    pub fn stderr(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::stat(format!("/proc/{}/fd/2", self.pid)).ok()?;
        let is_pipe = FileType::from_raw_mode(stat.st_mode) == FileType::Fifo;
        is_pipe.then_some((stat.st_dev, stat.st_ino))
    }

    /// The process name and the parent's pid from `/proc/PID/stat`; the name may hold anything, spaces and brackets too.
    #[must_use]
    pub fn status(&self) -> Option<(Vec<u8>, i32)> {
        parse(&self.read("stat", 512)?)
    }

    /// The first bytes of one of its files.
    #[must_use]
    pub fn read(&self, file: &str, bound: usize) -> Option<Vec<u8>> {
        let path = format!("/proc/{}/{file}", self.pid);
        let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut content = vec![0; bound];
        let count = descriptor::fill(file, &mut content).ok()?;
        content.truncate(count);
        Some(content)
    }
}

fn parse(stat: &[u8]) -> Option<(Vec<u8>, i32)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    Some((stat.get(open + 1..close)?.to_vec(), number(stat, PARENT)?))
}

/// A field by its place behind the name (proc_pid_stat(5)).
fn number(stat: &[u8], place: usize) -> Option<i32> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alone::Alone;

    #[test]
    fn a_process_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(parse(b"7 (a) S 1) S 42 7 9"), Some((b"a) S 1".to_vec(), 42)));
        assert_eq!(
            [PARENT, SESSION, TERMINAL].map(|field| number(b"7 (a) S 1) S 42 7 9 34816", field)),
            [Some(42), Some(9), Some(34816)]
        );
        assert_eq!(parse(b"garbage"), None);
    }

    #[test]
    fn a_process_tells_its_name_its_words_and_its_place() {
        let mut child = std::process::Command::new("sleep").args(["60", "1"]).spawn_alone().unwrap();
        let process = Process::new(i32::try_from(child.id()).unwrap());
        // The kernel lets the starter go on a moment before the words are in place.
        while process.command().is_none() {
            std::thread::yield_now();
        }
        let told = (process.name(), process.command(), process.parent().is_some(), process.cgroup().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        let words = ["sleep", "60", "1"].map(Text::from).to_vec();
        assert!(told.0 == Some(Text::from("sleep")) || told.0 == Some(Text::from("coreutils")), "{told:?}");
        assert_eq!((told.1, told.2, told.3), (Some(words), true, true));
    }
}
