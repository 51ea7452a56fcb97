//! How git is set up in a workspace. Reads little, and believes no pointer that does not point back.
//!
//! A checkout may be hostile: its `.git` file could name any directory of the person's. Such a directory is granted
//! only when it is a git directory that itself names this workspace.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use opaque_policy::facts::GitLayout;
use opaque_policy::path::AbsPath;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descriptor;

pub mod settings;

/// Longest pointer file (`.git`, `gitdir`, `commondir`).
const POINTER: usize = 8192;
/// Components of a submodule's name; `a/b` is one module two directories deep.
const MODULE_DEPTH: usize = 6;
/// Submodules that are looked for. A repository with more is refused a listing, and its submodules' hooks a grant.
const MODULES: usize = 256;

/// The layout and what the person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    /// How git is set up.
    pub layout: GitLayout,
    /// One line each.
    pub notes: Vec<String>,
}

/// Says why the directory that a `.git` file names is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Distrust {
    #[error("it holds no `gitdir:` line")]
    NoPointer,
    #[error("the directory that it names does not exist")]
    Missing,
    #[error("the directory that it names is not a git directory")]
    NotGit,
    #[error("the directory that it names does not name this workspace in turn")]
    NoWayBack,
}

/// Looks at `.git` in the workspace.
#[must_use]
pub fn layout(root: BorrowedFd<'_>, path: &AbsPath) -> Git {
    let plain = |layout| Git { layout, notes: Vec::new() };
    let Ok(stat) = rustix::fs::statat(root, ".git", AtFlags::SYMLINK_NOFOLLOW) else {
        return plain(GitLayout::None);
    };
    match descriptor::kind(&stat) {
        FileType::Directory => match directory(root, ".git") {
            Ok(git) => plain(GitLayout::Directory {
                modules: modules(&git, &path.join(".git").unwrap_or_else(|_| path.clone())),
            }),
            Err(_) => plain(GitLayout::None),
        },
        FileType::RegularFile => match pointed(root, path) {
            Ok(layout) => plain(layout),
            Err(why) => Git {
                layout: GitLayout::None,
                notes: vec![format!("`.git` is a file whose target is not granted: {why}")],
            },
        },
        FileType::Symlink => Git {
            layout: GitLayout::None,
            notes: vec!["`.git` is a symbolic link: what it leads to is not granted".to_owned()],
        },
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            plain(GitLayout::None)
        }
    }
}

fn pointed(root: BorrowedFd<'_>, path: &AbsPath) -> Result<GitLayout, Distrust> {
    let pointer = small_file(root, ".git").map_err(|_| Distrust::NoPointer)?;
    let target = pointer.strip_prefix(b"gitdir:").ok_or(Distrust::NoPointer)?.trim_ascii();
    let (git, git_dir) = resolve(path, target).ok_or(Distrust::Missing)?;
    if !is_file(&git, "HEAD") {
        return Err(Distrust::NotGit);
    }
    match small_file(git.as_fd(), "commondir") {
        Ok(common) => worktree(path, &git, git_dir, common.trim_ascii()),
        Err(_) => submodule(path, &git, git_dir),
    }
}

/// A linked worktree: its `gitdir` names this workspace's `.git`, and it lies in the `worktrees` of the common directory.
fn worktree(path: &AbsPath, git: &OwnedFd, git_dir: AbsPath, common: &[u8]) -> Result<GitLayout, Distrust> {
    let (common, common_dir) = resolve(&git_dir, common).ok_or(Distrust::Missing)?;
    if !is_repository(&common) {
        return Err(Distrust::NotGit);
    }
    let is_listed = common_dir.join("worktrees").ok() == git_dir.parent();
    let back = small_file(git.as_fd(), "gitdir").map_err(|_| Distrust::NoWayBack)?;
    let workspace = back.trim_ascii().strip_suffix(b"/.git").and_then(|back| resolve(&git_dir, back));
    if !is_listed || workspace.is_none_or(|(_, workspace)| workspace != *path) {
        return Err(Distrust::NoWayBack);
    }
    let modules = modules(&common, &common_dir);
    Ok(GitLayout::File { git_dir, common_dir: Some(common_dir), modules })
}

