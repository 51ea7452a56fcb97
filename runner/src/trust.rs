//! Which repositories' requests the person trusts: one note a file, under the file's path, with the digest of what was
//! read. A file that has changed since is not trusted. Asks nobody; `opaque trust` does.

use std::collections::BTreeMap;
use std::io::Write;

use opaque_policy::path::AbsPath;
use opaque_policy::request::Asked;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::invocation::describe;
use crate::journal::make_directory;
use crate::policy_files::error::PolicyFileError;
use crate::policy_files::walk::Walk;

/// The directory below the state directory.
const DIRECTORY: &str = "trusted";
/// Longest note.
const LONGEST: usize = 16 * 1024;

/// The notes.
#[derive(Debug, Clone)]
pub struct Trust {
    directory: AbsPath,
}

/// What the person trusts: this content at this path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// The file.
    pub path: AbsPath,
    /// SHA-256 of its content, lower-case hex.
    pub sha256: String,
}

impl Trusted {
    /// This content at its path.
    #[must_use]
    pub fn new(path: AbsPath, content: &[u8]) -> Self {
        Self { path, sha256: hex(&Sha256::digest(content)) }
    }

    /// The name of its note: paths are longer than names may be.
    fn name(path: &AbsPath) -> String {
        format!("{}.json", hex(&Sha256::digest(path.as_bytes())))
    }
}

/// What a repository's request comes to here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'p> {
    /// There is none.
    None,
    /// It counts as if the person had typed it.
    Trusted(&'p Asked),
    /// It counts for nothing; why, in one line.
    Untrusted(String),
}

impl Trust {
    /// The notes below a state directory.
    ///
    /// # Errors
    /// The path is too long.
    pub fn below(state: &AbsPath) -> Result<Self, opaque_policy::path::PathError> {
        Ok(Self { directory: state.join(DIRECTORY)? })
    }

    /// Whether exactly this is trusted.
    ///
    /// # Errors
    /// There is a note that others than root and the person could have written, or that cannot be read.
    pub fn has(&self, trusted: &Trusted) -> Result<bool, PolicyFileError> {
        Ok(self.note(&trusted.path)?.is_some_and(|note| note == *trusted))
    }

    /// Trusts exactly this; what was trusted at its path before is not any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn remember(&self, trusted: &Trusted) -> Result<(), Errno> {
        make_directory(&self.directory)?;
        let note = self.path_of(&trusted.path)?;
        let half = self.directory.join(format!("{}.{}", Trusted::name(&trusted.path), std::process::id()));
        let half = half.map_err(|_| Errno::NAMETOOLONG)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(half.as_path(), flags, Mode::RUSR | Mode::WUSR)?;
        let text = serde_json::to_vec(trusted).map_err(|_| Errno::INVAL)?;
        std::fs::File::from(file)
            .write_all(&text)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        rustix::fs::renameat(CWD, half.as_path(), CWD, note.as_path())
    }

    /// Trusts nothing at this path any more; `false` when nothing was.
    ///
    /// # Errors
    /// What the system says.
    pub fn forget(&self, path: &AbsPath) -> Result<bool, Errno> {
        match rustix::fs::unlink(self.path_of(path)?.as_path()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Everything that is trusted, by its path.
    ///
    /// # Errors
    /// As [`Trust::has`].
    pub fn all(&self) -> Result<BTreeMap<AbsPath, Trusted>, PolicyFileError> {
        let failed = |source| PolicyFileError::Open { path: self.directory.to_string(), source };
        let entries = match rustix::fs::open(self.directory.as_path(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        {
            Ok(directory) => rustix::fs::Dir::new(directory).map_err(failed)?,
            Err(Errno::NOENT) => return Ok(BTreeMap::new()),
            Err(errno) => return Err(failed(errno)),
        };
        let mut all = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if let Ok(path) = self.directory.join(name)
                && name.ends_with(b".json")
                && let Some(note) = read(&path)?
            {
                all.insert(note.path.clone(), note);
            }
        }
        Ok(all)
    }

    /// What a repository's request comes to.
    #[must_use]
    pub fn judge<'p>(&self, request: Option<&'p Asked>, content: &[u8], path: AbsPath) -> Request<'p> {
        let Some(request) = request else { return Request::None };
        let trusted = Trusted::new(path, content);
        match self.has(&trusted) {
            Ok(true) => Request::Trusted(request),
            Ok(false) => Request::Untrusted(format!(
                "`{}` is not trusted, so what its `[request]` asks for is not granted · look at it: opaque trust",
                trusted.path
            )),
            Err(error) => Request::Untrusted(format!("`{}` is not trusted: {}", trusted.path, describe(&error))),
        }
    }

    fn note(&self, path: &AbsPath) -> Result<Option<Trusted>, PolicyFileError> {
        match self.path_of(path) {
            Ok(note) => read(&note),
            Err(source) => Err(PolicyFileError::Open { path: path.to_string(), source }),
        }
    }

    fn path_of(&self, path: &AbsPath) -> Result<AbsPath, Errno> {
        self.directory.join(Trusted::name(path)).map_err(|_| Errno::NAMETOOLONG)
    }
}

fn read(note: &AbsPath) -> Result<Option<Trusted>, PolicyFileError> {
    let failed = |source| PolicyFileError::Open { path: note.to_string(), source };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open("/", flags, Mode::empty()).map_err(failed)?;
    let uid = rustix::process::getuid().as_raw();
    let walk = Walk { root: std::os::fd::AsFd::as_fd(&root), uid, outside: None };
    let Some(bytes) = walk.file(note.as_bytes(), LONGEST)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| failed(Errno::INVAL))
}
