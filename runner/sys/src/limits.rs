//! Limits that the kernel keeps for each process, and the ones that keep memory out of core files.

use rustix::io::Errno;
use rustix::process::Rlimit;

use crate::image::{Resource, ResourceLimit};

/// Sets the plan's limits; a limit is only ever lowered.
pub(crate) fn set(limits: &[ResourceLimit]) -> Result<(), Errno> {
    for limit in limits {
        let resource = resource(limit);
        let now = rustix::process::getrlimit(resource);
        let hard = now.maximum.map_or(limit.hard, |maximum| maximum.min(limit.hard));
        let soft = limit.soft.min(hard);
        rustix::process::setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?;
    }
    Ok(())
}

/// True when no limit of this process is above the plan's.
pub(crate) fn hold(limits: &[ResourceLimit]) -> bool {
    limits.iter().all(|limit| {
        let now = rustix::process::getrlimit(resource(limit));
        let below = |now: Option<u64>, bound| now.is_some_and(|now| now <= bound);
        below(now.current, limit.soft) && below(now.maximum, limit.hard)
    })
}

fn resource(limit: &ResourceLimit) -> rustix::process::Resource {
    match limit.resource {
        Resource::Files => rustix::process::Resource::Nofile,
        Resource::Processes => rustix::process::Resource::Nproc,
        Resource::Data => rustix::process::Resource::Data,
    }
}

/// One byte of core file: with a piped `core_pattern` the kernel ignores a limit of 0 and runs the
/// host's collector; 1 is the only value that it takes as "never" (core(5), `fs/coredump.c`).
pub(crate) fn no_core_dumps() -> Result<(), Errno> {
    rustix::process::setrlimit(rustix::process::Resource::Core, Rlimit { current: Some(1), maximum: Some(1) })
}
