//! Job control over carried output, and that the terminal is given back whatever ends a run.

use std::time::Duration;

use opaque_tests::{PYTHON, Running, Sandbox, Terminal, each_identity, eventually};

const CARRIED: [&str; 2] = ["--limit", "output=10MiB"];
const SOON: Duration = Duration::from_secs(10);

fn carried(sandbox: &Sandbox) -> String {
    format!("{} {} --", sandbox.base().join("tools/opaque-run").display(), CARRIED.join(" "))
}

fn shell(sandbox: &Sandbox, terminal: &Terminal) -> Running {
    let shell = sandbox.launch_outside(["bash", "--norc", "--noediting", "-i"]).env("PS1", "prompt> ");
    let shell = shell.on(terminal).start();
    terminal.wait_for("prompt> ");
    shell
}

/// Waits until a text was shown so many times.
#[track_caller]
fn shown(terminal: &Terminal, text: &str, times: usize) {
    let count = || terminal.screen().matches(text).count();
    assert!(eventually(SOON, || count() >= times), "`{text}` only {} times: {}", count(), terminal.screen());
}

/// Writes a beat until it is told that this is over. A shell would fork for it, and one that waits in `vfork` for a child
/// that was stopped before its exec stops nowhere, with a sandbox or without.
const BEATS: &str = "import os, sys, time
print('rea' + 'dy', flush=True)
while not os.path.exists('over'):
    open('beat', 'w').write(str(time.monotonic_ns()))
    time.sleep(0.02)
print('got:' + input(), flush=True)
sys.exit(5)
";

#[test]
fn a_run_stops_goes_on_in_the_background_and_comes_to_the_foreground() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        let before = terminal.modes();
        sandbox.write("beats.py", BEATS);
        terminal.press(&format!("{} {PYTHON} beats.py\n", carried(sandbox)));
        let beat = || std::fs::read_to_string(sandbox.project().join("beat")).unwrap_or_default();
        let goes_on = || {
            let now = beat();
            eventually(SOON, || beat() != now)
        };
        assert!(eventually(SOON, || !beat().is_empty() && !terminal.is_cooked()), "never began: {}", terminal.screen());

        terminal.press("\u{1a}");
        shown(&terminal, "Stopped", 1);
        assert!(eventually(SOON, || terminal.modes() == before), "stopped with the terminal in its hands");
        let stands = || {
            let now = beat();
            std::thread::sleep(Duration::from_millis(200));
            now == beat()
        };
        assert!(eventually(SOON, stands), "the command went on");

        terminal.press("bg\n");
        assert!(goes_on(), "does not go on in the background");
        assert_eq!(terminal.modes(), before, "the background took the terminal");

        terminal.press("fg\n");
        assert!(eventually(SOON, || !terminal.is_cooked()), "the foreground did not take the terminal");
        terminal.press("\u{1a}");
        shown(&terminal, "Stopped", 2);
        assert!(eventually(SOON, || terminal.modes() == before));
        terminal.press("fg; echo code=$?\n");
        assert!(eventually(SOON, || !terminal.is_cooked()), "the foreground did not take the terminal again");
        assert!(goes_on(), "does not go on in the foreground");
        sandbox.write("over", "");
        terminal.press("word\n");
        terminal.wait_for("got:word");
        terminal.wait_for("code=5");
        assert!(eventually(SOON, || terminal.modes() == before));
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}

#[test]
fn a_run_that_starts_in_the_background_takes_no_key_until_it_is_in_the_foreground() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        let before = terminal.modes();
        terminal.press(&format!("{} sh -c 'echo rea''dy; read x; echo got:$x' &\n", carried(sandbox)));
        terminal.wait_for("ready");
        // Keys are the shell's.
        terminal.press("echo mi''ne\n");
        terminal.wait_for("mine");
        assert_eq!(terminal.modes(), before);
        terminal.press("fg\n");
        assert!(eventually(SOON, || !terminal.is_cooked()), "the foreground did not take the terminal");
        terminal.press("yours\n");
        terminal.wait_for("got:yours");
        assert!(eventually(SOON, || terminal.modes() == before));
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}

