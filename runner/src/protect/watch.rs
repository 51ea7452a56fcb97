//! Watches the directories of protected names on the host. When a name is made, removed or replaced there, the mount
//! inside the run is gone.
//!
//! The kernel only says that something happened; what happened is found by looking, so nothing can be lost or forged.

use std::os::fd::OwnedFd;

use opaque_policy::path::AbsPath;
use opaque_sys::notify;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// A watch; it ends when it is dropped. What happens is told by [`notify::SIGNAL`], which must be blocked.
#[derive(Debug)]
pub struct Watch {
    _directories: Vec<OwnedFd>,
}

/// Says why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch `{path}`")]
pub struct WatchError {
    /// The directory.
    pub path: AbsPath,
    /// Why.
    #[source]
    pub source: Errno,
}

impl WatchError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        (self.source == Errno::INVAL).then(|| "this kernel lacks directory notification (CONFIG_DNOTIFY)".to_owned())
    }
}

impl Watch {
    /// Watches these paths by their directories, which exist. What changed before this returns must be found by
    /// comparing afterwards.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub fn new(paths: &[AbsPath]) -> Result<Self, WatchError> {
        let mut parents: Vec<AbsPath> = paths.iter().filter_map(AbsPath::parent).collect();
        parents.sort();
        parents.dedup();
        let watch = |path: AbsPath| open(&path).map_err(|source| WatchError { path, source });
        Ok(Self { _directories: parents.into_iter().map(watch).collect::<Result<_, _>>()? })
    }
}

fn open(path: &AbsPath) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat2(CWD, path.as_path(), flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    notify::names_in(&directory)?;
    Ok(directory)
}
