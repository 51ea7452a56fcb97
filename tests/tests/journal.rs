//! The journal: the intent stands before the command starts, the conclusion always follows, and nothing can be edited unseen.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use opaque_tests::{Sandbox, each_identity};
use serde_json::Value;

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                pending.push(entry.path());
            } else if entry.path().extension().is_some_and(|ending| ending == "jsonl") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn records(sandbox: &Sandbox) -> Vec<Value> {
    let directory = sandbox.home().join(".local/state/opaque");
    let texts: Vec<String> = files(&directory).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    texts
        .concat()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The records of one kind.
fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

#[test]
fn each_run_leaves_an_intent_and_a_conclusion_in_one_chain() {
    each_identity(|sandbox| {
        sandbox.run(["--", "true"]).expect(0);
        sandbox.run(["--", "sh", "-c", "exit 3"]).expect(3);
        let _ = sandbox.run(["--", "no-such-program"]);
        let records = records(sandbox);
        for (kind, count) in [("intent", 2), ("conclusion", 2)] {
            assert_eq!(of_kind(&records, kind).len(), count, "{kind}: {records:#?}");
        }
        for (index, record) in records.iter().enumerate() {
            assert_eq!(
                record["seq"].as_u64(),
                records[0]["seq"].as_u64().map(|first| first + index as u64),
                "{record:#}"
            );
            assert!(record["prev"].is_string(), "{record:#}");
        }
        let previous: Vec<&str> = records.iter().filter_map(|record| record["prev"].as_str()).collect();
        let mut distinct = previous.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), previous.len(), "every record follows another one");
    });
}

#[test]
fn the_intent_stands_before_the_command_starts() {
    each_identity(|sandbox| {
        let mut running = sandbox.launch(["--", "sh", "-c", "echo ready; read line"]).stdin_open().start();
        running.wait_for("ready");
        let kinds =
            |sandbox| (of_kind(&records(sandbox), "intent").len(), of_kind(&records(sandbox), "conclusion").len());
        assert_eq!(kinds(sandbox), (1, 0), "{:#?}", records(sandbox));
        running.wait().expect(1);
        assert_eq!(kinds(sandbox), (1, 1), "{:#?}", records(sandbox));
    });
}

#[test]
fn a_denial_is_recorded_too() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n");
        sandbox.run(["--", "true"]).expect(120);
        assert_eq!(of_kind(&records(sandbox), "refusal").len(), 1, "{:#?}", records(sandbox));
    });
}

#[test]
fn what_the_floor_refuses_is_recorded_too() {
    each_identity(|sandbox| {
        sandbox.run(["--write", "/proc", "--", "true"]).expect(120);
        let records = records(sandbox);
        let refusal = &of_kind(&records, "refusal")[0]["record"];
        assert_eq!(
            (&refusal["class"], &refusal["answer"]["decision"]),
            (&"denied".into(), &"allow".into()),
            "{refusal:#}"
        );
        assert_eq!(refusal["request"]["asked"]["write"][0], "/proc");
    });
}

#[test]
fn a_killed_run_is_found_as_interrupted_and_the_chain_goes_on() {
    each_identity(|sandbox| {
        let mut running = sandbox.launch(["--", "sh", "-c", "echo ready; sleep 60"]).start();
        running.wait_for("ready");
        running.signal(9);
        let _ = running.wait();
        sandbox.run(["--", "true"]).expect(0);
        let records = records(sandbox);
        let (intents, conclusions) = (of_kind(&records, "intent"), of_kind(&records, "conclusion"));
        assert_eq!((intents.len(), conclusions.len()), (2, 1), "{records:#?}");
        assert_ne!(intents[0]["run"], conclusions[0]["run"], "{records:#?}");
    });
}

#[test]
fn the_journal_is_closed_to_others() {
    each_identity(|sandbox| {
        sandbox.run(["--", "true"]).expect(0);
        for file in files(&sandbox.home().join(".local/state/opaque")) {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    });
}

#[test]
fn runs_at_the_same_time_write_one_chain() {
    each_identity(|sandbox| {
        let running: Vec<_> = (0..20).map(|_| sandbox.launch(["--", "true"]).start()).collect();
        for run in running {
            run.wait().expect(0);
        }
        let mut seq: Vec<u64> = records(sandbox).iter().map(|record| record["seq"].as_u64().unwrap()).collect();
        assert_eq!(of_kind(&records(sandbox), "conclusion").len(), 20);
        let ordered = seq.clone();
        seq.sort_unstable();
        assert_eq!(seq, ordered);
        assert!(seq.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seq:?}");
    });
}

#[test]
fn a_value_of_the_environment_is_never_recorded() {
    each_identity(|sandbox| {
        sandbox.run(["--env", "TOKEN=very-private-value", "--", "true"]).expect(0);
        let text: String = records(sandbox).iter().map(Value::to_string).collect();
        assert!(!text.contains("very-private-value"), "{text}");
    });
}

#[test]
fn a_value_that_a_rule_reads_is_not_recorded_either() {
    each_identity(|sandbox| {
        sandbox.policy(
            "version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"live\"\naction = \"deny\"\ncontext.env = { STAGE = \"very-private-*\", OTHER = \"1\" }\n\
             [[rules]]\nname = \"live-alone\"\naction = \"deny\"\ncommand.argv = [\"x\"]\ncontext.env = { STAGE = \"*\" }\n",
        );
        sandbox.launch(["--", "true"]).env("STAGE", "very-private-value").finish().expect(0);
        sandbox.launch(["--", "true", "x"]).env("STAGE", "very-private-value").finish().expect(120);
        let records = records(sandbox);
        let text: String = records.iter().map(Value::to_string).collect();
        assert!(!text.contains("very-private-value"), "{text}");
        for record in [of_kind(&records, "intent")[0], of_kind(&records, "refusal")[0]] {
            let request = &record["record"]["request"];
            assert_eq!(request["redacted"], serde_json::json!(["context.env.STAGE"]), "{record:#}");
            assert_eq!(request["context"]["env_read"], serde_json::json!(["OTHER", "STAGE"]), "{record:#}");
        }
    });
}

#[test]
fn a_journal_goes_where_it_is_told() {
    each_identity(|sandbox| {
        let directory = sandbox.elsewhere().join("records");
        sandbox.directory(&directory);
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
        sandbox.run(["--journal", &directory.display().to_string(), "--", "true"]).expect(0);
        assert_eq!(files(&directory).len(), 1);
        assert!(!sandbox.home().join(".local/state/opaque").join("journal").exists());
    });
}

#[test]
fn an_edited_journal_is_noticed_or_kept_apart() {
    each_identity(|sandbox| {
        sandbox.run(["--", "true"]).expect(0);
        let file = files(&sandbox.home().join(".local/state/opaque")).pop().unwrap();
        let mut text = fs::read_to_string(&file).unwrap();
        text.push_str("{\"half\": ");
        fs::write(&file, text).unwrap();
        let ended = sandbox.run(["--", "touch", "started"]);
        // A torn last line is what a crash leaves: the next run either refuses or goes on after it, never silently inside it.
        if ended.code == Some(0) {
            let lines = fs::read_to_string(&file).unwrap();
            let last = lines.lines().last().unwrap();
            serde_json::from_str::<Value>(last).unwrap_or_else(|error| panic!("{error}: {last}"));
        } else {
            ended.expect(125).noting("journal");
            assert!(!sandbox.project().join("started").exists());
        }
    });
}
