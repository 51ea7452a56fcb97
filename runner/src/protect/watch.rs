//! Watches protected names on the host. When one is made, removed or replaced there, the mount inside the run is gone.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use opaque_policy::path::AbsPath;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// A watch over names; readable when something happened in one of their directories.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
    directories: Vec<Directory>,
}

#[derive(Debug)]
struct Directory {
    descriptor: i32,
    path: AbsPath,
    names: Vec<Vec<u8>>,
}

/// Says why a name cannot be watched.
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
    pub fn hint(&self) -> Option<&'static str> {
        match self.source {
            Errno::NOSPC => Some("raise the sysctl fs.inotify.max_user_watches"),
            Errno::MFILE => Some("raise the sysctl fs.inotify.max_user_instances"),
            _ => None,
        }
    }
}

impl Watch {
    /// Watches these paths by their directories, which exist. What changed before this returns must be found by
    /// comparing identities afterwards.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub fn new(paths: &[AbsPath]) -> Result<Self, WatchError> {
        let root = AbsPath::root();
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|source| WatchError { path: root, source })?;
        let mut watch = Self { inotify, directories: Vec::new() };
        for path in paths {
            if let (Some(parent), Some(name)) = (path.parent(), path.name()) {
                watch.add(parent, name)?;
            }
        }
        Ok(watch)
    }

    fn add(&mut self, path: AbsPath, name: &[u8]) -> Result<(), WatchError> {
        if let Some(known) = self.directories.iter_mut().find(|directory| directory.path == path) {
            known.names.push(name.to_vec());
            return Ok(());
        }
        let happens = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        let flags = happens | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
        match inotify::add_watch(&self.inotify, path.as_path(), flags) {
            Ok(descriptor) => {
                self.directories.push(Directory { descriptor, path, names: vec![name.to_vec()] });
                Ok(())
            }
            Err(source) => Err(WatchError { path, source }),
        }
    }

    /// The first protected name that changed since the last call; never waits. When the kernel lost events, everything
    /// counts as changed: the stricter answer.
    pub fn changed(&mut self) -> Option<AbsPath> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => return None,
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                return self.directories.first().map(|directory| directory.path.clone());
            }
            let name = event.file_name().map(|name| name.to_bytes()).unwrap_or_default();
            let directory = self.directories.iter().find(|directory| directory.descriptor == event.wd());
            if let Some(directory) = directory
                && directory.names.iter().any(|known| known == name)
            {
                return directory.path.join(name).ok();
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn place() -> (tempfile::TempDir, AbsPath) {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let path = AbsPath::new(real.as_os_str().as_encoded_bytes()).unwrap();
        (directory, path)
    }

    fn is_readable(watch: &Watch) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
    }

    #[test]
    fn a_protected_name_that_is_replaced_made_or_removed_is_reported() {
        let (_directory, top) = place();
        let config = top.join("config").unwrap();
        fs::write(config.as_path(), "a").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&config)).unwrap();
        assert!(!is_readable(&watch));
        fs::write(top.join("config.lock").unwrap().as_path(), "b").unwrap();
        assert_eq!(watch.changed(), None, "another name");
        fs::rename(top.join("config.lock").unwrap().as_path(), config.as_path()).unwrap();
        assert!(is_readable(&watch));
        assert_eq!(watch.changed(), Some(config.clone()));
        fs::remove_file(config.as_path()).unwrap();
        assert_eq!(watch.changed(), Some(config.clone()));
        fs::write(config.as_path(), "c").unwrap();
        assert_eq!(watch.changed(), Some(config));
        assert_eq!(watch.changed(), None);
    }

    #[test]
    fn writing_into_a_protected_file_leaves_its_mount_alone() {
        let (_directory, top) = place();
        let config = top.join("config").unwrap();
        fs::write(config.as_path(), "a").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&config)).unwrap();
        fs::write(config.as_path(), "b").unwrap();
        assert_eq!(watch.changed(), None);
    }

    #[test]
    fn lost_events_count_as_a_change() {
        let (_directory, top) = place();
        let config = top.join("config").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&config)).unwrap();
        let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        let (one, two) = (top.join("one").unwrap(), top.join("two").unwrap());
        fs::write(one.as_path(), "").unwrap();
        for _ in 0..=most / 4 {
            fs::rename(one.as_path(), two.as_path()).unwrap();
            fs::rename(two.as_path(), one.as_path()).unwrap();
        }
        assert_eq!(watch.changed(), Some(top));
    }
}
