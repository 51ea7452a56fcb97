//! Machines that lack something: under a filter or in a namespace that takes one facility away, the ordinary build refuses
//! with 125, names the step and runs nothing.

use std::fs;
use std::time::Duration;

use opaque_tests::{Ended, Processes, Sandbox, each_identity, eventually};

#[test]
fn a_machine_that_denies_a_call_gets_a_refusal_that_names_the_step() {
    each_identity(|sandbox| {
        for (call, said) in refusals(sandbox) {
            for error in ["ENOSYS", "EPERM"] {
                let ended = under(sandbox, &["deny", &call, error]);
                let started = fs::remove_file(sandbox.project().join("started")).is_ok();
                if said.is_empty() {
                    assert!(started && ended.code == Some(0), "{call}, {error}\n{ended}");
                } else {
                    let named = said.iter().any(|said| ended.errors().contains(said));
                    assert!(!started && named && ended.code == Some(125), "{call}, {error}, {said:?}\n{ended}");
                }
            }
        }
        nothing_lives_on(sandbox);
    });
}

/// What a run says under a filter that refuses one call, which a first argument may narrow down.
fn refusals(sandbox: &Sandbox) -> Vec<(String, &'static [&'static str])> {
    let plain: [(&str, &[&str]); 22] = [
        ("capset", &["step `capabilities`"]),
        ("clone", &["cannot start the janitor", "step `fork`"]),
        ("clone3", &["step `clone`"]),
        ("close_range", &["step `descriptors`"]),
        ("execveat", &["step `exec`"]),
        ("fsconfig", &["step `root`"]),
        ("fsmount", &["step `root`"]),
        ("fsopen", &["step `root`"]),
        ("landlock_add_rule", &["step `sources`"]),
        ("landlock_create_ruleset", &["step `landlock-ruleset`"]),
        ("landlock_restrict_self", &["step `landlock`"]),
        ("mount", &["step `propagation`"]),
        ("mount_setattr", &["step `sources`"]),
        ("move_mount", &["step `root`"]),
        ("open_tree", &["step `sources`"]),
        ("openat2", &["`openat2` is needed"]),
        ("pivot_root", &["step `pivot`"]),
        ("prlimit64", &["step `core-dumps`"]),
        ("seccomp", &["step `seccomp`"]),
        ("socketpair", &["step `clone`"]),
        ("umount2", &["step `detach-old-root`"]),
        // Its filter refuses this one to the command; the run itself has no use for it.
        ("unshare", &[]),
    ];
    let control: [(libc::c_int, &[&str]); 6] = [
        (libc::PR_SET_NO_NEW_PRIVS, &["step `no-new-privileges`"]),
        (libc::PR_SET_PDEATHSIG, &["step `die-with-parent`"]),
        (libc::PR_SET_DUMPABLE, &["step `hide-init`"]),
        (libc::PR_CAPBSET_DROP, &["step `capabilities`"]),
        (libc::PR_SET_SECUREBITS, &["step `identity`", "step `capabilities`"]),
        (libc::PR_CAP_AMBIENT, &["step `capabilities`"]),
    ];
    // A plain user's ids are its own from the start.
    let ids: &[&str] = if sandbox.identity().is_root() { &["step `identity`"] } else { &[] };
    let plain = plain.into_iter().map(|(call, said)| (call.to_owned(), said));
    let control = control.into_iter().map(|(option, said)| (format!("prctl:{option}"), said));
    plain.chain(control).chain([("setresuid".to_owned(), ids)]).collect()
}

#[test]
fn a_call_that_only_pretends_to_confine_is_noticed_from_inside() {
    each_identity(|sandbox| {
        let control = |option: libc::c_int| format!("prctl:{option}");
        for (call, layer) in [
            ("capset".to_owned(), "capabilities"),
            ("close_range".to_owned(), "descriptors"),
            ("landlock_restrict_self".to_owned(), "landlock"),
            ("mount_setattr".to_owned(), "mounts"),
            ("prlimit64".to_owned(), "core-dumps"),
            ("seccomp".to_owned(), "seccomp"),
            ("umount2".to_owned(), "mounts"),
            (control(libc::PR_CAPBSET_DROP), "capabilities"),
            (control(libc::PR_SET_DUMPABLE), "hide-init"),
            (control(libc::PR_SET_PDEATHSIG), "die-with-parent"),
            (control(libc::PR_SET_SECUREBITS), "capabilities"),
        ] {
            let ended = under(sandbox, &["deny", &call, "nothing"]);
            assert_eq!(ended.code, Some(125), "{call}\n{ended}");
            ended.noting(&format!("step `attest`: `{layer}` does not hold"));
            assert!(!sandbox.project().join("started").exists(), "{call}\n{ended}");
        }
        nothing_lives_on(sandbox);
    });
}

#[test]
fn where_user_namespaces_are_turned_off_the_refusal_says_so() {
    each_identity(|sandbox| {
        let ended = under(sandbox, &["without-user-namespaces"]);
        ended.expect(125).noting("step `clone`").noting("user namespaces are turned off here");
        assert!(!sandbox.project().join("started").exists());
    });
}

#[test]
fn where_parts_of_proc_are_covered_the_refusal_says_so() {
    each_identity(|sandbox| {
        let ended = under(sandbox, &["with-covered-proc"]);
        ended.expect(125).noting("step `proc`").noting("start it with an uncovered /proc");
        assert!(!sandbox.project().join("started").exists());
        nothing_lives_on(sandbox);
    });
}

/// Runs `touch started` in the ordinary build of `opaque-run`, on a machine that lacks something.
fn under(sandbox: &Sandbox, lack: &[&str]) -> Ended {
    let program = sandbox.base().join("tools/opaque-run").display().to_string();
    let run = ["--", &program, "--limit", "files=128", "--", "touch", "started"];
    sandbox.probe_outside(&[lack, &run].concat())
}

fn nothing_lives_on(sandbox: &Sandbox) {
    let mark = sandbox.base().display().to_string();
    let gone = eventually(Duration::from_secs(2), || Processes::marked(&mark).is_empty());
    assert!(gone, "{:?}", Processes::marked(&mark));
}
