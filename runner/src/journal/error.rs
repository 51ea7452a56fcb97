//! Why nothing could be recorded, and what the person can do about it.

use opaque_policy::path::AbsPath;
use rustix::io::Errno;

/// Says why nothing could be recorded; the run is refused then.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory cannot be made or opened.
    #[error("cannot open the journal directory `{path}`")]
    Directory {
        /// Which.
        path: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
    /// Somebody else could read or write it.
    #[error("the journal `{path}` {problem}")]
    Exposed {
        /// Directory or file.
        path: AbsPath,
        /// What is wrong.
        problem: Problem,
    },
    /// Other writers do not finish.
    #[error("the journal `{path}` is locked by another process")]
    Busy {
        /// The directory.
        path: AbsPath,
    },
    /// Writing failed.
    #[error("cannot write the journal `{path}`")]
    Write {
        /// The directory.
        path: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
    /// No random numbers.
    #[error("cannot name the run")]
    Random(#[source] Errno),
}

/// What is wrong with a journal file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another owner.
    #[error("is not owned by the caller")]
    Owner,
    /// Permission bits for others.
    #[error("can be used by others")]
    Mode,
    /// A link, device or FIFO.
    #[error("is not a regular file")]
    Type,
    /// It was removed while it was in use.
    #[error("was removed")]
    Removed,
}

impl JournalError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Exposed { path, problem: Problem::Mode } => format!("chmod go= {path}"),
            Self::Exposed { path, problem: Problem::Owner } => format!("chown $(id -u) {path}, or use `--journal DIR`"),
            Self::Exposed { path, problem: Problem::Type | Problem::Removed } => {
                format!("move {path} away, or use `--journal DIR`")
            }
            Self::Write { source: Errno::NOSPC | Errno::DQUOT, .. } => {
                "free some space, or use `--journal DIR`".to_owned()
            }
            Self::Busy { .. } => "look for a stopped `opaque-run`, or use `--journal DIR`".to_owned(),
            Self::Directory { .. } | Self::Write { .. } | Self::Random(_) => {
                "name a directory that you can write: `--journal DIR`".to_owned()
            }
        }
    }
}
