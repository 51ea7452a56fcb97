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
        let mut wrong = Vec::new();
        for step in Step::ALL {
            let ended = run(sandbox, (FAIL, step.name()), &["touch", "started"]);
            let started = std::fs::remove_file(sandbox.project().join("started")).is_ok();
            if without.contains(step) && started {
                continue;
            }
            let left: Vec<_> = tree(&sandbox.project()).difference(&files).cloned().collect();
            if started || ended.code != Some(125) || !ended.errors().contains(step.name()) || !left.is_empty() {
                wrong.push(format!("{}: started {started}, left {left:?}, {ended}", step.name()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

/// Acts that between them touch every control.
const BATTERY: [&[&str]; 17] = [
    &["descriptors"],
    &["status", "CapEff"],
    &["status", "CapBnd"],
    &["status", "NoNewPrivs"],
    &["status", "Seccomp"],
    &["limit", "core"],
    &["limit", "files"],
    &["read", "/proc/1/environ"],
    &["open-write", "/proc/sys/user/max_user_namespaces"],
    &["private-loopback"],
    &["interfaces"],
    &["write", "/opaque-canary", "x"],
    &["write", ".git/hooks/pre-commit", "x"],
    &["write", ".envrc", "x"],
    &["unshare", "user"],
    &["directory"],
    &["fork-many", "200"],
];

/// Runs one act inside, with a descriptor leaked by the caller.
fn attempt(sandbox: &Sandbox, fault: (&str, &str), act: &[&str]) -> String {
    let tools = sandbox.base().join("tools").display().to_string();
    let probe = format!("{tools}/opaque-probe");
    let options = ["--read", &tools, "--limit", "pids=64", "--limit", "files=128", "--", &probe];
    let launch = sandbox.launch_with_fault(fault, options.iter().chain(act));
    let ended = launch.inherit(9, std::fs::File::open("/").unwrap()).finish();
    let _ = std::fs::remove_file(sandbox.project().join(".git/hooks/pre-commit"));
    let _ = std::fs::remove_file("/opaque-canary");
    if ended.code == Some(125) { "refused to run".to_owned() } else { ended.text() }
}

#[test]
fn a_control_that_is_left_out_turns_a_test_red() {
    // The run itself notices most of them (it attests each layer from inside) and refuses; a probe notices the rest.
    // `propagation` is not here: mounts of a new user namespace never propagate out, whatever their flags say.
    let controls = [
        Step::IdMap,
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
        let whole = BATTERY.map(|act| attempt(sandbox, (SKIP, "none"), act));
        assert!(whole.iter().all(|result| result.starts_with("done") || result.starts_with("refused E")), "{whole:?}");
        let mut unnoticed = BTreeSet::new();
        for step in controls {
            let notices = |(act, usual): (&&[&str], &String)| attempt(sandbox, (SKIP, step.name()), act) != *usual;
            if !BATTERY.iter().zip(&whole).any(notices) {
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
