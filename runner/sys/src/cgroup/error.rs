//! What can go wrong with a group.

use std::io;
use std::path::PathBuf;

use super::discover::{Reason, Resource};

/// Why a group could not be made, used or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A limit was wanted that the machine does not give.
    #[error("cannot limit {resource} with a cgroup: {reason}")]
    Unavailable {
        /// What was to be bounded.
        resource: Resource,
        /// Why it cannot be.
        reason: Reason,
    },
    /// A cgroup's directory could not be made or opened.
    #[error("cannot create the cgroup `{}`", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A control file did not take a value.
    #[error("cannot write `{value}` to `{}`", file.display())]
    Write {
        /// The control file.
        file: PathBuf,
        /// What was written.
        value: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A cgroup's processes could not be listed.
    #[error("cannot list the processes of the cgroup `{}`", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Processes were killed and did not go.
    #[error("processes are left in the cgroup `{}` after they were killed", path.display())]
    StillThere {
        /// The directory.
        path: PathBuf,
    },
    /// A cgroup could not be removed.
    #[error("cannot remove the cgroup `{}`", path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}
