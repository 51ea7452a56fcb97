//! A failure of every single step in turn: the run ends with 125 and the step's name, the command never starts, and
//! nothing is left behind.
//!
//! It needs the build with the `faults` feature, which no release build can have.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use opaque_sys::step::Step;
use opaque_tests::{
    Ended, Processes, Sandbox, cgroups, each_identity, eventually, opaque_run, opaque_run_with_faults, tree,
};
use serde_json::Value;

const FAIL: &str = "OPAQUE_FAULT_FAIL";
const SKIP: &str = "OPAQUE_FAULT_SKIP";
const SHARE: &str = "OPAQUE_FAULT_SHARE";

/// A workspace that needs every step: a repository, with placeholders and limits of every kind.
fn furnish(sandbox: &Sandbox) {
    sandbox.shell_outside("git init -q").expect(0);
}

/// What a run ended with, and its pid.
fn run(sandbox: &Sandbox, step: &str) -> (Ended, i32) {
    let limits = ["--limit", "pids=64", "--limit", "files=128"];
    let arguments = [&limits[..], &["--loopback", "127.0.0.1:9", "--", "touch", "started"]].concat();
    let running = sandbox.launch_with_fault((FAIL, step), arguments).start();
    let pid = running.pid();
    (running.wait(), pid)
}

/// Everything that a run could leave in the identity's home, the journal's own files aside.
fn files(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let journal = Path::new(".local/state/opaque/journal");
    tree(&sandbox.home()).into_iter().filter(|path| !path.starts_with(journal)).collect()
}

/// The journal, one record a line.
fn journal(sandbox: &Sandbox) -> Vec<Value> {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let days = tree(&directory).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    let texts: Vec<String> = days.map(|day| fs::read_to_string(directory.join(day)).unwrap()).collect();
    texts.concat().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is wrong with the end of a run in which this step failed.
fn complaints(sandbox: &Sandbox, step: &Step, before: &Before) -> Vec<String> {
    let recorded = journal(sandbox).len();
    let (ended, pid) = run(sandbox, step.name());
    let mut wrong = Vec::new();
    if ended.code != Some(125) {
        wrong.push("another exit code than 125".to_owned());
    }
    let named = format!("opaque-run: cannot build the sandbox: step `{}`", step.name());
    if !ended.errors().contains(&named) {
        wrong.push("the step is not named".to_owned());
    }
    if fs::remove_file(sandbox.project().join("started")).is_ok() {
        wrong.push("the command started".to_owned());
    }
    if files(sandbox) != before.files {
        wrong.push(format!("files: {:?}", files(sandbox).symmetric_difference(&before.files).collect::<Vec<_>>()));
    }
    if mounts() != before.mounts {
        wrong.push("the host's mounts changed".to_owned());
    }
    let mark = sandbox.base().display().to_string();
    if !eventually(Duration::from_secs(2), || Processes::marked(&mark).is_empty()) {
        wrong.push(format!("processes: {:?}", Processes::marked(&mark)));
    }
    let own = format!("opaque-{pid}-");
    let is_own = |group: &PathBuf| group.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&own));
    if cgroups().iter().any(is_own) {
        wrong.push("a cgroup".to_owned());
    }
    let records = journal(sandbox);
    let says_so = |record: &Value| record.to_string().contains(&format!("step `{}`", step.name()));
    if !records.get(recorded..).unwrap_or_default().last().is_some_and(says_so) {
        wrong.push(format!("the journal does not say so: {:?}", records.get(recorded..)));
    }
    wrong.into_iter().map(|wrong| format!("{}: {wrong}\n{ended}", step.name())).collect()
}

/// What must be the same afterwards.
struct Before {
    files: BTreeSet<PathBuf>,
    mounts: String,
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

#[test]
fn a_step_that_fails_stops_the_run_with_its_name_and_leaves_nothing() {
    each_identity(|sandbox| {
        furnish(sandbox);
        let (whole, _) = run(sandbox, "none");
        whole.expect(0);
        fs::remove_file(sandbox.project().join("started")).unwrap();
        let before = Before { files: files(sandbox), mounts: mounts() };
        let absent = absent(sandbox);
        let mut wrong = Vec::new();
        for step in Step::ALL {
            if absent.contains(step) {
                // It does not happen, so that its failure cannot either: the same run succeeds.
                run(sandbox, step.name()).0.expect(0);
                fs::remove_file(sandbox.project().join("started")).unwrap();
            } else {
                wrong.extend(complaints(sandbox, step, &before));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The steps that no flag brings about here: those of cgroups, for a plain user to whom none is delegated.
fn absent(sandbox: &Sandbox) -> &'static [Step] {
    let run = sandbox.run_reporting(["--limit", "pids=64", "--", "true"]);
    let limits = run.reported()["limits"].to_string();
    if limits.contains("cgroup") { &[] } else { &[Step::Cgroup, Step::JoinCgroup] }
}

#[test]
fn root_is_limited_by_cgroups_here_so_that_their_steps_are_tested() {
    each_identity(|sandbox| {
        if sandbox.identity().is_root() && absent(sandbox).contains(&Step::Cgroup) {
            opaque_tests::missing("a cgroup hierarchy that root may write");
        }
    });
}

#[test]
fn an_ordinary_build_has_no_such_switch() {
    each_identity(|sandbox| {
        for step in Step::ALL {
            let launch = sandbox.launch(["--", "true"]);
            launch.env(FAIL, step.name()).env(SKIP, step.name()).env(SHARE, "uts,ipc").finish().expect(0);
        }
    });
    assert!(holds(opaque_run_with_faults(), b"OPAQUE_FAULT"), "the search finds the name where it is");
    assert!(!holds(opaque_run(), b"OPAQUE_FAULT"), "{}", opaque_run().display());
}

/// True when the file holds these bytes anywhere.
fn holds(file: &Path, bytes: &[u8]) -> bool {
    fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes)
}

#[test]
fn a_release_build_with_such_a_switch_does_not_compile() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let target = opaque_run_with_faults().ancestors().nth(2).expect("a binary lies in its target directory");
    let package = ["check", "--offline", "--release", "--package", "opaque-runner", "--features", "faults"];
    cargo.args(package).arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let check = cargo.output().expect("cargo starts");
    let said = String::from_utf8_lossy(&check.stderr);
    assert!(!check.status.success(), "{said}");
    assert!(said.contains("the `faults` feature is for test builds only"), "{said}");
}

#[test]
fn a_run_that_cannot_be_built_is_recorded_with_its_request() {
    each_identity(|sandbox| {
        for step in [Step::Placeholders, Step::Journal] {
            run(sandbox, step.name()).0.expect(125);
            let record = journal(sandbox).pop().unwrap();
            assert_eq!(record["kind"], "refusal", "{record:#}");
            assert_eq!(record["record"]["answer"]["decision"], "allow");
            assert_eq!(record["record"]["request"]["command"]["argv"], serde_json::json!(["touch", "started"]));
            assert_eq!(record["record"]["request"]["asked"]["limits"]["pids"], "64");
        }
    });
}
