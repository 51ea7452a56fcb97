//! `opaque policy`: what it says of the policies that are in force is what a run meets.

use std::fs;

use opaque_tests::{Ended, Sandbox, each_identity, opaque};

const POLICY: &str = "version = 1\ndefault = \"deny\"\n\
    [[rules]]\nname = \"no-force\"\naction = \"deny\"\nwhy = \"History is shared.\"\n[rules.command]\npath = \"/usr/bin/git\"\nargv = [\"push\", \"--force*\", \"**\"]\n\
    [[rules]]\nname = \"people\"\naction = \"allow\"\ntrust = \"derived\"\nclient_types = [\"human\"]\n[rules.command]\npath = \"/usr/bin/git\"\n\
    [[rules]]\nname = \"true\"\naction = \"allow\"\n[rules.command]\npath = \"/**/true\"\n";

fn tool(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let copy = sandbox.base().join("tools/opaque");
    if !copy.exists() {
        sandbox.script(&copy, fs::read(opaque()).unwrap());
    }
    let line = [&[copy.to_str().unwrap()], arguments].concat();
    sandbox.launch_outside(line).finish()
}

fn request(kind: &str, arguments: &str) -> String {
    format!(
        "{{\"principal\": {{\"uid\": 1000, \"kind\": \"{kind}\"}}, \"command\": {{\"path\": \"/usr/bin/git\", \"argv\": [\"git\"{arguments}], \"cwd\": \"/srv\"}}}}"
    )
}

#[test]
fn check_names_the_files_and_what_leans_on_less_than_verified_facts() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        let said = tool(sandbox, &["policy", "check"]).expect(0).text();
        assert!(said.contains("user: 3 rules") && said.contains(".config/opaque/policy.toml"), "{said}");
        assert!(said.contains("note: `user:people` allows on client_types = `human`"), "{said}");
        assert!(tool(sandbox, &["policy", "check", "--strict"]).expect(1).errors().contains("`user:people` allows on"));
        sandbox.policy(&POLICY.replace("client_types = [\"human\"]\n", ""));
        tool(sandbox, &["policy", "check", "--strict"]).expect(0);
    });
}

#[test]
fn check_shows_where_a_policy_is_wrong() {
    each_identity(|sandbox| {
        for (wrong, message) in [
            (POLICY.replace("argv", "argw"), "policy.toml:9:1: unknown key `argw`"),
            (
                format!(
                    "{POLICY}[[rules]]\nname = \"again\"\naction = \"deny\"\n[rules.command]\npath = \"/bin/true\"\n"
                ),
                "the rule `again` is never reached",
            ),
            (format!("{POLICY}[[rules.examples]]\nmatch = [\"/bin/false\"]\n"), "does not match its example"),
            (String::new(), "`version` is missing"),
        ] {
            sandbox.policy(&wrong);
            let said = tool(sandbox, &["policy", "check"]).expect(1).errors();
            assert!(said.contains(message), "{said}");
            assert!(said.contains("hint: "), "{said}");
        }
    });
}

#[test]
fn check_reads_the_expressions_that_a_profile_masks_as_a_run_would() {
    each_identity(|sandbox| {
        for (expression, wrong) in
            [("id-[0-9]{6}", None), ("id-[0-9", Some("cannot be read")), ("(a|b)*", Some("matches empty text"))]
        {
            sandbox.setting(
                ".config/opaque/profiles/masked.toml",
                &format!(
                    "name = \"masked\"\nextends = [\"default\"]\n[output]\nredact = \"secrets+patterns\"\n\
                     patterns = [{{ name = \"ids\", regex = \"{expression}\", replace = \"#\" }}]\n"
                ),
            );
            let said = tool(sandbox, &["policy", "check"]);
            let run = sandbox.run(["--profile", "masked", "--", "true"]);
            match wrong {
                None => {
                    said.expect(0);
                    run.expect(0);
                }
                Some(why) => {
                    let message = said.expect(1).errors();
                    assert!(message.contains("the profile `masked` cannot be used: pattern `ids`"), "{message}");
                    assert!(message.contains(why) && run.expect(125).errors().contains(why), "{message}");
                }
            }
        }
    });
}

#[test]
fn check_notes_a_rule_that_another_file_shadows() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        sandbox.setting(
            ".config/opaque/policy.d/later.toml",
            "version = 1\n[[rules]]\nname = \"later\"\naction = \"deny\"\n[rules.command]\npath = \"/usr/bin/true\"\n",
        );
        let said = tool(sandbox, &["policy", "check"]).expect(0).text();
        assert!(said.contains("note: `user:later` is never reached: `true` before it"), "{said}");
        assert!(said.contains("user: 4 rules"), "{said}");
    });
}

