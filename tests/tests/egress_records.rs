//! What a person learns afterwards: flows and refusals in the report and the journal, and lines with the flag that opens.

use std::fs;

use opaque_tests::{Sandbox, each_identity_in_a_lab, tree};
use serde_json::Value;

/// The last conclusion in the journal.
fn conclusion(sandbox: &Sandbox) -> Value {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let days = tree(&directory).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    let text: String = days.map(|day| fs::read_to_string(directory.join(day)).unwrap()).collect();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.rev().find(|record| record["kind"] == "conclusion").unwrap()["record"].clone()
}

#[test]
fn each_flow_is_in_the_report_and_in_the_journal() {
    each_identity_in_a_lab(|sandbox, lab| {
        let options = ["--allow-net", "*.example.test:7/tcp", "--allow-net", "25.1.0.10:5432/tcp"];
        let rows = ["say db.example.test:7 ping", "say 25.1.0.10:5432 hello"];
        let attempted = lab.attempt(sandbox, &options, &rows);
        attempted.all_done();
        let network = &attempted.ended.reported()["network"];
        let flows = network["flows"].as_array().unwrap();
        assert_eq!(flows.len(), 2, "{network:#}");
        let of = |name: Value| flows.iter().find(|flow| flow["name"] == name).unwrap();
        let named = of("db.example.test".into());
        assert_eq!((&named["address"], &named["rule"]), (&"25.1.0.10:7".into(), &"*.example.test:7/tcp".into()));
        assert_eq!((&named["sent"], &named["received"], &named["transport"]), (&4.into(), &4.into(), &"tcp".into()));
        let literal = of(Value::Null);
        assert_eq!((&literal["address"], &literal["sent"]), (&"25.1.0.10:5432".into(), &5.into()));
        let recorded = conclusion(sandbox);
        assert_eq!(recorded["network"]["flows"], network["flows"], "{recorded:#}");
    });
}

#[test]
fn what_is_refused_again_and_again_is_one_entry_with_a_count() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = ["say api.example.test:7 ping"; 5];
        let attempted = lab.attempt(sandbox, &["--allow-net", "api.example.test"], &rows);
        let blocked = &attempted.ended.reported()["network"]["blocked"];
        assert_eq!((blocked.as_array().unwrap().len(), &blocked[0]["count"]), (1, &5.into()), "{blocked:#}");
        assert_eq!(conclusion(sandbox)["network"]["blocked"], *blocked);
    });
}

#[test]
fn a_run_that_failed_says_what_was_blocked_and_how_to_allow_it() {
    each_identity_in_a_lab(|sandbox, lab| {
        let line = "opaque-run: blocked evil.test (name not allowed) · allow with: --allow-net evil.test";
        let script = ["--", "sh", "-c", "getent hosts evil.test; exit 3"];
        for options in [&[][..], &["--allow-net", "api.example.test"]] {
            let ended = lab.run(sandbox, [options, &script].concat());
            assert!(ended.expect(3).errors().lines().any(|said| said == line), "{ended}");
            let ended = lab.run(sandbox, [&["--quiet"], options, &script].concat());
            assert_eq!(ended.expect(3).errors(), "");
        }
        let ended = lab.run(sandbox, ["--", "sh", "-c", "getent hosts evil.test; exit 0"]);
        assert_eq!(ended.expect(0).errors(), "", "a run that succeeds says nothing");
        let many = "for n in 1 2 3 4 5 6 7 8; do getent hosts n$n.evil.test; done; exit 3";
        let ended = lab.run(sandbox, ["--", "sh", "-c", many]);
        assert_eq!(ended.notes().iter().filter(|note| note.starts_with("blocked ")).count(), 5, "{ended}");
    });
}

#[test]
fn the_flag_that_is_advised_opens_what_was_blocked() {
    each_identity_in_a_lab(|sandbox, lab| {
        let open =
            ["--allow-net", "api.example.test", "--allow-net", "private.test:7/tcp", "--allow-net", "own.test:7/tcp"];
        let mut rows = vec![
            "say api.example.test:7 ping",
            "say 25.1.0.11:7 ping",
            "udp 25.1.0.11:7000",
            "udp api.example.test:7000",
            "say private.test:7 ping",
            "say own.test:7 ping",
            "hello evil.test:443 evil.test 1 9999",
        ];
        if lab.has_ipv6() {
            rows.extend(["say [2d00:1::11]:7 ping", "udp [2d00:1::11]:7000"]);
        }
        for row in rows {
            let attempted = lab.attempt(sandbox, &open, &[row]);
            assert!(attempted.rows[0].outcome.starts_with("refused"), "{:?}", attempted.rows);
            let notes = attempted.ended.reported()["notes"].as_array().cloned().unwrap();
            let advised: Vec<&str> = notes
                .iter()
                .filter_map(|note| note.as_str()?.split_once("allow with: ").map(|(_, flag)| flag))
                .collect();
            assert_eq!(advised.len(), 1, "{row}: {notes:?}");
            let mut options = open.to_vec();
            options.extend(advised[0].split(' '));
            lab.attempt(sandbox, &options, &[row]).all_done();
        }
    });
}
