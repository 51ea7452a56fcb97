//! What `--plan` and `--explain` print: the plan, as text or JSON, and nothing runs.

use opaque_tests::{Sandbox, each_identity};

fn started(sandbox: &Sandbox) -> bool {
    sandbox.project().join("started").exists()
}

#[test]
fn the_plan_is_printed_and_nothing_runs() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--plan", "--", "touch", "started"]);
        ended.expect(0);
        for word in ["touch", "loopback", &sandbox.project().display().to_string()] {
            assert!(ended.text().contains(word), "{word} is not in the plan\n{ended}");
        }
        assert!(!started(sandbox));
        assert!(!sandbox.project().join(".envrc").exists(), "a placeholder was made");
    });
}

#[test]
fn the_plan_as_json_is_one_value_with_every_grant() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--plan", "--json", "--timeout", "5s", "--env", "ONE=1", "--", "touch", "started"]);
        let plan: serde_json::Value = serde_json::from_slice(&ended.expect(0).stdout).unwrap();
        let plan = &plan["plan"];
        assert_eq!(plan["version"], 1, "{plan:#}");
        assert_eq!(plan["argv"][0], "touch", "{plan:#}");
        assert_eq!(plan["cwd"].as_str(), sandbox.project().to_str(), "{plan:#}");
        assert_eq!(plan["tier"], "namespaces", "{plan:#}");
        assert_eq!(plan["identity"]["uid"], sandbox.identity().uid(), "{plan:#}");
        assert_eq!(plan["limits"]["wall"]["max"], 5000, "{plan:#}");
        assert_eq!(plan["authority"]["profile"], "default", "{plan:#}");
        let names: Vec<&str> =
            plan["env"].as_array().unwrap().iter().filter_map(|variable| variable["name"].as_str()).collect();
        assert!(names.contains(&"ONE") && names.contains(&"PATH"), "{names:?}");
        assert!(!started(sandbox));
    });
}

#[test]
fn the_same_request_has_the_same_plan() {
    each_identity(|sandbox| {
        let plan = |extra: &[&str]| {
            sandbox.run(["--plan", "--json"].iter().chain(extra).chain(&["--", "true"])).expect(0).stdout.clone()
        };
        assert_eq!(plan(&[]), plan(&[]));
        assert_ne!(plan(&[]), plan(&["--limit", "files=77"]));
    });
}

#[test]
fn an_explanation_says_what_would_be_allowed_and_why() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--explain", "--", "touch", "started"]);
        ended.expect(0);
        let text = ended.text().to_lowercase();
        for word in ["allow", "default"] {
            assert!(text.contains(word), "{word} is not in the explanation\n{ended}");
        }
        sandbox.policy("version = 1\ndefault = \"deny\"\n");
        let denied = sandbox.run(["--explain", "--", "touch", "started"]);
        assert!(denied.text().to_lowercase().contains("deny") || denied.text().contains("denied"), "{denied}");
        assert!(!started(sandbox));
    });
}

#[test]
fn a_denied_command_does_not_run_and_names_the_rule() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"no-touching\"\noperation = \"sandbox.exec\"\naction = \"deny\"\nwhy = \"Touching is final.\"\n[rules.command]\npath = \"/**/touch\"\n");
        let ended = sandbox.run(["--", "touch", "started"]);
        ended.expect(120).noting("no-touching");
        assert!(!started(sandbox));
        sandbox.run(["--", "sh", "-c", "true"]).expect(0);
    });
}

#[test]
fn a_rule_that_asks_ends_where_nobody_can_be_asked() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"ask-first\"\noperation = \"sandbox.exec\"\naction = \"ask\"\n[rules.approval]\nrequire = \"always\"\n");
        let ended = sandbox.run(["--", "touch", "started"]);
        ended.expect(121).noting("nobody can be asked");
        assert!(!started(sandbox));
    });
}

#[test]
fn a_flag_that_exceeds_the_rule_is_denied_naming_the_excess() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        let directory = sandbox.elsewhere().display().to_string();
        let ended = sandbox.run(["--write", &directory, "--", "touch", "started"]);
        ended.expect(120).noting(&directory);
        assert!(!started(sandbox));
        sandbox.run(["--timeout", "5s", "--limit", "files=100", "--", "touch", "started"]).expect(0);
    });
}

#[test]
fn the_report_carries_the_digest_of_the_plan_that_ran() {
    each_identity(|sandbox| {
        let ended = sandbox.run_reporting(["--", "true"]);
        let text = ended.expect(0).reported().to_string();
        let digests =
            text.split('"').filter(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(digests.count() >= 1, "{text}");
    });
}
