//! The window of tmux that the one who asks sits in: told by a real server, and not known where anything about it is odd.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use opaque_tests::{Launch, Running, Sandbox, each_identity, eventually, missing, program};

const WINDOW: &str = "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\n\
    [rules.context]\ntmux_window = \"main:deploy\"\n";

/// A server of the test's own.
struct Tmux<'s> {
    sandbox: &'s Sandbox,
    socket: PathBuf,
    server: Running,
}

impl<'s> Tmux<'s> {
    fn start(sandbox: &'s Sandbox) -> Self {
        Self::start_at(sandbox, sandbox.home().join("tmux,socket"))
    }

    fn start_at(sandbox: &'s Sandbox, socket: PathBuf) -> Self {
        let shown = socket.display().to_string();
        // In the foreground, so that it ends with its own number.
        let server = sandbox.launch_outside(["tmux", "-S", &shown, "-f", "/dev/null", "-D"]).start();
        let tmux = Self { sandbox, socket, server };
        assert!(eventually(Duration::from_secs(20), || tmux.socket.exists()), "tmux has not begun");
        tmux
    }

    /// Tells the server something, and what it answers.
    fn tell(&self, words: &[&str]) -> String {
        let socket = self.socket.display().to_string();
        let ended = self.sandbox.outside(["tmux", "-S", &socket].iter().chain(words));
        ended.expect(0).text()
    }

    /// Opens a window that runs a script; the number of its pane.
    fn open(&self, name: &str, script: &str) -> String {
        let script = format!("{script}; exec sleep 600");
        let is_first = name == "deploy";
        let place: &[&str] = if is_first { &["new-session", "-s", "main"] } else { &["new-window", "-t", "main:"] };
        let words = [place, &["-d", "-P", "-F", "#{pane_id}", "-n", name, &script]].concat();
        self.tell(&words).trim().to_owned()
    }

    fn end(self) {
        self.server.signal(libc::SIGTERM);
        drop(self.server.wait());
    }
}

fn asking(sandbox: &Sandbox, server: &str, pane: &str) -> Launch {
    sandbox.launch(["--", "true"]).env("TMUX", format!("{server},1,0")).env("TMUX_PANE", pane)
}

fn has_tmux() -> bool {
    let is_there = program("tmux").is_some();
    if !is_there {
        missing("tmux");
    }
    is_there
}

#[test]
fn a_rule_permits_in_one_window_of_tmux_and_in_no_other() {
    if !has_tmux() {
        return;
    }
    each_identity(|sandbox| {
        sandbox.policy(WINDOW);
        let tmux = Tmux::start(sandbox);
        let run = sandbox.base().join("tools/opaque-run");
        for (window, code) in [("deploy", "0"), ("scratch", "120")] {
            let made = sandbox.home().join(window);
            let script = format!("{} -- true; echo $? > {1}.new; mv {1}.new {1}", run.display(), made.display());
            let _ = tmux.open(window, &script);
            assert!(eventually(Duration::from_secs(60), || made.exists()), "nothing ran in `{window}`");
            assert_eq!(fs::read_to_string(made).unwrap().trim(), code, "{window}");
        }
        // Outside of tmux there is no window.
        sandbox.run(["--", "true"]).expect(120);
        tmux.end();
    });
}

#[test]
fn a_window_is_known_only_from_the_callers_own_server_and_for_a_pane_that_it_has() {
    if !has_tmux() {
        return;
    }
    each_identity(|sandbox| {
        sandbox.policy(WINDOW);
        let tmux = Tmux::start(sandbox);
        let (deploy, scratch) = (tmux.open("deploy", "true"), tmux.open("scratch", "true"));
        let socket = tmux.socket.display().to_string();
        let runs = |server: &str, pane: &str, code: i32| {
            let begun = Instant::now();
            asking(sandbox, server, pane).finish().expect(code);
            assert!(begun.elapsed() < Duration::from_secs(10), "`{server}` is waited for");
        };
        runs(&socket, &deploy, 0);
        runs(&socket, &scratch, 120);
        for pane in ["%99", "", "main:deploy", "%0;kill-server"] {
            runs(&socket, pane, 120);
        }
        let link = sandbox.home().join("link");
        symlink("tmux,socket", &link).unwrap();
        runs(&link.display().to_string(), &deploy, 120);
        // A server that says nothing, and to a plain user a socket of somebody else's.
        let silent = sandbox.home().join("silent");
        let _listening = UnixListener::bind(&silent).unwrap();
        fs::set_permissions(&silent, fs::Permissions::from_mode(0o777)).unwrap();
        runs(&silent.display().to_string(), &deploy, 120);
        // What a program could drive a terminal with, tmux writes in letters: another name than any rule's.
        tmux.tell(&["rename-window", "-t", &deploy, "deploy\u{1b}"]);
        runs(&socket, &deploy, 120);
        tmux.tell(&["rename-window", "-t", &deploy, "deploy"]);
        runs(&socket, &deploy, 0);
        // Whoever asks or denies by a window that nobody knows is heard.
        sandbox.policy(&WINDOW.replace("\"deny\"", "\"allow\"").replace("action = \"allow\"", "action = \"deny\""));
        runs(&socket, &scratch, 0);
        runs(&socket, &deploy, 120);
        runs(&socket, "%99", 120);
        sandbox.policy(&WINDOW.replace("action = \"allow\"\ntrust = \"derived\"", "action = \"ask\""));
        runs(&socket, &deploy, 121);
        runs(&socket, &scratch, 120);
        tmux.end();
    });
}

#[test]
fn a_server_that_listens_in_the_workspace_is_not_asked() {
    if !has_tmux() {
        return;
    }
    each_identity(|sandbox| {
        sandbox.policy(WINDOW);
        let tmux = Tmux::start_at(sandbox, sandbox.project().join("socket"));
        let pane = tmux.open("deploy", "true");
        let launch = || asking(sandbox, &tmux.socket.display().to_string(), &pane);
        launch().finish().expect(120);
        // The control: from another place it is as good as any.
        sandbox.directory(&sandbox.home().join("other"));
        launch().cwd(sandbox.home().join("other")).finish().expect(0);
        tmux.end();
    });
}

#[test]
fn no_program_of_the_callers_is_taken_for_tmux() {
    each_identity(|sandbox| {
        sandbox.policy(WINDOW);
        let called = sandbox.home().join("called");
        let own = sandbox.script(
            sandbox.home().join("bin/tmux"),
            format!("#!/bin/sh\ntouch {}\necho \"$6:main:deploy\"\n", called.display()),
        );
        let path = format!("{}:/usr/bin:/bin", own.parent().unwrap().display());
        let silent = sandbox.home().join("socket");
        let bind = format!("import socket; socket.socket(socket.AF_UNIX).bind('{}')", silent.display());
        sandbox.outside(["python3", "-c", &bind]).expect(0);
        let launch = || asking(sandbox, &silent.display().to_string(), "%0").env("PATH", &path);
        launch().finish().expect(120);
        // Where the machine has none, it is not known: the same command, kept where it is found without `/usr/bin`.
        let copy = sandbox.project().join("true");
        fs::copy("/bin/true", &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        let kept = |policy: &str| {
            sandbox.policy(policy);
            let launch = sandbox.launch(["--", "./true"]).env("TMUX", format!("{},1,0", silent.display()));
            sandbox.without(launch.env("TMUX_PANE", "%0").env("PATH", &path), &["/usr/bin"]).finish()
        };
        kept(WINDOW).expect(120);
        assert!(!called.exists(), "a program of the caller's was asked");
        kept("version = 1\ndefault = \"allow\"\n").expect(0);
    });
}