/// A submodule: `core.worktree` of its git directory names this workspace.
fn submodule(path: &AbsPath, git: &OwnedFd, git_dir: AbsPath) -> Result<GitLayout, Distrust> {
    if !is_repository(git) {
        return Err(Distrust::NotGit);
    }
    let config = regular(git.as_fd(), "config", settings::LONGEST).map_err(|_| Distrust::NoWayBack)?;
    let back = settings::parse(&config).into_iter().rfind(|(name, _)| name == "core.worktree");
    let workspace = back.and_then(|(_, back)| resolve(&git_dir, back.as_bytes()));
    if workspace.is_none_or(|(_, workspace)| workspace != *path) {
        return Err(Distrust::NoWayBack);
    }
    let modules = modules(git, &git_dir);
    Ok(GitLayout::File { git_dir, common_dir: None, modules })
}

/// The git directories below `modules`, nested ones included.
fn modules(git: &OwnedFd, path: &AbsPath) -> Vec<AbsPath> {
    let mut found = Vec::new();
    if let (Ok(modules), Ok(path)) = (directory(git.as_fd(), "modules"), path.join("modules")) {
        collect(&modules, &path, MODULE_DEPTH, &mut found);
    }
    found.sort();
    found
}

fn collect(directory: &OwnedFd, path: &AbsPath, depth: usize, found: &mut Vec<AbsPath>) {
    let Ok(entries) = descriptor::reopen(directory, OFlags::RDONLY | OFlags::DIRECTORY).and_then(Dir::new) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || found.len() >= MODULES {
            continue;
        }
        let (Ok(below), Ok(path)) = (self::directory(directory.as_fd(), entry.file_name()), path.join(name)) else {
            continue;
        };
        if is_file(&below, "HEAD") {
            found.push(path.clone());
            if let (Ok(nested), Ok(path)) = (self::directory(below.as_fd(), "modules"), path.join("modules"))
                && depth > 0
            {
                collect(&nested, &path, depth - 1, found);
            }
        } else if depth > 0 {
            collect(&below, &path, depth - 1, found);
        }
    }
}

/// Opens the directory that a pointer names, from `base`, with its path; links on the way are followed.
fn resolve(base: &AbsPath, pointer: &[u8]) -> Option<(OwnedFd, AbsPath)> {
    if pointer.is_empty() || pointer.contains(&0) || pointer.contains(&b'\n') {
        return None;
    }
    let path = if pointer.starts_with(b"/") { pointer.to_vec() } else { [base.as_bytes(), b"/", pointer].concat() };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let path = descriptor::real_path(&opened).ok()??;
    Some((opened, path))
}

fn is_repository(git: &OwnedFd) -> bool {
    is_file(git, "HEAD") && directory(git.as_fd(), "objects").is_ok() && directory(git.as_fd(), "refs").is_ok()
}

fn is_file(directory: &OwnedFd, name: &str) -> bool {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    // A very old repository has a link there; `git` itself reads it as a file.
    stat.is_ok_and(|stat| matches!(descriptor::kind(&stat), FileType::RegularFile | FileType::Symlink))
}

fn directory(parent: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

fn small_file(directory: BorrowedFd<'_>, name: &str) -> Result<Vec<u8>, Errno> {
    regular(directory, name, POINTER)
}

/// Reads a regular file; never waits for a FIFO, never follows a link.
pub(crate) fn regular(directory: BorrowedFd<'_>, name: impl rustix::path::Arg, bound: usize) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    if descriptor::kind(&rustix::fs::fstat(&file)?) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    descriptor::read_bounded(&file, bound)
}

/// Reads a regular file of the person's own, links followed.
pub(crate) fn followed(path: &AbsPath, bound: usize) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path.as_path(), flags, Mode::empty())?;
    if descriptor::kind(&rustix::fs::fstat(&file)?) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    descriptor::read_bounded(&file, bound)
}

#[cfg(test)]
mod tests;
