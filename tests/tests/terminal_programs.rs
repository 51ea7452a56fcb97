//! What a person sees: programs that draw on a terminal draw the same over carried output as on the caller's own.

use std::time::Duration;

use opaque_tests::{PYTHON, Sandbox, Terminal, each_identity, eventually, missing, program};

const CARRIED: [&str; 2] = ["--limit", "output=10MiB"];
const SOON: Duration = Duration::from_secs(20);

/// What stands on a terminal after these bytes, and where the cursor is.
#[derive(Debug, PartialEq, Eq)]
struct Screen {
    lines: Vec<String>,
    cursor: (u16, u16),
    is_alternate: bool,
}

impl Screen {
    fn of(terminal: &Terminal) -> Self {
        let mut parser = vt100::Parser::new(24, 80, 0);
        parser.process(&terminal.shown());
        let screen = parser.screen();
        Self {
            lines: screen.rows(0, 80).map(|line| line.trim_end().to_owned()).collect(),
            cursor: screen.cursor_position(),
            is_alternate: screen.alternate_screen(),
        }
    }

    fn shows(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }
}

/// Waits until a text stands on the screen, and is all that comes for now.
#[track_caller]
fn wait_for(terminal: &Terminal, text: &str) -> Screen {
    let shows = || Screen::of(terminal).shows(text);
    assert!(eventually(SOON, shows), "no `{text}`: {:#?}", Screen::of(terminal));
    let quiet = || {
        let before = terminal.shown().len();
        std::thread::sleep(Duration::from_millis(60));
        before == terminal.shown().len()
    };
    assert!(eventually(SOON, quiet), "`{text}` keeps moving");
    Screen::of(terminal)
}

/// A look at the screen when a text stands there, and what is typed then.
type Scene = (&'static str, &'static str);

/// Plays the scenes with the command on the terminal inside, directly and carried: every screen is the same, and so is the end.
#[track_caller]
fn plays_alike(sandbox: &Sandbox, command: &[&str], scenes: &[Scene]) {
    plays_alike_but(sandbox, command, scenes, |line| line);
}

#[track_caller]
fn plays_alike_but(sandbox: &Sandbox, command: &[&str], scenes: &[Scene], same: impl Fn(String) -> String) {
    let play = |flags: &[&str]| {
        let mut terminal = Terminal::new(sandbox.identity());
        let before = terminal.modes();
        let words = flags.iter().chain(&["--"]).chain(command).copied();
        let running = sandbox.launch(words).on(&terminal).start();
        if !flags.is_empty() {
            assert!(eventually(SOON, || !terminal.is_cooked()), "the keyboard is not ours");
        }
        let mut screens = Vec::new();
        for (text, keys) in scenes {
            screens.push(wait_for(&terminal, text));
            terminal.press(keys);
        }
        let ended = running.wait();
        std::thread::sleep(Duration::from_millis(60));
        screens.push(Screen::of(&terminal));
        assert_eq!(terminal.modes(), before, "the terminal was not given back");
        for screen in &mut screens {
            screen.lines = std::mem::take(&mut screen.lines).into_iter().map(&same).collect();
        }
        (screens, ended.code)
    };
    assert_eq!(play(&CARRIED), play(&[]), "carried, directly: {command:?}");
}

/// Runs a test where a program is installed.
fn with(name: &str, test: impl Fn(&Sandbox)) {
    if program(name).is_none() {
        return missing(name);
    }
    each_identity(test);
}

#[test]
fn a_prompt_of_a_shell_looks_the_same() {
    let script = "printf 'name? '; read name; echo \"hello $name\"; printf 'more? '; read more; exit 4";
    each_identity(|sandbox| {
        plays_alike(sandbox, &["sh", "-c", script], &[("name?", "an\u{7f}nn\n"), ("more?", "no\n")]);
    });
}

#[test]
fn an_interactive_shell_looks_the_same() {
    let scenes = [
        ("$", "echo on''e\n"),
        ("one", "sleep 60\n"),
        ("sleep 60", "\u{1a}"),
        ("Stopped", "jobs; kill %1; wait; echo tw''o\n"),
        ("two", "cat << end\nx\nend\n"),
        ("x", "exit 6\n"),
    ];
    each_identity(|sandbox| {
        let command = ["env", "PS1=$ ", "bash", "--norc", "--noediting", "-i"];
        // With the caller's own terminal a shell inside has no job control: its group is none of this pid namespace.
        let mut terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch(CARRIED.iter().chain(&["--"]).chain(&command).copied()).on(&terminal).start();
        for (text, keys) in scenes {
            wait_for(&terminal, text);
            terminal.press(keys);
        }
        running.wait().expect(6);
        assert!(!terminal.screen().contains("no job control"), "{}", terminal.screen());
    });
}

