//! What this machine gives for each limit: the mechanism, or the reason why there is none.
//!
//! Reads two files of `/proc` and asks about a few directories; changes nothing.

use std::cell::LazyCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::group::Wanted;
use super::membership::{Membership, memberships};
use super::mounted::{Mounted, mounts};
use super::v2::Unified;

/// Something that a cgroup can bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of memory, swap included.
    Memory,
    /// Processes and threads.
    Pids,
    /// Processor time.
    Cpu,
}

/// How a resource is bounded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// A cgroup of the unified hierarchy.
    V2,
    /// A cgroup of the controller's own hierarchy.
    V1,
    /// Not at all.
    None(Reason),
}

/// Why a resource cannot be bounded by a cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The kernel's account of our cgroups could not be read.
    #[error("`/proc` does not tell which cgroup this process is in")]
    Unknown,
    /// No hierarchy with the controller exists or is mounted.
    #[error("its controller is not mounted")]
    NotMounted,
    /// The hierarchy is mounted, but our own cgroup lies outside of what is mounted.
    #[error("our own cgroup cannot be seen from here")]
    NotVisible,
    /// Our own cgroup exists, without the controller.
    #[error("its controller is not delegated to our cgroup")]
    NotDelegated,
    /// We may not make groups below our own cgroup.
    #[error("our own cgroup is not writable")]
    NotWritable,
    /// Other processes share our cgroup, which then cannot have groups below it that are bounded.
    #[error("other processes share our cgroup; start the run in a cgroup of its own, as `systemd-run --scope` makes")]
    Shared,
    /// Our cgroup takes part in a threaded subtree, where whole processes cannot be bounded.
    #[error("our cgroup is threaded")]
    Threaded,
}

/// What the machine gives for each resource.
#[derive(Debug, Clone)]
pub struct Available {
    memory: Home,
    pids: Home,
    cpu: Home,
    pub(super) unified: Option<Unified>,
}

/// Where groups that bound one resource are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// Below the unified home.
    Unified,
    /// Below this directory of a version 1 hierarchy.
    Legacy(PathBuf),
    /// Nowhere.
    Nowhere(Reason),
}

impl Available {
    /// Looks at the machine as it is now.
    #[must_use]
    pub fn probe() -> Self {
        match (read_whole("/proc/self/cgroup"), read_whole("/proc/self/mountinfo")) {
            (Ok(memberships), Ok(mountinfo)) => Self::find(&memberships, &mountinfo),
            _ => Self {
                memory: Home::Nowhere(Reason::Unknown),
                pids: Home::Nowhere(Reason::Unknown),
                cpu: Home::Nowhere(Reason::Unknown),
                unified: None,
            },
        }
    }

    /// The mechanism for `resource`, or why there is none.
    #[must_use]
    pub fn mechanism(&self, resource: Resource) -> Mechanism {
        match self.home(resource) {
            Home::Unified => Mechanism::V2,
            Home::Legacy(_) => Mechanism::V1,
            Home::Nowhere(reason) => Mechanism::None(*reason),
        }
    }

    /// True when a group for these limits has a cgroup of version 2.
    #[must_use]
    pub fn uses_unified(&self, wanted: &Wanted) -> bool {
        wanted.resources().any(|resource| *self.home(resource) == Home::Unified)
    }

    pub(super) fn bounded(&self, resource: Resource, wanted: u64) -> u64 {
        self.unified.as_ref().map_or(wanted, |unified| unified.bounded(resource, wanted))
    }

    pub(super) fn home(&self, resource: Resource) -> &Home {
        match resource {
            Resource::Memory => &self.memory,
            Resource::Pids => &self.pids,
            Resource::Cpu => &self.cpu,
        }
    }

    /// Finds the homes from the text of `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub(super) fn find(cgroups: &str, mountinfo: &str) -> Self {
        let memberships = memberships(cgroups);
        let mounts = mounts(mountinfo);
        // A controller belongs to one hierarchy at a time: one that version 1 has, the unified hierarchy has not.
        let unified = LazyCell::new(|| unified(&memberships, &mounts));
        let home = |resource: Resource| {
            let legacy = memberships.iter().find(|own| own.has(resource.controller()));
            match legacy {
                Some(own) => legacy_home(resource, own, &mounts),
                None => match &*unified {
                    Ok(unified) => unified.obstacle(resource).map_or(Home::Unified, Home::Nowhere),
                    Err(reason) => Home::Nowhere(*reason),
                },
            }
        };
        let [memory, pids, cpu] = Resource::ALL.map(home);
        let is_used = [&memory, &pids, &cpu].contains(&&Home::Unified);
        Self { memory, pids, cpu, unified: if is_used { (*unified).clone().ok() } else { None } }
    }
}

fn unified(memberships: &[Membership<'_>], mounts: &[Mounted<'_>]) -> Result<Unified, Reason> {
    let own = memberships.iter().find(|own| own.is_unified()).ok_or(Reason::NotMounted)?;
    first(own, mounts.iter().filter(|mounted| mounted.is_unified), Unified::inspect)
}

/// The home in the version 1 hierarchy in which we are `own`.
fn legacy_home(resource: Resource, own: &Membership<'_>, mounts: &[Mounted<'_>]) -> Home {
    let fitting = mounts.iter().filter(|mounted| mounted.has(resource.controller()));
    let home = first(own, fitting, |directory| match writable(directory) {
        Ok(()) => Ok(directory.to_owned()),
        Err(Errno::NOENT) => Err(Reason::NotVisible),
        Err(_) => Err(Reason::NotWritable),
    });
    home.map_or_else(Home::Nowhere, Home::Legacy)
}

/// What `look` finds in the first mount that shows our own cgroup.
fn first<'m, T>(
    own: &Membership<'_>,
    mounts: impl Iterator<Item = &'m Mounted<'m>>,
    look: impl Fn(&Path) -> Result<T, Reason>,
) -> Result<T, Reason> {
    let mut found = Err(Reason::NotMounted);
    for mounted in mounts {
        found = mounted.directory(own.path).ok_or(Reason::NotVisible).and_then(|directory| look(&directory));
        match found {
            Err(Reason::NotVisible) => {}
            Ok(_) | Err(_) => break,
        }
    }
    found
}

/// Tells whether this process, with the rights that it has now, may write `path`.
pub(super) fn writable(path: &Path) -> Result<(), Errno> {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)
}

/// Reads a file of `/proc`, in one piece where it fits.
fn read_whole(path: &str) -> io::Result<String> {
    let mut text = String::with_capacity(16 << 10);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

impl Resource {
    /// Every resource that a limit can name.
    pub(super) const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    /// The name of the controller, the same in both versions.
    pub(super) const fn controller(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.controller())
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V2 => formatter.write_str("cgroup v2"),
            Self::V1 => formatter.write_str("cgroup v1"),
            Self::None(reason) => write!(formatter, "none: {reason}"),
        }
    }
}
