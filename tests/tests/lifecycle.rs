//! A run's life: its streams, its signals, its exit code, and that nothing outlives it.

use std::io::Write;
use std::time::{Duration, Instant};

use opaque_tests::{Processes, Sandbox, cgroups, each_identity, eventually};

const SIGNALS: [(&str, i32); 4] = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)];

#[test]
fn every_exit_code_comes_back_as_it_was() {
    each_identity(|sandbox| {
        let codes = (0..=255).step_by(if std::env::var_os("OPAQUE_TESTS_LONG").is_some() { 1 } else { 7 });
        for code in codes.chain([1, 2, 120, 121, 122, 124, 125, 126, 127, 128, 255]) {
            sandbox.shell(&format!("exit {code}")).expect(code);
        }
    });
}

#[test]
fn a_command_that_a_signal_ends_exits_with_128_and_its_number() {
    each_identity(|sandbox| {
        for signal in [1, 2, 3, 6, 9, 10, 11, 13, 14, 15] {
            let ended = sandbox.probe(&["kill-self", &signal.to_string()]);
            assert!(ended.code == Some(128 + signal), "signal {signal}\n{ended}");
            assert_eq!(sandbox.probe_outside(&["kill-self", &signal.to_string()]).signal, Some(signal));
        }
    });
}

#[test]
fn a_signal_reaches_the_command() {
    each_identity(|sandbox| {
        for (name, number) in SIGNALS.into_iter().chain([("USR1", 10), ("USR2", 12), ("WINCH", 28)]) {
            let mut running = sandbox.launch_probe(&[], &["catch", &number.to_string()]).start();
            running.wait_for("ready");
            running.signal(number);
            let ended = running.wait();
            assert!(ended.text().ends_with(&format!("done signal {number}")), "SIG{name}\n{ended}");
            ended.expect(0);
        }
    });
}

#[test]
fn a_signal_that_the_command_does_not_catch_ends_the_run() {
    each_identity(|sandbox| {
        for (name, number) in SIGNALS {
            let mut running = sandbox.launch(["--", "sh", "-c", "echo ready; exec sleep 60"]).start();
            running.wait_for("ready");
            running.signal(number);
            let ended = running.wait();
            assert!(ended.code == Some(128 + number) || ended.signal == Some(number), "SIG{name}\n{ended}");
            assert!(ended.elapsed < Duration::from_secs(10), "SIG{name} took long\n{ended}");
        }
    });
}

#[test]
fn a_stopped_run_stops_the_command_and_goes_on_with_it() {
    each_identity(|sandbox| {
        let script = "echo ready; while :; do date +%s%N > beat; sleep 0.02; done";
        let mut running = sandbox.launch(["--", "sh", "-c", script]).start();
        running.wait_for("ready");
        let beat = sandbox.project().join("beat");
        let read = || std::fs::read(&beat).unwrap_or_default();
        assert!(eventually(Duration::from_secs(5), || !read().is_empty()));
        running.signal(20);
        let quiet = || {
            let before = read();
            std::thread::sleep(Duration::from_millis(200));
            before == read()
        };
        assert!(eventually(Duration::from_secs(5), quiet), "the command went on after SIGTSTP");
        running.signal(18);
        let before = read();
        assert!(eventually(Duration::from_secs(5), || read() != before), "the command did not go on after SIGCONT");
    });
}

#[test]
fn killing_opaque_run_kills_everything_inside_within_100_ms() {
    each_identity(|sandbox| {
        for _ in 0..5 {
            let mark = format!("60.{}", unique());
            let script = format!("sleep {mark} & (setsid sleep {mark} &) ; echo ready; exec sleep {mark}");
            let mut running = sandbox.launch(["--", "sh", "-c", &script]).start();
            running.wait_for("ready");
            assert!(eventually(Duration::from_secs(2), || Processes::marked(&mark).len() >= 3));
            running.signal(9);
            let killed = Instant::now();
            assert!(
                eventually(Duration::from_secs(2), || Processes::marked(&mark).is_empty()),
                "{:?}",
                Processes::marked(&mark)
            );
            // The bound is 100 ms; looking through /proc on a busy machine costs some of its own.
            let took = killed.elapsed();
            let bound = if std::env::var_os("OPAQUE_TESTS_EXACT").is_some() { 100 } else { 250 };
            assert!(took < Duration::from_millis(bound), "took {took:?}");
        }
    });
}

#[test]
fn a_daemon_that_detached_itself_dies_with_the_run() {
    each_identity(|sandbox| {
        let beat = sandbox.at("beat");
        sandbox.permits(&["daemonize", &beat]);
        let read = || std::fs::read(&beat).unwrap();
        let after = read();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(after, read(), "the daemon is alive after its run");
        // The twin lives on.
        let beat = sandbox.at("outside-beat");
        sandbox.probe_outside(&["daemonize", &beat]).done();
        let read = || std::fs::read(&beat).unwrap();
        let after = read();
        assert!(eventually(Duration::from_secs(2), || after != read()), "the twin died too");
        for pid in Processes::marked(&beat) {
            // SAFETY: the mark is a path of this test's alone, so the process is ours.
            unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGKILL) };
        }
    });
}

