//! Values in files, and the files that programs read for us: regular ones of the person's or of root's, reached by a path
//! on which no command of a sandbox has a say.

use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::grants::Place;
use opaque_policy::path::AbsPath;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::failure::{Failed, Why};
use super::value::{self, Part, Taken};
use super::{Owner, Value};
use crate::descriptor;
use crate::policy_files::error::PolicyFileError;
use crate::policy_files::walk::Walk;

/// What lets others than the owner read or write.
const OTHERS: u32 = 0o066;

/// A file that was judged. Nothing of it has been read.
pub(super) struct Judged {
    path: AbsPath,
    file: OwnedFd,
    stat: Stat,
}

/// Reads a value from a file.
pub(super) fn read(place: &Place, owner: Owner<'_>) -> Result<Value, Failed> {
    let judged = judge(place, owner)?;
    let path = judged.path.to_string();
    let failed = |source| Why::Unreadable { path: path.clone(), source };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = descriptor::reopen(&judged.file, flags).map_err(failed)?;
    let mut bytes = value::room()?;
    match value::take(&file, &mut bytes, failed)? {
        Taken::All => {}
        // A file that makes its readers wait is none that holds a value.
        Taken::ForNow => return Err(failed(Errno::AGAIN).into()),
        Taken::TooMuch => return Err(Why::Long.into()),
    }
    let notes = judged.note(owner).into_iter().collect();
    Ok(Value { bytes: value::checked(bytes, Part::Whole)?, notes })
}

/// Follows a path, links included, and looks at what it leads to without opening it.
pub(super) fn judge(place: &Place, owner: Owner<'_>) -> Result<Judged, Why> {
    let path = place.resolve(&owner.account.home).map_err(|_| Why::Missing { path: place.to_string() })?;
    let root = root()?;
    let walk = Walk { root: root.as_fd(), uid: owner.account.uid, outside: owner.workspace };
    let found = walk.wherever(path.as_bytes()).map_err(|error| on_the_way(&path, &error))?;
    let Some((file, kind)) = found else { return Err(Why::Missing { path: path.to_string() }) };
    if let Some(kind) = other_than_file(kind) {
        return Err(Why::NotAFile { path: path.to_string(), kind });
    }
    let stat = rustix::fs::fstat(&file).map_err(|source| Why::Unreadable { path: path.to_string(), source })?;
    if stat.st_uid != 0 && stat.st_uid != owner.account.uid {
        return Err(Why::Foreign { path: path.to_string(), owner: stat.st_uid });
    }
    Ok(Judged { path, file, stat })
}

impl Judged {
    /// What the person should know: others may read or write it.
    pub(super) fn note(&self, owner: Owner<'_>) -> Option<String> {
        let path = &self.path;
        if self.stat.st_mode & OTHERS == 0 {
            return None;
        }
        let told = format!("`{path}` is open to others than its owner");
        Some(if self.stat.st_uid == owner.account.uid { format!("{told}: chmod 600 {path}") } else { told })
    }
}

/// Where paths begin.
pub(super) fn root() -> Result<OwnedFd, Why> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open("/", flags, Mode::empty()).map_err(|source| Why::Unreadable { path: "/".to_owned(), source })
}

/// What stands where a file should be; `None` for a file.
pub(super) fn other_than_file(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        FileType::Symlink => Some("a link"),
        FileType::Unknown => Some("something unknown"),
    }
}

fn on_the_way(path: &AbsPath, error: &PolicyFileError) -> Why {
    match error {
        PolicyFileError::Workspace { .. } => Why::Workspace { path: path.to_string() },
        PolicyFileError::Type { path } => Why::NotAFile { path: path.clone(), kind: "no way through" },
        PolicyFileError::Open { path, source } => Why::Unreadable { path: path.clone(), source: *source },
        PolicyFileError::Owner { path, owner } => Why::Foreign { path: path.clone(), owner: *owner },
        // Nobody asks a walk of this kind for them.
        PolicyFileError::Missing { path }
        | PolicyFileError::Writable { path }
        | PolicyFileError::Both { one: path, .. } => Why::Missing { path: path.clone() },
    }
}
