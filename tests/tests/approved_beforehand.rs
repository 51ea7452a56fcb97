//! An approval given beforehand answers for exactly one intent, until it expires, and only when root alone can have given it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use opaque_tests::{Ended, Launch, Sandbox, each_identity};

const ASKS: &str = "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"release\"\naction = \"ask\"\napproval.require = \"first_use\"\n\
    [rules.command]\npath = \"/**\"\n[rules.sandbox]\nprofiles = [\"default\", \"job\"]\nprofile = \"default\"\nenv = [\"*\"]\nlimits.pids = 500\n";
const FAR: &str = "2999-12-31T23:59:59Z";

/// The intent of what would run, as `--plan` tells it.
fn intent(launch: Launch) -> String {
    let ended = launch.finish();
    let shown: serde_json::Value = serde_json::from_str(&ended.expect(0).text()).unwrap();
    shown["intent"].as_str().expect("an intent is told").to_owned()
}

/// A file of approvals that root alone can write.
fn approve(sandbox: &Sandbox, entries: &[(&str, &str)]) -> PathBuf {
    let file = sandbox.base().join("approved.toml");
    let entries: String = entries
        .iter()
        .map(|(intent, expires)| {
            format!("[[approved]]\nintent = \"{intent}\"\nexpires = \"{expires}\"\nwhy = \"nightly\"\n")
        })
        .collect();
    let _ = fs::remove_file(&file);
    fs::write(&file, format!("version = 1\n{entries}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    file
}

fn job(sandbox: &Sandbox, file: &Path, words: &[&str]) -> Launch {
    let options = ["--unattended", "--approved", file.to_str().unwrap()];
    sandbox.launch(options.iter().chain(words))
}

fn made(sandbox: &Sandbox) -> bool {
    fs::remove_file(sandbox.project().join("made")).is_ok()
}

#[test]
fn exactly_what_was_approved_runs_and_nothing_else() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let none = approve(sandbox, &[]);
        let refused = job(sandbox, &none, &["--", "touch", "made"]).finish();
        let planned = intent(sandbox.launch(["--plan", "--json", "--", "touch", "made"]));
        refused.expect(121).noting(&format!("its intent is {planned}"));
        assert!(!made(sandbox));

        let file = approve(sandbox, &[("0".repeat(64).as_str(), FAR), (&planned, FAR)]);
        job(sandbox, &file, &["--", "touch", "made"]).finish().expect(0);
        assert!(made(sandbox));
        let journal = sandbox.shell_outside("cat ~/.local/state/opaque/journal/*").text();
        assert!(journal.contains("\"approved\":{\"beforehand\":{") && journal.contains(&planned), "{journal}");

        let not = |launch: Launch, what: &str| {
            let ended: Ended = launch.finish();
            assert_eq!(ended.code, Some(121), "{what}: {ended}");
            assert!(!made(sandbox), "{what}");
        };
        not(job(sandbox, &file, &["--", "touch", "made", "more"]), "another argument");
        not(job(sandbox, &file, &["--", "cp", "/dev/null", "made"]), "another program");
        not(job(sandbox, &file, &["--env", "X=1", "--", "touch", "made"]), "another variable");
        not(job(sandbox, &file, &["--limit", "pids=99", "--", "touch", "made"]), "another limit");
        not(job(sandbox, &file, &["--", "touch", "made"]).env("LANG", "xx"), "another value");
        sandbox.write("below/x", "");
        not(job(sandbox, &file, &["--", "touch", "../made"]).cwd(sandbox.project().join("below")), "another directory");
        sandbox.shell_outside("git init -q . && git remote add origin https://git.example/other/app").expect(0);
        not(job(sandbox, &file, &["--", "touch", "made"]), "another remote");
        fs::remove_dir_all(sandbox.project().join(".git")).unwrap();
        job(sandbox, &file, &["--", "touch", "made"]).finish().expect(0);
        assert!(made(sandbox));
        sandbox.policy(&format!("{ASKS}# changed\n"));
        not(job(sandbox, &file, &["--", "touch", "made"]), "another policy");
    });
}

