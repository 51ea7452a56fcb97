//! The report: the outcome as JSON, whatever the exit code could have meant.

use opaque_tests::{Ended, each_identity};

/// The word for how a run ended.
fn class(ended: &Ended) -> String {
    let report = ended.reported();
    report["exit"]["class"].as_str().unwrap_or_else(|| panic!("no class in {report:#}")).to_owned()
}

#[test]
fn a_reserved_exit_code_of_the_command_is_told_apart() {
    each_identity(|sandbox| {
        for code in [120, 121, 122, 124, 125, 126, 127] {
            let own = sandbox.run_reporting(["--", "sh", "-c", &format!("exit {code}")]);
            assert_eq!(class(own.expect(code)), "command");
        }
        let wall = sandbox.run_reporting(["--timeout", "100ms", "--", "sleep", "9"]);
        assert_eq!(class(wall.expect(124)), "wall-time");
        let missing = sandbox.run_reporting(["--", "no-such-program"]);
        assert_eq!(class(missing.expect(127)), "not-found");
        sandbox.write("text", "");
        assert_eq!(class(sandbox.run_reporting(["--", "./text"]).expect(126)), "not-executable");
        sandbox.policy("version = 1\ndefault = \"deny\"\n");
        assert_eq!(class(sandbox.run_reporting(["--", "true"]).expect(120)), "denied");
    });
}

#[test]
fn every_control_is_reported_as_enforced() {
    each_identity(|sandbox| {
        let ended = sandbox.run_reporting(["--", "true"]);
        let report = ended.expect(0).reported();
        assert_eq!(report["tier"], "namespaces", "{report:#}");
        let controls = report["controls"].as_array().unwrap();
        for name in [
            "user-namespace",
            "mount-namespace",
            "network-namespace",
            "pid-namespace",
            "landlock",
            "seccomp",
            "capabilities",
        ] {
            let control = controls.iter().find(|control| control["name"] == name);
            assert_eq!(control.map(|control| &control["enforcement"]), Some(&"enforced".into()), "{name}: {report:#}");
        }
    });
}

#[test]
fn usage_is_reported() {
    each_identity(|sandbox| {
        let ended = sandbox.run_reporting(["--", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]);
        let usage = &ended.expect(0).reported()["usage"];
        assert!(usage.is_object(), "{:#}", ended.reported());
        let some = usage.as_object().unwrap().values().any(|value| value.as_f64().is_some_and(|number| number > 0.0));
        assert!(some, "{usage:#}");
    });
}

#[test]
fn a_report_can_go_to_an_open_descriptor() {
    each_identity(|sandbox| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let ended = sandbox.launch(["--report", "fd:9", "--", "sh", "-c", "echo x >&9"]).inherit(9, writer).finish();
        assert_ne!(ended.code, Some(0), "the command has no descriptor 9\n{ended}");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(report.is_object(), "{text}");
    });
}

#[test]
fn notes_go_to_standard_error_marked_and_quiet_silences_them() {
    each_identity(|sandbox| {
        let loud = sandbox.launch(["--", "false"]).cwd(sandbox.home()).finish();
        assert!(!loud.notes().is_empty(), "{loud}");
        let quiet = sandbox.launch(["--quiet", "--", "false"]).cwd(sandbox.home()).finish();
        assert!(quiet.stderr.is_empty(), "{quiet}");
        let ordinary = sandbox.run(["--", "echo", "only this"]);
        assert_eq!((ordinary.text().as_str(), ordinary.errors().as_str()), ("only this", ""));
    });
}

#[test]
fn files_left_in_the_private_home_are_counted_in_one_note() {
    each_identity(|sandbox| {
        let ended = sandbox.shell("mkdir -p ~/.tool && echo x > ~/.tool/one && echo y > ~/two && exit 1");
        ended.expect(1);
        assert!(ended.notes().iter().any(|note| note.contains("discarded")), "{ended}");
        assert!(!sandbox.home().join("two").exists());
    });
}

#[test]
fn help_and_version_are_no_runs() {
    each_identity(|sandbox| {
        for flag in ["--help", "--version"] {
            let ended = sandbox.run([flag]);
            assert!(ended.expect(0).text().contains("opaque-run"), "{ended}");
        }
        assert!(!sandbox.home().join(".local/state/opaque").exists(), "help needs no journal");
    });
}
