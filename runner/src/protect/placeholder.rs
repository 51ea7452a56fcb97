//! One placeholder: a socket that nobody listens on, or a small read-only file, where a protected path does not exist.
//! Never removes anything that has content of somebody else's.
//!
//! A socket, because git lists neither it nor its absence (`add -A`, `status`, `clean -fd` and `stash -u` pass it by),
//! because opening it fails at once, and because making and removing one takes a tenth of the time of a directory. Where
//! a file system has no sockets, an empty directory stands there.

use std::os::fd::OwnedFd;

use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Protected, Protection};
use opaque_policy::request::Inode;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::descriptor;
use crate::git;

/// Longest text of a placeholder file.
const TEXT: usize = 4096;
/// Nobody may write.
const NO_WRITE: u32 = 0o222;

/// What stands in for a protected path that does not exist. Its parent is a directory that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// Where, without a link on the way.
    pub path: AbsPath,
    /// The text of a file; `None` is a socket or directory.
    pub text: Option<Vec<u8>>,
}

/// What happened when a placeholder was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It stands now.
    New(Inode),
    /// A placeholder stood there before: of another run, or left by one.
    Left(Inode),
    /// Something stood there before.
    Standing(Inode),
    /// Its parent is not the directory that it was.
    Displaced,
}

impl Placeholder {
    /// The placeholders that a plan needs.
    #[must_use]
    pub fn of(protected: &[Protected]) -> Vec<Self> {
        let needed = protected.iter().filter_map(|protected| match &protected.by {
            Protection::Placeholder => Some((&protected.path, None)),
            Protection::PlaceholderFile { text } => Some((&protected.path, Some(text.clone().into_bytes()))),
            Protection::ReadOnly { .. } | Protection::Pinned { .. } => None,
        });
        needed.map(|(path, text)| Self { path: path.clone(), text }).collect()
    }

    /// Makes it beneath its parent, no link followed.
    pub(super) fn make(&self, sockets: &mut Sockets) -> Result<Made, Errno> {
        let parent = match self.parent() {
            Ok(parent) => parent,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Made::Displaced),
            Err(errno) => return Err(errno),
        };
        let name = self.path.name().unwrap_or_default();
        let made = match &self.text {
            None => sockets.make(&parent, name),
            Some(text) => write_new(&parent, name, text),
        };
        let look = || rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW);
        match made {
            Ok(()) => look().map(|stat| Made::New(descriptor::inode(&stat))),
            Err(Errno::EXIST) => match look() {
                Ok(stat) if is_one(&self.path, &stat) => Ok(Made::Left(descriptor::inode(&stat))),
                Ok(stat) => Ok(Made::Standing(descriptor::inode(&stat))),
                Err(Errno::NOENT) => Ok(Made::Displaced),
                Err(errno) => Err(errno),
            },
            Err(errno) => Err(errno),
        }
    }

    /// Removes it, if it is still what was made: anything else that stands there by now is somebody's own.
    pub(super) fn remove(&self) {
        let Ok(parent) = self.parent() else { return };
        let name = self.path.name().unwrap_or_default();
        let Ok(stat) = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        if stat.st_mode & NO_WRITE != 0 {
            return;
        }
        let kind = descriptor::kind(&stat);
        // `rmdir` refuses a directory that holds anything.
        let _ = match &self.text {
            None if kind == FileType::Directory => rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR),
            None if kind == FileType::Socket => rustix::fs::unlinkat(&parent, name, AtFlags::empty()),
            Some(text) if kind == FileType::RegularFile && self.holds(&parent, name, text) => {
                rustix::fs::unlinkat(&parent, name, AtFlags::empty())
            }
            None | Some(_) => Ok(()),
        };
    }

    fn holds(&self, parent: &OwnedFd, name: &[u8], text: &[u8]) -> bool {
        use std::os::fd::AsFd;
        git::regular(parent.as_fd(), name, TEXT).is_ok_and(|content| content == text || content.is_empty())
    }

    fn parent(&self) -> Result<OwnedFd, Errno> {
        let parent = self.path.parent().ok_or(Errno::INVAL)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat2(CWD, parent.as_path(), flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
    }
}

/// The sockets of one run: one inode with a name for each placeholder. A file system that was asked for many new
/// inodes in a few seconds looks for them longer and longer (ext4 passes over those that were just deleted); a name
/// more costs four microseconds.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    first: Option<(OwnedFd, Vec<u8>)>,
}

impl Sockets {
    fn make(&mut self, parent: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
        if let Some((directory, first)) = &self.first {
            match rustix::fs::linkat(directory, first.as_slice(), parent, name, AtFlags::empty()) {
                Ok(()) if is_socket(parent, name) => return Ok(()),
                // Another took the place of the first: what was linked goes again.
                Ok(()) => rustix::fs::unlinkat(parent, name, AtFlags::empty())?,
                Err(Errno::EXIST) => return Err(Errno::EXIST),
                // Another file system, or one without links.
                Err(_) => {}
            }
        }
        match rustix::fs::mknodat(parent, name, FileType::Socket, Mode::from_raw_mode(0o444), 0) {
            Ok(()) => {
                self.first = Some((rustix::io::fcntl_dupfd_cloexec(parent, 3)?, name.to_vec()));
                Ok(())
            }
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o555))
            }
            Err(errno) => Err(errno),
        }
    }
}

/// True for what looks like a placeholder of this user's: of another run, perhaps, that is just making or removing it.
/// Nothing real is lost by taking it for one: nobody listens there, and nobody can write to it.
pub(crate) fn is_one(path: &AbsPath, stat: &Stat) -> bool {
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o7333 == 0;
    let is_named = || matches!(path.name(), Some(b"commondir" | b"config.worktree"));
    is_ours
        && match descriptor::kind(stat) {
            FileType::Socket => true,
            FileType::RegularFile => stat.st_size <= 2 && is_named(),
            FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => false,
        }
}

fn is_socket(parent: &OwnedFd, name: &[u8]) -> bool {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| descriptor::kind(&stat) == FileType::Socket && stat.st_mode & NO_WRITE == 0)
}

fn write_new(parent: &OwnedFd, name: &[u8], text: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o444))?;
    match rustix::io::write(&file, text) {
        Ok(count) if count == text.len() => Ok(()),
        written => {
            let _ = rustix::fs::unlinkat(parent, name, AtFlags::empty());
            Err(written.err().unwrap_or(Errno::NOSPC))
        }
    }
}
