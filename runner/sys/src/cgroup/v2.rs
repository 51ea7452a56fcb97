//! The unified hierarchy: where groups may be made in it, and its controls, from the kernel's `admin-guide/cgroup-v2`.
//!
//! A cgroup that holds processes cannot hand controllers down (the rule of no internal processes), except at the root
//! of all. So when our own cgroup was delegated to us and we are alone in it, we move into a cgroup below it first; the
//! groups of our runs become its siblings. We stay there: controllers are never taken back, because that would lift
//! the limits of another run. The superuser, who shares a service's or a terminal's cgroup with other processes, makes
//! groups beside it instead, with limits that are not above its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::directory::Directory;
use super::discover::{Reason, Resource, writable};
use super::error::Error;
use super::group::{SwapBound, Usage};

/// Where supervisors move to. A service manager may start us there (`DelegateSubgroup=opaque-supervisors`).
const SUPERVISORS: &str = "opaque-supervisors";

/// How often processes are moved aside before others are taken to keep coming.
const ATTEMPTS: u32 = 8;

/// Microseconds of the period in which processor time is counted.
const PERIOD: u64 = 100_000;

/// What the unified hierarchy gives us.
#[derive(Debug, Clone)]
pub(super) struct Unified {
    /// Groups are made below it: our own cgroup, or the one above it (see [`SUPERVISORS`] and [`Unified::beside`]).
    home: PathBuf,
    /// Controllers that the home could hand down.
    offered: Vec<String>,
    /// Controllers that it hands down already.
    enabled: Vec<String>,
    standing: Standing,
    may_make_groups: bool,
    may_enable: bool,
    /// Our own cgroup, when the home is the one above it.
    beside: Option<PathBuf>,
}

/// What keeps the home from handing down more controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing: it is the root of all, or holds no process.
    Free,
    /// Only this process; it can move.
    Alone,
    /// Other processes.
    Shared,
    /// It belongs to a threaded subtree.
    Threaded,
}

impl Unified {
    /// Looks at our own cgroup in `directory`.
    pub(super) fn inspect(directory: &Path) -> Result<Self, Reason> {
        let home = match directory.parent() {
            Some(parent) if directory.ends_with(SUPERVISORS) => parent,
            Some(_) | None => directory,
        };
        let found = Self {
            home: home.to_owned(),
            offered: words(home, "cgroup.controllers")?,
            enabled: words(home, "cgroup.subtree_control")?,
            standing: standing(home)?,
            may_make_groups: may_make_groups(home),
            may_enable: writable(&home.join("cgroup.subtree_control")).is_ok(),
            beside: None,
        };
        let is_stuck = found.standing == Standing::Shared && found.enabled.is_empty();
        Ok(if is_stuck { Self::beside(home).unwrap_or(found) } else { found })
    }

    /// Groups beside our own cgroup, for the superuser, whose shell or service shares it with other processes: whoever
    /// may write there hands down to the group what our own cgroup got from the same hand.
    fn beside(own: &Path) -> Option<Self> {
        let home = own.parent()?;
        let enabled = words(home, "cgroup.subtree_control").ok().filter(|enabled| !enabled.is_empty())?;
        may_make_groups(home).then(|| Self {
            home: home.to_owned(),
            offered: enabled.clone(),
            enabled,
            standing: Standing::Free,
            may_make_groups: true,
            may_enable: false,
            beside: Some(own.to_owned()),
        })
    }

