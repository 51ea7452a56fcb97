//! The cgroups of one run, from their making to their removal.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

#[cfg(test)]
use rustix::process::Pid;

use super::directory::Directory;
use super::discover::{Available, Home, Reason, Resource};
use super::error::Error;
use super::name::Name;
use super::{v1, v2};

/// The limits that a group is to hold. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Bytes, swap included.
    pub memory: Option<u64>,
    /// Processes and threads at once.
    pub pids: Option<u64>,
    /// Percent of one core; 200 is two cores.
    pub cpu_percent: Option<u32>,
}

/// What a group used. `None` is not counted by this kernel or hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// The most bytes at any moment.
    pub memory_peak: Option<u64>,
    /// Processor time in microseconds.
    pub cpu_usec: Option<u64>,
    /// The most processes and threads at any moment.
    pub pids_peak: Option<u64>,
    /// Processes that were killed because memory ran out.
    pub oom_kills: Option<u64>,
    /// Forks that were refused because there were too many processes.
    pub pids_refused: Option<u64>,
}

/// Whether the memory limit covers swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapBound {
    /// It does.
    Held,
    /// This kernel does not count swap for cgroups.
    Absent,
}

/// The cgroups of one run. Removed when dropped, with whatever is still in them.
#[derive(Debug)]
#[must_use = "a group that is dropped is removed"]
pub struct Group {
    unified: Option<Directory>,
    legacy: Vec<(PathBuf, Directory)>,
    swap: SwapBound,
}

impl Group {
    /// Makes the cgroups that `wanted` needs, below our own, and sets their limits.
    ///
    /// With the unified hierarchy this process may move into a cgroup of its own below the present one.
    ///
    /// # Errors
    /// When a wanted limit cannot be had, or the kernel refuses; nothing is left behind then.
    pub fn create(available: &Available, name: &Name, wanted: &Wanted) -> Result<Self, Error> {
        let mut group = Self { unified: None, legacy: Vec::new(), swap: SwapBound::Absent };
        let mut unified = Vec::new();
        for resource in wanted.resources() {
            match available.home(resource) {
                Home::Unified => unified.push(resource),
                Home::Legacy(home) if group.legacy.iter().any(|(made, _)| made == home) => {}
                Home::Legacy(home) => {
                    let directory = Directory::create(home.join(name.to_string()))?;
                    group.legacy.push((home.clone(), directory));
                }
                Home::Nowhere(reason) => return Err(Error::Unavailable { resource, reason: *reason }),
            }
        }
        if let Some(&resource) = unified.first() {
            let home = available.unified.as_ref();
            let home = home.ok_or(Error::Unavailable { resource, reason: Reason::NotMounted })?;
            home.enable(&unified)?;
            group.unified = Some(Directory::create(home.home().join(name.to_string()))?);
        }
        group.limit(available, wanted)?;
        Ok(group)
    }

    fn limit(&mut self, available: &Available, wanted: &Wanted) -> Result<(), Error> {
        if let Some(bytes) = wanted.memory {
            self.swap = match self.holder(available, Resource::Memory)? {
                Holder::Unified(directory) => v2::limit_memory(directory, available.bounded(Resource::Memory, bytes))?,
                Holder::Legacy(directory) => v1::limit_memory(directory, bytes)?,
            };
        }
        if let Some(most) = wanted.pids {
            match self.holder(available, Resource::Pids)? {
                Holder::Unified(directory) => v2::limit_pids(directory, available.bounded(Resource::Pids, most))?,
                Holder::Legacy(directory) => v1::limit_pids(directory, most)?,
            }
        }
        if let Some(percent) = wanted.cpu_percent {
            match self.holder(available, Resource::Cpu)? {
                Holder::Unified(directory) => v2::limit_cpu(directory, percent)?,
                Holder::Legacy(directory) => v1::limit_cpu(directory, percent)?,
            }
        }
        Ok(())
    }

    /// The cgroup of this group that bounds `resource`.
    fn holder(&self, available: &Available, resource: Resource) -> Result<Holder<'_>, Error> {
        let found = match available.home(resource) {
            Home::Unified => self.unified.as_ref().map(Holder::Unified).ok_or(Reason::NotMounted),
            Home::Legacy(home) => {
                let made = self.legacy.iter().find(|(made, _)| made == home);
                made.map(|(_, directory)| Holder::Legacy(directory)).ok_or(Reason::NotMounted)
            }
            Home::Nowhere(reason) => Err(*reason),
        };
        found.map_err(|reason| Error::Unavailable { resource, reason })
    }

    /// The cgroup that `clone3` can start a process in, when there is one.
    #[must_use]
    pub fn fd_for_clone(&self) -> Option<BorrowedFd<'_>> {
        self.unified.as_ref().map(Directory::handle)
    }

    /// Whether the memory limit covers swap.
    #[must_use]
    pub fn swap_bound(&self) -> SwapBound {
        self.swap
    }

    /// Puts a process into every cgroup of the group.
    #[cfg(test)]
    pub(super) fn attach(&self, pid: Pid) -> Result<(), Error> {
        self.directories().try_for_each(|directory| directory.attach(pid))
    }

    /// The files to which a process with one thread writes `0` to join the cgroups of version 1.
    ///
    /// A thread that moves itself waits for nobody (28 µs); moving another process by its number waits for a grace
    /// period of the whole machine (6 to 24 ms, measured on Linux 6.18).
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn doors(&self) -> Result<Vec<OwnedFd>, Error> {
        self.legacy.iter().map(|(_, directory)| directory.door()).collect()
    }

    /// Reads what the group has used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let unified = self.unified.iter().map(v2::usage);
        unified.chain(self.legacy.iter().map(|(_, directory)| v1::usage(directory))).fold(Usage::default(), Usage::or)
    }

    /// Kills every process in the group and waits until they have gone.
    ///
    /// # Errors
    /// When a process stays for seconds, or the kernel refuses.
    pub fn kill(&self) -> Result<(), Error> {
        self.directories().try_for_each(Directory::kill)
    }

    /// Removes the group, whose processes have gone.
    ///
    /// # Errors
    /// When a process is left in it, or the kernel refuses. What is left of the group is killed and removed then.
    pub fn remove(self) -> Result<(), Error> {
        self.directories().try_for_each(Directory::remove)
    }

    fn directories(&self) -> impl Iterator<Item = &Directory> {
        self.unified.iter().chain(self.legacy.iter().map(|(_, directory)| directory))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in self.directories() {
            if !directory.remove_now() {
                // A cgroup that stays all the same is found by the next run's sweep, by its name.
                let _ = directory.kill().and_then(|()| directory.remove());
            }
        }
    }
}

/// A cgroup, and the version that says which controls it has.
enum Holder<'a> {
    Unified(&'a Directory),
    Legacy(&'a Directory),
}

impl Wanted {
    pub(super) fn resources(&self) -> impl Iterator<Item = Resource> {
        let memory = self.memory.map(|_| Resource::Memory);
        let pids = self.pids.map(|_| Resource::Pids);
        let cpu = self.cpu_percent.map(|_| Resource::Cpu);
        [memory, pids, cpu].into_iter().flatten()
    }
}

impl Usage {
    /// Joins what two hierarchies counted.
    fn or(self, other: Self) -> Self {
        Self {
            memory_peak: self.memory_peak.or(other.memory_peak),
            cpu_usec: self.cpu_usec.or(other.cpu_usec),
            pids_peak: self.pids_peak.or(other.pids_peak),
            oom_kills: self.oom_kills.or(other.oom_kills),
            pids_refused: self.pids_refused.or(other.pids_refused),
        }
    }
}
