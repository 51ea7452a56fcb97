//! Starts one command, feeds it, listens to it, and waits for it with a bound.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::ended::Ended;
use super::place::{Place, Standing};
use super::terminal::Terminal;

/// How long a command may take unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

enum Input {
    Null,
    Bytes(Vec<u8>),
    Open,
    Closed,
    Descriptor(OwnedFd),
}

/// A command about to be started.
#[must_use]
pub struct Launch {
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    place: Place,
    input: Input,
    output: Option<Stdio>,
    inherited: Vec<(RawFd, OwnedFd)>,
    terminal: Option<OwnedFd>,
    session: bool,
    patience: Duration,
    report: Option<PathBuf>,
}

impl Launch {
    pub(crate) fn new(argv: Vec<OsString>, env: Vec<(OsString, OsString)>, cwd: &Path, place: Place) -> Self {
        Self {
            argv,
            env,
            cwd: cwd.to_owned(),
            place,
            input: Input::Null,
            output: None,
            inherited: Vec::new(),
            terminal: None,
            session: false,
            patience: PATIENCE,
            report: None,
        }
    }

    /// Sets a variable of the caller's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name.as_ref());
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts in another directory.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        directory.as_ref().clone_into(&mut self.cwd);
        self
    }

    /// Feeds these bytes to standard input and closes it.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Keeps standard input open and silent.
    pub fn stdin_open(mut self) -> Self {
        self.input = Input::Open;
        self
    }

    /// Starts without any descriptor 0.
    pub fn stdin_closed(mut self) -> Self {
        self.input = Input::Closed;
        self
    }

    /// Hands this descriptor over as standard input.
    pub fn stdin_from(mut self, descriptor: impl Into<OwnedFd>) -> Self {
        self.input = Input::Descriptor(descriptor.into());
        self
    }

    /// Sends standard output to this descriptor instead of collecting it.
    pub fn stdout_to(mut self, descriptor: impl Into<Stdio>) -> Self {
        self.output = Some(descriptor.into());
        self
    }

    /// Leaks a descriptor into the process under this number.
    pub fn inherit(mut self, number: RawFd, descriptor: impl Into<OwnedFd>) -> Self {
        self.inherited.push((number, descriptor.into()));
        self
    }

    /// Starts a session on this terminal, with all three standard streams there.
    pub fn on(mut self, terminal: &Terminal) -> Self {
        self.terminal = Some(terminal.device());
        self.in_a_session()
    }

    /// Starts a session, so that nothing depends on who started the suite, or on whether they are still there.
    pub fn in_a_session(mut self) -> Self {
        self.session = true;
        self
    }

    /// Waits this long at most.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn reporting(mut self, file: PathBuf) -> Self {
        self.report = Some(file);
        self
    }

    pub(crate) fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// In these namespaces, where each source stands at its target as well.
    pub(crate) fn within(mut self, standing: Standing, binds: &[(PathBuf, PathBuf)]) -> Self {
        self.place = self.place.within(standing, binds);
        self
    }

    /// Starts the command and waits until it has ended.
    #[track_caller]
    #[must_use]
    pub fn finish(self) -> Ended {
        self.start().wait()
    }

    /// Starts the command.
    ///
    /// # Panics
    /// When it cannot be started at all.
    #[track_caller]
    #[must_use]
    pub fn start(self) -> Running {
        let line = self.argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let Some((program, arguments)) = self.argv.split_first() else { panic!("an empty command") };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.env).current_dir(&self.cwd);
        command.stdout(self.output.unwrap_or_else(Stdio::piped)).stderr(Stdio::piped());
        let closed = matches!(self.input, Input::Closed);
        let (bytes, open) = match self.input {
            Input::Null | Input::Closed => {
                command.stdin(Stdio::null());
                (None, false)
            }
            Input::Bytes(bytes) => {
                command.stdin(Stdio::piped());
                (Some(bytes), false)
            }
            Input::Open => {
                command.stdin(Stdio::piped());
                (None, true)
            }
            Input::Descriptor(descriptor) => {
                command.stdin(Stdio::from(descriptor));
                (None, false)
            }
        };
        let (has_terminal, session) = (self.terminal.is_some(), self.session);
        if let Some(device) = &self.terminal {
            let stream = || Stdio::from(device.try_clone().expect("a descriptor can be copied"));
            command.stdin(stream()).stdout(stream()).stderr(stream());
        } else if !session {
            command.process_group(0);
        }
        let (place, inherited) = (self.place, self.inherited);
        let prepare = move || {
            if session {
                start_session(has_terminal)?;
            }
            for (number, descriptor) in &inherited {
                duplicate(descriptor.as_raw_fd(), *number)?;
            }
            if closed {
                // SAFETY: nothing in the child uses descriptor 0 before exec.
                unsafe { libc::close(0) };
            }
            place.enter()
        };
        // SAFETY: the closure only makes system calls on values that were prepared before the fork.
        unsafe { command.pre_exec(prepare) };
        let start = Instant::now();
        let spawned = one_at_a_time(|| command.spawn());
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start `{line}`: {error}"));
        drop(command);
        let stdout = child.stdout.take().map(listen).unwrap_or_default();
        let stderr = child.stderr.take().map(listen).unwrap_or_default();
        let mut stdin = child.stdin.take();
        if let (Some(bytes), Some(mut pipe)) = (bytes, stdin.take_if(|_| !open)) {
            std::thread::spawn(move || pipe.write_all(&bytes));
        }
        Running { child, line, stdout, stderr, stdin, start, patience: self.patience, report: self.report, over: false }
    }
}

