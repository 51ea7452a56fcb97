//! A repository's own `.opaque.toml`: its rules hold at once, what it asks for is granted once the person trusts that very
//! file, and nothing in it widens.

use std::fs;
use std::time::Duration;

use opaque_tests::{Ended, Launch, Sandbox, Terminal, each_identity, eventually, opaque};

const QUESTION: &str = "type `yes` to trust it";
const ASKS: &str = "version = 1\n[request]\nprofile = \"ci\"\negress = [\"api.test\"]\n[request.limits]\npids = 77\n";

fn trust(sandbox: &Sandbox, arguments: &[&str]) -> Launch {
    let copy = sandbox.base().join("tools/opaque");
    if !copy.exists() {
        sandbox.script(&copy, fs::read(opaque()).unwrap());
    }
    sandbox.launch_outside([&[copy.to_str().unwrap(), "trust"], arguments].concat())
}

fn answered(sandbox: &Sandbox, keys: &str) -> (Ended, String) {
    let mut terminal = Terminal::new(sandbox.identity());
    let running = trust(sandbox, &[]).on(&terminal).start();
    terminal.wait_for(QUESTION);
    terminal.press(keys);
    let ended = running.wait();
    eventually(Duration::from_millis(300), || false);
    (ended, terminal.screen())
}

/// Profile, ways out and processes of the run as it would be.
fn planned(sandbox: &Sandbox) -> (String, String, String) {
    let ended = sandbox.launch(["--plan", "--json", "--", "true"]).finish();
    let plan: serde_json::Value = serde_json::from_str(&ended.expect(0).text()).unwrap();
    let profile = plan["plan"]["authority"]["profile"].as_str().unwrap().to_owned();
    (profile, plan["plan"]["network"].to_string(), plan["plan"]["limits"]["pids"]["max"].to_string())
}

#[test]
fn its_rules_hold_at_once_and_for_whoever_asks() {
    each_identity(|sandbox| {
        sandbox.launch(["--", "touch", "one"]).finish().expect(0);
        sandbox.write(
            ".opaque.toml",
            "version = 1\n[[rules]]\nname = \"no-touch\"\naction = \"deny\"\nwhy = \"Nothing new here.\"\n[rules.command]\npath = \"/**/touch\"\n",
        );
        let denied = sandbox.launch(["--", "touch", "two"]).finish();
        denied.expect(120).noting("denied by `repo:no-touch`: Nothing new here.");
        assert!(!sandbox.project().join("two").exists());
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        sandbox.launch(["--", "touch", "two"]).finish().expect(120);
        sandbox.launch(["--", "true"]).finish().expect(0);
        assert!(!sandbox.project().join("two").exists());
    });
}

#[test]
fn what_it_asks_for_counts_once_it_is_trusted_and_until_it_changes() {
    each_identity(|sandbox| {
        sandbox.write(".opaque.toml", ASKS);
        let before = planned(sandbox);
        assert_eq!(before.0, "default");
        assert!(!before.1.contains("api.test"), "{}", before.1);
        let failed = sandbox.launch(["--", "false"]).finish();
        failed
            .expect(1)
            .noting("is not trusted, so what its `[request]` asks for is not granted · look at it: opaque trust");

        let (ended, screen) = answered(sandbox, "yes\n");
        assert_eq!(ended.code, Some(0), "{ended}\n{screen}");
        assert!(screen.contains("egress = [\"api.test\"]"), "the file was not shown:\n{screen}");
        let trusted = planned(sandbox);
        assert_eq!(trusted.0, "ci");
        assert!(trusted.1.contains("api.test"), "{}", trusted.1);
        assert_eq!(trusted.2, "77");
        assert!(trust(sandbox, &["--list"]).finish().expect(0).text().contains(".opaque.toml: trusted"));
        assert!(trust(sandbox, &[]).finish().expect(0).text().contains("is trusted as it is"));

        sandbox.write(".opaque.toml", ASKS.replace("api.test", "evil.test"));
        assert_eq!(planned(sandbox), before);
        assert!(trust(sandbox, &["--list"]).finish().expect(0).text().contains("changed since, so not trusted"));
        sandbox.write(".opaque.toml", ASKS);
        assert_eq!(planned(sandbox), trusted);
        trust(sandbox, &["--revoke"]).finish().expect(0);
        assert_eq!(planned(sandbox), before);
        assert!(trust(sandbox, &["--revoke"]).finish().expect(0).text().contains("was not trusted"));
    });
}

