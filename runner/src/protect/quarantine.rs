//! Puts away what a git directory that appeared during a run would make git on the host execute. Works when everything
//! inside is dead, beneath the workspace's descriptor and with the run's own ids; follows no link, and removes nothing.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use opaque_policy::facts::{GitLayout, HostFacts, Workspace};
use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Access, Content, Identity, Plan};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use self::inspect::Part;
use super::snapshot::Snapshot;
use crate::descriptor;

mod harmless;
mod inspect;

/// The name that git looks for.
const GIT: &str = ".git";

/// A workspace without a git directory of its own that the command may write.
#[derive(Debug)]
pub struct Quarantine {
    root: OwnedFd,
    path: AbsPath,
    /// What stood at the name before: nothing, or something that leads nowhere that was granted.
    before: Snapshot,
    identity: Identity,
}

/// What was put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAway {
    what: String,
    place: AbsPath,
}

/// Says that something stays in place that git on the host would execute.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` appeared during the run and cannot be put into quarantine: do not use git there, remove it")]
pub struct NotPutAway {
    /// The git directory.
    pub path: AbsPath,
    /// Why.
    #[source]
    pub source: Errno,
}

impl Quarantine {
    /// Keeps an eye on the workspace of a plan. `None` when git's files there are protected already, when nothing
    /// there can be written, and when the name itself was granted.
    #[must_use]
    pub fn over(plan: &Plan, facts: &HostFacts, root: Option<OwnedFd>) -> Option<Self> {
        let Workspace::Root(workspace) = &facts.workspace else { return None };
        match workspace.git {
            GitLayout::None => {}
            GitLayout::Directory { .. } | GitLayout::File { .. } => return None,
        }
        let path = workspace.path.join(GIT).ok()?;
        let covering = plan.mounts.iter().rfind(|mount| path.is_within(&mount.target))?;
        let is_writable = match covering.content {
            Content::Bind { access, .. } => access == Access::ReadWrite && covering.target != path,
            Content::Device { .. }
            | Content::Private { .. }
            | Content::Directory
            | Content::Symlink { .. }
            | Content::File { .. }
            | Content::Secret { .. }
            | Content::Proc
            | Content::Pts => false,
        };
        let before = Snapshot::take(std::slice::from_ref(&path));
        is_writable.then_some(Self { root: root?, path, before, identity: plan.identity })
    }

    /// Looks at what stands there now, and puts it away when git would execute anything of it.
    ///
    /// # Errors
    /// See [`NotPutAway`].
    pub fn put_away(&self, run: &str) -> Result<Option<PutAway>, NotPutAway> {
        let failed = |source| NotPutAway { path: self.path.clone(), source };
        match rustix::fs::statat(&self.root, GIT, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let acting = Acting::with(self.identity);
                acting.and_then(|_acting| self.judge(descriptor::kind(&stat), run)).map_err(failed)
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(errno)),
        }
    }

    fn judge(&self, kind: FileType, run: &str) -> Result<Option<PutAway>, Errno> {
        match kind {
            // What cannot be taken apart goes as a whole.
            FileType::Directory => self.take_apart(run).or_else(|_| self.put_away_whole(run)),
            // Another layout was not believed before: a directory that it names would be used from now on.
            FileType::RegularFile | FileType::Symlink if self.before.changed().is_empty() => Ok(None),
            FileType::RegularFile | FileType::Symlink => self.put_away_whole(run),
            // Git reads none of these.
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Ok(None),
        }
    }

    fn take_apart(&self, run: &str) -> Result<Option<PutAway>, Errno> {
        let git = open_beneath(&self.root, GIT)?;
        let parts = inspect::parts(&self.root, git.as_fd());
        if parts.is_empty() {
            return Ok(None);
        }
        let name = format!("quarantine-{run}");
        let harmless = parts.contains(&Part::Config).then(|| inspect::harmless_config(git.as_fd()));
        rustix::fs::mkdirat(&git, &name, Mode::RWXU)?;
        let quarantine = open_beneath(&git, &name)?;
        for part in &parts {
            rustix::fs::renameat(&git, part.name(), &quarantine, part.name())?;
        }
        if parts.contains(&Part::Hooks) {
            rustix::fs::mkdirat(&git, Part::Hooks.name(), Mode::from_raw_mode(0o755))?;
        }
        if let Some(text) = harmless {
            write_new(git.as_fd(), Part::Config.name(), &text)?;
        }
        let place = self.path.join(name).map_err(|_| Errno::NAMETOOLONG)?;
        Ok(Some(PutAway { what: said(&parts), place }))
    }

    fn put_away_whole(&self, run: &str) -> Result<Option<PutAway>, Errno> {
        let name = format!("{GIT}.quarantine-{run}");
        rustix::fs::renameat(&self.root, GIT, &self.root, &name)?;
        let parent = self.path.parent().ok_or(Errno::INVAL)?;
        let place = parent.join(name).map_err(|_| Errno::NAMETOOLONG)?;
        Ok(Some(PutAway { what: "it was".to_owned(), place }))
    }
}

impl std::fmt::Display for PutAway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a git directory appeared: {} moved to quarantine in `{}`", self.what, self.place)
    }
}

/// `its hooks and configuration were`.
fn said(parts: &[Part]) -> String {
    let mut words: Vec<&str> = parts.iter().map(|part| part.word()).collect();
    words.dedup();
    match words.split_last() {
        Some((last, before)) if !before.is_empty() => format!("its {} and {last} were", before.join(", ")),
        Some((&"configuration", _)) => "its configuration was".to_owned(),
        Some(_) | None => format!("its {} were", words.concat()),
    }
}

fn open_beneath(directory: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(directory, name, flags, Mode::empty(), resolve)
}

fn write_new(directory: BorrowedFd<'_>, name: &str, text: &str) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o644))?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::write(&file, rest))?;
        rest = rest.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// Lets this process touch files only as the run could, until it is dropped: in a checkout that another uid owns, root
/// must neither reach more than that uid nor leave anything of its own there.
struct Acting {
    uid: Uid,
    gid: Gid,
}

impl Acting {
    fn with(identity: Identity) -> Result<Self, Errno> {
        let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
        let acting = Self { gid: setfsgid(gid), uid: setfsuid(uid) };
        // The calls only say who one was before.
        let is_set = setfsgid(gid) == gid && setfsuid(uid) == uid;
        if is_set { Ok(acting) } else { Err(Errno::PERM) }
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
    }
}

#[cfg(test)]
mod tests;
