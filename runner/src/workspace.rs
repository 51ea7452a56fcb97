//! Finds the workspace around the working directory on the host. Never grants a home or a system directory.

use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::facts::{Account, Workspace, WorkspaceRoot};
use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::account::Accounts;
use crate::descriptor;
use crate::git;
use crate::policy_files::Repository;

/// System directories that are never a workspace, with everything below them.
const SYSTEM: [&str; 16] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/nix",
    "/lost+found",
    "/var/run",
];
/// Directories that are never a workspace themselves; what lies below them may be.
const HOLDERS: [&str; 10] =
    ["/home", "/opt", "/var", "/tmp", "/var/tmp", "/var/lib", "/srv", "/mnt", "/media", "/root"];

/// The working directory of the caller.
#[derive(Debug)]
pub struct Cwd {
    /// Opened with `O_PATH`.
    pub descriptor: OwnedFd,
    /// Its path, links resolved.
    pub path: AbsPath,
    /// Its identity.
    pub inode: Inode,
}

/// Says why the workspace cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The working directory was deleted, or cannot be opened.
    #[error("cannot open the working directory")]
    Cwd(#[source] Errno),
    /// The working directory has no usable path.
    #[error("the working directory was removed or has no path below this root")]
    Removed,
    /// Looking at a path failed in a way that says nothing about what stands there.
    #[error("cannot look at `{path}`")]
    Look {
        /// Which.
        path: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
}

/// What was found around the working directory.
#[derive(Debug)]
pub struct Found {
    /// The workspace.
    pub workspace: Workspace,
    /// Its root, opened with `O_PATH`; `None` when there is no workspace.
    pub root: Option<OwnedFd>,
    /// Things that the person should know, one line each.
    pub notes: Vec<String>,
}

impl Found {
    /// The repository whose own file is read: the workspace, if there is one.
    #[must_use]
    pub fn repository(&self) -> Option<Repository<'_>> {
        match (&self.workspace, &self.root) {
            (Workspace::Root(root), Some(opened)) => Some(Repository { opened: opened.as_fd(), root: &root.path }),
            (Workspace::Root(_) | Workspace::None { .. }, _) => None,
        }
    }
}

impl Cwd {
    /// Opens the working directory of this process.
    ///
    /// # Errors
    /// See [`WorkspaceError`].
    pub fn open() -> Result<Self, WorkspaceError> {
        Self::at(c".")
    }

    fn at(path: impl rustix::path::Arg) -> Result<Self, WorkspaceError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty()).map_err(WorkspaceError::Cwd)?;
        let path = descriptor::real_path(&descriptor).map_err(WorkspaceError::Cwd)?.ok_or(WorkspaceError::Removed)?;
        let stat = rustix::fs::fstat(&descriptor).map_err(WorkspaceError::Cwd)?;
        Ok(Self { descriptor, path, inode: descriptor::inode(&stat) })
    }
}

/// Finds the workspace: the nearest ancestor that holds `.git`, else the working directory itself.
///
/// # Errors
/// See [`WorkspaceError`].
pub fn find(cwd: &Cwd, account: &Account, accounts: &Accounts) -> Result<Found, WorkspaceError> {
    let root = git_ancestor(&cwd.path).unwrap_or_else(|| cwd.path.clone());
    if let Some(why) = forbidden(&root, account, accounts) {
        return Ok(Found { workspace: Workspace::None { why }, root: None, notes: Vec::new() });
    }
    let look = |source| WorkspaceError::Look { path: root.clone(), source };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(root.as_path(), flags, Mode::empty()).map_err(look)?;
    let stat = rustix::fs::fstat(&descriptor).map_err(look)?;
    let git = git::layout(descriptor.as_fd(), &root);
    let workspace = Workspace::Root(WorkspaceRoot {
        path: root,
        inode: descriptor::inode(&stat),
        owner_uid: stat.st_uid,
        owner_gid: stat.st_gid,
        git: git.layout,
    });
    Ok(Found { workspace, root: Some(descriptor), notes: git.notes })
}

fn git_ancestor(cwd: &AbsPath) -> Option<AbsPath> {
    std::iter::successors(Some(cwd.clone()), AbsPath::parent).find(|directory| {
        let marker = directory.join(".git");
        marker.is_ok_and(|marker| rustix::fs::lstat(marker.as_path()).is_ok_and(|stat| !is_special(&stat)))
    })
}

fn is_special(stat: &Stat) -> bool {
    match descriptor::kind(stat) {
        FileType::Directory | FileType::RegularFile | FileType::Symlink => false,
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            true
        }
    }
}

