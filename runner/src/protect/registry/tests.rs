use super::*;
use crate::alone::without_forks;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

struct Place {
    _directory: tempfile::TempDir,
    _without_forks: std::sync::RwLockReadGuard<'static, ()>,
    top: AbsPath,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let top = AbsPath::new(real.as_os_str().as_encoded_bytes()).unwrap();
        fs::create_dir_all(top.join("w/.git").unwrap().as_path()).unwrap();
        Self { _directory: directory, _without_forks: without_forks(), top }
    }

    fn at(&self, relative: &str) -> AbsPath {
        self.top.join(relative).unwrap()
    }

    fn exists(&self, relative: &str) -> bool {
        self.at(relative).as_path().symlink_metadata().is_ok()
    }

    fn registry(&self) -> Registry {
        self.registry_of("w", GitLayout::Directory { modules: vec![] })
    }

    fn registry_of(&self, root: &str, git: GitLayout) -> Registry {
        let inode = Inode { device: 0, number: 0 };
        let root = WorkspaceRoot { path: self.at(root), inode, owner_uid: 0, owner_gid: 0, git };
        Registry::new(&self.at("state"), &Workspace::Root(root))
    }

    fn directory(&self, relative: &str) -> Placeholder {
        Placeholder { path: self.at(relative), text: None }
    }

    fn file(&self, relative: &str, text: &str) -> Placeholder {
        Placeholder { path: self.at(relative), text: Some(text.into()) }
    }

    fn lists(&self) -> usize {
        fs::read_dir(self.at("state/placeholders").as_path()).map_or(0, Iterator::count)
    }

    /// As after a crash: the list and the placeholders are there, the locks are not.
    fn crash(&self) {
        let registry = self.registry();
        let placeholders = ready(registry.stand(&[self.directory("w/.vscode"), self.file("w/.git/commondir", ".\n")]));
        let list = fs::read_dir(self.at("state/placeholders").as_path()).unwrap().next().unwrap().unwrap().path();
        let content = fs::read(&list).unwrap();
        drop(placeholders);
        fs::write(&list, content).unwrap();
        fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(self.at("w/.vscode").as_path()).unwrap();
        fs::set_permissions(self.at("w/.vscode").as_path(), fs::Permissions::from_mode(0o555)).unwrap();
        fs::write(self.at("w/.git/commondir").as_path(), ".\n").unwrap();
        fs::set_permissions(self.at("w/.git/commondir").as_path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
}

fn ready(stood: Result<Stood, RegistryError>) -> Placeholders {
    match stood {
        Ok(Stood::Ready(placeholders)) => placeholders,
        other => panic!("{other:?}"),
    }
}

fn changed(stood: Result<Stood, RegistryError>) -> Vec<AbsPath> {
    match stood {
        Ok(Stood::Changed(paths)) => paths,
        other => panic!("{other:?}"),
    }
}

#[test]
fn placeholders_stand_for_the_time_of_a_run() {
    let place = Place::new();
    let placeholders =
        ready(place.registry().stand(&[place.directory("w/.vscode"), place.file("w/.git/commondir", ".\n")]));
    let standing: Vec<_> = placeholders.standing().into_iter().map(|(path, _)| path).collect();
    assert_eq!(standing, [place.at("w/.vscode"), place.at("w/.git/commondir")]);
    assert_eq!(fs::read_to_string(place.at("w/.git/commondir").as_path()).unwrap(), ".\n");
    let mode = fs::metadata(place.at("w/.vscode").as_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0);
    placeholders.leave();
    assert!(!place.exists("w/.vscode") && !place.exists("w/.git/commondir"));
    assert_eq!(place.lists(), 0);
}

#[test]
fn nothing_is_touched_when_nothing_is_needed() {
    let place = Place::new();
    let registry = place.registry();
    assert_eq!(registry.standing().unwrap(), []);
    ready(registry.stand(&[])).leave();
    assert!(!place.exists("state"));
}

#[test]
fn the_last_run_removes_what_two_runs_share() {
    let place = Place::new();
    let (one, two) = (place.registry(), place.registry());
    let needed = [place.directory("w/.vscode")];
    let first = ready(one.stand(&needed));
    assert_eq!(two.standing().unwrap(), [place.at("w/.vscode")]);
    let second = ready(two.stand(&needed));
    assert_eq!(first.standing(), second.standing());
    first.leave();
    assert!(place.exists("w/.vscode"));
    second.leave();
    assert!(!place.exists("w/.vscode"));
}

#[test]
fn a_run_that_only_looked_removes_what_the_others_left_to_it() {
    let place = Place::new();
    let first = ready(place.registry().stand(&[place.directory("w/.vscode")]));
    let looking = place.registry();
    looking.standing().unwrap();
    first.leave();
    assert!(place.exists("w/.vscode"), "control");
    drop(looking);
    assert!(!place.exists("w/.vscode"));
}

#[test]
fn something_real_is_never_taken_for_a_placeholder() {
    let place = Place::new();
    fs::create_dir(place.at("w/.vscode").as_path()).unwrap();
    let stood = place.registry().stand(&[place.directory("w/.envrc"), place.directory("w/.vscode")]);
    assert_eq!(changed(stood), [place.at("w/.vscode")]);
    assert!(place.exists("w/.vscode") && !place.exists("w/.envrc"));
}

#[test]
fn a_placeholder_that_appeared_after_the_look_is_told() {
    let place = Place::new();
    let late = place.registry();
    assert_eq!(late.standing().unwrap(), []);
    let first = ready(place.registry().stand(&[place.directory("w/.vscode")]));
    let needed = [place.directory("w/.envrc")];
    assert_eq!(changed(late.stand(&needed)), [place.at("w/.vscode")]);
    assert_eq!(late.standing().unwrap(), [place.at("w/.vscode")]);
    let second = ready(late.stand(&needed));
    first.leave();
    assert!(place.exists("w/.vscode") && place.exists("w/.envrc"));
    second.leave();
    assert!(!place.exists("w/.vscode") && !place.exists("w/.envrc"));
}

#[test]
fn the_next_run_sweeps_what_a_crash_left() {
    let place = Place::new();
    place.crash();
    assert!(place.exists("w/.vscode") && place.exists("w/.git/commondir"), "control");
    assert_eq!(place.registry().standing().unwrap(), []);
    assert!(!place.exists("w/.vscode") && !place.exists("w/.git/commondir"));
    assert_eq!(place.lists(), 0);
}

#[test]
fn a_sweep_of_everything_finds_every_workspace() {
    let place = Place::new();
    place.crash();
    assert_eq!(sweep_all(&place.at("state")).unwrap(), 1);
    assert!(!place.exists("w/.vscode"));
    assert_eq!(sweep_all(&place.at("nowhere")).unwrap(), 0);
}

#[test]
fn what_has_got_content_or_an_owner_s_rights_meanwhile_stays() {
    let place = Place::new();
    place.crash();
    let vscode = place.at("w/.vscode");
    fs::set_permissions(vscode.as_path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(place.at("w/.git/commondir").as_path()).unwrap();
    fs::write(place.at("w/.git/commondir").as_path(), "../real\n").unwrap();
    fs::set_permissions(place.at("w/.git/commondir").as_path(), fs::Permissions::from_mode(0o444)).unwrap();
    place.registry().standing().unwrap();
    assert!(place.exists("w/.vscode") && place.exists("w/.git/commondir"));
    let other = Place::new();
    other.crash();
    fs::set_permissions(other.at("w/.vscode").as_path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(other.at("w/.vscode/settings.json").as_path(), "{}").unwrap();
    fs::set_permissions(other.at("w/.vscode").as_path(), fs::Permissions::from_mode(0o555)).unwrap();
    other.registry().standing().unwrap();
    assert!(other.exists("w/.vscode/settings.json"));
}

#[test]
fn a_link_in_the_place_of_a_directory_is_not_followed() {
    let place = Place::new();
    fs::create_dir(place.at("victim").as_path()).unwrap();
    symlink("../victim", place.at("w/.github").as_path()).unwrap();
    let stood = place.registry().stand(&[place.directory("w/.github/workflows")]);
    assert_eq!(changed(stood), [place.at("w/.github/workflows")]);
    assert!(!place.exists("victim/workflows"));
}

#[test]
fn a_repository_and_its_worktree_count_together() {
    let place = Place::new();
    fs::create_dir_all(place.at("tree").as_path()).unwrap();
    let git = GitLayout::File {
        git_dir: place.at("w/.git/worktrees/tree"),
        common_dir: Some(place.at("w/.git")),
        modules: vec![],
    };
    let shared = place.file("w/.git/commondir", ".\n");
    let main = ready(place.registry().stand(std::slice::from_ref(&shared)));
    let tree = ready(place.registry_of("tree", git).stand(&[shared, place.directory("tree/.vscode")]));
    main.leave();
    assert!(place.exists("w/.git/commondir"));
    tree.leave();
    assert!(!place.exists("w/.git/commondir") && !place.exists("tree/.vscode"));
}

#[test]
fn many_runs_at_once_leave_nothing_behind() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let registry = place.registry();
                    let needed = [
                        place.directory("w/.vscode"),
                        place.directory("w/.envrc"),
                        place.file("w/.git/commondir", ".\n"),
                    ];
                    registry.standing().unwrap();
                    let placeholders = ready(registry.stand(&needed));
                    assert!(place.exists("w/.vscode") && place.exists("w/.envrc"));
                    placeholders.leave();
                }
            });
        }
    });
    assert!(!place.exists("w/.vscode") && !place.exists("w/.envrc") && !place.exists("w/.git/commondir"));
    assert_eq!(place.lists(), 0);
}

#[test]
fn a_list_that_others_can_write_is_refused() {
    let place = Place::new();
    place.crash();
    let list = fs::read_dir(place.at("state/placeholders").as_path()).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&list, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(place.registry().standing(), Err(RegistryError::List { source: Errno::PERM, .. })));
}
