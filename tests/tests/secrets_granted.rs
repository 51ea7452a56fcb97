//! Who may have a secret: profiles declare it, policy and its coupling bound it, and the profile says what is shown of the
//! output of a run that has it.

use opaque_tests::{Ended, Sandbox, VALUE, each_identity};

const PROFILE: &str = r#"
name = "deploy"
extends = ["default"]
[secrets.KEY]
from = "file:~/keys/deploy"
[secrets.PIN]
from = "env:PIN_OF_ANN"
short = true
[secrets.LABEL]
from = "env:LABEL_OF_ANN"
redact = false
"#;

fn declare(sandbox: &Sandbox, more: &str) {
    sandbox.setting(".config/opaque/profiles/deploy.toml", &format!("{PROFILE}{more}"));
    let path = sandbox.home().join("keys/deploy");
    sandbox.write(&path, VALUE);
    sandbox.shell_outside(&format!("chmod 600 '{}'", path.display())).expect(0);
}

#[test]
fn a_profile_declares_secrets_and_a_run_names_those_that_it_needs() {
    each_identity(|sandbox| {
        declare(sandbox, "");
        let start = |names: &[&str], script: &str| {
            let names: Vec<&str> = names.iter().flat_map(|name| ["--secret", name]).collect();
            let start = [&["--profile", "deploy"], names.as_slice(), &["--", "sh", "-c", script]].concat();
            sandbox.launch(start).env("PIN_OF_ANN", "x7!kq").env("LABEL_OF_ANN", "1").finish()
        };
        let all = start(&["KEY", "PIN", "LABEL"], "echo $KEY $PIN $LABEL; printf %s \"$KEY\" | sha256sum");
        assert_eq!(all.expect(0).text(), format!("*** *** 1\n{}", sandbox.digests_of_value()[0]));
        // Nothing is given that was not named.
        assert_eq!(start(&["LABEL"], "echo \"[$KEY] [$PIN] [$LABEL]\"").expect(0).text(), "[] [] [1]");
        let near = start(&["KEYS"], "true");
        assert!(near.expect(125).errors().contains("did you mean `KEY`?"), "{}", near.errors());
    });
}

#[test]
fn policy_says_which_secrets_a_run_may_use() {
    each_identity(|sandbox| {
        declare(sandbox, "");
        let policy = |rule: &str| {
            sandbox.policy(&format!(
                "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"build\"\naction = \"allow\"\ncommand = {{ path = \"/**\" }}\n{rule}"
            ));
        };
        let own = ["--profile", "deploy", "--secret", "KEY", "--", "sh", "-c", "echo $KEY"];
        let spot = format!("KEY=file:{}", sandbox.home().join("keys/deploy").display());
        let spot = ["--secret", &spot, "--", "sh", "-c", "echo $KEY"];
        let denied = |start: &[&str]| {
            let ended = sandbox.run(start);
            assert!(ended.expect(120).errors().contains("secret `KEY` is not allowed"), "{}", ended.errors());
        };
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\n");
        assert_eq!(sandbox.run(own).expect(0).text(), "***");
        denied(&spot);
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\nsecrets = []\n");
        denied(&own);
        denied(&spot);
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\nsecrets = [\"K*\"]\n");
        assert_eq!(sandbox.run(own).expect(0).text(), "***");
        assert_eq!(sandbox.run(spot).expect(0).text(), "***");
        // A rule for other secrets is no rule for this one.
        policy("[rules.secret_names]\npatterns = \"OTHER_*\"\n");
        sandbox.run(own).expect(120);
    });
}