#[test]
fn it_ends_with_its_time_and_with_the_program_s_content() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        sandbox.script("act", "#!/bin/sh\ntouch made\n");
        let planned = intent(sandbox.launch(["--plan", "--json", "--", "./act"]));
        let file = approve(sandbox, &[(&planned, "2001-01-01T00:00:00Z")]);
        job(sandbox, &file, &["--", "./act"]).finish().expect(121);
        let file = approve(sandbox, &[(&planned, FAR)]);
        job(sandbox, &file, &["--", "./act"]).finish().expect(0);
        assert!(made(sandbox));
        sandbox.script("act", "#!/bin/sh\ntouch made # now\n");
        job(sandbox, &file, &["--", "./act"]).finish().expect(121);
        assert!(!made(sandbox));
    });
}

#[test]
fn a_checkout_elsewhere_and_what_is_volatile_have_the_same_intent() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        sandbox.setting(
            ".config/opaque/profiles/job.toml",
            "name = \"job\"\nextends = [\"default\"]\n[env]\npass = [\"BUILD\", \"KIND\"]\nvolatile = [\"BUILD\"]\n",
        );
        let clone = |directory: &str| {
            sandbox.directory(&sandbox.home().join(directory));
            let script =
                format!("cd ~/{directory} && git init -q . && git remote add origin git@git.example:team/app.git");
            sandbox.shell_outside(&script).expect(0);
            sandbox.home().join(directory)
        };
        let (one, other) = (clone("one"), clone("other"));
        let plan = |directory: &PathBuf, build: &str, kind: &str| {
            let launch = sandbox.launch(["--profile", "job", "--plan", "--json", "--", "true"]);
            intent(launch.cwd(directory).env("BUILD", build).env("KIND", kind))
        };
        let first = plan(&one, "1", "nightly");
        assert_eq!(first, plan(&other, "1", "nightly"));
        assert_eq!(first, plan(&other, "2", "nightly"));
        assert_ne!(first, plan(&one, "1", "release"));
    });
}

#[test]
fn nobody_but_root_approves_beforehand() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let planned = intent(sandbox.launch(["--plan", "--json", "--", "touch", "made"]));
        let file = approve(sandbox, &[(&planned, FAR)]);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        job(sandbox, &file, &["--", "touch", "made"]).finish().expect(125).noting("can be written by others");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        chown(&file, Some(12_345), None).unwrap();
        job(sandbox, &file, &["--", "touch", "made"]).finish().expect(125).noting("belongs to uid 12345");
        if sandbox.identity().uid() != 0 {
            // The job's own word is none.
            let own = sandbox.write(sandbox.home().join("approved.toml"), fs::read(&file).unwrap());
            job(sandbox, &own, &["--", "touch", "made"])
                .finish()
                .expect(125)
                .noting("approvals count only where root alone can write");
        }
        let missing = sandbox.base().join("missing.toml");
        job(sandbox, &missing, &["--", "touch", "made"]).finish().expect(125).noting("does not exist");
        for (wrong, message) in [
            ("[[approved]]\nintent = \"x\"\n", "`intent` is a SHA-256"),
            ("[[approved]]\nexpires = \"2031-01-01T00:00:00Z\"\n", "`intent` is missing"),
            (&format!("[[approved]]\nintent = \"{planned}\"\n"), "`expires` is missing"),
            (
                &format!("[[approved]]\nintent = \"{planned}\"\nexpires = \"2031-01-01\"\n"),
                "`expires` is a time in UTC",
            ),
            (
                &format!("[[approved]]\nintent = \"{planned}\"\nexpires = \"2031-13-01T00:00:00Z\"\n"),
                "`expires` is a time",
            ),
            ("[[rules]]\n", "unknown key `rules`"),
        ] {
            let file = approve(sandbox, &[]);
            fs::write(&file, format!("version = 1\n{wrong}")).unwrap();
            job(sandbox, &file, &["--", "touch", "made"]).finish().expect(125).noting(message);
        }
        assert!(!made(sandbox));
    });
}

#[test]
fn what_asks_every_time_or_counts_is_not_approved_beforehand() {
    each_identity(|sandbox| {
        for (approval, why) in [
            ("approval.require = \"always\"", "it asks every time"),
            ("approval = { require = \"first_use\", budget = 3, lease_ttl = \"5m\" }", "it counts its runs"),
        ] {
            sandbox.policy(&ASKS.replace("approval.require = \"first_use\"", approval));
            let file = approve(sandbox, &[(&"0".repeat(64), FAR)]);
            job(sandbox, &file, &["--", "touch", "made"]).finish().expect(121).noting(why);
            let plan = sandbox.launch(["--plan", "--", "touch", "made"]).finish();
            assert!(!plan.expect(0).text().contains("intent "), "{plan}");
            assert!(!made(sandbox));
        }
    });
}
