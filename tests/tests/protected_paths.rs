//! Paths of the workspace that the host would act on later: read-only inside, also before they exist.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use opaque_tests::{Ended, Sandbox, each_identity, eventually, tree};

/// Makes the workspace a git repository with one commit, as the identity.
fn repository(sandbox: &Sandbox) {
    sandbox.write(
        sandbox.home().join(".gitconfig"),
        "[user]\n\tname = Ann\n\temail = ann@service.example\n[init]\n\tdefaultBranch = main\n",
    );
    sandbox.write("file", "one\n");
    sandbox.shell_outside("git init -q && git add file && git commit -q -m one").expect(0);
}

#[track_caller]
fn refused_and_possible_outside(sandbox: &Sandbox, script: &str) -> Ended {
    let before = tree(&sandbox.project());
    let inside = sandbox.shell(script);
    assert!(inside.code.is_some_and(|code| code != 0 && code < 120), "`{script}` should fail inside\n{inside}");
    assert_eq!(tree(&sandbox.project()), before, "`{script}` changed the workspace");
    sandbox.shell_outside(script).expect(0);
    inside
}

#[test]
fn a_hook_cannot_be_planted_where_hooks_stand() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.write(".git/hooks/post-commit", "#!/bin/sh\n");
        for script in [
            "echo x > .git/hooks/pre-commit",
            "echo x >> .git/hooks/post-commit",
            "chmod 700 .git/hooks/post-commit",
            "touch -d '2001-01-01' .git/hooks/post-commit",
            "ln -s /bin/true .git/hooks/pre-push",
            "mkdir .git/hooks/more",
        ] {
            refused_and_possible_outside(sandbox, script);
        }
    });
}

#[test]
fn hooks_cannot_be_made_where_none_stand() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.shell_outside("rm -r .git/hooks").expect(0);
        let before = tree(&sandbox.project());
        for script in ["mkdir -p .git/hooks && echo x > .git/hooks/pre-commit", "ln -s /tmp .git/hooks"] {
            let inside = sandbox.shell(script);
            assert_ne!(inside.code, Some(0), "{inside}");
            assert_eq!(tree(&sandbox.project()), before, "`{script}` left something");
        }
        sandbox.shell_outside("mkdir -p .git/hooks && echo x > .git/hooks/pre-commit").expect(0);
    });
}

#[test]
fn a_protected_path_cannot_be_renamed_away_or_swapped() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.write(".github/workflows/build.yml", "on: push\n");
        let before = tree(&sandbox.project());
        for script in [
            "mv .git away",
            "mv .git away; cp -r away .git; echo x > .git/hooks/pre-commit",
            "mv .git/hooks .git/old",
            "mv .git/config .git/old",
            "rm -rf .git/hooks",
            "mkdir new && mv -T new .git/hooks",
            "mv .github away",
            "mv .github/workflows .github/old",
        ] {
            let inside = sandbox.shell(script);
            assert_ne!(inside.code, Some(0), "`{script}`\n{inside}");
            let _ = sandbox.shell_outside("rm -rf new");
            assert_eq!(tree(&sandbox.project()), before, "`{script}` changed the workspace");
        }
        sandbox.permits(&["mkdir", "new"]);
        sandbox.probe(&["exchange", "new", ".git"]).refused();
        sandbox.probe_outside(&["exchange", "new", ".git"]).done();
        sandbox.probe_outside(&["exchange", "new", ".git"]).done();
        sandbox.shell_outside("mv .github away && mv away .github && mv .git away && mv away .git").expect(0);
    });
}

#[test]
fn every_protected_name_is_read_only_before_it_exists() {
    each_identity(|sandbox| {
        repository(sandbox);
        let names = [
            ".github/workflows/evil.yml",
            ".vscode/tasks.json",
            ".envrc",
            ".opaque.toml",
            ".mcp.json",
            ".claude/settings.json",
            ".cursor/mcp.json",
            ".codex/config.toml",
            ".husky/pre-commit",
            ".git/config.worktree",
            ".git/commondir",
            ".git/modules/sub/config",
        ];
        for name in names {
            let before = tree(&sandbox.project());
            let script = format!("mkdir -p $(dirname {name}) && echo x > {name}");
            let inside = sandbox.shell(&script);
            assert_ne!(inside.code, Some(0), "{name}\n{inside}");
            assert_eq!(tree(&sandbox.project()), before, "{name} left something");
            sandbox.shell_outside(&format!("{script} && rm {name}")).expect(0);
            let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
            let _ = sandbox.shell_outside(&format!("rmdir -p {directory} 2>/dev/null"));
        }
    });
}

