//! What asks for an approval runs once a person at the terminal has said yes to exactly that, and never otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use opaque_tests::{Ended, Launch, Sandbox, Terminal, each_identity, eventually};

const QUESTION: &str = "type `yes` to run it";

const ASKS: &str =
    "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"public\"\naction = \"ask\"\nwhy = \"It is final.\"\n";

/// Something that leaves a trace, with an argument that could drive a terminal.
fn act(sandbox: &Sandbox) -> Launch {
    sandbox.launch(["--", "touch", "done", "a b", "\u{1b}]0;x\u{7}\u{202e}"])
}

fn is_done(sandbox: &Sandbox) -> bool {
    let found = sandbox.project().join("done").exists();
    let _ = fs::remove_file(sandbox.project().join("done"));
    found
}

/// Runs it at a terminal where this is typed as soon as the question stands.
fn answered(sandbox: &Sandbox, keys: &str) -> (Ended, String) {
    let mut terminal = Terminal::new(sandbox.identity());
    let running = act(sandbox).on(&terminal).start();
    terminal.wait_for(QUESTION);
    terminal.press(keys);
    let ended = running.wait();
    eventually(Duration::from_millis(300), || false);
    (ended, terminal.screen())
}

fn journal(sandbox: &Sandbox) -> String {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let days = fs::read_dir(directory).unwrap().map(|day| fs::read_to_string(day.unwrap().path()).unwrap_or_default());
    days.collect()
}

#[test]
fn yes_runs_it_and_everything_was_shown_before() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let (ended, screen) = answered(sandbox, "yes\n");
        assert_eq!(ended.code, Some(0), "{ended}\n{screen}");
        assert!(is_done(sandbox));
        let question = screen.split(QUESTION).next().unwrap();
        for shown in [
            "`user:public` asks for your approval",
            "It is final.",
            "\"touch\"",
            "\"a b\"",
            r#""\u001b]0;x\u0007\u{202e}""#,
            "plan       ",
            "profile    default",
            "writable   ",
        ] {
            assert!(question.contains(shown), "`{shown}` was not shown:\n{question}");
        }
        assert!(!question.contains('\u{1b}') && !question.contains('\u{202e}'), "{question:?}");
        assert!(journal(sandbox).contains("\"approved\":{\"confirmed\":{"), "{}", journal(sandbox));
    });
}

#[test]
fn anything_else_does_not() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        for keys in
            ["no\n", "\n", "y\n", "YES\n", "yes \n", " yes\n", "yes please\n", "\u{4}", "yes\u{4}\u{4}", "yesyes\n"]
        {
            let (ended, screen) = answered(sandbox, keys);
            assert_eq!(ended.code, Some(121), "{keys:?}\n{ended}\n{screen}");
            assert!(!is_done(sandbox), "{keys:?}");
        }
        assert!(journal(sandbox).contains("the answer was not `yes`"));
    });
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let mut terminal = Terminal::new(sandbox.identity());
        terminal.press("yes\n");
        let mut running = act(sandbox).on(&terminal).start();
        terminal.wait_for(QUESTION);
        std::thread::sleep(Duration::from_millis(300));
        assert!(running.is_alive(), "an answer was taken: {}", terminal.screen());
        terminal.press("no\n");
        assert_eq!(running.wait().code, Some(121));
        assert!(!is_done(sandbox));
    });
}

#[test]
fn ctrl_c_at_the_question_ends_the_run_with_nothing_done() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let (ended, _) = answered(sandbox, "\u{3}");
        assert!(ended.signal == Some(libc::SIGINT) || ended.code == Some(130), "{ended}");
        assert!(!is_done(sandbox));
    });
}

#[test]
fn without_a_terminal_nobody_can_be_asked() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let ended = sandbox.launch(["--", "touch", "done"]).finish();
        ended.expect(121).noting("nobody can be asked: there is no terminal");
        let terminal = Terminal::new(sandbox.identity());
        let ended = sandbox.launch(["--unattended", "--", "touch", "done"]).on(&terminal).finish();
        assert_eq!(ended.code, Some(121), "{ended}");
        eventually(Duration::from_secs(2), || terminal.screen().contains("asks nobody"));
        assert!(terminal.screen().contains("`--unattended` asks nobody"), "{}", terminal.screen());
        assert!(!is_done(sandbox));
    });
}

#[test]
fn a_coding_agent_between_the_run_and_the_terminal_is_not_asked() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let agent = sandbox.base().join("tools/claude");
        fs::copy("/bin/sh", &agent).unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
        let run = sandbox.base().join("tools/opaque-run");
        // A shell that has something left to do does not become the command.
        let line = format!("{} -- touch done; exit $?", run.display());
        let terminal = Terminal::new(sandbox.identity());
        let ended = sandbox.launch_outside([agent.to_str().unwrap(), "-c", &line]).on(&terminal).finish();
        assert_eq!(ended.code, Some(121), "{ended}\n{}", terminal.screen());
        eventually(Duration::from_secs(2), || terminal.screen().contains("stands between"));
        assert!(
            terminal.screen().contains("`claude` stands between this run and the terminal"),
            "{}",
            terminal.screen()
        );
        assert!(!is_done(sandbox));
    });
}

