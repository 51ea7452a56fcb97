//! Finds the policy and profile files of the machine and the person and reads them. Understands none of them.
//!
//! A file counts only when nobody but root and the caller could have written it: every directory on the way, every
//! link and the file itself are checked on the descriptors by which they are walked.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use opaque_policy::document::SourceFile;
use opaque_policy::facts::Account;
use opaque_policy::path::AbsPath;
use opaque_policy::sources::PolicySources;
use opaque_policy::text::Text;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descriptor;
use crate::host::directory_variable;

pub mod checked;
pub mod error;
pub(crate) mod walk;

use error::PolicyFileError;
use walk::Walk;

/// Longest policy or profile file.
const FILE: usize = 1 << 20;
/// Most files of one directory.
const FILES: usize = 256;
/// The file in a workspace.
const REPOSITORY: &str = ".opaque.toml";

/// Everything that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles {
    /// The policies of the machine and of the person.
    pub policies: PolicySources,
    /// Profiles from `/etc/opaque/profiles`.
    pub system_profiles: Vec<SourceFile>,
    /// Profiles from the person's configuration.
    pub user_profiles: Vec<SourceFile>,
}

impl PolicyFiles {
    /// What there is where nobody has a policy.
    #[must_use]
    pub fn none(account: &Account) -> Self {
        let home = account.home.clone();
        let policies = PolicySources { home, system: Vec::new(), user: Vec::new(), repo: None };
        Self { policies, system_profiles: Vec::new(), user_profiles: Vec::new() }
    }
}

/// A workspace whose own file is read too.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// Its root, opened.
    pub opened: BorrowedFd<'a>,
    /// Where that is.
    pub root: &'a AbsPath,
}

impl Repository<'_> {
    /// Where its own file is, or would be.
    #[must_use]
    pub fn file(&self) -> AbsPath {
        Places::below(self.root, REPOSITORY)
    }

    /// That file. Whoever writes in the workspace may write it: its rules only tighten, and its request counts once it is
    /// trusted.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self) -> Result<Option<SourceFile>, PolicyFileError> {
        let path = self.file();
        let failed = |source| PolicyFileError::Open { path: path.to_string(), source };
        let text = repository_text(self.opened).map_err(failed)?;
        Ok(text.map(|bytes| SourceFile { file: path.to_string(), bytes }))
    }
}

/// Reads the files. `policy` is `--policy`.
///
/// # Errors
/// See [`PolicyFileError`].
pub fn read(
    policy: Option<&Path>,
    account: &Account,
    env: &BTreeMap<Text, Text>,
    repository: Option<Repository<'_>>,
) -> Result<PolicyFiles, PolicyFileError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let failed = |source| PolicyFileError::Open { path: "/".to_owned(), source };
    let root = rustix::fs::open("/", flags, Mode::empty()).map_err(failed)?;
    let named = match (policy, env.get(&Text::from("OPAQUE_CONFIG"))) {
        (Some(flag), _) => Some(absolute(flag)?),
        (None, Some(variable)) if !variable.as_bytes().is_empty() => {
            Some(absolute(Path::new(OsStr::from_bytes(variable.as_bytes())))?)
        }
        (None, _) => None,
    };
    let config_home = directory_variable(env, "XDG_CONFIG_HOME");
    let places = Places { root: root.as_fd(), home: &account.home, config_home, named, uid: account.uid };
    places.read(repository)
}

/// Where to look; tests look below another root.
struct Places<'a> {
    root: BorrowedFd<'a>,
    home: &'a AbsPath,
    config_home: Option<AbsPath>,
    named: Option<Vec<u8>>,
    uid: u32,
}

