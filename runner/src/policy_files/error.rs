//! Why a policy file does not count, and what the person can do about it.

use rustix::io::Errno;

/// Says why a policy or profile file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFileError {
    /// A file that was named does not exist.
    #[error("the policy `{path}` does not exist")]
    Missing {
        /// Which.
        path: String,
    },
    /// Two places for the same thing.
    #[error("there are two policies of yours: `{one}` and `{other}`")]
    Both {
        /// The usual place.
        one: String,
        /// The old place.
        other: String,
    },
    /// Somebody else owns it.
    #[error("`{path}` belongs to uid {owner}, who could change the policy")]
    Owner {
        /// File, link or directory.
        path: String,
        /// Its owner.
        owner: u32,
    },
    /// Others may write to it.
    #[error("`{path}` can be written by others, who could change the policy")]
    Writable {
        /// File or directory.
        path: String,
    },
    /// Not a file, or not a directory.
    #[error("`{path}` is of the wrong type")]
    Type {
        /// Which.
        path: String,
    },
    /// It lies in the workspace.
    #[error("`{path}` lies in the workspace, which anything inside may write")]
    Workspace {
        /// Which.
        path: String,
    },
    /// It could not be read.
    #[error("cannot read `{path}`")]
    Open {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: Errno,
    },
}

impl PolicyFileError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => None,
            Self::Both { one, other } => Some(format!("keep one of them: rm {one}, or rm {other}")),
            Self::Owner { path, .. } => Some(format!("chown $(id -u) {path}, or keep the policy elsewhere")),
            // Nobody should take the rights of others away from a directory that is meant for all.
            Self::Writable { path } if is_shared(path) => {
                Some("keep the policy in a directory that only you can write, such as ~/.config/opaque".to_owned())
            }
            Self::Writable { path } => Some(format!("chmod go-w {path}, or keep the policy elsewhere")),
            Self::Type { path } => Some(format!("move {path} away")),
            Self::Workspace { .. } => Some("keep it outside of the workspace".to_owned()),
            Self::Open { source: Errno::FBIG, .. } => {
                Some("a policy file has at most 1 MiB, a directory 256 files".to_owned())
            }
            Self::Open { source: Errno::NOSYS | Errno::PERM, .. } => {
                Some("`openat2` is needed (Linux 5.6); a container's seccomp filter may forbid it".to_owned())
            }
            Self::Open { .. } => None,
        }
    }
}

/// True for a directory that everybody may write and where each keeps what is theirs.
fn is_shared(path: &str) -> bool {
    rustix::fs::lstat(path).is_ok_and(|stat| stat.st_mode & 0o1002 == 0o1002)
}