    /// A limit that is not above the one of our own cgroup, which does not hold for a group beside it.
    pub(super) fn bounded(&self, resource: Resource, wanted: u64) -> u64 {
        let file = match resource {
            Resource::Memory => "memory.max",
            Resource::Pids => "pids.max",
            Resource::Cpu => return wanted,
        };
        let own = self.beside.as_ref().and_then(|own| fs::read_to_string(own.join(file)).ok());
        own.and_then(|text| text.trim().parse().ok()).map_or(wanted, |own: u64| own.min(wanted))
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    fn offers(&self, resource: Resource) -> bool {
        self.offered.iter().any(|name| name == resource.controller())
    }

    fn hands_down(&self, resource: Resource) -> bool {
        self.enabled.iter().any(|name| name == resource.controller())
    }

    /// Why groups here cannot bound `resource`, if so.
    pub(super) fn obstacle(&self, resource: Resource) -> Option<Reason> {
        if !self.offers(resource) {
            return Some(Reason::NotDelegated);
        }
        if !self.may_make_groups {
            return Some(Reason::NotWritable);
        }
        // A share of processor time would have to be divided, which nobody does for us.
        let has_share =
            |own: &PathBuf| fs::read_to_string(own.join("cpu.max")).is_ok_and(|max| !max.starts_with("max"));
        if resource == Resource::Cpu && self.beside.as_ref().is_some_and(has_share) {
            return Some(Reason::Shared);
        }
        match (self.standing, self.hands_down(resource)) {
            (Standing::Threaded, _) => Some(Reason::Threaded),
            (_, true) => None,
            (Standing::Shared, false) => Some(Reason::Shared),
            (Standing::Free | Standing::Alone, false) => (!self.may_enable).then_some(Reason::NotWritable),
        }
    }

    /// Has the home hand down the controllers of `resources`, moving this process and its children aside if need be.
    pub(super) fn enable(&self, resources: &[Resource]) -> Result<(), Error> {
        let missing: Vec<_> = resources.iter().copied().filter(|resource| !self.hands_down(*resource)).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let value = missing.iter().map(|resource| format!("+{}", resource.controller())).collect::<Vec<_>>().join(" ");
        let file = self.home.join("cgroup.subtree_control");
        for _ in 0..ATTEMPTS {
            if self.standing == Standing::Alone {
                self.move_aside()?;
            }
            match fs::write(&file, &value) {
                Ok(()) => return Ok(()),
                Err(source) if source.kind() == io::ErrorKind::ResourceBusy => {}
                Err(source) => return Err(Error::Write { file, value, source }),
            }
        }
        Err(Error::Unavailable { resource: *first, reason: Reason::Shared })
    }

    /// Moves this process, and what it has started meanwhile, into the supervisors' cgroup.
    ///
    /// We were alone when we looked, so that whoever is here now was started by us.
    fn move_aside(&self) -> Result<(), Error> {
        let path = self.home.join(SUPERVISORS);
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Error::Create { path, source }),
        }
        let listed = fs::read_to_string(self.home.join("cgroup.procs"));
        let listed = listed.map_err(|source| Error::List { path: self.home.clone(), source })?;
        let file = path.join("cgroup.procs");
        for member in listed.lines() {
            match fs::write(&file, member) {
                Ok(()) => {}
                // It has ended since it was listed.
                Err(source) if source.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
                Err(source) => return Err(Error::Write { file, value: member.to_owned(), source }),
            }
        }
        Ok(())
    }
}

fn words(home: &Path, file: &str) -> Result<Vec<String>, Reason> {
    let text = fs::read_to_string(home.join(file)).map_err(|_| Reason::NotVisible)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

fn may_make_groups(home: &Path) -> bool {
    writable(home).is_ok() && writable(&home.join("cgroup.procs")).is_ok()
}

fn standing(home: &Path) -> Result<Standing, Reason> {
    match fs::read_to_string(home.join("cgroup.type")) {
        Ok(kind) if kind.trim() == "domain" => {}
        Ok(_) => return Ok(Standing::Threaded),
        // Only the root of all has no type.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
        Err(_) => return Err(Reason::NotVisible),
    }
    let members = fs::read_to_string(home.join("cgroup.procs")).map_err(|_| Reason::NotVisible)?;
    let own = std::process::id().to_string();
    let mut standing = Standing::Free;
    for member in members.lines() {
        // A process that our pid namespace cannot see reads as 0, and is another one too.
        if member != own {
            return Ok(Standing::Shared);
        }
        standing = Standing::Alone;
    }
    Ok(standing)
}

/// Bounds memory, keeps it out of swap, and has the whole group end when it runs out.
pub(super) fn limit_memory(directory: &Directory, bytes: u64) -> Result<SwapBound, Error> {
    directory.write("memory.max", &bytes.to_string())?;
    directory.write_if_present("memory.oom.group", "1")?;
    let counted = directory.write_if_present("memory.swap.max", "0")?;
    Ok(if counted { SwapBound::Held } else { SwapBound::Absent })
}

pub(super) fn limit_pids(directory: &Directory, most: u64) -> Result<(), Error> {
    directory.write("pids.max", &most.to_string())
}

pub(super) fn limit_cpu(directory: &Directory, percent: u32) -> Result<(), Error> {
    directory.write("cpu.max", &format!("{} {PERIOD}", u64::from(percent) * PERIOD / 100))
}

/// Reads what was counted; what the kernel does not count stays unknown.
pub(super) fn usage(directory: &Directory) -> Usage {
    Usage {
        memory_peak: directory.number("memory.peak"),
        oom_kills: directory.field("memory.events", "oom_kill"),
        pids_peak: directory.number("pids.peak"),
        pids_refused: directory.field("pids.events", "max"),
        cpu_usec: directory.field("cpu.stat", "usage_usec"),
    }
}
