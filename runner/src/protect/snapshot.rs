//! What protected paths were at the start, to be compared at the end: identity, and the content of small files.

use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::descriptor;

/// Longest file whose content is compared; of a longer one, size and times of change are.
const SMALL: i64 = 64 * 1024;

/// What stood at each path.
#[derive(Debug, Clone)]
pub struct Snapshot {
    was: Vec<(AbsPath, State)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Absent,
    Unknown,
    Directory(Inode),
    Small(Inode, [u8; 32]),
    Other(Inode, u32, i64, (i64, i64)),
}

impl Snapshot {
    /// Looks at each path now.
    #[must_use]
    pub fn take(paths: &[AbsPath]) -> Self {
        Self { was: paths.iter().map(|path| (path.clone(), state(path))).collect() }
    }

    /// The paths that are not what they were.
    #[must_use]
    pub fn changed(&self) -> Vec<AbsPath> {
        let is_changed = |(path, was): &&(AbsPath, State)| *was == State::Unknown || state(path) != *was;
        self.was.iter().filter(is_changed).map(|(path, _)| path.clone()).collect()
    }
}

fn state(path: &AbsPath) -> State {
    match look(path) {
        Ok(state) => state,
        Err(Errno::NOENT | Errno::NOTDIR) => State::Absent,
        // What cannot be looked at cannot be vouched for.
        Err(_) => State::Unknown,
    }
}

fn look(path: &AbsPath) -> Result<State, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path.as_path(), flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&opened)?;
    let inode = descriptor::inode(&stat);
    let other = State::Other(
        inode,
        stat.st_mode,
        stat.st_size,
        (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
    );
    match descriptor::kind(&stat) {
        FileType::Directory => Ok(State::Directory(inode)),
        FileType::RegularFile if stat.st_size <= SMALL => {
            match descriptor::reopen(&opened, OFlags::RDONLY | OFlags::NOCTTY) {
                Ok(content) => {
                    let content = descriptor::read_bounded(content, usize::try_from(SMALL).unwrap_or(0) * 2)?;
                    Ok(State::Small(inode, Sha256::digest(&content).into()))
                }
                Err(Errno::ACCESS) => Ok(other),
                Err(errno) => Err(errno),
            }
        }
        FileType::RegularFile
        | FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn identity_and_content_are_compared() {
        let directory = tempfile::tempdir().unwrap();
        let top = AbsPath::new(directory.path().as_os_str().as_encoded_bytes()).unwrap();
        let [small, large, hooks, absent] = ["small", "large", "hooks", "absent"].map(|name| top.join(name).unwrap());
        fs::write(small.as_path(), "a").unwrap();
        fs::write(large.as_path(), vec![0; 100_000]).unwrap();
        fs::create_dir(hooks.as_path()).unwrap();
        let snapshot = Snapshot::take(&[small.clone(), large.clone(), hooks.clone(), absent.clone()]);
        assert_eq!(snapshot.changed(), []);
        fs::write(small.as_path(), "b").unwrap();
        assert_eq!(snapshot.changed(), std::slice::from_ref(&small));
        fs::write(small.as_path(), "a").unwrap();
        assert_eq!(snapshot.changed(), []);
        fs::write(large.as_path(), vec![1; 100_001]).unwrap();
        fs::create_dir(top.join("new").unwrap().as_path()).unwrap();
        fs::remove_dir(hooks.as_path()).unwrap();
        fs::rename(top.join("new").unwrap().as_path(), hooks.as_path()).unwrap();
        fs::write(absent.as_path(), "").unwrap();
        assert_eq!(snapshot.changed(), [large, hooks, absent]);
    }
}
