//! Carried output on a terminal: the command has a terminal of its own, and the person sees no difference.

use std::time::{Duration, Instant};

use opaque_tests::{Ended, Processes, Sandbox, Terminal, each_identity, eventually};

/// What makes output carried.
const CARRIED: [&str; 2] = ["--limit", "output=100MiB"];

/// `opaque-run` with carried output, as a word of a shell's line.
fn carried(sandbox: &Sandbox) -> String {
    format!("{} {} --", sandbox.base().join("tools/opaque-run").display(), CARRIED.join(" "))
}

/// Runs a shell script inside, on the terminal, to its end.
#[track_caller]
fn on(terminal: &Terminal, sandbox: &Sandbox, script: &str) -> Ended {
    let ended = sandbox.launch(CARRIED.into_iter().chain(["--", "sh", "-c", script])).on(terminal).finish();
    // The last bytes may still be on their way to the test.
    std::thread::sleep(Duration::from_millis(20));
    ended
}

#[test]
fn the_command_has_a_terminal_of_its_own_that_it_finds_by_name() {
    each_identity(|sandbox| {
        let terminal = Terminal::new(sandbox.identity());
        let script = "for n in 0 1 2; do test -t $n || exit 1; done; tty; echo by its name > $(tty); echo by any name > /dev/tty;
            stty size; read line < /proc/1/stat; set -- $line; echo session $6; read line < /proc/self/stat; set -- $line; echo foreground of $5 is $8; exit 7";
        on(&terminal, sandbox, script).expect(7);
        for said in ["/dev/pts/0\r\n", "by its name", "by any name", "24 80", "session 1", "foreground of 2 is 2\r\n"] {
            assert!(terminal.screen().contains(said), "no `{said}`: {}", terminal.screen());
        }
        let twin = Terminal::new(sandbox.identity());
        sandbox.launch(["--", "sh", "-c", "tty; exit 0"]).on(&twin).finish().expect(0);
        assert!(eventually(Duration::from_secs(2), || twin.screen().contains("not a tty")), "{}", twin.screen());
    });
}

#[test]
fn every_byte_is_shown_before_the_run_ends() {
    each_identity(|sandbox| {
        let script = "seq 1 60000; printf 'last'";
        let shown = |flags: &[&str]| {
            let terminal = Terminal::new(sandbox.identity());
            let words = flags.iter().copied().chain(["--", "sh", "-c", script]);
            sandbox.launch(words).on(&terminal).finish().expect(0);
            assert!(eventually(Duration::from_secs(5), || terminal.screen().ends_with("last")));
            terminal.shown()
        };
        assert!(shown(&[]) == shown(&CARRIED), "another text");
    });
}

#[test]
fn a_line_is_edited_echoed_and_read() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let script = "printf 'name? '; read name; echo \"hello <$name>\"";
        let running = sandbox.launch(CARRIED.into_iter().chain(["--", "sh", "-c", script])).on(&terminal).start();
        terminal.wait_for("name? ");
        assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
        // DEL erases a character, ^U a line, in the terminal inside.
        terminal.press("wrong\u{15}annx\u{7f}\n");
        terminal.wait_for("hello <ann>");
        running.wait().expect(0);
        assert!(terminal.screen().contains("annx\u{8} \u{8}\r\n"), "{:?}", terminal.screen());
    });
}

#[test]
fn a_password_is_not_echoed() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let script = "stty -echo; printf 'Password: '; read word; stty echo; echo; echo ${#word} letters";
        let running = sandbox.launch(CARRIED.into_iter().chain(["--", "sh", "-c", script])).on(&terminal).start();
        terminal.wait_for("Password: ");
        assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
        terminal.press("correct horse\n");
        terminal.wait_for("13 letters");
        running.wait().expect(0);
        assert!(!terminal.screen().contains("horse"), "{}", terminal.screen());
    });
}

#[test]
fn keys_that_signal_do_so_inside() {
    each_identity(|sandbox| {
        for (key, number) in [("\u{3}", 2), ("\u{1c}", 3)] {
            let mut terminal = Terminal::new(sandbox.identity());
            let script = format!("trap 'echo caught; exit 9' {number}; echo ready; while :; do sleep 0.05; done");
            let running = sandbox.launch(CARRIED.into_iter().chain(["--", "sh", "-c", &script])).on(&terminal).start();
            terminal.wait_for("ready");
            assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
            terminal.press(key);
            running.wait().expect(9);
            assert_eq!(terminal.screen().matches("caught").count(), 1, "{}", terminal.screen());

            let mut terminal = Terminal::new(sandbox.identity());
            let words = CARRIED.into_iter().chain(["--", "sh", "-c", "echo ready; exec sleep 60"]);
            let running = sandbox.launch(words).on(&terminal).start();
            terminal.wait_for("ready");
            assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
            terminal.press(key);
            running.wait().expect(128 + number);
        }
    });
}

