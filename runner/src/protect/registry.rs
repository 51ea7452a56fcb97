//! Counts the placeholders of a workspace: several runs may share one, the last one removes it, the next run sweeps
//! what a crash left. Never removes a directory that holds anything.

use std::cell::RefCell;
use std::os::fd::BorrowedFd;

use opaque_policy::facts::{GitLayout, Workspace, WorkspaceRoot};
use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::placeholder::{Made, Placeholder, Sockets};
use super::room::Room;
use crate::digest::hex;
use crate::journal::make_directory;

/// The directory below the state directory.
const DIRECTORY: &str = "placeholders";

/// The placeholders around one workspace.
#[derive(Debug)]
pub struct Registry {
    directory: AbsPath,
    domains: Vec<RefCell<Domain>>,
}

/// What shares its placeholders: a git directory with all of its worktrees and submodules, or a workspace.
#[derive(Debug)]
struct Domain {
    /// Placeholders below this path belong here.
    path: AbsPath,
    file: AbsPath,
    room: Option<Room>,
    /// Those that the list named when this run last looked.
    seen: Vec<Placeholder>,
}

/// Placeholders that stand for the time of a run; dropped, they go, unless another run still needs them.
#[derive(Debug)]
#[must_use]
pub struct Placeholders {
    standing: Vec<(AbsPath, Inode)>,
    rooms: Vec<Room>,
}

/// What came of making placeholders.
#[derive(Debug)]
#[must_use]
pub enum Stood {
    /// All stand.
    Ready(Placeholders),
    /// The host is not as it was when it was looked at: the plan has to be made again, from [`Registry::standing`] on.
    Changed(Vec<AbsPath>),
}

/// Says why placeholders cannot stand.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The list cannot be kept.
    #[error("cannot keep the list of placeholders `{file}`")]
    List {
        /// Which.
        file: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A placeholder cannot be made.
    #[error("cannot protect `{path}`, which does not exist, by a placeholder")]
    Make {
        /// Which.
        path: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
}

impl Registry {
    /// The registry for a workspace; touches nothing.
    #[must_use]
    pub fn new(state: &AbsPath, workspace: &Workspace) -> Self {
        let directory = state.join(DIRECTORY).unwrap_or_else(|_| state.clone());
        let paths = match workspace {
            Workspace::Root(root) => domains(root),
            Workspace::None { .. } => Vec::new(),
        };
        let domain = |path: AbsPath| {
            let file = directory.join(hex(&Sha256::digest(path.as_bytes()))).unwrap_or_else(|_| directory.clone());
            RefCell::new(Domain { path, file, room: None, seen: Vec::new() })
        };
        Self { domains: paths.into_iter().map(domain).collect(), directory }
    }

    /// Paths at which placeholders of other runs stand now; they stay until this value is dropped. Leftovers of
    /// crashed runs are swept. Costs one failed `open` when there are none.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn standing(&self) -> Result<Vec<AbsPath>, RegistryError> {
        let mut standing = Vec::new();
        for domain in &self.domains {
            let domain = &mut *domain.borrow_mut();
            let failed = |source| RegistryError::List { file: domain.file.clone(), source };
            if domain.room.is_none() {
                domain.room = match Room::enter(&domain.file, OFlags::empty()) {
                    Err(Errno::NOTDIR | Errno::ACCESS) => None,
                    entered => entered.map_err(failed)?,
                };
            }
            if let Some(room) = &domain.room {
                domain.seen = room.at_the_gate(|| room.list()).map_err(failed)?;
                standing.extend(domain.seen.iter().map(|placeholder| placeholder.path.clone()));
            }
        }
        Ok(standing)
    }

    /// Makes the placeholders that a plan needs. With none to make nothing is touched.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn stand(&self, needed: &[Placeholder]) -> Result<Stood, RegistryError> {
        let (mut standing, mut rooms, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = needed.to_vec();
        for domain in &self.domains {
            let domain = &mut *domain.borrow_mut();
            let (own, others) =
                rest.into_iter().partition(|placeholder: &Placeholder| placeholder.path.is_within(&domain.path));
            rest = others;
            let own: Vec<Placeholder> = own;
            // Another run's placeholder may stand where the plan saw a directory: then the room is needed as well.
            if own.is_empty() && domain.room.is_none() {
                continue;
            }
            changed.extend(domain.stand(&self.directory, &own, &mut standing)?);
            rooms.extend(domain.room.take());
        }
        if let Some(placeholder) = rest.first() {
            return Err(RegistryError::Make { path: placeholder.path.clone(), source: Errno::INVAL });
        }
        if !changed.is_empty() {
            return Ok(Stood::Changed(changed));
        }
        Ok(Stood::Ready(Placeholders { standing, rooms }))
    }
}