impl Places<'_> {
    fn read(&self, repository: Option<Repository<'_>>) -> Result<PolicyFiles, PolicyFileError> {
        let system = Self::below(&AbsPath::root(), "etc/opaque");
        let config_home = self.config_home.clone().unwrap_or_else(|| Self::below(self.home, ".config"));
        let user = Self::below(&config_home, "opaque");
        let policies = PolicySources {
            home: self.home.clone(),
            system: self.layer(&system)?,
            user: match &self.named {
                Some(named) => vec![self.named(named)?],
                None => self.user(&user)?,
            },
            repo: repository.map(|repository| repository.read()).transpose()?.flatten(),
        };
        Ok(PolicyFiles {
            policies,
            system_profiles: self.directory(&Self::below(&system, "profiles"))?,
            user_profiles: self.directory(&Self::below(&user, "profiles"))?,
        })
    }

    /// The person's own layer, from the one place or from the other.
    fn user(&self, user: &AbsPath) -> Result<Vec<SourceFile>, PolicyFileError> {
        let legacy = Self::below(self.home, ".opaque/config.toml");
        let files = self.layer(user)?;
        match self.file(legacy.as_bytes())? {
            None => Ok(files),
            Some(file) if files.is_empty() => Ok(vec![file]),
            Some(file) => Err(PolicyFileError::Both {
                one: files.into_iter().next().map_or_else(|| user.to_string(), |first| first.file),
                other: file.file,
            }),
        }
    }

    /// `policy.toml`, then the drop-ins.
    fn layer(&self, directory: &AbsPath) -> Result<Vec<SourceFile>, PolicyFileError> {
        // One failed look is all that a layer costs that does not exist.
        if !self.walk().exists(directory.as_bytes())? {
            return Ok(Vec::new());
        }
        let first = self.file(Self::below(directory, "policy.toml").as_bytes())?;
        Ok(first.into_iter().chain(self.directory(&Self::below(directory, "policy.d"))?).collect())
    }

    /// The `.toml` files of a directory, in byte order of their names.
    fn directory(&self, directory: &AbsPath) -> Result<Vec<SourceFile>, PolicyFileError> {
        let Some(opened) = self.walk().directory(directory.as_bytes())? else {
            return Ok(Vec::new());
        };
        let failed = |source| PolicyFileError::Open { path: directory.to_string(), source };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(opened).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_bytes().to_vec();
            if name.ends_with(b".toml") && !name.starts_with(b".") {
                names.push(name);
            }
        }
        if names.len() > FILES {
            return Err(failed(Errno::FBIG));
        }
        names.sort();
        let paths = names.iter().filter_map(|name| directory.join(name).ok());
        paths.filter_map(|path| self.file(path.as_bytes()).transpose()).collect()
    }

    fn named(&self, path: &[u8]) -> Result<SourceFile, PolicyFileError> {
        self.file(path)?.ok_or_else(|| PolicyFileError::Missing { path: String::from_utf8_lossy(path).into_owned() })
    }

    fn file(&self, path: &[u8]) -> Result<Option<SourceFile>, PolicyFileError> {
        let file = String::from_utf8_lossy(path).into_owned();
        Ok(self.walk().file(path, FILE)?.map(|bytes| SourceFile { file, bytes }))
    }

    fn walk(&self) -> Walk<'_> {
        Walk { root: self.root, uid: self.uid, outside: None }
    }

    fn below(directory: &AbsPath, name: &str) -> AbsPath {
        // A path that has become too long does not exist.
        directory.join(name).unwrap_or_else(|_| directory.clone())
    }
}

/// Judges and reads one and the same inode: other runs make and remove placeholders of this name meanwhile.
fn repository_text(workspace: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(workspace, REPOSITORY, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let stat = rustix::fs::fstat(&file)?;
    match descriptor::kind(&stat) {
        FileType::RegularFile => {
            let opened = descriptor::reopen(&file, OFlags::RDONLY | OFlags::NONBLOCK)?;
            descriptor::read_bounded(opened, FILE).map(Some)
        }
        // What holds no text holds no rules: the placeholder of another run in this workspace.
        FileType::Socket | FileType::Directory if stat.st_mode & 0o222 == 0 => Ok(None),
        FileType::Symlink => Err(Errno::LOOP),
        FileType::Socket
        | FileType::Directory
        | FileType::Fifo
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Errno::INVAL),
    }
}

fn absolute(path: &Path) -> Result<Vec<u8>, PolicyFileError> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.starts_with(b"/") {
        return Ok(bytes.to_vec());
    }
    let cwd = rustix::process::getcwd(Vec::with_capacity(256))
        .map_err(|source| PolicyFileError::Open { path: path.display().to_string(), source })?;
    Ok([cwd.as_bytes(), b"/", bytes].concat())
}

#[cfg(test)]
mod tests;