#[test]
fn a_secret_goes_only_with_what_it_is_coupled_to() {
    each_identity(|sandbox| {
        let of = |path: &str| sandbox.shell_outside(&format!("sha256sum {path}")).expect(0).text()[..64].to_owned();
        let [sh, env] = ["sh", "env"]
            .map(|name| sandbox.shell_outside(&format!("realpath /usr/bin/{name}")).text().trim().to_owned());
        let couple = |with: &str| {
            declare(sandbox, "");
            let profile = PROFILE.replace(
                "from = \"file:~/keys/deploy\"",
                &format!("from = \"file:~/keys/deploy\"\nonly_with = {{ {with} }}"),
            );
            sandbox.setting(".config/opaque/profiles/deploy.toml", &profile);
        };
        let start = |options: &[&str], command: &[&str]| {
            sandbox.run([&["--profile", "deploy", "--secret", "KEY"], options, &["--"], command].concat())
        };
        let refused = |ended: Ended, words: &str| {
            ended.expect(120);
            assert!(
                ended.errors().contains("the secret `KEY` may not go with this run") && ended.errors().contains(words),
                "{}",
                ended.errors()
            );
        };
        couple(&format!("program = \"{sh}\""));
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        refused(start(&[], &["env"]), &env);
        // A script is not the program that it is for, whatever runs it.
        sandbox.script("steal", "#!/bin/sh\necho $KEY\n");
        refused(start(&[], &["./steal"]), "steal");
        couple(&format!("program = \"{sh}\", sha256 = \"{}\"", of(&sh)));
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        couple(&format!("sha256 = \"{}\"", of(&env)));
        refused(start(&[], &["sh", "-c", "echo $KEY"]), "the content of");
        couple("egress = [\"api.example.test\"]");
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        assert_eq!(start(&["--allow-net", "api.example.test"], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        refused(start(&["--allow-net", "other.example.test"], &["true"]), "other.example.test");
        refused(start(&["--loopback", "127.0.0.1:9"], &["true"]), "127.0.0.1:9");
    });
}

#[test]
fn a_plan_names_secrets_and_says_nothing_of_their_values() {
    each_identity(|sandbox| {
        let secret = format!("KEY=file:{}", sandbox.key());
        let text = sandbox.run(["--plan", "--secret", &secret, "--deliver", "file", "--", "true"]);
        assert!(text.expect(0).text().contains("secrets    KEY from file:/"), "{}", text.text());
        let json = sandbox.run(["--plan", "--json", "--secret", "KEY=env:NOT_EVEN_SET", "--", "true"]);
        let plan: serde_json::Value = serde_json::from_str(&json.expect(0).text()).unwrap();
        assert_eq!(plan["plan"]["secrets"][0]["source"], "env:NOT_EVEN_SET");
        assert!(!text.text().contains(VALUE));
    });
}

#[test]
fn output_is_withheld_cut_off_or_shown_as_it_is_when_the_profile_says_so() {
    each_identity(|sandbox| {
        let run = |output: &str, options: &[&str], script: &str| {
            declare(sandbox, output);
            let start = [&["--profile", "deploy", "--secret", "KEY"], options, &["--", "sh", "-c", script]].concat();
            sandbox.run_reporting(start)
        };
        let withheld = run("[output]\nredact = \"withhold\"\n", &[], "echo $KEY; echo more >&2; exit 3");
        assert_eq!(withheld.expect(3).text(), "");
        assert!(!withheld.errors().contains("more\n") && withheld.errors().contains("bytes of output were withheld"));
        let off = run("[output]\nredact = \"off\"\n", &[], "echo $KEY");
        assert_eq!(off.expect(0).text(), VALUE);

        let cut = run(
            "[output]\non_overflow = \"truncate\"\n",
            &["--limit", "output=10B"],
            "echo 0123456789abc; echo $KEY; exit 4",
        );
        assert_eq!(cut.expect(4).text(), "0123456789");
        assert!(cut.reported()["usage"]["output"]["dropped"].as_u64() > Some(0), "{:#}", cut.reported());
        let killed = run("", &["--limit", "output=10B"], "echo 0123456789abc; sleep 9");
        assert_eq!(killed.expect(122).text(), "0123456789");

        let pattern = "[output]\nredact = \"secrets+patterns\"\npatterns = [{ name = \"ticket\", regex = \"T-[0-9]{9}\", replace = \"T-***\" }]\n";
        let patterns = run(pattern, &[], "echo $KEY T-123456789 ghp_0123456789abcdefghijABCDEFGHIJ012345");
        assert!(
            patterns.expect(0).text().starts_with("*** T-*** ") && !patterns.text().contains("ghp_0123"),
            "{}",
            patterns.text()
        );
        assert_eq!(patterns.reported()["usage"]["output"]["masked"]["ticket"], 1);
    });
}