#[test]
fn a_placeholder_is_seen_neither_by_git_nor_after_the_run() {
    each_identity(|sandbox| {
        repository(sandbox);
        let before = tree(&sandbox.project());
        let ended = sandbox.shell("git status --porcelain && git add -A && git status --porcelain");
        assert_eq!(ended.expect(0).text(), "");
        let mut left = tree(&sandbox.project());
        left.remove(&PathBuf::from(".git/index.lock"));
        assert_eq!(left, before);
    });
}

#[test]
fn committing_branching_and_cloning_work_inside() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.shell("echo two > file && git commit -q -a -m two").expect(0);
        assert_eq!(sandbox.shell("git log --format='%an %s'").expect(0).text(), "Ann two\nAnn one");
        sandbox.shell("git checkout -q -b topic && git branch --show-current").expect(0);
        sandbox.shell("git clone -q . copy && git -C copy log -1 --format=%s").expect(0);
        assert_eq!(sandbox.shell_outside("git branch --show-current").text(), "topic");
    });
}

#[test]
fn changing_gits_configuration_is_refused_with_a_hint() {
    each_identity(|sandbox| {
        repository(sandbox);
        let inside = refused_and_possible_outside(sandbox, "git config core.fsmonitor /bin/true");
        inside.noting("--write .git/config");
        sandbox.run(["--write", ".git/config", "--", "git", "config", "user.name", "Ben"]).expect(0);
        assert_eq!(sandbox.shell_outside("git config user.name").text(), "Ben");
    });
}

#[test]
fn a_name_that_is_granted_exactly_is_writable_and_its_parent_is_not_enough() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.write(".vscode/settings.json", "{}");
        let write = ["--", "sh", "-c", "echo x > .vscode/settings.json"];
        assert_ne!(sandbox.run(["--write", "."].iter().chain(&write)).code, Some(0));
        sandbox.run(["--write", ".vscode"].iter().chain(&write)).expect(0);
    });
}

#[test]
fn a_workspace_without_git_may_become_a_repository() {
    each_identity(|sandbox| {
        let ended = sandbox.shell("git init -q . && echo made > .git/made && echo x > .git/hooks/pre-commit");
        ended.expect(0);
        assert!(sandbox.project().join(".git/made").exists());
        assert!(!sandbox.project().join(".git/hooks/pre-commit").exists(), "the host would run this hook\n{ended}");
        ended.noting("a git directory appeared: its hooks were moved to quarantine in");
    });
}

#[test]
fn a_repository_that_was_made_inside_works_on_the_host_without_a_word() {
    each_identity(|sandbox| {
        sandbox.write(sandbox.home().join(".gitconfig"), "[user]\n\tname = Ann\n\temail = ann@service.example\n");
        sandbox.write("file", "one\n");
        let script = "git init -q . && git config user.name Ben && git remote add origin https://host.example/a.git && git add file && git commit -q -m one";
        let ended = sandbox.run_reporting(["--", "sh", "-c", script]);
        ended.expect(0);
        assert_eq!(
            (ended.errors().as_str(), ended.reported()["notes"].to_string().contains("quarantine")),
            ("", false)
        );
        let left = tree(&sandbox.project());
        assert!(!left.iter().any(|path| path.to_string_lossy().contains("quarantine")), "{left:?}");
        let outside = sandbox.shell_outside("echo two > file && git commit -q -a -m two && git log --format='%an %s'");
        assert_eq!(outside.expect(0).text(), "Ben two\nBen one");
        assert_eq!(sandbox.shell_outside("git remote get-url origin").text(), "https://host.example/a.git");
    });
}

