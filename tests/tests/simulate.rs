//! `opaque policy simulate`: what the journal's requests would be answered under another policy; what cannot be replayed is
//! named, and nothing is written.

use std::fs;

use opaque_tests::{Ended, Sandbox, each_identity, opaque};
use serde_json::{Value, json};

fn tool(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let copy = sandbox.base().join("tools/opaque");
    if !copy.exists() {
        fs::copy(opaque(), &copy).unwrap();
    }
    sandbox.launch_outside([&[copy.to_str().unwrap()], arguments].concat()).finish()
}

#[test]
fn simulate_says_what_would_change_and_by_which_rule() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"no-touch\"\naction = \"deny\"\ncommand.path = \"/**/touch\"\n");
        sandbox.run(["--", "true"]).expect(0);
        sandbox.run(["--", "touch", "a b"]).expect(120);
        sandbox.run(["--", "true", &"x".repeat(5000)]).expect(0);
        let before = fs::read_dir(sandbox.home().join(".local/state/opaque/journal")).unwrap().count();
        let said = tool(sandbox, &["policy", "simulate"]).expect(0).text();
        assert!(said.contains("3 recorded requests: 3 answered as before, 0 otherwise, 0 undetermined"), "{said}");
        let candidate = sandbox.setting(
            "candidate.toml",
            "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"touch\"\naction = \"allow\"\ncommand.path = \"/**/touch\"\n\
             [[rules]]\nname = \"plain\"\naction = \"allow\"\ncommand.path = \"/**\"\ncommand.argv = [{ rest = { text = \"z*\" } }]\n\
             [[rules]]\nname = \"main\"\naction = \"ask\"\nworkspace.branch_pattern = \"main\"\n",
        );
        let candidate = candidate.display().to_string();
        let said = tool(sandbox, &["policy", "simulate", "--policy", &candidate]).expect(3).text();
        for shown in [
            "3 recorded requests: 1 answered as before, 1 otherwise, 1 undetermined",
            "deny → allow: 1",
            "touch \"a b\"",
            "then by `user:no-touch`, now by `user:touch`",
            "allow → allow or ask or deny: 1",
            "true (redacted)",
            "it hangs on command.argv.1 (redacted), repository.branch (not gathered)",
            "of kind `conclusion` hold no request",
        ] {
            assert!(said.contains(shown), "`{shown}` is missing:\n{said}");
        }
        assert_eq!(
            fs::read_dir(sandbox.home().join(".local/state/opaque/journal")).unwrap().count(),
            before,
            "it wrote"
        );
    });
}

#[test]
fn a_line_that_cannot_be_replayed_is_counted_and_named() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        sandbox.run(["--", "true"]).expect(0);
        let directory = sandbox.home().join(".local/state/opaque/journal");
        let file = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some());
        let text = fs::read_to_string(file.unwrap()).unwrap();
        let intent = text.lines().find(|line| line.contains("\"intent\"")).unwrap();
        let mut older: Value = serde_json::from_str(intent).unwrap();
        older["record"].as_object_mut().unwrap().remove("request");
        let mut wrong: Value = serde_json::from_str(intent).unwrap();
        wrong["record"]["request"]["principal"]["uid"] = json!("root");
        let mut torn = format!("{text}{older}\n{wrong}\nnot json\n");
        torn.push_str(&intent[..100]);
        sandbox.write("j.jsonl", &torn);
        let said = tool(sandbox, &["policy", "simulate", "j.jsonl"]).expect(3).text();
        for shown in [
            "1 recorded requests: 1 answered as before",
            "1 decisions of before requests were recorded:\n  j.jsonl:4",
            "3 lines that cannot be read:",
            "j.jsonl:5: the request cannot be read",
            "j.jsonl:6: this is no record",
            "j.jsonl:7: the line has no end",
        ] {
            assert!(said.contains(shown), "`{shown}` is missing:\n{said}");
        }
        sandbox.write("older.jsonl", format!("{older}\n"));
        let said = tool(sandbox, &["policy", "simulate", "older.jsonl"]).expect(1).errors();
        assert!(said.contains("nothing was replayed") && said.contains("older.jsonl:1"), "{said}");
        assert!(
            tool(sandbox, &["policy", "simulate", "none.jsonl"])
                .expect(1)
                .errors()
                .contains("none.jsonl: No such file")
        );
    });
}
