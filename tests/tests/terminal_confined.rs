//! With carried output nothing inside writes to the caller's terminal, and nothing passes the supervisor by.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use opaque_tests::{Sandbox, Terminal, each_identity, eventually};

const CARRIED: [&str; 2] = ["--limit", "output=10MiB"];
const SOON: Duration = Duration::from_secs(10);

/// Runs a shell's line on a terminal to its end and answers what was shown. `RUN` becomes `opaque-run` with these flags.
#[track_caller]
fn shown(sandbox: &Sandbox, flags: &[&str], line: &str) -> String {
    let terminal = Terminal::new(sandbox.identity());
    let run = format!("{} {} --", sandbox.base().join("tools/opaque-run").display(), flags.join(" "));
    let line = format!("{}; echo code=$?.", line.replace("RUN", &run));
    sandbox.launch_outside(["bash", "-c", &line]).on(&terminal).finish().expect(0);
    terminal.wait_for("code=");
    assert!(eventually(SOON, || terminal.screen().trim_end().ends_with('.')), "{}", terminal.screen());
    assert!(terminal.is_cooked(), "the terminal was not given back");
    terminal.screen()
}

/// Attempts to write to the caller's terminal by every name that it has inside.
const ATTEMPTS: &str = r#"
for at in /dev/tty /dev/stdin /proc/self/fd/0 /proc/$$/fd/0; do (echo "through $at" > $at) 2> /dev/null; done
(echo "through 0" >&0) 2> /dev/null
/usr/bin/python3 -c '
import os
for name in ["/dev/tty", "/proc/self/fd/0"]:
    for flags in [os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK]:
        try: os.write(os.open(name, flags), b"through python\r\n")
        except OSError: pass
try: os.write(0, b"through python\r\n")
except OSError: pass
'
true"#;

#[test]
fn nothing_inside_writes_to_a_terminal_that_is_only_read() {
    each_identity(|sandbox| {
        sandbox.script("attempts", format!("#!/bin/sh\n{ATTEMPTS}"));
        for streams in ["| cat", "> made", "2>&1 | cat", "2> errors | cat"] {
            let line = format!("RUN ./attempts {streams}");
            let held = shown(sandbox, &CARRIED, &line);
            assert!(!held.contains("through"), "{streams}: {held}");
            let freed = shown(sandbox, &[], &line);
            for way in ["/dev/tty", "/dev/stdin", "/proc/self/fd/0", "0", "python"] {
                assert!(freed.contains(&format!("through {way}")), "the twin lacks {way} {streams}: {freed}");
            }
        }
        // A terminal that is at no stream, and still controls the session.
        for streams in ["< /dev/null 2> /dev/null | cat", "< /dev/null > made 2>&1"] {
            let line = format!("RUN ./attempts {streams}");
            let held = shown(sandbox, &CARRIED, &line);
            assert!(!held.contains("through"), "{streams}: {held}");
            assert!(shown(sandbox, &[], &line).contains("through /dev/tty"), "the twin {streams}");
        }
    });
}

#[test]
fn the_terminal_can_still_be_read_where_it_is_standard_input() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let run = format!("{} {} --", sandbox.base().join("tools/opaque-run").display(), CARRIED.join(" "));
        let line = format!("{run} sh -c 'echo ready >&2; read x; read y < /dev/tty; echo $x and $y' | cat");
        let running = sandbox.launch_outside(["bash", "-c", &line]).on(&terminal).start();
        terminal.wait_for("ready");
        assert!(terminal.is_cooked(), "the keyboard belongs to whoever reads it");
        terminal.press("one\ntwo\n");
        terminal.wait_for("one and two");
        running.wait().expect(0);
    });
}

#[test]
fn errors_alone_on_a_terminal_have_a_display() {
    each_identity(|sandbox| {
        let script = "test -t 2 && ! test -t 1 && echo on a terminal >&2; stty size <&2 >&2; readlink /proc/self/fd/2 >&2; echo out; exit 3";
        for streams in ["| cat", "> made"] {
            let line = format!("RUN sh -c '{script}' {streams}");
            let carried = shown(sandbox, &CARRIED, &format!("set -o pipefail; {line}"));
            assert!(carried.contains("on a terminal\r\n"), "{carried:?}");
            assert!(carried.contains("/dev/pts/0\r\n") && carried.contains("code=3"), "{carried:?}");
            assert!(!carried.contains("\r\r"), "processed twice: {carried:?}");
        }
        assert_eq!(std::fs::read_to_string(sandbox.project().join("made")).unwrap(), "out\n");
    });
}

