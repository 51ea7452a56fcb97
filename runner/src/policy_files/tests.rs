use super::*;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A machine below a temporary directory.
struct Machine {
    directory: tempfile::TempDir,
    root: OwnedFd,
    home: AbsPath,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = rustix::fs::open(directory.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        Self { directory, root, home: AbsPath::new("/home/ann").unwrap() }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.mode_of(&path, 0o644);
        let above = path.ancestors().skip(1).take_while(|above| *above != self.directory.path());
        above.for_each(|above| self.mode_of(above, 0o755));
    }

    fn mode(&self, path: &str, mode: u32) {
        self.mode_of(&self.directory.path().join(path), mode);
    }

    fn mode_of(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, text: &str, path: &str) {
        symlink(text, self.directory.path().join(path)).unwrap();
    }

    fn read_as(&self, uid: u32, named: Option<&str>) -> Result<PolicyFiles, PolicyFileError> {
        let named = named.map(|named| named.as_bytes().to_vec());
        Places { root: self.root.as_fd(), home: &self.home, config_home: None, named, uid }.read(None)
    }

    fn read(&self) -> Result<PolicyFiles, PolicyFileError> {
        self.read_as(rustix::process::getuid().as_raw(), None)
    }
}

fn texts(files: &[SourceFile]) -> Vec<(&str, &str)> {
    files.iter().map(|file| (file.file.as_str(), std::str::from_utf8(&file.bytes).unwrap())).collect()
}

#[test]
fn a_machine_without_files_has_no_layers() {
    let machine = Machine::new();
    let policies = PolicySources { home: machine.home.clone(), system: vec![], user: vec![], repo: None };
    let expected = PolicyFiles { policies, system_profiles: vec![], user_profiles: vec![] };
    assert_eq!(machine.read(), Ok(expected));
}

#[test]
fn drop_ins_follow_the_policy_in_byte_order() {
    let machine = Machine::new();
    machine.write("etc/opaque/policy.toml", "a");
    machine.write("etc/opaque/policy.d/b.toml", "c");
    machine.write("etc/opaque/policy.d/B.toml", "b");
    machine.write("etc/opaque/policy.d/b.toml.old", "no");
    machine.write("etc/opaque/policy.d/.hidden.toml", "no");
    machine.write("home/ann/.config/opaque/policy.d/x.toml", "x");
    machine.write("home/ann/.config/opaque/profiles/p.toml", "p");
    machine.write("etc/opaque/profiles/q.toml", "q");
    let files = machine.read().unwrap();
    let system =
        [("/etc/opaque/policy.toml", "a"), ("/etc/opaque/policy.d/B.toml", "b"), ("/etc/opaque/policy.d/b.toml", "c")];
    assert_eq!(texts(&files.policies.system), system);
    assert_eq!(texts(&files.policies.user), [("/home/ann/.config/opaque/policy.d/x.toml", "x")]);
    assert_eq!(texts(&files.user_profiles), [("/home/ann/.config/opaque/profiles/p.toml", "p")]);
    assert_eq!(texts(&files.system_profiles), [("/etc/opaque/profiles/q.toml", "q")]);
}

#[test]
fn the_old_place_counts_alone_and_never_beside_the_new_one() {
    let machine = Machine::new();
    machine.write("home/ann/.opaque/config.toml", "old");
    assert_eq!(texts(&machine.read().unwrap().policies.user), [("/home/ann/.opaque/config.toml", "old")]);
    machine.write("home/ann/.config/opaque/policy.toml", "new");
    let (one, other) = ("/home/ann/.config/opaque/policy.toml".to_owned(), "/home/ann/.opaque/config.toml".to_owned());
    assert_eq!(machine.read(), Err(PolicyFileError::Both { one, other }));
}

#[test]
fn a_named_policy_replaces_the_person_s_own_and_must_exist() {
    let machine = Machine::new();
    machine.write("home/ann/.config/opaque/policy.toml", "own");
    machine.write("srv/named.toml", "named");
    let uid = rustix::process::getuid().as_raw();
    let files = machine.read_as(uid, Some("/srv/x/../named.toml"));
    assert_eq!(files, Err(PolicyFileError::Missing { path: "/srv/x/../named.toml".into() }));
    let files = machine.read_as(uid, Some("/srv/named.toml")).unwrap();
    assert_eq!(texts(&files.policies.user), [("/srv/named.toml", "named")]);
}

