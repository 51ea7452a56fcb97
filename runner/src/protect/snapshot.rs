//! What protected paths were at the start, to be compared while the command runs and at its end: identity, and the
//! content of small files.

use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::descriptor;

/// Longest file whose content is compared; of a longer one, size and time of change are.
const SMALL: u64 = 64 * 1024;

/// What stood at each path.
#[derive(Debug, Clone)]
pub struct Snapshot {
    was: Vec<(AbsPath, Seen)>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// It cannot be looked at, and what cannot be looked at cannot be vouched for.
    Unknown,
    Something(Identity, Content),
}

/// Which file it is. An inode number is used again; together with the time of birth it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: Inode,
    born: (i64, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// A directory, socket or device: only its identity counts.
    Uncompared,
    Small([u8; 32]),
    Large {
        size: u64,
        changed: (i64, u32),
    },
}

impl Snapshot {
    /// Looks at each path now.
    #[must_use]
    pub fn take(paths: &[AbsPath]) -> Self {
        Self { was: paths.iter().map(|path| (path.clone(), see(path))).collect() }
    }

    /// The first path at which something else stands now. Content is not compared: it costs a few microseconds.
    #[must_use]
    pub fn replaced(&self) -> Option<AbsPath> {
        let is_same = |path: &AbsPath, was: &Seen| match (was, look(path)) {
            (Seen::Nothing, Err(Errno::NOENT | Errno::NOTDIR)) => true,
            (Seen::Something(identity, _), Ok(stat)) => *identity == Identity::of(&stat),
            (Seen::Nothing | Seen::Unknown | Seen::Something(..), _) => false,
        };
        self.was.iter().find(|(path, was)| !is_same(path, was)).map(|(path, _)| path.clone())
    }

    /// The paths that are not what they were.
    #[must_use]
    pub fn changed(&self) -> Vec<AbsPath> {
        let is_changed = |(path, was): &&(AbsPath, Seen)| *was == Seen::Unknown || see(path) != *was;
        self.was.iter().filter(is_changed).map(|(path, _)| path.clone()).collect()
    }
}

impl Identity {
    fn of(stat: &Statx) -> Self {
        let device = rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor);
        Self { inode: Inode { device, number: stat.stx_ino }, born: (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec) }
    }
}

fn look(path: &AbsPath) -> Result<Statx, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    rustix::fs::statx(CWD, path.as_path(), AtFlags::SYMLINK_NOFOLLOW, wanted)
}

fn see(path: &AbsPath) -> Seen {
    match look(path).and_then(|stat| Ok(Seen::Something(Identity::of(&stat), content(path, &stat)?))) {
        Ok(seen) => seen,
        Err(Errno::NOENT | Errno::NOTDIR) => Seen::Nothing,
        Err(_) => Seen::Unknown,
    }
}

fn content(path: &AbsPath, stat: &Statx) -> Result<Content, Errno> {
    if FileType::from_raw_mode(u32::from(stat.stx_mode)) != FileType::RegularFile {
        return Ok(Content::Uncompared);
    }
    let large = Content::Large { size: stat.stx_size, changed: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec) };
    if stat.stx_size > SMALL {
        return Ok(large);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path.as_path(), flags, Mode::empty()) {
        Ok(file) => {
            let content = descriptor::read_bounded(file, usize::try_from(SMALL).unwrap_or(0) * 2)?;
            Ok(Content::Small(Sha256::digest(&content).into()))
        }
        Err(Errno::ACCESS) => Ok(large),
        Err(errno) => Err(errno),
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
        assert_eq!(snapshot.replaced(), None, "it is still the same file");
        fs::write(small.as_path(), "a").unwrap();
        assert_eq!(snapshot.changed(), []);
        fs::write(large.as_path(), vec![1; 100_001]).unwrap();
        fs::create_dir(top.join("new").unwrap().as_path()).unwrap();
        fs::remove_dir(hooks.as_path()).unwrap();
        fs::rename(top.join("new").unwrap().as_path(), hooks.as_path()).unwrap();
        assert_eq!(snapshot.replaced(), Some(hooks.clone()));
        fs::write(absent.as_path(), "").unwrap();
        assert_eq!(snapshot.changed(), [large, hooks, absent]);
    }

    #[test]
    fn a_file_that_takes_over_an_inode_number_is_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = AbsPath::new(directory.path().as_os_str().as_encoded_bytes()).unwrap().join("config").unwrap();
        fs::write(path.as_path(), "a").unwrap();
        let snapshot = Snapshot::take(std::slice::from_ref(&path));
        fs::remove_file(path.as_path()).unwrap();
        assert_eq!(snapshot.replaced(), Some(path.clone()));
        fs::write(path.as_path(), "a").unwrap();
        assert_eq!(snapshot.replaced(), Some(path));
    }
}
