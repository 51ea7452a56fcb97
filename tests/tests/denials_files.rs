//! Files that were not granted: they do not exist inside, or they cannot be changed.

use opaque_tests::{Sandbox, Twin, each_identity};

/// The text of a path that is not in the workspace.
fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}

#[track_caller]
fn forbids_path(sandbox: &Sandbox, act: &str, path: &std::path::Path) {
    sandbox.forbids(&[act, &text(path)], Twin::Everybody);
}

#[test]
fn a_private_key_in_the_home_does_not_exist() {
    each_identity(|sandbox| {
        let key = sandbox.write(sandbox.home().join(".ssh/id"), "key");
        for act in ["read", "stat"] {
            assert_eq!(sandbox.forbids(&[act, &text(&key)], Twin::Everybody).refused(), "ENOENT");
        }
        forbids_path(sandbox, "list", &sandbox.home().join(".ssh"));
    });
}

#[test]
fn credentials_beside_the_toolchains_do_not_exist() {
    each_identity(|sandbox| {
        for name in
            [".aws/credentials", ".cargo/credentials.toml", ".npmrc", ".netrc", ".config/gh/hosts.yml", ".pypirc"]
        {
            let file = sandbox.write(sandbox.home().join(name), "token");
            forbids_path(sandbox, "read", &file);
        }
    });
}

#[test]
fn the_password_hashes_cannot_be_read() {
    each_identity(|sandbox| {
        sandbox.forbids(&["read", "/etc/shadow"], Twin::Superuser);
    });
}

#[test]
fn another_home_does_not_exist() {
    each_identity(|sandbox| {
        let diary = sandbox.base().join("other/diary");
        assert_eq!(sandbox.forbids(&["read", &text(&diary)], Twin::Everybody).refused(), "ENOENT");
        forbids_path(sandbox, "list", &sandbox.base().join("other"));
    });
}

#[test]
fn host_directories_that_nobody_granted_do_not_exist() {
    each_identity(|sandbox| {
        for path in ["/boot", "/srv", "/mnt", "/media", "/var/log", "/sys/kernel", "/sys/fs"] {
            let path = std::path::Path::new(path);
            if path.exists() {
                forbids_path(sandbox, "list", path);
            }
        }
    });
}

#[test]
fn run_holds_nothing_of_the_host() {
    each_identity(|sandbox| {
        assert_eq!(sandbox.permits(&["list", "/run"]), "");
        assert_ne!(sandbox.probe_outside(&["list", "/run"]).done(), "");
    });
}

#[test]
fn nothing_outside_the_workspace_can_be_written() {
    each_identity(|sandbox| {
        let target = sandbox.elsewhere().join("new");
        sandbox.forbids(&["write", &text(&target), "x"], Twin::Everybody);
        let standing = sandbox.write(sandbox.elsewhere().join("standing"), "before");
        let inside = [
            vec!["append", "FILE", "x"],
            vec!["truncate", "FILE"],
            vec!["unlink", "FILE"],
            vec!["chmod", "777", "FILE"],
            vec!["touch", "FILE"],
        ];
        for act in inside {
            let standing = text(&standing);
            let act: Vec<&str> = act.into_iter().map(|word| if word == "FILE" { &standing } else { word }).collect();
            sandbox.probe(&act).refused();
            assert_eq!(std::fs::read(&standing).unwrap(), b"before", "{act:?}");
        }
        let standing = text(&standing);
        for act in [vec!["append", &standing, "x"], vec!["chmod", "755", &standing], vec!["touch", &standing]] {
            sandbox.probe_outside(&act).done();
        }
    });
}

