//! Every layer is real: a step that fails stops the run, and a step that is left out is noticed.
//!
//! Both need the build with the `faults` feature, which no release build can have.

use std::collections::BTreeSet;
use std::time::Duration;

use opaque_sys::step::Step;
use opaque_tests::{Ended, Processes, Sandbox, cgroups, each_identity, eventually, tree};

const FAIL: &str = "OPAQUE_FAULT_FAIL";
const SKIP: &str = "OPAQUE_FAULT_SKIP";

/// A workspace that needs every step: a repository, with placeholders and a limit that takes a cgroup.
fn furnish(sandbox: &Sandbox) {
    sandbox.shell_outside("git init -q").expect(0);
}

fn run(sandbox: &Sandbox, fault: (&str, &str), command: &[&str]) -> Ended {
    let tools = sandbox.base().join("tools").display().to_string();
    let mut arguments = vec!["--read", &tools, "--limit", "pids=64", "--limit", "files=128", "--"];
    arguments.extend_from_slice(command);
    sandbox.launch_with_fault(fault, arguments).finish()
}

#[test]
fn a_step_that_fails_stops_the_run_with_its_name_and_leaves_nothing() {
    each_identity(|sandbox| {
        furnish(sandbox);
        let (files, groups) = (tree(&sandbox.project()), cgroups());
        run(sandbox, (FAIL, "none"), &["touch", "started"]).expect(0);
        std::fs::remove_file(sandbox.project().join("started")).unwrap();
        // A plain user without a delegated cgroup has no such step.
        let without: &[Step] = if sandbox.identity().is_root() { &[] } else { &[Step::Cgroup, Step::JoinCgroup] };
        for step in Step::ALL {
            let ended = run(sandbox, (FAIL, step.name()), &["touch", "started"]);
            if without.contains(step) && ended.code == Some(0) {
                std::fs::remove_file(sandbox.project().join("started")).unwrap();
                continue;
            }
            assert_eq!(ended.code, Some(125), "{} does not stop the run\n{ended}", step.name());
            assert!(ended.errors().contains(step.name()), "{} is not named\n{ended}", step.name());
            assert_eq!(tree(&sandbox.project()), files, "{} left a file\n{ended}", step.name());
        }
        let mark = sandbox.base().display().to_string();
        assert!(eventually(Duration::from_secs(3), || Processes::marked(&mark).is_empty()), "a process is left");
        let gone = || cgroups().difference(&groups).all(|group| is_populated(group));
        assert!(eventually(Duration::from_secs(3), gone), "{:?}", cgroups());
    });
}

/// True for the cgroup of a run of another test, which is still going on.
fn is_populated(group: &std::path::Path) -> bool {
    std::fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|pids| !pids.trim().is_empty())
}

/// What the battery came to without a fault and what it must come to with every control in place.
fn battery(sandbox: &Sandbox, fault: (&str, &str)) -> Vec<String> {
    let probe = sandbox.base().join("tools/opaque-probe").display().to_string();
    let scratch = sandbox.elsewhere().join("file").display().to_string();
    let acts: [&[&str]; 20] = [
        &["status", "CapEff"],
        &["status", "CapBnd"],
        &["status", "NoNewPrivs"],
        &["status", "Seccomp"],
        &["status", "SigIgn"],
        &["limit", "core"],
        &["limit", "files"],
        &["read", "/proc/1/environ"],
        &["open-write", "/proc/sys/user/max_user_namespaces"],
        &["read", "/proc/sys/user/max_user_namespaces"],
        &["private-loopback"],
        &["interfaces"],
        &["write", "/opaque-canary", "x"],
        &["append", "/usr/opaque-canary", "x"],
        &["write", &scratch, "x"],
        &["write", ".git/hooks/pre-commit", "x"],
        &["write", ".envrc", "x"],
        &["unshare", "user"],
        &["directory"],
        &["fork-many", "200"],
    ];
    let mut results: Vec<String> = Vec::new();
    for act in acts {
        let ended = run(sandbox, fault, &[&[probe.as_str()], act].concat());
        let _ = std::fs::remove_file(sandbox.project().join(".git/hooks/pre-commit"));
        let _ = std::fs::remove_file("/opaque-canary");
        results.push(if ended.code == Some(125) { "refused to run".to_owned() } else { ended.text() });
    }
    results
}

#[test]
fn a_control_that_is_left_out_turns_a_test_red() {
    // What skips of these steps do is not a weakening that a probe could see: each is noticed by the run itself or
    // leaves nothing that runs at all, so only "something changes" is asked.
    let controls = [
        Step::IdMap,
        Step::Propagation,
        Step::NestedNamespaces,
        Step::CoreDumps,
        Step::Pivot,
        Step::DetachOldRoot,
        Step::SealRoot,
        Step::Cwd,
        Step::Loopback,
        Step::ResourceLimits,
        Step::NoNewPrivileges,
        Step::Capabilities,
        Step::Landlock,
        Step::Descriptors,
        Step::Seccomp,
        Step::HideInit,
    ];
    each_identity(|sandbox| {
        furnish(sandbox);
        let whole = battery(sandbox, (SKIP, "none"));
        assert!(whole.iter().all(|result| result.starts_with("done") || result.starts_with("refused E")), "{whole:?}");
        let mut unnoticed = BTreeSet::new();
        for step in controls {
            if battery(sandbox, (SKIP, step.name())) == whole {
                unnoticed.insert(step.name());
            }
        }
        assert!(unnoticed.is_empty(), "nobody notices that these are missing: {unnoticed:?}");
    });
}

#[test]
fn an_ordinary_build_has_no_such_switch() {
    each_identity(|sandbox| {
        for step in Step::ALL {
            let ended = sandbox.launch(["--", "true"]).env(FAIL, step.name()).env(SKIP, step.name()).finish();
            ended.expect(0);
        }
    });
}
