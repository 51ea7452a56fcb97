//! It fails closed: whatever part of the way out is missing, stopped or dead, nothing gets out.
//!
//! It needs the build with the `faults` feature, which no release build can have.

use std::time::Duration;

use opaque_tests::internet::{DNS, EVIL, EVIL6, WEB};
use opaque_tests::{Attempted, Lab, Processes, Sandbox, each_identity_in_a_lab, eventually};

const SKIP: &str = "OPAQUE_FAULT_SKIP";
const GATE: &str = "OPAQUE_FAULT_GATE";
const OPEN: &[&str] = &["--allow-net", "api.example.test:7/tcp", "--allow-net", "25.1.0.10/32:7000/udp"];

/// What a run without a whole gate may not reach, nor anybody by way of it.
fn rows(lab: &Lab) -> Vec<String> {
    let mut rows = vec![
        format!("say {EVIL}:7 ping"),
        format!("udp {EVIL}:7000"),
        format!("udp {WEB}:123"),
        format!("say {DNS}:853 ping"),
        "lookup evil.test".to_owned(),
        "say evil.test:7 ping".to_owned(),
        "throw 224.0.0.251:5353".to_owned(),
    ];
    if lab.has_ipv6() {
        rows.extend([format!("say [{EVIL6}]:7 ping"), format!("udp [{EVIL6}]:7000")]);
    }
    rows
}

fn launch_broken(sandbox: &Sandbox, lab: &Lab, fault: (&str, &str), rows: &[String]) -> opaque_tests::Launch {
    let tools = sandbox.base().join("tools").display().to_string();
    let (probe, report) = (format!("{tools}/opaque-probe"), "fd:2".to_owned());
    let mut words = vec!["--read", &tools, "--quiet", "--report", &report];
    words.extend_from_slice(OPEN);
    words.extend_from_slice(&["--", &probe, "attempts"]);
    words.extend(rows.iter().map(String::as_str));
    lab.around(sandbox.launch_with_fault(fault, words))
}

#[test]
fn without_its_rules_routes_or_listeners_a_run_reaches_nothing() {
    each_identity_in_a_lab(|sandbox, lab| {
        let before = lab.after_a_twin(sandbox);
        let rows = rows(lab);
        let mut started = Vec::new();
        for parts in ["rules", "routes", "listeners", "resolver", "addresses", "routes,rules,listeners", "loopback"] {
            let ended = launch_broken(sandbox, lab, (SKIP, parts), &rows).finish();
            assert_eq!(ended.code, Some(125), "a run without `{parts}` started\n{ended}");
            let unchecked = format!("{parts},attest");
            let ended =
                launch_broken(sandbox, lab, (SKIP, &unchecked), &rows).patience(Duration::from_secs(60)).finish();
            // Without some of them there is nothing that could be started.
            if ended.code != Some(125) {
                started.push(parts);
                for attempt in Attempted::read(ended, &rows).rows {
                    let is_silent = attempt.outcome.starts_with("refused") || attempt.row.starts_with("throw");
                    assert!(is_silent, "without {parts}: {attempt:?}");
                }
            }
            assert_eq!(lab.after_a_twin(sandbox), before, "something left without {parts}");
        }
        assert!(started.contains(&"rules"), "only without {started:?} a run went on");
        let whole = launch_broken(sandbox, lab, (SKIP, "none"), &["say api.example.test:7 ping".to_owned()]).finish();
        whole.expect(0);
        lab.attempt_outside(sandbox, &[format!("say {EVIL}:7 ping"), format!("udp {EVIL}:7000")]).all_done();
    });
}

#[test]
fn when_the_gate_dies_nothing_gets_out_and_the_report_says_so() {
    each_identity_in_a_lab(|sandbox, lab| {
        let before = lab.after_a_twin(sandbox);
        let mut rows = vec!["wait 100".to_owned(), "lookup api.example.test".to_owned()];
        rows.extend(["say api.example.test:7 ping", "say 198.18.1.0:7 ping", "udp 25.1.0.10:7000"].map(str::to_owned));
        rows.extend(self::rows(lab));
        let ended = launch_broken(sandbox, lab, (GATE, "ends"), &rows).patience(Duration::from_secs(60)).finish();
        let errors = ended.errors();
        let report: serde_json::Value =
            serde_json::from_str(errors.trim()).unwrap_or_else(|_| panic!("no report\n{ended}"));
        assert_eq!(report["network"]["gate_failed"], true, "{report:#}");
        assert!(report["notes"].to_string().contains("the gate to the network failed"), "{report:#}");
        for attempt in &Attempted::read(ended, &rows).rows[1..] {
            assert!(attempt.outcome.starts_with("refused") || attempt.row.starts_with("throw"), "{attempt:?}");
            let is_fast = attempt.elapsed < Duration::from_millis(500) || attempt.row.contains("evil.test");
            assert!(is_fast || attempt.row.contains("lookup"), "{attempt:?}");
        }
        assert_eq!(lab.after_a_twin(sandbox), before, "something left");
        let whole = launch_broken(sandbox, lab, (GATE, "stays"), &rows[1..3]).finish();
        assert!(whole.expect(0).errors().contains("\"gate_failed\":false"), "{whole}");
    });
}

