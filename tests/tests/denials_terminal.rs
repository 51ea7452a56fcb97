//! The terminal: a run may use it as ever and may not type into it.

use std::time::Duration;

use opaque_tests::{Sandbox, Terminal, each_identity};

fn on_terminal(sandbox: &Sandbox, act: &[&str]) -> (String, String) {
    let show = |launch: opaque_tests::Launch| {
        let terminal = Terminal::new(sandbox.identity());
        let ended = launch.on(&terminal).finish();
        opaque_tests::eventually(std::time::Duration::from_secs(2), || terminal.screen().contains('\n'));
        assert!(matches!(ended.code, Some(0 | 1)), "{ended}\n{}", terminal.screen());
        terminal
            .screen()
            .lines()
            // A typed `#` is echoed before the answer.
            .map(|line| line.trim().trim_start_matches('#'))
            .find(|line| line.starts_with("done") || line.starts_with("refused"))
            .unwrap_or_default()
            .to_owned()
    };
    (show(sandbox.launch_probe(&[], act)), show(sandbox.launch_probe_outside(act)))
}

#[test]
fn nothing_can_be_typed_into_the_terminal() {
    each_identity(|sandbox| {
        for width in ["plain", "high"] {
            let (inside, outside) = on_terminal(sandbox, &["type-into-terminal", width]);
            assert_eq!(inside, "refused EPERM", "{width}");
            let legacy = std::fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").unwrap_or_else(|_| "1".into());
            if legacy.trim() == "1" || sandbox.identity().is_root() {
                assert_eq!(outside, "done", "{width}");
            }
        }
    });
}

#[test]
fn nothing_can_be_pasted_from_the_console() {
    each_identity(|sandbox| {
        for width in ["plain", "high"] {
            let (inside, outside) = on_terminal(sandbox, &["console-paste", width]);
            assert_eq!(inside, "refused EPERM", "{width}");
            // A pseudo-terminal has no such request: the kernel's own answer differs from the filter's.
            assert!(["refused ENOTTY", "refused EINVAL"].contains(&outside.as_str()), "{outside}");
        }
    });
}

#[test]
fn the_terminal_cannot_be_stolen_from_its_session() {
    each_identity(|sandbox| {
        let (inside, _) = on_terminal(sandbox, &["take-terminal"]);
        assert_eq!(inside, "refused EPERM");
    });
}

#[test]
fn an_inherited_terminal_works_as_ever() {
    each_identity(|sandbox| {
        let (inside, outside) = on_terminal(sandbox, &["is-terminal"]);
        assert_eq!((inside.as_str(), outside.as_str()), ("done", "done"));
        let (inside, outside) = on_terminal(sandbox, &["window-size"]);
        assert_eq!((inside.as_str(), outside.as_str()), ("done 24 80", "done 24 80"));
    });
}

#[test]
fn a_change_of_the_window_reaches_the_command() {
    each_identity(|sandbox| {
        let terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch_probe(&[], &["wait-for-resize"]).on(&terminal).start();
        terminal.wait_for("ready");
        terminal.resize(50, 132);
        terminal.wait_for("done 50 132");
        running.wait().expect(0);
    });
}

#[test]
fn ctrl_c_ends_the_command_once() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let script = "trap 'echo caught; n=$((n+1)); [ $n = 1 ] || echo twice' INT; echo ready; sleep 1 & wait; wait; echo over; exit 7";
        let running = sandbox.launch(["--", "bash", "-c", script]).on(&terminal).start();
        terminal.wait_for("ready");
        terminal.press("\u{3}");
        terminal.wait_for("over");
        running.wait().expect(7);
        assert!(terminal.screen().contains("caught") && !terminal.screen().contains("twice"), "{}", terminal.screen());
    });
}

#[test]
fn ctrl_c_ends_a_command_that_does_not_catch_it() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch(["--", "sh", "-c", "echo ready; exec sleep 60"]).on(&terminal).start();
        terminal.wait_for("ready");
        terminal.press("\u{3}");
        let ended = running.wait();
        assert!(ended.code == Some(130) || ended.signal == Some(2), "{ended}");
    });
}

#[test]
fn the_terminals_modes_are_put_back() {
    each_identity(|sandbox| {
        let terminal = Terminal::new(sandbox.identity());
        let before = terminal.modes();
        let running =
            sandbox.launch(["--", "sh", "-c", "stty raw -echo; echo changed; exec sleep 60"]).on(&terminal).start();
        terminal.wait_for("changed");
        assert_ne!(terminal.modes(), before, "the twin: inside, the modes do change");
        running.signal(15);
        let _ = running.wait();
        assert_eq!(terminal.modes(), before);
    });
}

#[test]
fn a_shell_with_job_control_stops_and_goes_on() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let opaque = sandbox.base().join("tools/opaque-run").display().to_string();
        let shell = sandbox.launch_outside(["bash", "--norc", "-i"]).env("PS1", "prompt> ").on(&terminal).start();
        terminal.wait_for("prompt> ");
        terminal.press(&format!("{opaque} -- sh -c 'echo rea''dy; sleep 2; echo fin''ished'\n"));
        terminal.wait_for("ready");
        // A shell that waits in `vfork` for a child that was stopped before its exec stops nowhere, with a sandbox or without.
        std::thread::sleep(Duration::from_millis(300));
        terminal.press("\u{1a}");
        terminal.wait_for("Stopped");
        terminal.press("fg; echo code=$?\n");
        terminal.wait_for("finished");
        terminal.wait_for("code=0");
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}
