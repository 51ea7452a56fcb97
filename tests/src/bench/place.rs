//! Where one identity's commands run: a home, a workspace like a person's, and the journal of their runs.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::session::Outcome;
use crate::harness::identity::Identity;

/// One identity's home and workspace.
///
/// ```text
/// home/        0700; policy, profiles and journal lie where a person has them
/// project/     the workspace: a git repository, outside of every home
/// secret       a file that nobody grants
/// ```
#[derive(Debug)]
pub struct Place {
    /// Who runs here.
    pub identity: Identity,
    base: PathBuf,
    stopwatch: PathBuf,
}

impl Place {
    pub(super) fn new(identity: Identity, base: &Path, stopwatch: &Path) -> Outcome<Self> {
        let place = Self { identity, base: base.to_owned(), stopwatch: stopwatch.to_owned() };
        place.directory(base)?;
        place.directory(&place.home())?;
        fs::set_permissions(place.home(), Permissions::from_mode(0o700))?;
        place.repository(&place.project())?;
        place.write(&base.join("secret"), "granted to nobody")?;
        Ok(place)
    }

    /// The directory that holds everything of this identity.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Its home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.base.join("home")
    }

    /// Its workspace.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.base.join("project")
    }

    /// A file that nobody grants.
    #[must_use]
    pub fn secret(&self) -> PathBuf {
        self.base.join("secret")
    }

    /// Makes a workspace as a person has it: a git repository with hooks and configuration, some sources.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn repository(&self, path: &Path) -> Outcome<()> {
        self.directory(path)?;
        for directory in [".git", ".git/hooks", ".git/info", ".git/objects", ".git/refs", ".git/refs/heads", "src"] {
            self.directory(&path.join(directory))?;
        }
        self.write(&path.join(".git/HEAD"), "ref: refs/heads/main\n")?;
        self.write(&path.join(".git/config"), "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")?;
        self.write(&path.join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 0\n")?;
        self.write(&path.join("src/main.c"), "int main(void) { return 0; }\n")
    }

    /// Makes a directory that the identity owns.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn directory(&self, path: &Path) -> Outcome<()> {
        fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(chown(path, Some(self.identity.uid()), Some(self.identity.gid()))?)
    }

    /// Writes a file that the identity owns, and the directories on the way to it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path, content: impl AsRef<[u8]>) -> Outcome<()> {
        let missing = path.ancestors().skip(1).take_while(|directory| !directory.exists()).collect::<Vec<_>>();
        for directory in missing.into_iter().rev() {
            self.directory(directory)?;
        }
        fs::write(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(chown(path, Some(self.identity.uid()), Some(self.identity.gid()))?)
    }

    /// Copies a program into a directory of the identity's.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn bring(&self, program: &Path, directory: &Path) -> Outcome<()> {
        let name = program.file_name().ok_or("a program has a name")?;
        self.write(&directory.join(name), fs::read(program)?)?;
        Ok(fs::set_permissions(directory.join(name), Permissions::from_mode(0o755))?)
    }

    /// The environment that everything here is started with.
    #[must_use]
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        let home = self.home();
        [
            ("PATH", OsString::from("/usr/local/bin:/usr/bin:/bin")),
            ("HOME", home.clone().into()),
            ("USER", self.identity.name().into()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
            // Where a bench cannot bring an account of its own, the caller's own home is left alone all the same.
            ("XDG_STATE_HOME", home.join(".local/state").into()),
            ("XDG_CONFIG_HOME", home.join(".config").into()),
        ]
        .map(|(name, value)| (name.into(), value))
        .into()
    }

    /// A command in the workspace, started as the identity.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env()).current_dir(self.project()).stdin(Stdio::null());
        if self.identity == Identity::Plain {
            // The standard library drops the supplementary groups as well.
            command.uid(self.identity.uid()).gid(self.identity.gid());
        }
        command
    }

    /// The program that takes times (see [`super::rounds`]), started as the identity.
    pub(super) fn stopwatch(&self) -> Command {
        self.command(&self.stopwatch)
    }

    /// Bytes in the journal of the runs here.
    #[must_use]
    pub fn journal_size(&self) -> u64 {
        size(&self.home().join(".local/state"))
    }
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