#[test]
fn the_same_file_elsewhere_is_not_trusted() {
    each_identity(|sandbox| {
        sandbox.write(".opaque.toml", ASKS);
        assert_eq!(answered(sandbox, "yes\n").0.code, Some(0));
        sandbox.write("other/.opaque.toml", ASKS);
        sandbox.shell_outside("git init -q other").expect(0);
        let elsewhere = sandbox.launch(["--plan", "--", "true"]).cwd(sandbox.project().join("other")).finish();
        elsewhere.expect(0);
        assert!(!elsewhere.text().contains("api.test"), "{elsewhere}");
    });
}

#[test]
fn nobody_trusts_it_but_the_person_at_the_terminal() {
    each_identity(|sandbox| {
        sandbox.write(".opaque.toml", ASKS);
        let alone = trust(sandbox, &[]).finish();
        assert!(alone.expect(1).errors().contains("nobody can be asked: there is no terminal"), "{alone}");
        for keys in ["no\n", "\n", "y\n", "\u{4}"] {
            let (ended, screen) = answered(sandbox, keys);
            assert_eq!(ended.code, Some(1), "{keys:?}\n{screen}");
        }
        assert_eq!(planned(sandbox).0, "default");
        // From inside, the note cannot be written, nor can the file that it is about.
        let tool = sandbox.base().join("tools/opaque");
        let read = sandbox.base().join("tools");
        let inside = sandbox.launch(["--read", read.to_str().unwrap(), "--", tool.to_str().unwrap(), "trust"]).finish();
        assert_ne!(inside.code, Some(0), "{inside}");
        sandbox.launch(["--", "sh", "-c", "echo '[request]' >> .opaque.toml"]).finish().expect(2);
        assert_eq!(fs::read_to_string(sandbox.project().join(".opaque.toml")).unwrap(), ASKS);
    });
}

#[test]
fn nothing_in_it_widens_what_a_policy_allows() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"true\"\naction = \"allow\"\n[rules.command]\npath = \"/**/true\"\n[rules.sandbox]\nlimits.pids = 50\n");
        // Each is refused as a whole: the file says what a repository cannot say.
        for widens in [
            "[[rules]]\nname = \"x\"\naction = \"allow\"\n",
            "[[rules]]\nname = \"x\"\naction = \"ask\"\n[rules.sandbox]\nwrite = [\"/\"]\n",
            "[request]\nwrite = [\"~\"]\n",
            "[request]\nsecrets = [\"TOKEN\"]\n",
            "default = \"allow\"\n",
        ] {
            sandbox.write(".opaque.toml", format!("version = 1\n{widens}"));
            sandbox.launch(["--", "true"]).finish().expect(125).noting(".opaque.toml:");
        }
        // Trusted or not, what it asks for has to fit.
        for (asks, beyond) in [
            ("egress = [\"api.test\"]", "reaching `api.test"),
            ("limits.pids = 60", "pids=60 is above 50"),
            ("profile = \"ci\"", "profile `ci` is not allowed"),
        ] {
            sandbox.write(".opaque.toml", format!("version = 1\n[request]\n{asks}\n"));
            sandbox.launch(["--", "true"]).finish().expect(0);
            assert_eq!(answered(sandbox, "yes\n").0.code, Some(0));
            sandbox.launch(["--", "true"]).finish().expect(120).noting(beyond);
        }
        // What the policy denies stays denied.
        sandbox.write(".opaque.toml", "version = 1\n[[rules]]\nname = \"x\"\naction = \"ask\"\nwhy = \"x\"\n");
        sandbox.launch(["--", "false"]).finish().expect(120);
    });
}