/// Why a directory is never a workspace; `None` when it may be one.
fn forbidden(root: &AbsPath, account: &Account, accounts: &Accounts) -> Option<String> {
    if root.is_root() {
        return Some("the root directory is never a workspace".to_owned());
    }
    if *root == account.home {
        return Some("the home directory is never a workspace".to_owned());
    }
    if account.home.is_within(root) {
        return Some(format!("`{root}` holds the home directory and is never a workspace"));
    }
    // A home may lie in a system directory by mistake of the administrator; what lies below one's own home is one's own.
    let is_own = root.is_within(&account.home);
    let is = |path: &&str| root.as_bytes() == path.as_bytes();
    let is_below = |path: &&str| AbsPath::new(path).is_ok_and(|path| root.is_within(&path));
    if HOLDERS.iter().any(is) || (!is_own && SYSTEM.iter().any(is_below)) {
        return Some(format!("`{root}` is a system directory and never a workspace"));
    }
    let is_in_home = root.parent().is_some_and(|parent| parent.as_bytes() == b"/home");
    if is_in_home || accounts.other_home(root, account).is_some() {
        return Some(format!("`{root}` is another user's home and never a workspace"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn path(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    fn account() -> Account {
        Account { uid: 1000, gid: 1000, name: "ann".into(), home: path("/home/ann") }
    }

    fn why(root: &str) -> Option<String> {
        let accounts = Accounts::parse(b"bob:x:1001:1001::/srv/bob:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
        forbidden(&path(root), &account(), &accounts)
    }

    /// A directory that is nobody's home and no system directory, with its real path.
    fn place() -> (tempfile::TempDir, AbsPath) {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let path = AbsPath::new(real.as_os_str().as_encoded_bytes()).unwrap();
        (directory, path)
    }

    fn find_in(directory: &AbsPath, account: &Account) -> Workspace {
        let cwd = Cwd::at(directory.as_path()).unwrap();
        find(&cwd, account, &Accounts::default()).unwrap().workspace
    }

    #[test]
    fn homes_their_ancestors_and_the_root_are_never_a_workspace() {
        assert_eq!(why("/").as_deref(), Some("the root directory is never a workspace"));
        assert_eq!(why("/home/ann").as_deref(), Some("the home directory is never a workspace"));
        assert_eq!(why("/home").as_deref(), Some("`/home` holds the home directory and is never a workspace"));
        assert_eq!(why("/home/carl").as_deref(), Some("`/home/carl` is another user's home and never a workspace"));
        assert_eq!(why("/srv/bob").as_deref(), Some("`/srv/bob` is another user's home and never a workspace"));
    }

    #[test]
    fn system_directories_are_never_a_workspace() {
        for root in [
            "/usr",
            "/usr/local/src",
            "/etc/x",
            "/proc/self",
            "/tmp",
            "/var",
            "/opt",
            "/root",
            "/var/tmp",
            "/nix/store",
        ] {
            assert!(why(root).is_some_and(|why| why.contains("system directory")), "{root}");
        }
    }

    #[test]
    fn a_project_is_a_workspace() {
        for root in ["/home/ann/src/x", "/tmp/x", "/opt/x", "/var/www/x", "/srv/bob/x", "/homeless", "/usrlocal"] {
            assert_eq!(why(root), None, "{root}");
        }
    }

    #[test]
    fn the_nearest_git_directory_is_the_root_and_the_working_directory_otherwise() {
        let (_directory, top) = place();
        let below = top.join("a/b").unwrap();
        fs::create_dir_all(below.as_path()).unwrap();
        assert!(matches!(find_in(&below, &account()), Workspace::Root(root) if root.path == below));
        fs::create_dir(top.join("a/.git").unwrap().as_path()).unwrap();
        assert!(
            matches!(find_in(&below, &account()), Workspace::Root(root) if Some(&root.path) == below.parent().as_ref())
        );
    }

    #[test]
    fn a_home_that_is_a_repository_takes_the_workspace_from_what_lies_below() {
        let (_directory, home) = place();
        let below = home.join("src/x").unwrap();
        fs::create_dir_all(below.as_path()).unwrap();
        let owner = Account { home: home.clone(), ..account() };
        assert!(matches!(find_in(&below, &owner), Workspace::Root(_)), "control: without `.git` in the home");
        fs::create_dir(home.join(".git").unwrap().as_path()).unwrap();
        let why = "the home directory is never a workspace".to_owned();
        assert_eq!(find_in(&below, &owner), Workspace::None { why });
    }

    #[test]
    fn links_on_the_way_are_resolved() {
        let (_directory, top) = place();
        let (real, link) = (top.join("real").unwrap(), top.join("link").unwrap());
        fs::create_dir(real.as_path()).unwrap();
        std::os::unix::fs::symlink("real", link.as_path()).unwrap();
        assert_eq!(Cwd::at(link.as_path()).unwrap().path, real);
    }

    #[test]
    fn a_deleted_working_directory_is_an_error() {
        let (_directory, top) = place();
        let gone = top.join("gone").unwrap();
        fs::create_dir(gone.as_path()).unwrap();
        let held = fs::File::open(gone.as_path()).unwrap();
        fs::remove_dir(gone.as_path()).unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&held));
        assert!(matches!(Cwd::at(path.as_str()), Err(WorkspaceError::Removed)));
    }
}
