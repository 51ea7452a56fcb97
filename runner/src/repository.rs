//! Where the workspace's repository stands, from plain files: follows no link, waits for no FIFO. Whether it is clean is asked
//! in a sandbox.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use opaque_policy::fact::Fact;
use opaque_policy::facts::{GitLayout, Workspace};
use opaque_policy::path::AbsPath;
use opaque_policy::surroundings::Repository;
use opaque_policy::text::Text;
use rustix::fs::{CWD, Mode, OFlags};

use crate::clean;
use crate::git::{self, settings};

/// Longest `HEAD`: a branch's name and what git writes around it.
const HEAD: usize = 4096;

/// Looks at the repository of a workspace. What cannot be read is not known; without a repository nothing is there.
#[must_use]
pub fn look(root: Option<BorrowedFd<'_>>, workspace: &Workspace) -> Repository {
    let none = Repository { remote_url: Fact::Absent, branch: Fact::Absent, is_clean: Fact::Unknown };
    let (Some(root), Workspace::Root(found)) = (root, workspace) else { return none };
    let (config, head) = match &found.git {
        GitLayout::None => return none,
        GitLayout::Directory { .. } => {
            (read(root, ".git", "config", settings::LONGEST), read(root, ".git", "HEAD", HEAD))
        }
        // A worktree has a `HEAD` of its own and shares its configuration.
        GitLayout::File { git_dir, common_dir, .. } => {
            let shared: &AbsPath = common_dir.as_ref().unwrap_or(git_dir);
            (read(CWD, shared.as_path(), "config", settings::LONGEST), read(CWD, git_dir.as_path(), "HEAD", HEAD))
        }
    };
    Repository {
        remote_url: config.map_or(Fact::Unknown, |config| origin(&config)),
        branch: head.map_or(Fact::Unknown, |head| branch(&head)),
        is_clean: Fact::Unknown,
    }
}

/// Whether everything in the workspace is committed; absent where there is no repository.
#[must_use]
pub fn is_clean(workspace: &Workspace, environment: &BTreeMap<Text, Text>) -> Fact<bool> {
    match workspace {
        Workspace::Root(found) => match found.git {
            GitLayout::None => Fact::Absent,
            GitLayout::Directory { .. } | GitLayout::File { .. } => clean::is_clean(&found.path, environment),
        },
        Workspace::None { .. } => Fact::Absent,
    }
}

/// The URL of `origin`. Of several, git fetches from the first and pushes to all: then none of them is it.
fn origin(config: &[u8]) -> Fact<String> {
    let Some(settings) = settings::parse_whole(config) else { return Fact::Unknown };
    // A configuration may take others in, which nobody reads here, or say that one URL stands for another.
    let leads_elsewhere = |name: &str| {
        ["include.", "includeif.", "url."].iter().any(|section| name.starts_with(section))
            || name == "extensions.worktreeconfig"
    };
    if settings.iter().any(|(name, _)| leads_elsewhere(name)) {
        return Fact::Unknown;
    }
    let mut urls = settings
        .into_iter()
        .filter(|(name, _)| name == "remote.origin.url" || name == "remote.origin.pushurl")
        .map(|(_, url)| url);
    match (urls.next(), urls.next()) {
        (None, _) => Fact::Absent,
        (Some(url), None) => Fact::Known(url),
        (Some(_), Some(_)) => Fact::Unknown,
    }
}

/// The branch that `HEAD` names; none when it names a commit.
fn branch(head: &[u8]) -> Fact<String> {
    let Ok(text) = std::str::from_utf8(head) else { return Fact::Unknown };
    match text.trim_end().strip_prefix("ref: refs/heads/") {
        Some(name) if !name.is_empty() && !name.contains(char::is_control) => Fact::Known(name.to_owned()),
        Some(_) => Fact::Unknown,
        None => Fact::Absent,
    }
}

fn read(parent: BorrowedFd<'_>, git: impl rustix::path::Arg, name: &str, bound: usize) -> Option<Vec<u8>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(parent, git, flags, Mode::empty()).ok()?;
    git::regular(directory.as_fd(), name, bound).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_is_known_and_several_are_not() {
        let url = |config: &str| origin(config.as_bytes());
        assert_eq!(
            url("[remote \"origin\"]\n\turl = git@a.example:t/x.git\n"),
            Fact::Known("git@a.example:t/x.git".into())
        );
        assert_eq!(url("[remote \"fork\"]\n\turl = git@a.example:t/x.git\n"), Fact::Absent);
        assert_eq!(url("[remote \"origin\"]\nurl = a\nurl = b\n"), Fact::Unknown);
        assert_eq!(url("[remote \"origin\"]\nurl = a\npushurl = b\n"), Fact::Unknown);
        assert_eq!(url("[include]\npath = x\n[remote \"origin\"]\nurl = a\n"), Fact::Unknown);
        assert_eq!(url("[remote \"origin\""), Fact::Unknown);
        let rewritten =
            "[url \"https://evil.test/\"]\ninsteadOf = git@a.example:\n[remote \"origin\"]\nurl = git@a.example:t/x\n";
        assert_eq!(url(rewritten), Fact::Unknown);
        assert_eq!(url("[extensions]\nworktreeConfig = true\n[remote \"origin\"]\nurl = a\n"), Fact::Unknown);
    }

    #[test]
    fn a_detached_head_is_no_branch() {
        assert_eq!(branch(b"ref: refs/heads/release/1.0\n"), Fact::Known("release/1.0".into()));
        assert_eq!(branch(b"0123456789abcdef0123456789abcdef01234567\n"), Fact::Absent);
        assert_eq!(branch(b"ref: refs/tags/v1\n"), Fact::Absent);
        assert_eq!(branch(b"ref: refs/heads/\n"), Fact::Unknown);
        assert_eq!(branch(b"ref: refs/heads/a\nb\n"), Fact::Unknown);
    }

    #[test]
    fn a_pipe_in_the_place_of_the_configuration_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(".git")).unwrap();
        for name in [".git/config", ".git/HEAD"] {
            nix::unistd::mkfifo(&directory.path().join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        let root = std::fs::File::open(directory.path()).unwrap();
        assert_eq!(read(root.as_fd(), ".git", "config", 99), None);
        assert_eq!(read(root.as_fd(), ".git", "HEAD", 99), None);
    }
}