#[test]
fn a_granted_directory_is_read_only_unless_it_was_granted_for_writing() {
    each_identity(|sandbox| {
        let file = text(&sandbox.write(sandbox.elsewhere().join("file"), "content"));
        let directory = text(&sandbox.elsewhere());
        let read = sandbox.launch_probe(&["--read", &directory], &["read", &file]).finish();
        assert_eq!(read.done(), "content");
        for act in [
            vec!["append", &file, "x"],
            vec!["chmod", "700", &file],
            vec!["touch", &file],
            vec!["truncate", &file],
            vec!["set-attribute", &file],
            vec!["unlink", &file],
            vec!["reopen-for-write", &file],
            vec!["temporary-file", &directory],
        ] {
            sandbox.launch_probe(&["--read", &directory], &act).finish().refused();
            assert_eq!(std::fs::read(&file).unwrap(), b"content", "{act:?}");
        }
        for act in [
            vec!["append", &file, "x"],
            vec!["chmod", "700", &file],
            vec!["touch", &file],
            vec!["reopen-for-write", &file],
            vec!["temporary-file", &directory],
            vec!["unlink", &file],
        ] {
            sandbox.launch_probe(&["--write", &directory], &act).finish().done();
        }
    });
}

#[test]
fn the_system_cannot_be_written() {
    each_identity(|sandbox| {
        for path in ["/usr/bin/opaque-canary", "/etc/opaque-canary", "/opaque-canary", "/lib/opaque-canary"] {
            let attempt = sandbox.probe(&["write", path, "x"]);
            let escaped = std::fs::remove_file(path).is_ok();
            attempt.refused();
            assert!(!escaped, "{path} was written on the host");
        }
        // The twin: the same act where it harms nobody.
        let canary = text(&sandbox.elsewhere().join("canary"));
        sandbox.probe_outside(&["write", &canary, "x"]).done();
        sandbox.forbids(&["open-write", "/etc/passwd"], Twin::Superuser);
    });
}

#[test]
fn a_hard_link_cannot_carry_a_granted_file_into_the_workspace() {
    each_identity(|sandbox| {
        let file = text(&sandbox.write(sandbox.elsewhere().join("file"), "content"));
        let (directory, link) = (text(&sandbox.elsewhere()), sandbox.at("link"));
        sandbox.launch_probe(&["--read", &directory], &["link", &file, &link]).finish().refused();
        sandbox.probe_outside(&["link", &file, &link]).done();
    });
}

#[test]
fn a_symbolic_link_in_the_workspace_leads_nowhere_that_was_not_granted() {
    each_identity(|sandbox| {
        let diary = sandbox.base().join("other/diary");
        let link = sandbox.at("link");
        std::os::unix::fs::symlink(&diary, &link).unwrap();
        sandbox.forbids(&["read", &link], Twin::Everybody);
        let escape = sandbox.at("escape");
        std::os::unix::fs::symlink(sandbox.elsewhere(), &escape).unwrap();
        sandbox.forbids(&["write", &sandbox.at("escape/new"), "x"], Twin::Everybody);
    });
}

#[test]
fn climbing_out_of_the_workspace_ends_in_an_empty_home() {
    each_identity(|sandbox| {
        sandbox.write(sandbox.home().join("letter"), "dear");
        sandbox.forbids(&["read", "../letter"], Twin::Everybody);
        sandbox.forbids(&["list", "../../other"], Twin::Everybody);
        sandbox.forbids(&["read", "/proc/self/root/../../../etc/shadow"], Twin::Superuser);
    });
}

#[test]
fn the_home_and_the_temporary_directory_are_private_and_writable() {
    each_identity(|sandbox| {
        let host = format!("/tmp/opaque-tests-{}", std::process::id());
        std::fs::write(&host, "host").unwrap();
        let seen = sandbox.probe(&["read", &host]);
        let outside = sandbox.probe_outside(&["read", &host]);
        std::fs::remove_file(&host).unwrap();
        seen.refused();
        outside.done();
        let file = text(&sandbox.home().join("note"));
        for path in ["/tmp/opaque-canary", "/var/tmp/opaque-canary", &file] {
            sandbox.permits(&["write", path, "x"]);
            assert!(std::fs::remove_file(path).is_err(), "{path} was written on the host");
        }
    });
}

#[test]
fn the_workspace_is_writable_at_its_own_path() {
    each_identity(|sandbox| {
        assert_eq!(sandbox.permits(&["directory"]), text(&sandbox.project()));
        sandbox.permits(&["write", "made", "inside"]);
        assert_eq!(std::fs::read(sandbox.project().join("made")).unwrap(), b"inside");
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(sandbox.project().join("made")).unwrap());
        assert_eq!(owner, sandbox.identity().uid());
    });
}

