use super::*;
use crate::alone::Alone;
use std::fs;
use std::path::Path;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, relative: &str) -> AbsPath {
        let root = fs::canonicalize(self.directory.path()).unwrap();
        AbsPath::new(root.as_os_str().as_encoded_bytes()).unwrap().join(relative).unwrap()
    }

    fn write(&self, relative: &str, text: &str) {
        let path = self.directory.path().join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn repository(&self, relative: &str) {
        self.write(&format!("{relative}/HEAD"), "ref: refs/heads/main\n");
        fs::create_dir_all(self.directory.path().join(relative).join("objects")).unwrap();
        fs::create_dir_all(self.directory.path().join(relative).join("refs")).unwrap();
    }

    fn layout(&self, workspace: &str) -> Git {
        let path = self.path(workspace);
        fs::create_dir_all(path.as_path()).unwrap();
        let root = fs::File::open(path.as_path()).unwrap();
        layout(root.as_fd(), &path)
    }

    fn worktree(&self) {
        self.repository("main/.git");
        self.write("tree/.git", &format!("gitdir: {}\n", self.path("main/.git/worktrees/tree")));
        self.write("main/.git/worktrees/tree/HEAD", "ref: refs/heads/tree\n");
        self.write("main/.git/worktrees/tree/commondir", "../..\n");
        self.write("main/.git/worktrees/tree/gitdir", &format!("{}\n", self.path("tree/.git")));
    }
}

fn is_refused(git: &Git, why: Distrust) -> bool {
    git.layout == GitLayout::None && git.notes.iter().any(|note| note.ends_with(&why.to_string()))
}

#[test]
fn a_workspace_without_git_has_none() {
    assert_eq!(Place::new().layout("w"), Git { layout: GitLayout::None, notes: vec![] });
}

#[test]
fn submodules_are_found_by_their_head_at_any_depth() {
    let place = Place::new();
    place.repository("w/.git");
    place.repository("w/.git/modules/one");
    place.repository("w/.git/modules/libs/two");
    place.repository("w/.git/modules/one/modules/three");
    let modules = ["modules/libs/two", "modules/one", "modules/one/modules/three"];
    let modules = modules.map(|module| place.path("w/.git").join(module).unwrap()).to_vec();
    assert_eq!(place.layout("w").layout, GitLayout::Directory { modules });
}

#[test]
fn a_linked_worktree_is_believed_because_it_points_back() {
    let place = Place::new();
    place.worktree();
    let expected = GitLayout::File {
        git_dir: place.path("main/.git/worktrees/tree"),
        common_dir: Some(place.path("main/.git")),
        modules: vec![],
    };
    assert_eq!(place.layout("tree"), Git { layout: expected, notes: vec![] });
}

#[test]
fn a_worktree_that_names_another_workspace_is_not_granted() {
    let place = Place::new();
    place.worktree();
    fs::create_dir(place.directory.path().join("evil")).unwrap();
    fs::copy(place.directory.path().join("tree/.git"), place.directory.path().join("evil/.git")).unwrap();
    assert!(is_refused(&place.layout("evil"), Distrust::NoWayBack));
}

#[test]
fn a_checkout_cannot_have_a_stranger_s_repository_granted() {
    let place = Place::new();
    place.repository("victim/.git");
    place.write("evil/.git", "gitdir: ../victim/.git\n");
    assert!(is_refused(&place.layout("evil"), Distrust::NoWayBack));
    place.write("evil/.git", &format!("gitdir: {}\n", place.path("victim")));
    assert!(is_refused(&place.layout("evil"), Distrust::NotGit));
}

#[test]
fn a_forged_worktree_inside_the_checkout_does_not_reach_a_stranger_s_common_directory() {
    let place = Place::new();
    place.repository("victim/.git");
    place.write("evil/.git", "gitdir: fake\n");
    place.write("evil/fake/HEAD", "ref: refs/heads/x\n");
    place.write("evil/fake/commondir", "../../victim/.git\n");
    place.write("evil/fake/gitdir", &format!("{}\n", place.path("evil/.git")));
    assert!(is_refused(&place.layout("evil"), Distrust::NoWayBack));
}

#[test]
fn a_submodule_is_believed_because_its_configuration_points_back() {
    let place = Place::new();
    place.repository("super/.git/modules/sub");
    place.write("super/sub/.git", "gitdir: ../.git/modules/sub\n");
    place.write("super/.git/modules/sub/config", "[core]\n\tworktree = ../../../sub\n");
    let git_dir = place.path("super/.git/modules/sub");
    assert_eq!(place.layout("super/sub").layout, GitLayout::File { git_dir, common_dir: None, modules: vec![] });
    place.write("super/.git/modules/sub/config", "[core]\n\tworktree = ../../../other\n");
    assert!(is_refused(&place.layout("super/sub"), Distrust::NoWayBack));
}

#[test]
fn real_git_agrees() {
    let place = Place::new();
    let git = |directory: &Path, arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.current_dir(directory).args(["-c", "user.name=a", "-c", "user.email=a@mail.test"]).args(arguments);
        command.env("HOME", directory).output_alone()
    };
    let main = place.directory.path().join("main");
    fs::create_dir(&main).unwrap();
    if git(&main, &["init", "-q"]).is_err() {
        eprintln!("skipped: git is not installed");
        return;
    }
    git(&main, &["commit", "-q", "--allow-empty", "-m", "one"]).unwrap();
    git(&main, &["worktree", "add", "-q", "../tree"]).unwrap();
    let expected = GitLayout::File {
        git_dir: place.path("main/.git/worktrees/tree"),
        common_dir: Some(place.path("main/.git")),
        modules: vec![],
    };
    assert_eq!(place.layout("tree").layout, expected);
}

#[test]
fn a_fifo_in_the_place_of_a_pointer_does_not_stop_the_run() {
    let place = Place::new();
    place.worktree();
    let commondir = place.directory.path().join("main/.git/worktrees/tree/commondir");
    fs::remove_file(&commondir).unwrap();
    nix::unistd::mkfifo(&commondir, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(is_refused(&place.layout("tree"), Distrust::NotGit));
    fs::create_dir(place.directory.path().join("w")).unwrap();
    nix::unistd::mkfifo(&place.directory.path().join("w/.git"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(place.layout("w").layout, GitLayout::None);
}

#[test]
fn a_symbolic_link_is_not_followed_to_a_git_directory() {
    let place = Place::new();
    place.repository("victim/.git");
    fs::create_dir(place.directory.path().join("w")).unwrap();
    std::os::unix::fs::symlink("../victim/.git", place.directory.path().join("w/.git")).unwrap();
    let git = place.layout("w");
    assert_eq!((git.layout, git.notes.len()), (GitLayout::None, 1));
}
