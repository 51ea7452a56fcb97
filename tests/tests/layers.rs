//! Every layer is real: a run without it is refused, and where nobody checks, something forbidden succeeds.
//!
//! It needs the build with the `faults` feature, which no release build can have.

use std::fs::{self, File};
use std::time::Duration;

use opaque_sys::step::Step;
use opaque_tests::{Ended, Processes, Sandbox, each_identity, eventually};

const SKIP: &str = "OPAQUE_FAULT_SKIP";
const SHARE: &str = "OPAQUE_FAULT_SHARE";
/// The number under which every run here inherits a descriptor of a directory that is granted to nobody.
const LEAKED: i32 = 9;

/// What shows that a step confines.
enum Evidence {
    /// A run without it is refused, saying this; nothing can be had without it at all.
    Needed(&'static str),
    /// A run without it is refused, saying this; and where nobody checks, an act comes to something else.
    Attested(&'static str, Act),
    /// A run without it goes on, and an act comes to something else.
    Probed(Act),
    /// A test of its own shows it, or it confines nothing: see there.
    Elsewhere(&'static str),
}

/// An act that one layer alone decides about.
struct Act {
    /// The layers that would forbid it too.
    besides: &'static [Step],
    words: Vec<String>,
    /// What it comes to with the layer.
    held: &'static str,
    /// What it comes to without: its beginning.
    freed: &'static str,
}

fn act(words: &[&str], held: &'static str, freed: &'static str) -> Act {
    Act { besides: &[], words: words.iter().map(|word| (*word).to_owned()).collect(), held, freed }
}

impl Act {
    fn besides(self, besides: &'static [Step]) -> Self {
        Self { besides, ..self }
    }
}

const NO_CAPABILITIES: &str = "done 0000000000000000";

/// The evidence for each step; a new step has none and stops the build here.
fn evidence(step: Step, sandbox: &Sandbox) -> Evidence {
    use Evidence::{Attested, Elsewhere, Needed, Probed};
    let hook = [".git", "hooks", "pre-commit"].join("/");
    // With the old root still stacked on the new one, `..` of the root leads to it.
    let host = format!("/..{}", sandbox.elsewhere().join("file").display());
    match step {
        Step::Journal => Elsewhere("journal.rs"),
        Step::Cgroup | Step::CompileFilter | Step::Ruleset => Elsewhere("makes what a later step puts in force"),
        Step::Placeholders => Elsewhere("protected_paths.rs"),
        Step::Clone | Step::Namespaces => Elsewhere("a_namespace_that_is_shared_with_the_host_is_noticed"),
        Step::IdMap => Needed("cannot build the sandbox: step `"),
        Step::JoinCgroup => Elsewhere("without_its_cgroup_a_run_has_no_limit_on_processes"),
        Step::DieWithParent => Elsewhere("without_its_death_signal_a_run_outlives_its_supervisor"),
        Step::Identity => Elsewhere("without_its_identity_a_run_of_root_keeps_root"),
        Step::Propagation => Elsewhere("without_private_propagation_mounts_of_the_host_appear_inside"),
        Step::Sources => Attested("`mounts` does not hold", act(&["write", &hook, "x"], "refused EROFS", "done")),
        Step::Root | Step::Proc | Step::Tree | Step::Fork | Step::Exec => {
            Elsewhere("not a check: without it there is nothing that could run")
        }
        Step::NestedNamespaces => Attested(
            "`nested-namespaces` does not hold",
            act(&["unshare", "user"], "refused ENOSPC", "done").besides(&[Step::Seccomp]),
        ),
        Step::Pivot => Needed("step `detach-old-root`"),
        Step::DetachOldRoot => Attested(
            "`mounts` does not hold",
            act(&["read", &host], "refused ENOENT", "done of the host").besides(&[Step::Landlock]),
        ),
        Step::SealRoot => Attested(
            "`mounts` does not hold",
            act(&["write", "/opaque-canary", "x"], "refused EROFS", "done").besides(&[Step::Landlock]),
        ),
        Step::Cwd => Probed(act(&["read", "marker"], "done of the workspace", "refused ENOENT")),
        Step::Loopback => Probed(act(&["private-loopback"], "done", "refused EADDRNOTAVAIL")),
        Step::Addresses => Needed("step `resolver`"),
        Step::Resolver => Needed("`resolver` does not hold"),
        Step::Routes | Step::Rules | Step::Listeners => Elsewhere("network/tests/attested.rs of opaque-sys"),
        Step::Streams => Elsewhere("terminal_confined.rs::a_run_whose_streams_are_not_its_own_is_refused"),
        Step::ResourceLimits => {
            Attested("`resource-limits` does not hold", act(&["open-many", "200"], "refused EMFILE", "done 200"))
        }
        Step::CoreDumps => Attested("`core-dumps` does not hold", act(&["limit", "core"], "done 1 1", "done ")),
        Step::NoNewPrivileges => Attested(
            "cannot build the sandbox: step `landlock`",
            act(&["status", "NoNewPrivs"], "done 1", "done 0").besides(&[Step::Landlock, Step::Seccomp]),
        ),
        Step::Capabilities => {
            Attested("`capabilities` does not hold", act(&["status", "CapBnd"], NO_CAPABILITIES, "done 000"))
        }
        Step::Landlock => Attested(
            "`landlock` does not hold",
            act(&["read", &host], "refused EACCES", "done of the host").besides(&[Step::DetachOldRoot]),
        ),
        Step::Descriptors => Attested(
            "`descriptors` does not hold",
            act(&["descend", &LEAKED.to_string(), "file"], "refused EBADF", "done").besides(&[Step::Landlock]),
        ),
        Step::Seccomp => Attested("`seccomp` does not hold", act(&["add-key"], "refused EPERM", "done")),
        Step::HideInit => {
            Attested("`hide-init` does not hold", act(&["read", "/proc/1/environ"], "refused EACCES", "done"))
        }
        Step::Attest => Elsewhere("every refusal in this table is its work"),
        Step::Signals => Elsewhere("environment.rs and lifecycle.rs"),
        Step::Barrier => Elsewhere("faults.rs: the command does not start before it"),
        Step::Program => Elsewhere("identity.rs"),
    }
}

/// A repository with a file of its own, and a file outside that nobody is granted.
fn furnish(sandbox: &Sandbox) {
    sandbox.shell_outside("git init -q").expect(0);
    sandbox.write("marker", "of the workspace");
    sandbox.write(sandbox.elsewhere().join("file"), "of the host");
}

/// Runs an act where these steps are left out.
fn attempt(sandbox: &Sandbox, skipped: &[Step], words: &[String]) -> Ended {
    let skipped = skipped.iter().map(|step| step.name()).collect::<Vec<_>>().join(",");
    let tools = sandbox.base().join("tools").display().to_string();
    let probe = format!("{tools}/opaque-probe");
    let options = ["--read", &tools, "--limit", "pids=64", "--limit", "files=128", "--", &probe];
    let launch =
        sandbox.launch_with_fault((SKIP, &skipped), options.into_iter().chain(words.iter().map(String::as_str)));
    let ended = launch.inherit(LEAKED, File::open(sandbox.elsewhere()).unwrap()).finish();
    let _ = fs::remove_file(sandbox.project().join(".git/hooks/pre-commit"));
    ended
}

/// Demands that the act's answer depends on this step alone, among those that are left in.
fn depends(sandbox: &Sandbox, step: Step, act: &Act, unchecked: &[Step]) {
    let others = [unchecked, act.besides].concat();
    let held = attempt(sandbox, &others, &act.words);
    assert!(held.text() == act.held, "{} does not hold by itself\n{held}", step.name());
    let freed = attempt(sandbox, &[others.as_slice(), &[step]].concat(), &act.words);
    let changed = freed.code != Some(125) && freed.text() != act.held && freed.text().starts_with(act.freed);
    assert!(changed, "{} changes nothing when it is left out\n{freed}", step.name());
}

#[test]
fn a_layer_that_is_left_out_is_missed() {
    each_identity(|sandbox| {
        furnish(sandbox);
        let nothing = ["umask".to_owned()];
        attempt(sandbox, &[], &nothing).expect(0);
        for step in Step::ALL {
            let refused = |said: &str| {
                let ended = attempt(sandbox, &[*step], &nothing);
                assert!(
                    ended.code == Some(125) && ended.errors().contains(said),
                    "{} is not missed\n{ended}",
                    step.name()
                );
            };
            match evidence(*step, sandbox) {
                Evidence::Needed(said) => refused(said),
                Evidence::Attested(said, act) => {
                    refused(said);
                    depends(sandbox, *step, &act, &[Step::Attest]);
                }
                Evidence::Probed(act) => depends(sandbox, *step, &act, &[]),
                Evidence::Elsewhere(place) => assert!(!place.is_empty()),
            }
        }
    });
}

#[test]
fn what_two_layers_forbid_is_forbidden_by_each_of_them() {
    each_identity(|sandbox| {
        furnish(sandbox);
        let unshare = ["unshare".to_owned(), "user".to_owned()];
        let canary = ["write", "/opaque-canary", "x"].map(str::to_owned);
        assert_eq!(attempt(sandbox, &[Step::Attest, Step::NestedNamespaces], &unshare).refused(), "EPERM");
        assert_eq!(attempt(sandbox, &[Step::Attest, Step::Seccomp], &unshare).refused(), "ENOSPC");
        assert_eq!(attempt(sandbox, &[Step::Attest, Step::SealRoot], &canary).refused(), "EACCES");
        assert_eq!(attempt(sandbox, &[Step::Attest, Step::Landlock], &canary).refused(), "EROFS");
    });
}

#[test]
fn a_namespace_that_is_shared_with_the_host_is_noticed() {
    each_identity(|sandbox| {
        let tools = sandbox.base().join("tools").display().to_string();
        let probe = format!("{tools}/opaque-probe");
        for kind in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            let run = |skipped, shared| {
                let arguments = ["--read", &tools, "--", &probe, "namespace", kind];
                sandbox.launch_with_fault((SKIP, skipped), arguments).env(SHARE, shared).finish()
            };
            let own = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().display().to_string();
            assert_ne!(run("none", "none").done(), own, "{kind}");
            let noticed = run("none", kind);
            noticed.expect(125).noting("cannot build the sandbox: step `");
            // The others are of use while the sandbox is built: without them an earlier step fails.
            if ["ipc", "uts", "cgroup"].contains(&kind) {
                noticed.noting(&format!("the {kind} namespace is shared with the host"));
                assert_eq!(run("namespaces", kind).done(), own, "{kind}");
            }
        }
    });
}

#[test]
fn without_its_cgroup_a_run_has_no_limit_on_processes() {
    each_identity(|sandbox| {
        let report = sandbox.run_reporting(["--limit", "pids=64", "--", "true"]);
        if !report.reported()["limits"].to_string().contains("cgroup") {
            return; // `setrlimit` limits this user's processes: see `resource-limits`.
        }
        let forks = ["fork-many".to_owned(), "100".to_owned()];
        assert_eq!(attempt(sandbox, &[Step::JoinCgroup], &forks).done(), "100 forks");
        assert_ne!(attempt(sandbox, &[], &forks).done(), "100 forks");
    });
}

#[test]
fn without_its_identity_a_run_of_root_keeps_root() {
    each_identity(|sandbox| {
        if !sandbox.identity().is_root() {
            return; // The only ids that exist for a plain user are its own.
        }
        let (uid, status) = (4321, ["status".to_owned(), "Uid".to_owned()]);
        std::os::unix::fs::chown(sandbox.project(), Some(uid), Some(uid)).unwrap();
        std::os::unix::fs::chown(sandbox.home(), Some(uid), Some(uid)).unwrap();
        assert_eq!(attempt(sandbox, &[], &status).done(), "4321 4321 4321 4321");
        attempt(sandbox, &[Step::Identity], &status).expect(125).noting("`identity` does not hold");
        assert_eq!(attempt(sandbox, &[Step::Attest, Step::Identity], &status).done(), "0 0 0 0");
    });
}

#[test]
fn without_its_death_signal_a_run_outlives_its_supervisor() {
    each_identity(|sandbox| {
        let mark = format!("79.{}{}", std::process::id(), sandbox.identity().uid());
        let script = format!("echo ready; sleep {mark}; :");
        let survives = |skipped: &str| {
            let mut running = sandbox.launch_with_fault((SKIP, skipped), ["--", "sh", "-c", &script]).start();
            running.wait_for("ready");
            running.signal(9);
            let gone = eventually(Duration::from_secs(1), || Processes::marked(&mark).is_empty());
            for pid in Processes::marked(&mark) {
                let pid = i32::try_from(pid).unwrap();
                // SAFETY: no pointer is passed; the process carries this test's own mark.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            let _ = running.wait();
            !gone
        };
        assert!(!survives("none"), "the run outlives its supervisor");
        assert!(survives("attest,die-with-parent"), "something else than the death signal ends the run");
        let noticed = sandbox.launch_with_fault((SKIP, "die-with-parent"), ["--", "true"]).finish();
        noticed.expect(125).noting("`die-with-parent` does not hold");
    });
}

#[test]
fn without_private_propagation_mounts_of_the_host_appear_inside() {
    each_identity(|sandbox| {
        sandbox.launch_with_fault((SKIP, "none"), ["--", "true"]).finish().expect(0);
        let tools = sandbox.base().join("tools").display().to_string();
        let (probe, program) = (format!("{tools}/opaque-probe"), format!("{tools}/opaque-run-with-faults"));
        let wait = "touch meet/ready; until [ -e meet/go ]; do sleep 0.01; done; ls meet/point";
        let meet = sandbox.at("meet");
        let run = |skipped| {
            let _ = fs::remove_dir_all(&meet);
            sandbox.directory(&sandbox.project().join("meet/point"));
            let words = [&probe, "with-shared-mounts", &meet, "--", &program, "--", "sh", "-c", wait];
            sandbox.launch_outside(words).env(SKIP, skipped).finish()
        };
        assert_eq!(run("none").expect(0).text(), "");
        run("propagation").expect(125).noting("`mounts` does not hold");
        assert_eq!(run("attest,propagation").expect(0).text(), "seen");
    });
}