#[test]
fn settings_that_git_on_the_host_would_execute_go_to_quarantine() {
    each_identity(|sandbox| {
        sandbox.script("run", "#!/bin/sh\ntouch executed\n");
        let script = "git init -q . && git config user.name Ben && git config core.fsmonitor \"$PWD/run\"";
        let ended = sandbox.run_reporting(["--", "sh", "-c", script]);
        ended.expect(0).noting("its configuration was moved to quarantine in");
        assert!(ended.reported()["notes"].to_string().contains("quarantine"), "{ended}");
        sandbox.shell_outside("git status").expect(0);
        assert!(!sandbox.project().join("executed").exists(), "the host executed what the run left");
        assert_eq!(sandbox.shell_outside("git config user.name").text(), "Ben", "what is harmless stays");
        // The twin: with the file as the run left it, it is executed.
        sandbox.shell_outside("cp .git/quarantine-*/config .git/config && git status").expect(0);
        assert!(sandbox.project().join("executed").exists(), "the probe executes nothing");
    });
}

#[test]
fn a_pointer_to_a_git_directory_that_appears_is_put_away() {
    each_identity(|sandbox| {
        let script = "git init -q --bare evil && echo 'gitdir: evil' > .git";
        sandbox.shell(script).expect(0).noting("it was moved to quarantine in");
        assert!(!sandbox.project().join(".git").exists());
        assert_ne!(sandbox.shell_outside("git rev-parse --git-dir").code, Some(0));
        sandbox.shell_outside("mv .git.quarantine-* .git && git rev-parse --git-dir").expect(0);
    });
}

#[test]
fn a_git_directory_that_resists_quarantine_makes_the_run_fail_aloud() {
    each_identity(|sandbox| {
        let ended = sandbox.shell("git init -q . && echo x > .git/hooks/pre-commit && chmod 555 .git/hooks .git .");
        let is_planted = sandbox.project().join(".git/hooks/pre-commit").exists();
        sandbox.shell_outside("chmod 755 . .git .git/hooks").expect(0);
        // The superuser writes where no mode lets it.
        if sandbox.identity().is_root() {
            ended.expect(0).noting("quarantine");
        } else {
            ended.expect(120).noting("do not use git there");
        }
        assert_eq!(is_planted, !sandbox.identity().is_root(), "{ended}");
    });
}

#[test]
fn quarantine_in_a_checkout_of_another_uid_leaves_nothing_of_roots_there() {
    each_identity(|sandbox| {
        if !sandbox.identity().is_root() {
            return;
        }
        std::os::unix::fs::chown(sandbox.project(), Some(12_345), Some(12_345)).unwrap();
        let script = "id -u && git init -q . && git config core.fsmonitor x && echo x > .git/hooks/pre-commit";
        let ended = sandbox.shell(script);
        ended.expect(0).noting("its hooks and configuration were moved to quarantine in");
        assert_eq!(ended.text(), "12345");
        let foreign = sandbox.shell_outside("find . ! -uid 12345");
        assert_eq!(foreign.expect(0).text(), "");
    });
}

#[test]
fn replacing_a_protected_file_on_the_host_never_opens_it_to_the_run() {
    each_identity(|sandbox| {
        repository(sandbox);
        let script = "echo ready; i=0; while [ $i -lt 300 ]; do echo planted >> .git/config && exit 66; i=$((i+1)); sleep 0.01; done 2>/dev/null; exit 0";
        let mut running = sandbox.launch(["--", "sh", "-c", script]).start();
        running.wait_for("ready");
        for round in 0..5 {
            sandbox.shell_outside(&format!("git config demo.round {round}")).expect(0);
            std::thread::sleep(Duration::from_millis(50));
        }
        let ended = running.wait();
        let config = std::fs::read_to_string(sandbox.project().join(".git/config")).unwrap();
        assert!(!config.contains("planted"), "the replaced file could be written\n{ended}\n{config}");
        if ended.code == Some(0) {
            return;
        }
        ended.noting("protected path");
    });
}

#[test]
fn removing_a_protected_directory_on_the_host_never_opens_its_name() {
    each_identity(|sandbox| {
        repository(sandbox);
        sandbox.write(".vscode/settings.json", "{}");
        let script = "echo ready; i=0; while [ $i -lt 300 ]; do { mkdir -p .vscode && echo planted > .vscode/tasks.json; } && exit 66; i=$((i+1)); sleep 0.01; done 2>/dev/null; exit 0";
        let mut running = sandbox.launch(["--", "sh", "-c", script]).start();
        running.wait_for("ready");
        sandbox.shell_outside("mv .vscode moved && sleep 0.3").expect(0);
        let ended = running.wait();
        assert_ne!(ended.code, Some(66), "the name was open\n{ended}");
        assert!(!sandbox.project().join(".vscode/tasks.json").exists(), "{ended}");
    });
}