#[test]
fn explain_takes_another_process_for_the_one_who_asks() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"sleepers\"\naction = \"deny\"\n[rules.context]\nprocess_name = [\"sleep\", \"coreutils\"]\n");
        tool(sandbox, &["policy", "explain", "--", "true"]).expect(0);
        let sleeper = sandbox.launch_outside(["sleep", "60"]).start();
        let pid = sleeper.pid().to_string();
        opaque_tests::eventually(std::time::Duration::from_secs(2), || {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
        });
        let said = tool(sandbox, &["policy", "explain", "--pid", &pid, "--", "true"]).expect(0).text();
        sleeper.signal(libc::SIGKILL);
        let _ = sleeper.wait();
        assert!(said.starts_with("denied by `user:sleepers`"), "{said}");
    });
}

#[test]
fn explain_answers_as_the_run_does() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        for (command, answer, code) in
            [(&["true"][..], "allowed by `user:true`", 0), (&["false"], "denied by `user:default`", 120)]
        {
            let said = tool(sandbox, &[&["policy", "explain", "--"], command].concat()).expect(0).text();
            assert!(said.starts_with(answer), "{said}");
            assert!(said.contains("no-force (deny): command.path = `/usr/bin/git` does not hold"), "{said}");
            sandbox.run([&["--"], command].concat()).expect(code);
        }
        sandbox.write(sandbox.project().join("r.json"), request("agent", ", \"push\", \"--force-with-lease\""));
        let said = tool(sandbox, &["policy", "explain", "--request", "r.json"]).expect(0).text();
        assert!(said.starts_with("denied by `user:no-force`") && said.contains("History is shared."), "{said}");
        sandbox.write(sandbox.project().join("r.json"), request("human", "").replace("\"uid\"", "\"gid\""));
        let said = tool(sandbox, &["policy", "explain", "--request", "r.json"]).expect(1).errors();
        assert!(said.contains("r.json: unknown field `gid`") && said.contains("line 1 column"), "{said}");
    });
}

#[test]
fn every_preset_that_is_listed_can_be_shown_and_used() {
    each_identity(|sandbox| {
        let listed = tool(sandbox, &["policy", "preset", "list"]).expect(0).text();
        assert_eq!(listed.lines().count(), 6, "{listed}");
        for name in listed.lines().map(|line| line.split(' ').next().unwrap()) {
            sandbox.policy(&tool(sandbox, &["policy", "preset", "show", name]).expect(0).text());
            tool(sandbox, &["policy", "check"]).expect(0);
        }
        tool(sandbox, &["policy", "preset", "show", "lax"]).expect(1);
        sandbox.policy(&tool(sandbox, &["policy", "preset", "show", "agent-readonly"]).expect(0).text());
        sandbox.run(["--", "ls"]).expect(0);
        sandbox.run(["--", "touch", "x"]).expect(120);
        sandbox.policy(&tool(sandbox, &["policy", "preset", "show", "agent-dev"]).expect(0).text());
        sandbox.run(["--", "touch", "x"]).expect(0);
        sandbox.run(["--", "sh", "-c", "ls && git push"]).expect(120);
    });
}

#[test]
fn requests_with_their_answers_are_a_test() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        let case = |request: String, expect: &str| format!("{{\"request\": {request}, \"expect\": {expect}}}");
        let cases = sandbox.project().join("cases");
        sandbox.directory(&cases);
        assert!(tool(sandbox, &["policy", "test", "cases"]).expect(1).errors().contains("nothing was tested"));
        sandbox.write(cases.join("human.json"), case(request("human", ""), "\"allow\", \"rule\": \"user:people\""));
        sandbox.write(cases.join("agent.json"), case(request("agent", ""), "\"deny\""));
        assert!(tool(sandbox, &["policy", "test", "cases"]).expect(0).text().contains("2 requests"));
        sandbox.write(cases.join("agent.json"), case(request("agent", ""), "\"allow\""));
        let said = tool(sandbox, &["policy", "test", "cases"]).expect(1).errors();
        assert!(said.contains("agent.json: Deny by `user:default`, expected Allow"), "{said}");
        sandbox.write(cases.join("agent.json"), case(request("human", ""), "\"allow\", \"rule\": \"user:true\""));
        tool(sandbox, &["policy", "test", "cases"]).expect(1);
        sandbox.write(cases.join("agent.json"), case(request("human", ""), "\"permit\""));
        assert!(tool(sandbox, &["policy", "test", "cases"]).expect(1).errors().contains("unknown variant `permit`"));
    });
}
