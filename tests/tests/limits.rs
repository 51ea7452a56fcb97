//! Limits: each holds, says so, and is refused where the machine cannot give it.

use std::time::Duration;

use opaque_tests::{Ended, Sandbox, each_identity};

/// How a limit is reported to hold.
fn enforcement(ended: &Ended, name: &str) -> String {
    let report = ended.reported();
    let limits = report["limits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let entry = limits.iter().find(|limit| limit["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"));
    assert!(entry["mechanism"].as_str().is_some_and(|text| !text.is_empty()), "{entry:#}");
    entry["enforcement"].as_str().unwrap_or_default().to_owned()
}

fn limited(sandbox: &Sandbox, limit: &str, act: &[&str]) -> Ended {
    let tools = sandbox.base().join("tools");
    let (tools, probe) = (tools.display().to_string(), tools.join("opaque-probe").display().to_string());
    let mut arguments = vec!["--read", &tools, "--limit", limit, "--", &probe];
    arguments.extend_from_slice(act);
    sandbox.run_reporting(arguments)
}

#[test]
fn the_wall_time_ends_a_run() {
    each_identity(|sandbox| {
        let ended = sandbox.run_reporting(["--timeout", "300ms", "--", "sleep", "30"]);
        ended.expect(124);
        ended.noting("300ms");
        assert!(ended.elapsed > Duration::from_millis(290) && ended.elapsed < Duration::from_secs(5), "{ended}");
        assert_eq!(enforcement(&ended, "wall"), "enforced");
        sandbox.run(["--timeout", "20s", "--", "sleep", "0.4"]).expect(0);
    });
}

#[test]
fn a_run_that_takes_too_much_memory_ends_with_its_own_code_and_says_why() {
    each_identity(|sandbox| {
        let ended = limited(sandbox, "memory=64MiB", &["allocate", "300"]);
        if sandbox.identity().is_root() {
            ended.expect(122);
            ended.noting("memory");
            assert_eq!(enforcement(&ended, "memory"), "enforced");
            assert_eq!(ended.reported()["exit"]["class"], "resource-limit");
        } else {
            // By resource limit the command sees its allocation fail and says so itself.
            assert!(ended.code == Some(122) || ended.refused() == "ENOMEM", "{ended}");
            let wanted = if ended.code == Some(122) { "enforced" } else { "degraded" };
            assert_eq!(enforcement(&ended, "memory"), wanted);
        }
        limited(sandbox, "memory=1GiB", &["allocate", "300"]).done();
        sandbox.permits(&["allocate", "300"]);
    });
}

#[test]
fn processes_are_counted() {
    each_identity(|sandbox| {
        let ended = limited(sandbox, "pids=20", &["fork-many", "200"]);
        let forks: u32 = ended.done().split(' ').next().unwrap().parse().unwrap();
        assert!((1..=20).contains(&forks), "{ended}");
        assert_eq!(limited(sandbox, "pids=400", &["fork-many", "200"]).done(), "200 forks");
    });
}

#[test]
fn a_fork_bomb_is_held_and_leaves_nothing() {
    each_identity(|sandbox| {
        let bomb = sandbox.run([
            "--timeout",
            "2s",
            "--limit",
            "memory=256MiB",
            "--limit",
            "pids=64",
            "--",
            "bash",
            "-c",
            ":(){ :|:& };:; sleep 1",
        ]);
        assert!(bomb.code.is_some(), "{bomb}");
        assert!(bomb.elapsed < Duration::from_secs(10), "{bomb}");
        sandbox.run(["--", "true"]).expect(0);
    });
}

#[test]
fn open_files_are_counted() {
    each_identity(|sandbox| {
        assert_eq!(limited(sandbox, "files=64", &["open-many", "100"]).refused(), "EMFILE");
        assert_eq!(limited(sandbox, "files=256", &["open-many", "100"]).done(), "100");
    });
}

#[test]
fn the_private_directories_have_a_size() {
    each_identity(|sandbox| {
        for path in ["/tmp/file", "/dev/shm/file", &sandbox.home().join("file").display().to_string()] {
            assert_eq!(limited(sandbox, "tmp=4MiB", &["fill", path, "16"]).refused(), "ENOSPC", "{path}");
            limited(sandbox, "tmp=64MiB", &["fill", path, "16"]).done();
        }
        // The workspace is the host's own file system.
        limited(sandbox, "tmp=4MiB", &["fill", "file", "16"]).done();
    });
}

#[test]
fn the_private_directories_hold_so_many_files() {
    each_identity(|sandbox| {
        assert_eq!(limited(sandbox, "inodes=200", &["create-many", "/tmp", "1000"]).refused(), "ENOSPC");
        limited(sandbox, "inodes=5000", &["create-many", "/tmp", "1000"]).done();
    });
}

#[test]
fn the_output_is_counted() {
    each_identity(|sandbox| {
        let ended = limited(sandbox, "output=64KiB", &["print-bytes", "1000000"]);
        ended.expect(122);
        ended.noting("output");
        assert!(ended.stdout.len() <= 65_536, "{} bytes came through", ended.stdout.len());
        assert!(ended.stdout.iter().all(|byte| *byte == b'x'));
        let within = limited(sandbox, "output=64KiB", &["print-bytes", "65536"]);
        assert_eq!(within.expect(0).stdout.len(), 65_536);
        let both = sandbox.run([
            "--limit",
            "output=8KiB",
            "--",
            "sh",
            "-c",
            "head -c 6000 /dev/zero; head -c 6000 /dev/zero >&2",
        ]);
        both.expect(122);
    });
}

#[test]
fn the_processor_is_shared_out() {
    each_identity(|sandbox| {
        let ended = limited(sandbox, "cpu=20%", &["burn", "1500"]);
        if ended.code == Some(125) {
            ended.noting("cpu");
            assert!(!sandbox.identity().is_root(), "root has the controller\n{ended}");
            assert_eq!(ended.text(), "");
            return;
        }
        let used: u32 = ended.done().parse().unwrap();
        assert!(used < 700, "{used} ms of 1500\n{ended}");
    });
}

#[test]
fn a_limit_that_the_machine_cannot_give_stops_the_run() {
    each_identity(|sandbox| {
        let limit = if sandbox.identity().is_root() { "pids=50" } else { "cpu=50%" };
        let launch = sandbox.launch(["--limit", limit, "--", "touch", "started"]);
        let ended = sandbox.without(launch, &["/sys/fs/cgroup"]).finish();
        ended.expect(125);
        ended.noting(limit.split('=').next().unwrap());
        assert!(!sandbox.project().join("started").exists(), "the command ran\n{ended}");
        // The twin: without the limit the same machine runs it.
        let launch = sandbox.launch(["--", "touch", "started"]);
        sandbox.without(launch, &["/sys/fs/cgroup"]).finish().expect(0);
    });
}

#[test]
fn every_limit_names_its_mechanism_in_the_report() {
    each_identity(|sandbox| {
        let ended =
            sandbox.run_reporting(["--timeout", "9s", "--limit", "files=99", "--limit", "pids=99", "--", "true"]);
        ended.expect(0);
        for limit in ["wall", "files", "pids"] {
            assert_eq!(enforcement(&ended, limit), "enforced", "{limit}");
        }
    });
}

#[test]
fn few_open_files_are_enough_for_a_run_with_and_without_a_secret_by_descriptor() {
    each_identity(|sandbox| {
        sandbox.run(["--limit", "files=12", "--", "true"]).expect(0);
        let start =
            ["--limit", "files=12", "--secret", "KEY=env:OF_THE_CALLER", "--deliver", "fd", "--", "cat", "/dev/fd/3"];
        let ended = sandbox.launch(start).env("OF_THE_CALLER", "correct-horse-battery").finish();
        assert_eq!(ended.expect(0).text(), "***");
    });
}