#[test]
fn a_stop_of_the_run_itself_stops_the_command_too() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        let before = terminal.modes();
        sandbox.write("beats.py", BEATS);
        terminal.press(&format!("{} {PYTHON} beats.py\n", carried(sandbox)));
        terminal.wait_for("ready");
        assert!(eventually(SOON, || !terminal.is_cooked()));
        let group = terminal.foreground();
        // SAFETY: the group in the foreground of the test's own terminal is the run's.
        unsafe { libc::kill(group, libc::SIGTSTP) };
        shown(&terminal, "Stopped", 1);
        assert!(eventually(SOON, || terminal.modes() == before));
        terminal.press("kill %1\n");
        // SAFETY: asks only whether somebody is left in that group.
        assert!(eventually(SOON, || unsafe { libc::kill(-group, 0) } < 0), "{}", terminal.screen());
        // A shell that has not heard of it yet says so and stays.
        terminal.press("wait; exit 0\n");
        shell.wait().expect(0);
        assert_eq!(terminal.modes(), before);
    });
}

#[test]
fn a_run_that_was_stopped_by_force_takes_the_terminal_again() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        let before = terminal.modes();
        terminal.press(&format!("{} sh -c 'echo rea''dy; read x; echo got:$x'\n", carried(sandbox)));
        terminal.wait_for("ready");
        assert!(eventually(SOON, || !terminal.is_cooked()));
        // SAFETY: the group in the foreground of the test's own terminal is the run's.
        unsafe { libc::kill(terminal.foreground(), libc::SIGSTOP) };
        shown(&terminal, "Stopped", 1);
        assert!(eventually(SOON, || terminal.modes() == before), "the shell takes what is its own");
        terminal.press("fg; echo code=$?\n");
        assert!(eventually(SOON, || !terminal.is_cooked()), "the foreground did not take the terminal");
        terminal.press("word\n");
        terminal.wait_for("got:word");
        terminal.wait_for("code=0");
        assert!(eventually(SOON, || terminal.modes() == before));
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}

#[test]
fn a_key_stops_the_whole_job_and_a_command_only_its_own_run() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        sandbox.write("beats.py", BEATS);
        terminal.press(&format!("{PYTHON} beats.py | {} cat\n", carried(sandbox)));
        terminal.wait_for("ready");
        assert!(eventually(SOON, || !terminal.is_cooked()));
        terminal.press("\u{1a}");
        shown(&terminal, "Stopped", 1);
        let beat = || std::fs::read_to_string(sandbox.project().join("beat")).unwrap_or_default();
        let stands = || {
            let now = beat();
            std::thread::sleep(Duration::from_millis(200));
            now == beat()
        };
        assert!(eventually(SOON, stands), "the rest of the job went on");
        terminal.press("kill -9 %1; wait; echo o''ver\n");
        terminal.wait_for("over");
        // Alone by itself: what stands beside it goes on and sees to the end.
        let line = format!(
            "({} sh -c 'kill -STOP $$; echo again' & sleep 0.5; kill -CONT $!; wait $!; echo co''de=$?)",
            carried(sandbox)
        );
        terminal.press(&format!("{line}\n"));
        terminal.wait_for("code=0");
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}

/// Loses the foreground to a child that is gone, and reads.
const LOSES_THE_FOREGROUND: &str = "import os, signal, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    os._exit(0)
os.waitpid(child, 0)
print('re' + 'ading', flush=True)
print('got:' + input(), flush=True)
";

#[test]
fn a_command_that_lost_the_foreground_inside_gets_it_back_with_fg() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = shell(sandbox, &terminal);
        sandbox.write("loses.py", LOSES_THE_FOREGROUND);
        terminal.press(&format!("{} {PYTHON} loses.py\n", carried(sandbox)));
        terminal.wait_for("reading");
        shown(&terminal, "Stopped", 1);
        terminal.press("fg; echo code=$?\n");
        assert!(eventually(SOON, || !terminal.is_cooked()), "the foreground did not take the terminal");
        terminal.press("word\n");
        terminal.wait_for("got:word");
        terminal.wait_for("code=0");
        terminal.press("exit\n");
        shell.wait().expect(0);
    });
}