#[test]
fn the_size_of_a_display_follows_the_window() {
    each_identity(|sandbox| {
        let mut terminal = Terminal::new(sandbox.identity());
        let run = format!("{} {} --", sandbox.base().join("tools/opaque-run").display(), CARRIED.join(" "));
        let size = "import fcntl,struct,termios,sys
def size(): return struct.unpack(\"4H\", fcntl.ioctl(2, termios.TIOCGWINSZ, bytes(8)))[:2]
print(\"ready\", *size(), file=sys.stderr, flush=True); sys.stdin.readline(); print(\"then\", *size(), file=sys.stderr)";
        sandbox.write("size.py", size);
        let line = format!("{run} /usr/bin/python3 size.py | cat");
        let running = sandbox.launch_outside(["bash", "-c", &line]).on(&terminal).start();
        terminal.wait_for("ready 24 80");
        terminal.resize(50, 132);
        // The supervisor hears of it by a signal; keys go to the command directly.
        std::thread::sleep(Duration::from_millis(200));
        terminal.press("\n");
        terminal.wait_for("then 50 132");
        running.wait().expect(0);
    });
}

#[test]
fn two_streams_into_one_place_keep_their_order() {
    each_identity(|sandbox| {
        let script = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); echo $i >&2; i=$((i+1)); done";
        let line = format!("RUN sh -c '{script}' 2>&1 | cat > both");
        shown(sandbox, &CARRIED, &line);
        let lines = |name: &str| std::fs::read_to_string(sandbox.project().join(name)).unwrap();
        let wanted: String = (0..300).map(|number| format!("{number}\n")).collect();
        assert_eq!(lines("both"), wanted);
        shown(sandbox, &CARRIED, &format!("RUN sh -c '{script}' > both 2>&1"));
        assert_eq!(lines("both"), wanted);
    });
}

#[test]
fn what_is_not_carried_is_the_callers_own_file() {
    each_identity(|sandbox| {
        sandbox.write("in", "");
        for (name, inherits) in [("direct", true), ("carried", false)] {
            let flags: &[&str] = if inherits { &[] } else { &CARRIED };
            let line = format!(
                "RUN sh -c 'stat -L -c %i /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2' < in > {name} 2> {name}.errors"
            );
            shown(sandbox, flags, &line);
            let inode = |file: &str| std::fs::metadata(sandbox.project().join(file)).unwrap().ino().to_string();
            let files = [inode("in"), inode(name), inode(&format!("{name}.errors"))];
            let said = std::fs::read_to_string(sandbox.project().join(name)).unwrap();
            let same: Vec<bool> = said.lines().zip(&files).map(|(said, file)| said == file).collect();
            assert_eq!(same, [true, inherits, inherits], "{said}{files:?}");
        }
    });
}

#[test]
fn dangerous_requests_are_refused_on_a_terminal_of_ones_own_too() {
    each_identity(|sandbox| {
        for act in [
            ["type-into-terminal", "plain"],
            ["type-into-terminal", "high"],
            ["console-paste", "plain"],
            ["take-terminal", ""],
        ] {
            let terminal = Terminal::new(sandbox.identity());
            let act: Vec<&str> = act.into_iter().filter(|word| !word.is_empty()).collect();
            sandbox.launch_probe(&CARRIED, &act).on(&terminal).finish().expect(1);
            terminal.wait_for("refused EPERM");
        }
        let terminal = Terminal::new(sandbox.identity());
        sandbox.launch_probe(&CARRIED, &["is-terminal"]).on(&terminal).finish().expect(0);
    });
}

#[test]
fn a_run_whose_streams_are_not_its_own_is_refused() {
    each_identity(|sandbox| {
        let say = "x=$(stat -L -c %d:%i /proc/$$/fd/1); echo $x > inside";
        let words = || CARRIED.into_iter().chain(["--", "sh", "-c", say]);
        let terminal = Terminal::new(sandbox.identity());
        sandbox.launch_with_fault(("OPAQUE_FAULT_SKIP", "streams"), words()).on(&terminal).finish().expect(125);
        terminal.wait_for("`streams` does not hold");
        let ended = sandbox.launch_with_fault(("OPAQUE_FAULT_SKIP", "streams"), words()).finish();
        ended.expect(125).noting("`streams` does not hold");
        // Where nobody looks from inside, the supervisor misses the terminal, and a pipe is passed by.
        let both = ("OPAQUE_FAULT_SKIP", "streams,attest");
        sandbox.launch_with_fault(both, words()).on(&terminal).finish().expect(125);
        assert!(!sandbox.project().join("inside").exists(), "the command started");
        let file = std::fs::File::create(sandbox.write("out", "")).unwrap();
        let inode = format!("{}:{}\n", file.metadata().unwrap().dev(), file.metadata().unwrap().ino());
        let inside = || std::fs::read_to_string(sandbox.project().join("inside")).unwrap();
        sandbox.launch_with_fault(both, words()).stdout_to(file.try_clone().unwrap()).finish().expect(0);
        assert_eq!(inside(), inode, "freed");
        sandbox.launch(words()).stdout_to(file).finish().expect(0);
        assert_ne!(inside(), inode, "held");
    });
}