/// An open name, a pause in which the supervisor is stopped, the name again, a pause, and once more.
const AROUND_A_FREEZE: [&str; 5] =
    ["say api.example.test:7 ping", "wait 700", "say 198.18.1.0:7 ping", "wait 2500", "say api.example.test:7 ping"];

#[test]
fn while_the_supervisor_is_stopped_nothing_gets_out_and_then_it_goes_on() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mut running = lab.launch_attempts(sandbox, OPEN, &AROUND_A_FREEZE).start();
        running.wait_for("done ping|");
        running.signal(libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(lab.connections().len(), 1, "a stopped supervisor dialled");
        std::thread::sleep(Duration::from_millis(1700));
        let during = lab.connections().len();
        running.signal(libc::SIGCONT);
        let attempted = Attempted::read(running.wait(), &AROUND_A_FREEZE);
        let came: Vec<&str> = attempted.rows.iter().map(|attempt| &*attempt.outcome).collect();
        assert_eq!(came, ["done ping", "done", "refused EAGAIN", "done", "done ping"], "{:?}", attempted.rows);
        assert_eq!(during, 1, "a stopped supervisor dialled");
    });
}

#[test]
fn when_the_supervisor_is_killed_everything_inside_dies_with_it() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mark = format!("wait {}", 900_000 + sandbox.identity().uid());
        let rows = ["say api.example.test:7 ping", mark.as_str(), "say api.example.test:7 ping"];
        let (tools, probe) = (sandbox.base().join("tools"), sandbox.base().join("tools/opaque-probe"));
        let (tools, probe) = (tools.display().to_string(), probe.display().to_string());
        let words = [&["--read", &tools], OPEN, &["--", &probe, "attempts"], &rows].concat();
        let mut running = lab.launch(sandbox, words).start();
        running.wait_for("done ping|");
        assert!(!Processes::marked(&mark).is_empty());
        running.signal(libc::SIGKILL);
        let _ = running.wait();
        assert!(eventually(Duration::from_secs(5), || Processes::marked(&mark).is_empty()), "something lives on");
        assert_eq!(lab.connections().len(), 1);
    });
}

#[test]
fn a_policy_whose_list_is_absent_or_empty_opens_nothing() {
    each_identity_in_a_lab(|sandbox, lab| {
        let base = "name = \"bare\"\nextends = [\"default\"]\n";
        let profile = |list: &str| {
            sandbox.setting(".config/opaque/profiles/bare.toml", &format!("{base}{list}"));
        };
        let before = lab.after_a_twin(sandbox);
        let rows = [
            "lookup api.example.test",
            "say 25.1.0.11:7 ping",
            "udp 25.1.0.11:7000",
            "ask udp 25.1.0.53:53 1 evil.test",
        ];
        for list in ["", "[net]\n", "[net]\negress = []\n", "[net]\negress = [\"!api.example.test\"]\n"] {
            profile(list);
            let attempted = lab.attempt(sandbox, &["--profile", "bare"], &rows);
            let came: Vec<&str> = attempted.rows.iter().map(|attempt| &*attempt.outcome).collect();
            assert_eq!(came[0], "refused ENOENT", "{list}");
            assert!(came[1..].iter().all(|outcome| *outcome == "refused ENETUNREACH"), "{list}: {came:?}");
        }
        for list in ["[\"\"]", "[\" \"]", "[\"*\"]", "[\"*.test\"]"] {
            profile(&format!("[net]\negress = {list}\n"));
            let ended = lab.run(sandbox, ["--profile", "bare", "--", "true"]);
            assert_eq!(ended.code, Some(125), "{list}\n{ended}");
        }
        assert_eq!(lab.after_a_twin(sandbox), before, "something left");
        profile("[net]\negress = [\"api.example.test:7/tcp\"]\n");
        lab.attempt(sandbox, &["--profile", "bare"], &["say api.example.test:7 ping"]).all_done();
    });
}