#[test]
fn policy_profiles_and_journal_stay_out_of_reach_inside_a_wider_grant() {
    each_identity(|sandbox| {
        let config = sandbox.write(sandbox.home().join(".config/opaque/profiles/mine.toml"), "name = \"mine\"\n");
        let state = sandbox.home().join(".local/state/opaque");
        sandbox.run(["--", "true"]).expect(0);
        assert!(state.is_dir(), "the journal is not where the design says");
        let home = text(&sandbox.home());
        sandbox.run(["--write", &home, "--", "true"]).expect(120);
        for (grant, target) in [
            (".config", config.clone()),
            (".config", config.with_file_name("planted.toml")),
            (".config/opaque", config.with_file_name("planted.toml")),
            (".local", state.join("planted")),
            (".local/state/opaque", state.join("planted")),
        ] {
            let (grant, target) = (text(&sandbox.home().join(grant)), text(&target));
            let before = std::fs::read(&target).ok();
            let ended = sandbox.launch_probe(&["--write", &grant], &["write", &target, "x"]).finish();
            assert!(matches!(ended.code, Some(1 | 120)), "{ended}");
            assert_eq!(std::fs::read(&target).ok(), before, "{target} was written\n{ended}");
            sandbox.probe_outside(&["write", &target, "x"]).done();
            std::fs::remove_file(&target).unwrap();
        }
        let (from, to) = (text(&sandbox.home().join(".config/opaque")), text(&sandbox.home().join(".config/moved")));
        let grant = text(&sandbox.home().join(".config"));
        let moved = sandbox.launch_probe(&["--write", &grant], &["rename", &from, &to]).finish();
        assert!(matches!(moved.code, Some(1 | 120)), "{moved}");
        assert!(!std::path::Path::new(&to).exists(), "{moved}");
        sandbox.probe_outside(&["rename", &from, &to]).done();
    });
}

#[test]
fn device_nodes_cannot_be_made() {
    each_identity(|sandbox| {
        for kind in ["character", "block"] {
            sandbox.forbids(&["mknod", kind, &sandbox.at(kind)], Twin::Superuser);
        }
        sandbox.permits(&["mknod", "fifo", "fifo"]);
    });
}

#[test]
fn a_device_node_that_lies_in_the_workspace_does_not_work() {
    each_identity(|sandbox| {
        if !sandbox.identity().is_root() {
            return;
        }
        let node = sandbox.at("null");
        sandbox.probe_outside(&["mknod", "character", &node]).done();
        std::fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        sandbox.forbids(&["open-write", &node], Twin::Everybody);
    });
}

#[test]
fn only_harmless_devices_exist() {
    each_identity(|sandbox| {
        let devices = sandbox.permits(&["list", "/dev"]);
        for device in ["null", "zero", "full", "random", "urandom", "tty"] {
            assert!(devices.split(' ').any(|name| name == device), "{device} is not in `{devices}`");
        }
        for device in ["mem", "kmem", "port", "kmsg", "vda", "sda", "loop0", "loop-control", "fuse", "kvm", "vhost-net"]
        {
            assert!(!devices.split(' ').any(|name| name == device), "{device} is in `{devices}`");
        }
        sandbox.permits(&["write", "/dev/null", "x"]);
        let shared = sandbox.permits(&["write", "/dev/shm/opaque-canary", "x"]);
        assert_eq!(shared, "");
        assert!(std::fs::remove_file("/dev/shm/opaque-canary").is_err(), "/dev/shm is the host's");
    });
}

#[test]
fn files_of_others_stay_closed_to_root_inside() {
    each_identity(|sandbox| {
        if !sandbox.identity().is_root() {
            return;
        }
        let file = sandbox.write("foreign", "secret");
        std::os::unix::fs::chown(&file, Some(23_456), Some(23_456)).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        sandbox.forbids(&["read", &text(&file)], Twin::Everybody);
        sandbox.forbids(&["chown", "23456", "23456", &text(&sandbox.write("own", "x"))], Twin::Everybody);
    });
}