#[test]
fn runs_at_the_same_time_share_their_placeholders() {
    each_identity(|sandbox| {
        repository(sandbox);
        let before = tree(&sandbox.project());
        let mut long = sandbox
            .launch(["--", "sh", "-c", "echo ready; read line; echo x > .envrc && exit 66; exit 0"])
            .stdin_open()
            .start();
        long.wait_for("ready");
        for _ in 0..5 {
            sandbox.run(["--", "true"]).expect(0);
        }
        long.type_in(b"go\n");
        let ended = long.wait();
        assert!(ended.code.is_some_and(|code| code != 66), "the last short run took the placeholder along\n{ended}");
        assert_eq!(tree(&sandbox.project()), before);
    });
}

#[test]
fn leftovers_of_a_killed_run_are_swept_by_the_next() {
    each_identity(|sandbox| {
        repository(sandbox);
        let before = tree(&sandbox.project());
        let mut running = sandbox.launch(["--", "sh", "-c", "echo ready; sleep 60"]).start();
        running.wait_for("ready");
        let during = tree(&sandbox.project());
        let placed: BTreeSet<_> = during.difference(&before).collect();
        assert!(!placed.is_empty(), "a run has placeholders while it lasts");
        running.signal(9);
        let _ = running.wait();
        sandbox.run(["--", "true"]).expect(0);
        assert!(eventually(Duration::from_secs(1), || tree(&sandbox.project()) == before));
    });
}

#[test]
fn a_file_that_the_host_makes_in_a_placeholders_stead_survives() {
    each_identity(|sandbox| {
        repository(sandbox);
        let mut running = sandbox.launch(["--", "sh", "-c", "echo ready; sleep 1"]).start();
        running.wait_for("ready");
        sandbox.shell_outside("rm -rf .envrc && echo 'use nix' > .envrc").expect(0);
        let _ = running.wait();
        assert_eq!(std::fs::read_to_string(sandbox.project().join(".envrc")).unwrap(), "use nix\n");
    });
}

#[test]
fn a_worktree_commits_and_keeps_its_repository_safe() {
    each_identity(|sandbox| {
        repository(sandbox);
        let tree = sandbox.home().join("tree");
        sandbox.shell_outside(&format!("git worktree add -q {} -b side", tree.display())).expect(0);
        let run = |script: &str| sandbox.launch(["--", "sh", "-c", script]).cwd(&tree).finish();
        run("echo two > file && git commit -q -a -m two && git log -1 --format=%s").expect(0);
        let common = sandbox.project().join(".git");
        for file in ["hooks/pre-commit", "config"] {
            let planted = run(&format!("echo x >> {}", common.join(file).display()));
            assert_ne!(planted.code, Some(0), "{file}\n{planted}");
        }
        assert_ne!(run("echo 'gitdir: /tmp' > .git").code, Some(0));
        // The main tree is not granted: what is written at its path stays in the private home.
        let main = sandbox.project().join("file");
        let _ = run(&format!("echo planted > {}", main.display()));
        assert_eq!(std::fs::read_to_string(main).unwrap(), "one\n");
    });
}

#[test]
fn a_submodules_hooks_and_configuration_are_read_only() {
    each_identity(|sandbox| {
        repository(sandbox);
        let other = sandbox.home().join("library");
        sandbox.write(other.join("code"), "x\n");
        sandbox
            .shell_outside(&format!(
                "cd {0} && git init -q && git add . && git commit -q -m library && cd - >/dev/null && git -c protocol.file.allow=always submodule --quiet add {0} sub && git commit -q -m sub",
                other.display()
            ))
            .expect(0);
        for script in [
            "echo x > .git/modules/sub/hooks/pre-commit",
            "echo x >> .git/modules/sub/config",
            "git -C sub config core.fsmonitor /bin/true",
        ] {
            let inside = sandbox.shell(script);
            assert_ne!(inside.code, Some(0), "`{script}`\n{inside}");
            sandbox.shell_outside(script).expect(0);
            let _ = sandbox
                .shell_outside("git -C sub config --unset core.fsmonitor; git -C .git/modules/sub config --unset x");
            sandbox
                .shell_outside("rm -f .git/modules/sub/hooks/pre-commit; sed -i '/^x$/d' .git/modules/sub/config")
                .expect(0);
        }
        sandbox.shell("git -C sub status --porcelain").expect(0);
    });
}
