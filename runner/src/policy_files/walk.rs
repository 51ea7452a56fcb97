//! Walks a path by descriptors, one component after the other, and stops where others than root and the caller may write.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use opaque_policy::request::Inode;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::error::PolicyFileError;
use crate::descriptor;

/// Links that one path may lead through, as in the kernel.
const LINKS: usize = 40;
/// The group's and everybody's right to write. A sticky directory is no exception: what it holds is not its owner's alone.
pub(crate) const OTHERS_WRITE: u32 = 0o022;

/// A walk from a root, on behalf of a caller.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// Where `/` is.
    pub(crate) root: BorrowedFd<'a>,
    /// The caller.
    pub(crate) uid: u32,
    /// A directory through which no path may lead: a workspace, whose files are not the person's word.
    pub(crate) outside: Option<Inode>,
}

/// Where a walk is: the directories down to it, with their names.
struct Position {
    directories: Vec<(Vec<u8>, OwnedFd)>,
    /// Components to go, the next one last.
    ahead: Vec<Vec<u8>>,
    links: usize,
}

impl Walk<'_> {
    /// True when something is there, trusted or not.
    pub(crate) fn exists(self, path: &[u8]) -> Result<bool, PolicyFileError> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        match rustix::fs::openat2(self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            // Not about the path: this machine has no such call.
            Err(source @ (Errno::NOSYS | Errno::PERM)) => {
                Err(PolicyFileError::Open { path: String::from_utf8_lossy(path).into_owned(), source })
            }
            Ok(_) | Err(_) => Ok(true),
        }
    }

    /// The content of a file; `None` when there is none.
    pub(crate) fn file(self, path: &[u8], bound: usize) -> Result<Option<Vec<u8>>, PolicyFileError> {
        let Some((opened, kind)) = self.to(path)? else {
            return Ok(None);
        };
        let shown = String::from_utf8_lossy(path).into_owned();
        if kind != FileType::RegularFile {
            return Err(PolicyFileError::Type { path: shown });
        }
        let content = descriptor::reopen(opened, OFlags::RDONLY | OFlags::NOCTTY)
            .and_then(|content| descriptor::read_bounded(content, bound));
        content.map(Some).map_err(|source| PolicyFileError::Open { path: shown, source })
    }

    /// A file, to be executed and not to be read; `None` when there is none.
    pub(crate) fn program(self, path: &[u8]) -> Result<Option<OwnedFd>, PolicyFileError> {
        let Some((opened, kind)) = self.to(path)? else {
            return Ok(None);
        };
        if kind != FileType::RegularFile {
            return Err(PolicyFileError::Type { path: String::from_utf8_lossy(path).into_owned() });
        }
        Ok(Some(opened))
    }

    /// A directory, to be listed; `None` when there is none.
    pub(crate) fn directory(self, path: &[u8]) -> Result<Option<OwnedFd>, PolicyFileError> {
        let Some((opened, kind)) = self.to(path)? else {
            return Ok(None);
        };
        let shown = String::from_utf8_lossy(path).into_owned();
        if kind != FileType::Directory {
            return Err(PolicyFileError::Type { path: shown });
        }
        let listed = descriptor::reopen(opened, OFlags::RDONLY | OFlags::DIRECTORY);
        listed.map(Some).map_err(|source| PolicyFileError::Open { path: shown, source })
    }

    /// What a path leads to, where nobody but root and the caller could have changed that; `None` when there is nothing.
    pub(crate) fn to(self, path: &[u8]) -> Result<Option<(OwnedFd, FileType)>, PolicyFileError> {
        self.follow(path, Self::trust)
    }

    /// What a path leads to, whoever may change that; `None` when there is nothing. Through no workspace all the same.
    pub(crate) fn wherever(self, path: &[u8]) -> Result<Option<(OwnedFd, FileType)>, PolicyFileError> {
        self.follow(path, |_, _, _| Ok(()))
    }

    fn follow(
        self,
        path: &[u8],
        check: impl Fn(Self, &Stat, &dyn Fn() -> String) -> Result<(), PolicyFileError>,
    ) -> Result<Option<(OwnedFd, FileType)>, PolicyFileError> {
        if !self.exists(path)? {
            return Ok(None);
        }
        let failed = |path: String| move |source| PolicyFileError::Open { path, source };
        let root = rustix::fs::fstat(self.root).map_err(failed("/".to_owned()))?;
        check(self, &root, &|| "/".to_owned())?;
        let mut position = Position { directories: Vec::new(), ahead: Vec::new(), links: 0 };
        position.go(path);
        while let Some(name) = position.ahead.pop() {
            if name == b".." {
                position.directories.pop();
                continue;
            }
            let shown = position.shown(&name);
            let here = || shown.clone();
            let parent = position.directories.last().map_or(self.root, |(_, directory)| directory.as_fd());
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(parent, &name, flags, Mode::empty()).map_err(failed(here()))?;
            let stat = rustix::fs::fstat(&opened).map_err(failed(here()))?;
            check(self, &stat, &here)?;
            if self.outside == Some(descriptor::inode(&stat)) {
                return Err(PolicyFileError::Workspace { path: String::from_utf8_lossy(path).into_owned() });
            }
            let kind = descriptor::kind(&stat);
            if kind == FileType::Symlink {
                let text = rustix::fs::readlinkat(&opened, c"", Vec::with_capacity(256)).map_err(failed(here()))?;
                position.links += 1;
                if position.links > LINKS {
                    return Err(PolicyFileError::Open { path: here(), source: Errno::LOOP });
                }
                position.go(text.as_bytes());
            } else if position.ahead.is_empty() {
                return Ok(Some((opened, kind)));
            } else if kind == FileType::Directory {
                position.directories.push((name, opened));
            } else {
                return Err(PolicyFileError::Type { path: here() });
            }
        }
        Err(PolicyFileError::Type { path: String::from_utf8_lossy(path).into_owned() })
    }

    fn trust(self, stat: &Stat, path: &dyn Fn() -> String) -> Result<(), PolicyFileError> {
        if stat.st_uid != 0 && stat.st_uid != self.uid {
            return Err(PolicyFileError::Owner { path: path(), owner: stat.st_uid });
        }
        // The mode of a link says nothing: its directory's does.
        if descriptor::kind(stat) != FileType::Symlink && stat.st_mode & OTHERS_WRITE != 0 {
            return Err(PolicyFileError::Writable { path: path() });
        }
        Ok(())
    }
}

impl Position {
    /// Goes on along a path, from here or from the root.
    fn go(&mut self, path: &[u8]) {
        if path.starts_with(b"/") {
            self.directories.clear();
        }
        let components = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
        self.ahead.extend(components.rev().map(<[u8]>::to_vec));
    }

    fn shown(&self, name: &[u8]) -> String {
        let names = self.directories.iter().map(|(name, _)| name.as_slice()).chain([name]);
        names.fold(String::new(), |path, name| format!("{path}/{}", String::from_utf8_lossy(name)))
    }
}