impl Domain {
    fn stand(
        &mut self,
        directory: &AbsPath,
        needed: &[Placeholder],
        standing: &mut Vec<(AbsPath, Inode)>,
    ) -> Result<Vec<AbsPath>, RegistryError> {
        let file = self.file.clone();
        let failed = |source| RegistryError::List { file: file.clone(), source };
        let room = match self.room.take() {
            Some(room) => room,
            None => open(directory, &self.file).map_err(failed)?,
        };
        let seen = &self.seen;
        let outcome = room.at_the_gate(|| {
            let listed = room.list()?;
            let is_new = |placeholder: &&Placeholder| !seen.contains(placeholder) && !needed.contains(placeholder);
            let changed: Vec<AbsPath> = listed.iter().filter(is_new).map(|new| new.path.clone()).collect();
            if !changed.is_empty() {
                return Ok(Ok(changed));
            }
            let mut all = listed.clone();
            all.extend(needed.iter().filter(|placeholder| !listed.contains(placeholder)).cloned());
            room.write(&all)?;
            let made = make(needed, &listed, standing);
            if !matches!(&made, Ok(changed) if changed.is_empty()) {
                room.write(&listed)?;
            }
            Ok(made)
        });
        self.room = Some(room);
        outcome.map_err(failed)?
    }
}

/// Makes each; on any surprise those that were made here go again.
fn make(
    needed: &[Placeholder],
    listed: &[Placeholder],
    standing: &mut Vec<(AbsPath, Inode)>,
) -> Result<Vec<AbsPath>, RegistryError> {
    let (mut new, mut changed, mut failed) = (Vec::new(), Vec::new(), None);
    let mut sockets = Sockets::default();
    for placeholder in needed {
        match placeholder.make(&mut sockets) {
            Ok(Made::New(inode)) => {
                new.push(placeholder);
                standing.push((placeholder.path.clone(), inode));
            }
            Ok(Made::Left(inode)) => standing.push((placeholder.path.clone(), inode)),
            Ok(Made::Standing(inode)) if listed.contains(placeholder) => {
                standing.push((placeholder.path.clone(), inode));
            }
            Ok(Made::Standing(_) | Made::Displaced) => changed.push(placeholder.path.clone()),
            Err(source) => {
                failed = Some(RegistryError::Make { path: placeholder.path.clone(), source });
                break;
            }
        }
    }
    if failed.is_some() || !changed.is_empty() {
        new.iter().filter(|placeholder| !listed.contains(placeholder)).for_each(|placeholder| placeholder.remove());
    }
    failed.map_or(Ok(changed), Err)
}

impl Placeholders {
    /// Where they stand, with their identity.
    #[must_use]
    pub fn standing(&self) -> Vec<(AbsPath, Inode)> {
        self.standing.clone()
    }

    /// The descriptors that a process needs to stand in for this one, with [`Placeholders::clear`].
    #[must_use]
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.rooms.iter().map(Room::descriptor).collect()
    }

    /// Removes them in the name of a run that was killed, unless another run still needs them.
    pub fn clear(&self) {
        self.rooms.iter().for_each(Room::leave);
    }

    /// Removes them, unless another run still needs them.
    pub fn leave(self) {
        drop(self);
    }
}

/// Sweeps what crashed runs left behind in any workspace; answers how many lists were empty or swept.
///
/// # Errors
/// When the directory of lists cannot be read.
pub fn sweep_all(state: &AbsPath) -> Result<usize, RegistryError> {
    let directory = state.join(DIRECTORY).unwrap_or_else(|_| state.clone());
    let failed = |source| RegistryError::List { file: directory.clone(), source };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let entries = match rustix::fs::open(directory.as_path(), flags, Mode::empty()) {
        Ok(opened) => Dir::new(opened).map_err(failed)?,
        Err(Errno::NOENT) => return Ok(0),
        Err(source) => return Err(failed(source)),
    };
    let mut swept = 0;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_bytes().to_vec();
        if let Ok(file) = directory.join(&name)
            && name.len() == 64
            && let Ok(Some(room)) = Room::enter(&file, OFlags::empty())
        {
            swept += 1;
            drop(room);
        }
    }
    Ok(swept)
}

fn open(directory: &AbsPath, file: &AbsPath) -> Result<Room, Errno> {
    match Room::enter(file, OFlags::CREATE) {
        Err(Errno::NOENT) => {
            make_directory(directory)?;
            Room::enter(file, OFlags::CREATE)?.ok_or(Errno::NOENT)
        }
        entered => entered?.ok_or(Errno::NOENT),
    }
}

/// The domains of a workspace. A repository and its worktrees share the git directory, and so they share its domain;
/// the files of a checkout belong to the domain of its `.git`, or to their own when that is elsewhere.
fn domains(root: &WorkspaceRoot) -> Vec<AbsPath> {
    match &root.git {
        GitLayout::None | GitLayout::Directory { .. } => vec![root.path.clone()],
        GitLayout::File { git_dir, common_dir, .. } => {
            let git = common_dir.as_ref().unwrap_or(git_dir);
            vec![repository(git), root.path.clone()]
        }
    }
}

/// The checkout that a git directory is in, by its `.git`; a bare repository is its own.
fn repository(git: &AbsPath) -> AbsPath {
    let mut checkout = AbsPath::root();
    for name in git.components() {
        if name == b".git" {
            return checkout;
        }
        match checkout.join(name) {
            Ok(below) => checkout = below,
            Err(_) => break,
        }
    }
    git.clone()
}

#[cfg(test)]
mod tests;
