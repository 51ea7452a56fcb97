//! Which directory is the workspace, and where none is granted.

use std::fs::File;

use opaque_tests::{Sandbox, each_identity};

fn writes_at(sandbox: &Sandbox, directory: &std::path::Path) -> opaque_tests::Ended {
    sandbox.launch(["--", "sh", "-c", "echo x > planted; exit 1"]).cwd(directory).finish()
}

#[test]
fn the_nearest_directory_with_git_is_the_workspace() {
    each_identity(|sandbox| {
        sandbox.shell_outside("git init -q").expect(0);
        sandbox.write("other/file", "");
        let deep = sandbox.project().join("deep/er");
        sandbox.directory(&deep);
        let launch = sandbox.launch(["--", "sh", "-c", "pwd; echo x > ../../other/planted"]).cwd(&deep);
        assert_eq!(launch.finish().expect(0).text(), deep.display().to_string());
        assert!(sandbox.project().join("other/planted").exists());
    });
}

#[test]
fn without_git_the_working_directory_is_the_workspace() {
    each_identity(|sandbox| {
        let deep = sandbox.project().join("deep");
        sandbox.directory(&deep);
        sandbox.launch(["--", "touch", "made"]).cwd(&deep).finish().expect(0);
        assert!(deep.join("made").exists());
        let above = sandbox.launch(["--", "touch", "../planted"]).cwd(&deep).finish();
        assert!(!sandbox.project().join("planted").exists(), "{above}");
    });
}

#[test]
fn the_home_is_never_a_workspace() {
    each_identity(|sandbox| {
        sandbox.write(sandbox.home().join("letter"), "dear");
        let ended = sandbox.launch(["--", "sh", "-c", "echo x > planted; cat letter"]).cwd(sandbox.home()).finish();
        assert!(!ended.text().contains("dear"), "{ended}");
        assert!(!sandbox.home().join("planted").exists(), "{ended}");
        ended.noting("--write");
        sandbox.launch(["--quiet", "--", "true"]).cwd(sandbox.home()).finish().expect(0);
    });
}

#[test]
fn a_home_that_is_a_git_repository_is_still_no_workspace() {
    each_identity(|sandbox| {
        sandbox.shell_outside(&format!("git init -q {}", sandbox.home().display())).expect(0);
        let key = sandbox.write(sandbox.home().join(".ssh/id"), "key");
        for directory in [sandbox.home(), sandbox.project()] {
            let ended = sandbox.launch(["--", "cat", &key.display().to_string()]).cwd(&directory).finish();
            assert!(matches!(ended.code, Some(1 | 125)) && ended.text().is_empty(), "{ended}");
            ended.noting("--write");
            let planted = writes_at(sandbox, &directory);
            assert!(!directory.join("planted").exists(), "{planted}");
        }
    });
}

#[test]
fn the_root_and_what_lies_above_the_home_are_never_a_workspace() {
    each_identity(|sandbox| {
        for directory in ["/".as_ref(), sandbox.base(), "/var/tmp".as_ref(), "/etc".as_ref()] {
            let ended = writes_at(sandbox, directory);
            let planted = directory.join("planted");
            let escaped = std::fs::remove_file(&planted).is_ok();
            assert!(!escaped, "{} was written\n{ended}", planted.display());
            ended.noting("--write");
        }
        // The system is visible, so nothing need be said; it still is no workspace.
        assert_ne!(writes_at(sandbox, "/usr/share".as_ref()).code, Some(0));
        assert!(std::fs::remove_file("/usr/share/planted").is_err());
        let ended = sandbox.launch(["--", "cat", "/etc/shadow"]).cwd("/").finish();
        ended.expect(1);
    });
}

#[test]
fn another_users_home_is_never_a_workspace() {
    each_identity(|sandbox| {
        let other = sandbox.base().join("other");
        let ended = writes_at(sandbox, &other);
        assert!(!other.join("planted").exists(), "{ended}");
    });
}

#[test]
fn the_root_directory_as_standard_input_is_refused() {
    each_identity(|sandbox| {
        let ended = sandbox.launch(["--", "true"]).stdin_from(File::open("/").unwrap()).finish();
        ended.expect(125).noting("standard input");
    });
}

#[test]
fn a_workspace_behind_a_link_is_the_directory_that_it_leads_to() {
    each_identity(|sandbox| {
        let link = sandbox.home().join("link");
        std::os::unix::fs::symlink(sandbox.project(), &link).unwrap();
        let launch = sandbox.launch(["--", "sh", "-c", "touch made && pwd -P"]).cwd(&link).env("PWD", &link);
        assert_eq!(launch.finish().expect(0).text(), sandbox.project().display().to_string());
        assert!(sandbox.project().join("made").exists());
    });
}

#[test]
fn a_link_to_the_home_is_no_way_around() {
    each_identity(|sandbox| {
        let link = sandbox.elsewhere().join("link");
        std::os::unix::fs::symlink(sandbox.home(), &link).unwrap();
        let ended = writes_at(sandbox, &link);
        assert!(!sandbox.home().join("planted").exists(), "{ended}");
    });
}
