use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use opaque_policy::plan::IdMap;
use tempfile::TempDir;

use super::*;

struct Ground {
    directory: TempDir,
    quarantine: Quarantine,
}

impl Ground {
    /// A workspace in which `before` made something before the run.
    fn with(before: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        before(directory.path());
        let real = fs::canonicalize(directory.path()).unwrap();
        let path = AbsPath::new(real.join(".git").as_os_str().as_encoded_bytes()).unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&real, flags, Mode::empty()).unwrap();
        let identity = Identity {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            map: IdMap::Single,
        };
        let before = Snapshot::take(std::slice::from_ref(&path));
        Self { directory, quarantine: Quarantine { root, path, before, identity } }
    }

    /// A workspace that was empty before the run and holds what `git init` makes after it.
    fn initialised() -> Self {
        let ground = Self::with(|_| {});
        ground.write(".git/HEAD", "ref: refs/heads/main\n");
        ground.write(".git/config", PLAIN);
        ground.write(".git/hooks/pre-commit.sample", "#!/bin/sh\n");
        ground.write(".git/objects/x", "");
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    fn put_away(&self) -> Option<String> {
        let git = self.quarantine.path.parent().unwrap().to_string();
        self.quarantine.put_away("7").unwrap().map(|put| put.to_string().replace(&git, "WORKSPACE"))
    }
}

const PLAIN: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n";

fn moved(what: &str) -> Option<String> {
    let verb = if what == "configuration" { "was" } else { "were" };
    Some(format!("a git directory appeared: its {what} {verb} moved to quarantine in `WORKSPACE/.git/quarantine-7`"))
}

fn moved_whole() -> Option<String> {
    Some("a git directory appeared: it was moved to quarantine in `WORKSPACE/.git.quarantine-7`".to_owned())
}

#[test]
fn nothing_that_appeared_is_nothing_to_put_away() {
    assert_eq!(Ground::with(|_| {}).put_away(), None);
}

#[test]
fn a_plain_repository_stays_as_it_is() {
    let ground = Ground::initialised();
    ground.write(".git/commondir", ".\n");
    ground.write(".git/config.worktree", "");
    assert_eq!(ground.put_away(), None);
    assert_eq!(ground.read(".git/config"), PLAIN);
    assert!(ground.exists(".git/hooks/pre-commit.sample"));
    assert!(!ground.exists(".git/quarantine-7"));
}

#[test]
fn hooks_go_to_quarantine_and_leave_an_empty_directory() {
    let ground = Ground::initialised();
    ground.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    assert_eq!(ground.put_away(), moved("hooks"));
    assert_eq!(fs::read_dir(ground.path(".git/hooks")).unwrap().count(), 0);
    assert_eq!(ground.read(".git/quarantine-7/hooks/pre-commit"), "#!/bin/sh\n");
    assert_eq!(ground.read(".git/config"), PLAIN);
    assert_eq!(ground.put_away(), None, "the second look finds nothing");
}

#[test]
fn hooks_behind_a_link_go_and_what_the_link_names_stays() {
    let ground = Ground::initialised();
    fs::remove_dir_all(ground.path(".git/hooks")).unwrap();
    ground.write("evil/pre-commit", "#!/bin/sh\n");
    symlink("../evil", ground.path(".git/hooks")).unwrap();
    assert_eq!(ground.put_away(), moved("hooks"));
    assert!(ground.path(".git/hooks").symlink_metadata().unwrap().is_dir());
    assert!(ground.exists("evil/pre-commit"));
}

#[test]
fn a_configuration_that_executes_something_is_replaced_by_its_harmless_part() {
    let ground = Ground::initialised();
    let evil = format!("{PLAIN}\tfsmonitor = /bin/true\n[user]\n\tname = Ann\n");
    ground.write(".git/config", &evil);
    assert_eq!(ground.put_away(), moved("configuration"));
    assert_eq!(ground.read(".git/quarantine-7/config"), evil);
    let kept = ground.read(".git/config");
    assert!(kept.contains("name = \"Ann\"") && !kept.contains("fsmonitor"), "{kept}");
    assert_eq!(ground.path(".git/config").metadata().unwrap().permissions().mode() & 0o022, 0);
    assert!(ground.exists(".git/hooks/pre-commit.sample"), "the hooks stay where they are");
}

#[test]
fn a_configuration_behind_a_link_is_not_read_through_it() {
    let ground = Ground::initialised();
    ground.write("elsewhere", "[user]\n\tname = Secret\n");
    fs::remove_file(ground.path(".git/config")).unwrap();
    symlink("../elsewhere", ground.path(".git/config")).unwrap();
    assert_eq!(ground.put_away(), moved("configuration"));
    assert_eq!(ground.read(".git/config"), "");
    assert_eq!(ground.read("elsewhere"), "[user]\n\tname = Secret\n");
}