/// Keeps forking and the writing of programs apart: a child between fork and exec would hold a program open for
/// writing, and nobody could execute it meanwhile (`ETXTBSY`).
pub(crate) fn one_at_a_time<T>(act: impl FnOnce() -> T) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    act()
}

fn start_session(has_terminal: bool) -> std::io::Result<()> {
    // SAFETY: no pointer is passed.
    if unsafe { libc::setsid() } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: descriptor 0 is the terminal; the argument says not to steal it.
    if has_terminal && unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

fn duplicate(from: RawFd, to: RawFd) -> std::io::Result<()> {
    let result = if from == to {
        // SAFETY: a plain number; clearing the flags lets the descriptor survive exec.
        unsafe { libc::fcntl(from, libc::F_SETFD, 0) }
    } else {
        // SAFETY: both are plain numbers; `dup2` clears close-on-exec.
        unsafe { libc::dup2(from, to) }
    };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// What a stream has said so far, and whether it has closed.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<(Vec<u8>, bool)>>);

impl Heard {
    fn so_far(&self) -> (Vec<u8>, bool) {
        self.0.lock().expect("no listener panics").clone()
    }
}

fn listen(mut stream: impl Read + Send + 'static) -> Heard {
    let heard = Heard::default();
    let told = heard.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        loop {
            let read = stream.read(&mut buffer).unwrap_or(0);
            let mut state = told.0.lock().expect("no reader panics");
            state.0.extend_from_slice(&buffer[..read]);
            if read == 0 {
                state.1 = true;
                return;
            }
        }
    });
    heard
}

/// A command that was started. Dropping it kills it.
pub struct Running {
    child: Child,
    line: String,
    stdout: Heard,
    stderr: Heard,
    stdin: Option<std::process::ChildStdin>,
    start: Instant,
    patience: Duration,
    report: Option<PathBuf>,
    over: bool,
}

impl Running {
    /// Its process id on the host.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid fits")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: the process has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.pid(), signal) };
    }

    /// Standard output so far.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.stdout.so_far().0).into_owned()
    }

    /// Waits until standard output contains a text.
    ///
    /// # Panics
    /// When it has not within the patience of the launch.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        while self.start.elapsed() < self.patience {
            let (said, closed) = self.stdout.so_far();
            let said = String::from_utf8_lossy(&said).into_owned();
            if said.contains(text) {
                return said;
            }
            if closed {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let (errors, _) = self.stderr.so_far();
        panic!(
            "`{}` never said `{text}`; it said `{}` and `{}`",
            self.line,
            self.said(),
            String::from_utf8_lossy(&errors)
        );
    }

    /// Writes to its standard input, which a launch kept open.
    pub fn type_in(&mut self, bytes: &[u8]) {
        let pipe = self.stdin.as_mut().expect("standard input was kept open");
        pipe.write_all(bytes).expect("the command reads");
    }

    /// True when it has not ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended and its streams are closed.
    ///
    /// # Panics
    /// When that takes longer than the patience of the launch.
    #[track_caller]
    #[must_use]
    pub fn wait(mut self) -> Ended {
        drop(self.stdin.take());
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if self.start.elapsed() > self.patience {
                let ended = self.ended(None, None);
                panic!("took longer than {:?}\n{ended}", self.patience);
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        self.over = true;
        let drained = Instant::now();
        while !(self.stdout.so_far().1 && self.stderr.so_far().1) && self.piped() {
            if drained.elapsed() > Duration::from_secs(5) {
                let ended = self.ended(status.code(), status.signal());
                panic!("ended, yet something still holds its output open\n{ended}");
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let mut ended = self.ended(status.code(), status.signal());
        ended.report = self.report.as_ref().and_then(|file| std::fs::read(file).ok()).map(|bytes| {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|error| panic!("the report is not JSON: {error}\n{}", String::from_utf8_lossy(&bytes)))
        });
        ended
    }

    /// False when the streams go elsewhere (a terminal, a descriptor of the test's).
    fn piped(&self) -> bool {
        Arc::strong_count(&self.stdout.0) > 1 || Arc::strong_count(&self.stderr.0) > 1
    }

    fn ended(&self, code: Option<i32>, signal: Option<i32>) -> Ended {
        Ended {
            code,
            signal,
            stdout: self.stdout.so_far().0,
            stderr: self.stderr.so_far().0,
            elapsed: self.start.elapsed(),
            report: None,
            line: self.line.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            // SAFETY: the process leads its group and has not been waited for.
            unsafe { libc::kill(-self.pid(), libc::SIGKILL) };
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