#[test]
fn what_others_can_write_does_not_count_and_the_hint_repairs_it() {
    for (path, mode) in [
        ("etc/opaque/policy.toml", 0o664),
        ("etc/opaque/policy.toml", 0o646),
        ("etc/opaque", 0o775),
        ("etc", 0o1777),
        ("", 0o757),
    ] {
        let machine = Machine::new();
        machine.write("etc/opaque/policy.toml", "a");
        assert!(machine.read().is_ok(), "control");
        machine.mode(path, mode);
        let error = machine.read().unwrap_err();
        assert_eq!(error, PolicyFileError::Writable { path: format!("/{path}") });
        assert!(error.hint().unwrap().starts_with(&format!("chmod go-w /{path}")));
    }
}

#[test]
fn what_somebody_else_owns_does_not_count() {
    let machine = Machine::new();
    machine.write("etc/opaque/policy.toml", "a");
    let owner = rustix::process::getuid().as_raw();
    if owner == 0 {
        std::os::unix::fs::chown(machine.directory.path().join("etc"), Some(4711), None).unwrap();
        assert_eq!(machine.read(), Err(PolicyFileError::Owner { path: "/etc".into(), owner: 4711 }));
    } else {
        let error = machine.read_as(owner + 1, None);
        assert_eq!(error, Err(PolicyFileError::Owner { path: "/".into(), owner }));
    }
}

#[test]
fn links_are_followed_through_what_is_trusted_only() {
    let machine = Machine::new();
    machine.write("srv/dots/policy.toml", "dots");
    machine.write("home/ann/.config/opaque/x", "");
    machine.link("/srv/dots/../dots/policy.toml", "home/ann/.config/opaque/policy.toml");
    assert_eq!(texts(&machine.read().unwrap().policies.user), [("/home/ann/.config/opaque/policy.toml", "dots")]);
    machine.mode("srv/dots", 0o777);
    assert_eq!(machine.read(), Err(PolicyFileError::Writable { path: "/srv/dots".into() }));
}

#[test]
fn a_link_that_leads_to_itself_is_an_error() {
    let machine = Machine::new();
    machine.write("etc/opaque/x", "");
    machine.link("policy.toml", "etc/opaque/policy.toml");
    assert!(matches!(machine.read(), Err(PolicyFileError::Open { source: Errno::LOOP, .. })));
}

#[test]
fn a_directory_or_fifo_in_the_place_of_a_file_is_an_error() {
    let machine = Machine::new();
    machine.write("etc/opaque/policy.toml/x", "");
    assert_eq!(machine.read(), Err(PolicyFileError::Type { path: "/etc/opaque/policy.toml".into() }));
    let machine = Machine::new();
    machine.write("etc/opaque/x", "");
    let fifo = machine.directory.path().join("etc/opaque/policy.toml");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(machine.read(), Err(PolicyFileError::Type { path: "/etc/opaque/policy.toml".into() }));
}

#[test]
fn a_file_that_is_too_long_is_an_error() {
    let machine = Machine::new();
    machine.write("etc/opaque/policy.toml", &"#".repeat(FILE));
    assert!(machine.read().is_ok(), "control");
    machine.write("etc/opaque/policy.toml", &"#".repeat(FILE + 1));
    assert!(matches!(machine.read(), Err(PolicyFileError::Open { source: Errno::FBIG, .. })));
}

#[test]
fn a_placeholder_of_another_run_may_come_and_go_at_any_moment() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let machine = Machine::new();
    machine.write("w/x", "");
    let workspace = fs::File::open(machine.directory.path().join("w")).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mode = Mode::from_raw_mode(0o444);
                rustix::fs::mknodat(&workspace, REPOSITORY, FileType::Socket, mode, 0).unwrap();
                rustix::fs::unlinkat(&workspace, REPOSITORY, rustix::fs::AtFlags::empty()).unwrap();
            }
        });
        let failed = (0..20_000).find_map(|_| repository_text(workspace.as_fd()).err());
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(failed, None);
    });
}

#[test]
fn what_is_no_text_in_the_place_of_a_workspace_s_file_is_refused() {
    let refused = |make: &dyn Fn(BorrowedFd<'_>)| {
        let machine = Machine::new();
        machine.write("w/x", "");
        let workspace = fs::File::open(machine.directory.path().join("w")).unwrap();
        make(workspace.as_fd());
        repository_text(workspace.as_fd()).unwrap_err()
    };
    let node = |kind| {
        move |workspace: BorrowedFd<'_>| {
            rustix::fs::mknodat(workspace, REPOSITORY, kind, Mode::from_raw_mode(0o600), 0).unwrap();
        }
    };
    assert_eq!(refused(&node(FileType::Fifo)), Errno::INVAL);
    // Not read-only, so nobody's placeholder.
    assert_eq!(refused(&node(FileType::Socket)), Errno::INVAL);
    let link = |workspace: BorrowedFd<'_>| rustix::fs::symlinkat("x", workspace, REPOSITORY).unwrap();
    assert_eq!(refused(&link), Errno::LOOP);
}