#[test]
fn an_agent_that_only_its_marks_tell_is_not_asked_either() {
    each_identity(|sandbox| {
        let house = "[coding_agents.house]\nenv = { HOUSE = \"1\" }\n";
        for (policy, name, agent) in
            [(ASKS.to_owned(), "CLAUDECODE", "claude"), (format!("{ASKS}{house}"), "HOUSE", "house")]
        {
            sandbox.policy(&policy);
            let terminal = Terminal::new(sandbox.identity());
            let ended = act(sandbox).env(name, "1").on(&terminal).finish();
            assert_eq!(ended.code, Some(121), "{ended}\n{}", terminal.screen());
            let wanted = format!("`{agent}` stands between this run and the terminal");
            eventually(Duration::from_secs(2), || terminal.screen().contains(&wanted));
            assert!(terminal.screen().contains(&wanted), "{}", terminal.screen());
            assert!(!is_done(sandbox));
        }
        // Without the mark the same person is asked.
        assert_eq!(answered(sandbox, "yes\n").0.code, Some(0));
        assert!(is_done(sandbox));
    });
}

#[test]
fn a_factor_that_cannot_be_asked_for_is_never_replaced_by_a_weaker_one() {
    each_identity(|sandbox| {
        for factors in ["[\"fido2\"]", "{ all = [\"tty\", \"fido2\"] }"] {
            sandbox.policy(&format!("{ASKS}[rules.approval]\nrequire = \"always\"\nfactors = {factors}\n"));
            let terminal = Terminal::new(sandbox.identity());
            let ended = act(sandbox).on(&terminal).finish();
            assert_eq!(ended.code, Some(121), "{ended}\n{}", terminal.screen());
            eventually(Duration::from_secs(2), || terminal.screen().contains("only `tty`"));
            assert!(terminal.screen().contains("only `tty` can be asked here"), "{}", terminal.screen());
            assert!(!terminal.screen().contains(QUESTION) && !is_done(sandbox));
        }
        sandbox.policy(&format!("{ASKS}[rules.approval]\nrequire = \"first_use\"\nfactors = [\"tty\", \"fido2\"]\n"));
        assert_eq!(answered(sandbox, "yes\n").0.code, Some(0));
        assert!(is_done(sandbox));
    });
}

#[test]
fn what_nobody_can_read_nobody_is_asked_about() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let terminal = Terminal::new(sandbox.identity());
        let ended = sandbox.launch(["--", "touch", "done", &"x".repeat(100_000)]).on(&terminal).finish();
        assert_eq!(ended.code, Some(121), "{ended}");
        eventually(Duration::from_secs(2), || terminal.screen().contains("too long"));
        assert!(terminal.screen().contains("too long to be read") && !is_done(sandbox), "{}", terminal.screen());
    });
}

#[test]
fn a_program_that_is_rewritten_while_the_question_stands_is_not_run() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let run = |rewrite: bool| {
            let tool = sandbox.script("tool.sh", "#!/bin/sh\necho approved > said\n");
            let mut terminal = Terminal::new(sandbox.identity());
            let running = sandbox.launch(["--", "./tool.sh"]).on(&terminal).start();
            terminal.wait_for(QUESTION);
            if rewrite {
                // In place: the same inode.
                fs::write(&tool, "#!/bin/sh\necho another > said\n").unwrap();
            }
            terminal.press("yes\n");
            let ended = running.wait();
            let said = fs::read_to_string(sandbox.project().join("said")).unwrap_or_default();
            let _ = fs::remove_file(sandbox.project().join("said"));
            (ended.code, said, terminal.screen())
        };
        let (code, said, screen) = run(false);
        assert_eq!((code, &*said), (Some(0), "approved\n"), "{screen}");
        let (code, said, screen) = run(true);
        assert_eq!((code, &*said), (Some(125), ""), "{screen}");
    });
}

#[test]
fn what_changes_after_the_approval_is_not_run() {
    each_identity(|sandbox| {
        sandbox.policy(ASKS);
        let mut terminal = Terminal::new(sandbox.identity());
        let running = act(sandbox).on(&terminal).start();
        terminal.wait_for(QUESTION);
        // What is protected by being absent stands there now, so that another plan would be carried out.
        sandbox.write(sandbox.project().join(".envrc"), "export A=1\n");
        terminal.press("yes\n");
        let ended = running.wait();
        assert_eq!(ended.code, Some(121), "{ended}\n{}", terminal.screen());
        eventually(Duration::from_secs(2), || terminal.screen().contains("any more"));
        assert!(terminal.screen().contains("is not what was approved any more"), "{}", terminal.screen());
        assert!(!is_done(sandbox));
        assert_eq!(answered(sandbox, "yes\n").0.code, Some(0), "control");
    });
}