#[test]
fn a_change_of_the_window_reaches_a_terminal_of_ones_own() {
    each_identity(|sandbox| {
        let terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch_probe(&CARRIED, &["wait-for-resize"]).on(&terminal).start();
        terminal.wait_for("ready");
        terminal.resize(50, 132);
        terminal.wait_for("done 50 132");
        running.wait().expect(0);
    });
}

#[test]
fn a_pager_in_a_pipeline_has_the_keyboard() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let line = format!(
            "printf 'one\\ntwo\\n' | {} sh -c 'cat; echo end; read key < /dev/tty; echo key $key'",
            carried(sandbox)
        );
        let running = sandbox.launch_outside(["sh", "-c", &line]).on(&terminal).start();
        terminal.wait_for("end");
        assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
        terminal.press("q\n");
        terminal.wait_for("key q");
        running.wait().expect(0);
        assert!(terminal.screen().contains("one\r\ntwo\r\n"), "{:?}", terminal.screen());
        assert!(terminal.is_cooked());
    });
}

#[test]
fn who_gives_nothing_to_read_keeps_the_keyboard() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let line = format!("{} sh -c 'test -t 1 && echo ready; exec sleep 60' < /dev/null", carried(sandbox));
        let running = sandbox.launch_outside(["bash", "-c", &line]).on(&terminal).start();
        terminal.wait_for("ready");
        assert!(terminal.is_cooked());
        // The terminal's signals arrive although its keys do not pass.
        terminal.press("\u{3}");
        let ended = running.wait();
        assert!(ended.code == Some(130) || ended.signal == Some(2), "{ended}");
    });
}

#[test]
fn a_terminal_that_nobody_reads_holds_the_command_back_and_no_memory() {
    each_identity(|sandbox| {
        let terminal = Terminal::unread(sandbox.identity());
        let before = terminal.modes();
        let words = CARRIED.into_iter().chain(["--", "sh", "-c", "yes; exit 3"]);
        let running = sandbox.launch(words).on(&terminal).start();
        assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
        let peak = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
            let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        let first = peak();
        std::thread::sleep(Duration::from_millis(500));
        assert!(peak() < first + 1024, "{first} KiB became {} KiB", peak());
        let start = Instant::now();
        running.signal(15);
        let ended = running.wait();
        assert!(ended.code == Some(143) || ended.signal == Some(15), "{ended}");
        assert!(start.elapsed() < Duration::from_secs(10), "{ended}");
        assert_eq!(terminal.modes(), before);
    });
}

#[test]
fn a_terminal_that_hangs_up_ends_the_run() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let shell = sandbox.launch_outside(["bash", "--norc", "-i"]).env("PS1", "prompt> ").on(&terminal).start();
        terminal.wait_for("prompt> ");
        let mark = format!("60.{}", shell.pid());
        terminal.press(&format!("{} sh -c 'echo rea''dy; sleep {mark}'\n", carried(sandbox)));
        terminal.wait_for("ready");
        assert!(eventually(Duration::from_secs(5), || !terminal.is_cooked()), "the keyboard is not ours");
        assert!(eventually(Duration::from_secs(5), || Processes::marked(&mark).len() >= 2));
        // With the leader of its session a terminal hangs up.
        shell.signal(9);
        assert!(
            eventually(Duration::from_secs(5), || Processes::marked(&mark).is_empty()),
            "{:?}",
            Processes::marked(&mark)
        );
    });
}

#[test]
fn a_terminal_that_closes_ends_a_run_that_leads_its_session() {
    each_identity(|sandbox| {
        for (number, flags) in [&[][..], &CARRIED].into_iter().enumerate() {
            let terminal = Terminal::unread(sandbox.identity());
            let mark = format!("6{number}.{}", std::process::id());
            let sleep = format!("sleep {mark}; exit 0");
            let words = flags.iter().copied().chain(["--", "sh", "-c", &sleep]);
            let running = sandbox.launch(words).on(&terminal).start();
            let inside = || Processes::marked(&mark).len();
            assert!(eventually(Duration::from_secs(5), || inside() >= 4), "{flags:?}");
            drop(terminal);
            let ended = running.wait();
            assert!(ended.code == Some(129) || ended.signal == Some(1), "{flags:?}: {ended}");
            assert!(eventually(Duration::from_secs(5), || inside() == 0), "{flags:?}: {:?}", Processes::marked(&mark));
        }
    });
}
