//! Resource limits: what may be asked for, and what a plan carries.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A limit's value and whether the run is refused when the machine cannot give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit<T> {
    /// The bound.
    pub max: T,
    /// Refuse the run when the machine cannot enforce it; otherwise report it as absent.
    pub required: bool,
}

/// The limits of one run. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Wall time from the start of the command.
    #[serde(serialize_with = "milliseconds")]
    pub wall: Option<Limit<Duration>>,
    /// CPU bandwidth, in percent of one core (200 is two cores).
    pub cpu: Option<Limit<u32>>,
    /// Memory of the whole run, in bytes, swap included.
    pub memory: Option<Limit<u64>>,
    /// Processes and threads at once.
    pub pids: Option<Limit<u64>>,
    /// Open descriptors of each process.
    pub files: Option<Limit<u64>>,
    /// Bytes in the run's private directories (`/tmp`, home, `/dev/shm`).
    pub tmp: Option<Limit<u64>>,
    /// Files and directories in the run's private directories.
    pub inodes: Option<Limit<u64>>,
    /// Bytes written to standard output and standard error together.
    pub output: Option<Limit<u64>>,
}

/// What `--limit` and `--timeout` ask for; each is required by being asked for.
pub type LimitRequest = Limits;

fn milliseconds<S: Serializer>(limit: &Option<Limit<Duration>>, serializer: S) -> Result<S::Ok, S::Error> {
    limit.map(|limit| Limit { max: limit.max.as_millis() as u64, required: limit.required }).serialize(serializer)
}