#[test]
fn a_command_that_ignores_term_is_killed_when_its_time_is_over() {
    each_identity(|sandbox| {
        let ended = sandbox.launch_probe(&["--timeout", "500ms"], &["ignore-term", "60000"]).finish();
        ended.expect(124);
        assert!(ended.elapsed < Duration::from_secs(8), "{ended}");
    });
}

#[test]
fn orphans_are_reaped() {
    each_identity(|sandbox| {
        let script = "for i in 1 2 3 4 5 6 7 8; do (sleep 0.05 &) ; done; sleep 0.4; grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l";
        assert_eq!(sandbox.shell(script).expect(0).text(), "0");
    });
}

fn megabytes() -> Vec<u8> {
    let mut state = 1_u32;
    (0..10 << 20)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

#[test]
fn ten_megabytes_pass_through_every_stream_unchanged() {
    let bytes = megabytes();
    each_identity(|sandbox| {
        let out = sandbox.launch(["--", "cat"]).stdin(bytes.clone()).finish();
        out.expect(0);
        assert!(out.stdout == bytes, "standard output differs ({} bytes)", out.stdout.len());
        assert!(out.stderr.is_empty(), "{out}");
        let errors = sandbox.launch(["--", "sh", "-c", "cat >&2"]).stdin(bytes.clone()).finish();
        errors.expect(0);
        assert!(errors.stderr == bytes, "standard error differs ({} bytes)", errors.stderr.len());
    });
}

#[test]
fn a_reader_that_leaves_early_ends_the_writer() {
    each_identity(|sandbox| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = sandbox.launch(["--", "yes"]).stdout_to(writer).finish();
        assert!(matches!(ended.code, Some(1 | 141)) || ended.signal == Some(13), "{ended}");
    });
}

#[test]
fn a_closed_standard_input_reads_as_empty() {
    each_identity(|sandbox| {
        let ended = sandbox.launch(["--", "sh", "-c", "cat; echo over"]).stdin_closed().finish();
        ended.expect(0);
        assert_eq!(ended.text(), "over");
        let empty = sandbox.launch(["--", "wc", "-c"]).finish();
        assert_eq!(empty.expect(0).text(), "0");
    });
}

#[test]
fn a_conversation_over_pipes_is_not_held_back() {
    each_identity(|sandbox| {
        let mut running =
            sandbox.launch(["--", "sh", "-c", "while read line; do echo \"heard $line\"; done"]).stdin_open().start();
        for word in ["one", "two", "three"] {
            running.type_in(format!("{word}\n").as_bytes());
            running.wait_for(&format!("heard {word}"));
        }
        running.wait().expect(0);
    });
}

#[test]
fn a_file_as_standard_input_keeps_its_place() {
    each_identity(|sandbox| {
        let path = sandbox.write("input", "first\nsecond\n");
        let mut file = std::fs::OpenOptions::new().read(true).append(true).open(path).unwrap();
        let ended = sandbox.launch(["--", "head", "-n", "1"]).stdin_from(file.try_clone().unwrap()).finish();
        assert_eq!(ended.expect(0).text(), "first");
        file.write_all(b"third\n").unwrap();
    });
}

#[test]
fn nothing_is_left_behind_by_runs_that_end_each_in_its_own_way() {
    each_identity(|sandbox| {
        let before = cgroups();
        let ways: [&[&str]; 5] = [
            &["--", "true"],
            &["--", "false"],
            &["--timeout", "100ms", "--", "sleep", "60"],
            &["--", "no-such-program"],
            &["--limit", "pids=64", "--", "sh", "-c", "kill -9 $$"],
        ];
        for way in ways {
            let _ = sandbox.run(way);
        }
        let left = |sandbox: &Sandbox| Processes::marked(&sandbox.base().display().to_string());
        assert!(eventually(Duration::from_secs(2), || left(sandbox).is_empty()), "{:?}", left(sandbox));
        let mine = format!("{}", sandbox.project().display());
        assert!(
            eventually(Duration::from_secs(2), || cgroups().difference(&before).all(|left| alive(left))),
            "{:?}",
            cgroups()
        );
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&mine), "a mount was left behind");
    });
}

/// True when a cgroup belongs to another test's run that is still going on.
fn alive(cgroup: &std::path::Path) -> bool {
    std::fs::read_to_string(cgroup.join("cgroup.procs")).is_ok_and(|pids| !pids.trim().is_empty())
}

/// A number that no other test uses.
fn unique() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_nanos() % 1_000_000_000_000 * 100_000 + u128::from(std::process::id())
}