#[test]
fn a_stop_that_nobody_could_continue_is_no_stop() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        // The run leads its session: its group is orphaned, and the keyboard stops nothing in it.
        let words = CARRIED.into_iter().chain(["--", "sh", "-c", "echo ready; read x; echo got:$x"]);
        let running = sandbox.launch(words).on(&terminal).start();
        terminal.wait_for("ready");
        assert!(eventually(SOON, || !terminal.is_cooked()));
        terminal.press("\u{1a}");
        terminal.wait_for("^Z");
        terminal.press("on\n");
        terminal.wait_for("got:on");
        running.wait().expect(0);
    });
}

/// A way to end a run, and the exit code that it comes to.
struct Way {
    name: &'static str,
    flags: &'static [&'static str],
    script: &'static str,
    /// Sent to the run when it has the terminal.
    signal: Option<i32>,
    codes: &'static [i32],
}

const fn way(name: &'static str, script: &'static str, codes: &'static [i32]) -> Way {
    Way { name, flags: &[], script, signal: None, codes }
}

const WAITS: &str = "echo ready; exec sleep 60";

const WAYS: [Way; 10] = [
    way("by itself", "echo ready; read x; exit 0", &[0]),
    way("with a code", "echo ready; read x; stty raw -echo; exit 42", &[42]),
    way("by its own kill", "echo ready; read x; kill -9 $$", &[137]),
    way("by its abort", "echo ready; read x; kill -6 $$", &[134]),
    Way { flags: &["--timeout", "1s"], ..way("by the clock", WAITS, &[124]) },
    Way { flags: &["--limit", "output=64KiB"], ..way("by its output", "echo ready; read x; yes", &[122]) },
    Way { signal: Some(15), ..way("by TERM", WAITS, &[143, -15]) },
    Way { signal: Some(1), ..way("by HUP", WAITS, &[129, -1]) },
    Way { signal: Some(2), ..way("by INT", WAITS, &[130, -2]) },
    Way { signal: Some(9), ..way("by KILL of opaque-run", WAITS, &[-9]) },
];

#[test]
fn the_terminal_is_given_back_whatever_ends_the_run() {
    each_identity(|sandbox| {
        for way in WAYS {
            let mut terminal = Terminal::new(sandbox.identity());
            let before = terminal.modes();
            let words = CARRIED.iter().chain(way.flags).copied().chain(["--", "sh", "-c", way.script]);
            let running = sandbox.launch(words).on(&terminal).start();
            terminal.wait_for("ready");
            assert!(eventually(SOON, || !terminal.is_cooked()), "{}: the keyboard is not ours", way.name);
            match way.signal {
                Some(signal) => running.signal(signal),
                None => terminal.press("\n"),
            }
            let ended = running.wait();
            let came = ended.code.or(ended.signal.map(|signal| -signal)).unwrap();
            assert!(way.codes.contains(&came), "{}: {came}\n{ended}\n{}", way.name, terminal.screen());
            // When opaque-run itself was killed its janitor does it, a moment later.
            assert!(eventually(SOON, || terminal.modes() == before), "{}: the terminal was kept", way.name);
        }
    });
}

#[test]
fn the_terminal_is_given_back_when_the_program_cannot_be_executed() {
    each_identity(|sandbox| {
        let terminal = Terminal::new(sandbox.identity());
        let before = terminal.modes();
        sandbox.script("garbage", [0x7f, b'E', b'L', b'F', 9, 9, 9, 9]);
        sandbox.launch(CARRIED.into_iter().chain(["--", "./garbage"])).on(&terminal).finish().expect(126);
        assert_eq!(terminal.modes(), before);
        terminal.wait_for("cannot execute");
    });
}