#[test]
fn a_line_that_is_drawn_over_and_over_looks_the_same() {
    let script = "i=0; while [ $i -le 20 ]; do printf '\\r[%-20s] %d' $(printf '%*s' $i '' | tr ' ' '#') $i; i=$((i+1)); sleep 0.01; done; read x";
    each_identity(|sandbox| plays_alike(sandbox, &["sh", "-c", script], &[("] 20", "\n")]));
}

#[test]
fn the_python_prompt_looks_the_same() {
    let scenes = [
        (">>>", "6 * 7\n"),
        ("42", "print('a\\tb', end='')\n"),
        ("a       b", "import os\n"),
        ("import os", "exit(3)\n"),
    ];
    each_identity(|sandbox| {
        let command = ["env", "PYTHON_BASIC_REPL=1", "PYTHON_COLORS=0", PYTHON, "-q"];
        plays_alike(sandbox, &command, &scenes);
    });
}

#[test]
fn vim_looks_the_same_and_writes_the_file() {
    with("vim", |sandbox| {
        let scenes = [
            ("~", "ione two three\nfour\u{1b}"),
            ("four", "k0dwA!\u{1b}"),
            ("two three!", ":w\n"),
            ("written", ":q\n"),
        ];
        let vim = "rm -f text; vim -u NONE -i NONE -N -n --cmd 'set t_RV= t_u7= t_RB= t_RF=' text; cat text";
        plays_alike(sandbox, &["sh", "-c", vim], &scenes);
        assert_eq!(std::fs::read_to_string(sandbox.project().join("text")).unwrap(), "two three!\nfour\n");
    });
}

#[test]
fn less_looks_the_same() {
    with("less", |sandbox| {
        let lines: String = (1..=200).map(|number| format!("line {number}\n")).collect();
        sandbox.write("lines", lines);
        let scenes = [("line 23", " "), ("line 46", "/line 150\n"), ("line 150", "g"), ("line 1", "q")];
        plays_alike(sandbox, &["less", "lines"], &scenes);
    });
}

#[test]
fn top_looks_the_same_but_for_its_figures() {
    with("top", |sandbox| {
        let command = ["top", "-d", "60"];
        plays_alike_but(sandbox, &command, &[("PID USER", "q")], |line| {
            // Headings stay, figures go.
            let is_heading = ["top -", "Tasks:", "%Cpu", "MiB Mem", "PID USER"].iter().any(|head| line.contains(head));
            if is_heading { line.chars().filter(|c| c.is_alphabetic()).collect() } else { String::new() }
        });
    });
}

#[test]
fn tmux_inside_looks_the_same() {
    with("tmux", |sandbox| {
        let inner = "printf \"in tmux \"; read x; echo got $x; read y";
        let line = format!("tmux -S /tmp/s -f /dev/null new-session '{inner}'");
        let scenes = [("in tmux", "word\n"), ("got word", "\n")];
        // The status line has the time.
        plays_alike_but(sandbox, &["sh", "-c", &line], &scenes, |line| {
            if line.starts_with("[0] 0:") { "status".to_owned() } else { line }
        });
    });
}

#[test]
fn a_window_of_tmux_shows_the_same() {
    with("tmux", |sandbox| {
        let shown = |flags: &str| {
            let run = sandbox.base().join("tools/opaque-run");
            let socket = tempfile::Builder::new().prefix("opaque-tmux-").tempdir_in("/tmp").unwrap();
            std::os::unix::fs::chown(socket.path(), Some(sandbox.identity().uid()), Some(sandbox.identity().gid()))
                .unwrap();
            let socket = socket.path().join("socket").display().to_string();
            let tmux = |words: &[&str]| {
                let words = ["tmux", "-S", &socket, "-f", "/dev/null"].into_iter().chain(words.iter().copied());
                sandbox.launch_outside(words).finish()
            };
            let script = "printf 'ask '; read x; printf '\\033[31mred\\033[0m %s\\n' $x; stty size; echo done; read y";
            let line = format!("{} {flags} -- sh -c \"{}\"", run.display(), script.replace('$', "\\$"));
            tmux(&["new-session", "-d", "-x", "70", "-y", "20", &line]).expect(0);
            let capture = |text: &str| {
                let capture = || tmux(&["capture-pane", "-p", "-e"]).text();
                assert!(eventually(SOON, || capture().contains(text)), "no `{text}`: {}", capture());
                capture()
            };
            capture("ask");
            tmux(&["send-keys", "word", "Enter"]).expect(0);
            let last = capture("done");
            tmux(&["kill-server"]).expect(0);
            last
        };
        let carried = shown(&CARRIED.join(" "));
        assert!(carried.contains("19 70") || carried.contains("20 70"), "{carried}");
        assert_eq!(carried, shown(""));
    });
}
