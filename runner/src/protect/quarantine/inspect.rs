//! Finds what git on the host would execute of a git directory. Only looks; in doubt, and past every bound, it is found.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::harmless;
use crate::descriptor;
use crate::git::{self, settings};

/// Most entries that are looked at, over all directories.
const ENTRIES: u32 = 20_000;
/// Deepest nesting of submodules and of the directories in their names.
const DEPTH: u32 = 12;

/// What a git directory may hold that executes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Programs that git starts by name.
    Hooks,
    /// Settings.
    Config,
    /// Settings of the main worktree.
    WorktreeConfig,
    /// Another directory to take hooks and settings from.
    CommonDirectory,
    /// The git directories of submodules.
    Modules,
    /// The git directories of linked worktrees.
    Worktrees,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Hooks, Self::Config, Self::WorktreeConfig, Self::CommonDirectory, Self::Modules, Self::Worktrees];

    /// Its name in the git directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Config => "config",
            Self::WorktreeConfig => "config.worktree",
            Self::CommonDirectory => "commondir",
            Self::Modules => "modules",
            Self::Worktrees => "worktrees",
        }
    }

    /// What the person calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Config | Self::WorktreeConfig | Self::CommonDirectory => "configuration",
            Self::Modules => "submodules",
            Self::Worktrees => "worktrees",
        }
    }
}

/// The parts of the workspace's `.git` that would execute something.
pub(super) fn parts(root: &OwnedFd, git: BorrowedFd<'_>) -> Vec<Part> {
    let mut search = Search { root, left: ENTRIES };
    let place = super::GIT.as_bytes();
    Part::ALL.into_iter().filter(|part| search.is_risky(git, place, *part).unwrap_or(true)).collect()
}

/// What stays of the configuration.
pub(super) fn harmless_config(git: BorrowedFd<'_>) -> String {
    harmless::rewritten(&git::regular(git, Part::Config.name(), settings::LONGEST).unwrap_or_default())
}

struct Search<'a> {
    root: &'a OwnedFd,
    left: u32,
}

impl Search<'_> {
    /// An error is a doubt.
    fn is_risky(&mut self, git: BorrowedFd<'_>, place: &[u8], part: Part) -> Result<bool, Errno> {
        let kind = match rustix::fs::statat(git, part.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => descriptor::kind(&stat),
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        };
        // A socket is a placeholder of another run.
        if kind == FileType::Socket {
            return Ok(false);
        }
        match part {
            Part::Hooks => Ok(kind == FileType::Symlink || (kind == FileType::Directory && self.has_hooks(git)?)),
            Part::Config | Part::WorktreeConfig => {
                Ok(!self.is_harmless(place, &git::regular(git, part.name(), settings::LONGEST)?))
            }
            // The directory itself, as placeholders say it, or the one that a linked worktree belongs to.
            Part::CommonDirectory => {
                let common = git::regular(git, part.name(), settings::LONGEST)?;
                let is_linked = place.strip_prefix(b".git/worktrees/").is_some_and(|name| !name.contains(&b'/'));
                Ok(!(common.trim_ascii() == b"." || (is_linked && common.trim_ascii() == b"../..")))
            }
            Part::Modules | Part::Worktrees if kind == FileType::Directory => {
                let below = [place, b"/", part.name().as_bytes()].concat();
                self.holds_risk(&open(git, part.name())?, &below, DEPTH)
            }
            Part::Modules | Part::Worktrees => Ok(kind == FileType::Symlink),
        }
    }

    /// True when anything but samples lies there.
    fn has_hooks(&mut self, git: BorrowedFd<'_>) -> Result<bool, Errno> {
        let hooks = open(git, Part::Hooks.name())?;
        Ok(self.entries(&hooks)?.iter().any(|name| !name.to_bytes().ends_with(b".sample")))
    }

    fn is_harmless(&self, place: &[u8], content: &[u8]) -> bool {
        harmless::plain(content).is_some_and(|settings| {
            settings.iter().all(|(name, value)| {
                harmless::is_harmless(name, value) || (name == "core.worktree" && self.leads_inside(place, value))
            })
        })
    }

    /// True when a submodule's worktree is a directory of the workspace, without a link on the way.
    fn leads_inside(&self, place: &[u8], worktree: &str) -> bool {
        let path = [place, b"/", worktree.as_bytes()].concat();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let is_relative = !worktree.starts_with('/') && place != super::GIT.as_bytes();
        is_relative && rustix::fs::openat2(self.root, path, flags, Mode::empty(), resolve).is_ok()
    }

    /// True when a git directory below would execute something, or cannot be told.
    fn holds_risk(&mut self, directory: &OwnedFd, place: &[u8], depth: u32) -> Result<bool, Errno> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(true) };
        for name in self.entries(directory)? {
            let place = [place, b"/", name.to_bytes()].concat();
            match descriptor::kind(&rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?) {
                FileType::Directory => {}
                FileType::Symlink => return Ok(true),
                FileType::RegularFile
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => continue,
            }
            let below = open(directory.as_fd(), &name)?;
            let is_risky = match rustix::fs::statat(&below, "HEAD", AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => self.is_git_risky(&below, &place, depth)?,
                Err(Errno::NOENT) => self.holds_risk(&below, &place, depth)?,
                Err(errno) => return Err(errno),
            };
            if is_risky {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_git_risky(&mut self, git: &OwnedFd, place: &[u8], depth: u32) -> Result<bool, Errno> {
        for part in [Part::Hooks, Part::Config, Part::WorktreeConfig, Part::CommonDirectory] {
            if self.is_risky(git.as_fd(), place, part)? {
                return Ok(true);
            }
        }
        match open(git.as_fd(), Part::Modules.name()) {
            Ok(modules) => self.holds_risk(&modules, &[place, b"/modules"].concat(), depth),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn entries(&mut self, directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
        let mut names = Vec::new();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for entry in Dir::new(rustix::fs::openat(directory, c".", flags, Mode::empty())?)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or(Errno::FBIG)?;
            names.push(name.to_owned());
        }
        Ok(names)
    }
}

fn open(directory: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}