#[test]
fn a_pipe_or_an_endless_file_as_configuration_does_not_hold_the_run_up() {
    let ground = Ground::initialised();
    fs::remove_file(ground.path(".git/config")).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, ground.path(".git/config"), FileType::Fifo, mode, 0).unwrap();
    let file = fs::File::create(ground.path(".git/config.worktree")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(ground.put_away(), moved("configuration"));
    assert!(ground.exists(".git/quarantine-7/config.worktree"));
}

#[test]
fn another_common_directory_is_put_away() {
    let ground = Ground::initialised();
    ground.write(".git/commondir", "../evil\n");
    assert_eq!(ground.put_away(), moved("configuration"));
    assert!(!ground.exists(".git/commondir"));
}

#[test]
fn submodules_stay_unless_one_of_them_executes_something() {
    let ground = Ground::initialised();
    let module = ".git/modules/group/library";
    fs::create_dir_all(ground.path("library")).unwrap();
    ground.write(&format!("{module}/HEAD"), "ref: refs/heads/main\n");
    ground.write(&format!("{module}/config"), &format!("{PLAIN}\tworktree = ../../../../library\n"));
    ground.write(&format!("{module}/hooks/pre-commit.sample"), "");
    assert_eq!(ground.put_away(), None);
    ground.write(&format!("{module}/hooks/post-checkout"), "");
    ground.write(".git/hooks/pre-commit", "");
    assert_eq!(ground.put_away(), moved("hooks and submodules"));
    assert!(!ground.exists(".git/modules"));
    assert!(ground.exists(".git/quarantine-7/modules/group/library/hooks/post-checkout"));
}

#[test]
fn a_submodules_worktree_outside_the_workspace_is_not_harmless() {
    for worktree in ["/", "../../../../outside", "../../../link", "../../../absent"] {
        let ground = Ground::initialised();
        symlink("/usr", ground.path("link")).unwrap();
        ground.write(".git/modules/library/HEAD", "");
        ground.write(".git/modules/library/config", &format!("{PLAIN}\tworktree = {worktree}\n"));
        assert_eq!(ground.put_away(), moved("submodules"), "{worktree}");
    }
    let ground = Ground::initialised();
    ground.write(".git/config", &format!("{PLAIN}\tworktree = ../.git\n"));
    assert_eq!(ground.put_away(), moved("configuration"), "only submodules have a worktree of their own");
}

#[test]
fn a_linked_worktree_stays_and_one_with_other_settings_goes() {
    let ground = Ground::initialised();
    ground.write(".git/worktrees/side/HEAD", "ref: refs/heads/side\n");
    ground.write(".git/worktrees/side/commondir", "../..\n");
    assert_eq!(ground.put_away(), None);
    ground.write(".git/worktrees/side/config.worktree", "[core]\n\tfsmonitor = x\n");
    assert_eq!(ground.put_away(), moved("worktrees"));
}

#[test]
fn more_submodules_than_can_be_looked_at_are_put_away() {
    let ground = Ground::initialised();
    let deep = (0..40).fold(".git/modules".to_owned(), |path, _| path + "/a");
    fs::create_dir_all(ground.path(&deep)).unwrap();
    assert_eq!(ground.put_away(), moved("submodules"));
}

#[test]
fn a_pointer_to_another_directory_is_put_away_and_an_old_one_that_did_not_change_stays() {
    let ground = Ground::with(|_| {});
    ground.write(".git", "gitdir: evil\n");
    assert_eq!(ground.put_away(), moved_whole());
    assert!(!ground.exists(".git") && ground.exists(".git.quarantine-7"));

    let ground = Ground::with(|_| {});
    symlink("evil", ground.path(".git")).unwrap();
    assert_eq!(ground.put_away(), moved_whole());

    let ground = Ground::with(|root| fs::write(root.join(".git"), "gitdir: /nowhere\n").unwrap());
    assert_eq!(ground.put_away(), None);
    ground.write(".git", "gitdir: evil\n");
    assert_eq!(ground.put_away(), moved_whole());
}

#[test]
fn what_cannot_be_taken_apart_goes_as_a_whole() {
    let ground = Ground::initialised();
    ground.write(".git/hooks/pre-commit", "");
    ground.write(".git/quarantine-7", "in the way");
    assert_eq!(ground.put_away(), moved_whole());
    assert!(ground.exists(".git.quarantine-7/hooks/pre-commit"));
}

#[test]
fn what_cannot_be_moved_at_all_is_an_error() {
    let ground = Ground::initialised();
    ground.write(".git/hooks/pre-commit", "");
    ground.write(".git/quarantine-7", "in the way");
    ground.write(".git.quarantine-7", "in the way");
    let error = ground.quarantine.put_away("7").unwrap_err();
    assert!(error.to_string().ends_with("do not use git there, remove it"), "{error}");
}

#[test]
fn the_own_ids_are_back_afterwards() {
    let ground = Ground::initialised();
    ground.write(".git/hooks/pre-commit", "");
    assert!(ground.put_away().is_some());
    let uid = Uid::effective();
    assert_eq!(setfsuid(uid), uid);
}
