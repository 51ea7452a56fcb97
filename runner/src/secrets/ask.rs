//! Runs a program and takes what it prints for a value. Without a shell, apart from this process, in an environment of named
//! variables, for a bounded time; whatever it leaves in its process group is killed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use opaque_sys::apart;
use opaque_sys::locked::Locked;
use rustix::io::Errno;

use super::complaint::Complaint;
use super::failure::{Failed, Why, command_line};
use super::started::{Event, Started};
use super::value::{self, Part, Taken};
use super::{Owner, Value, find};

/// Where programs find others.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The most of that which is shown.
const MESSAGE: usize = 300;

/// What is shown instead of a complaint that holds what must not be shown.
const WITHHELD: &str = "its message holds a secret and is withheld";

/// A program that is asked for a value.
pub(super) struct Question<'a> {
    /// The program, judged already.
    pub(super) program: AbsPath,
    /// Its arguments.
    pub(super) arguments: &'a [Text],
    /// Variables of the caller's that it gets.
    pub(super) passes: Vec<(&'a Text, &'a Text)>,
    /// What none of its complaints may show.
    pub(super) conceals: Vec<&'a Text>,
    /// Beginnings of lines that say nothing.
    pub(super) noise: &'a [&'a str],
    /// How long it may take.
    pub(super) timeout: Duration,
}

/// Reads a value from a program that a profile names.
pub(super) fn command(argv: &[Text], timeout: Duration, owner: Owner<'_>) -> Result<Value, Failed> {
    let (program, arguments) = argv.split_first().ok_or(Why::Missing { path: "a program".to_owned() })?;
    let program = AbsPath::new(program.as_bytes()).map_err(|_| Why::Missing { path: program.to_string() })?;
    find::named(&program, owner)?;
    let question = Question { program, arguments, passes: Vec::new(), conceals: Vec::new(), noise: &[], timeout };
    let printed = question.ask(owner).map_err(|why| {
        let again = format!("try it by itself: env -i HOME=~ PATH={PATH} {}", command_line(argv));
        if why.is_the_programs() { Failed::from(why).hint(again) } else { why.into() }
    })?;
    Ok(Value { bytes: value::checked(printed, Part::Whole)?, notes: Vec::new() })
}

impl Question<'_> {
    /// What the program printed, when it ended well.
    pub(super) fn ask(&self, owner: Owner<'_>) -> Result<Locked, Why> {
        let mut printed = value::room()?;
        let mut complaint = Complaint::new()?;
        let mut started = self.start(owner)?;
        let deadline = Instant::now() + self.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Whoever never stops complaining is not listened to for longer than others.
            let event = if left.is_zero() { Ok(Event::Silence) } else { started.wait(left) };
            let event = event.map_err(|errno| self.cannot_run(errno))?;
            if event != Event::Said {
                // What it printed is in the pipe already; whoever could add to it is gone.
                started.kill().map_err(|errno| self.cannot_run(errno))?;
            }
            if started.hear(&mut printed, &mut complaint, |errno| self.cannot_run(errno))? == Taken::TooMuch {
                return Err(Why::TooMuch { program: self.program.to_string() });
            }
            match event {
                Event::Said => {}
                Event::Ended => break,
                Event::Silence => {
                    let message = self.message(&complaint, &printed);
                    return Err(Why::Late { program: self.program.to_string(), after: self.timeout, message });
                }
            }
        }
        let status = started.reap().map_err(|errno| self.cannot_run(errno))?;
        if status.success() { Ok(printed) } else { Err(self.failed(status, &complaint, &printed)) }
    }

    fn start(&self, owner: Owner<'_>) -> Result<Started, Why> {
        let mut command = Command::new(self.program.as_path());
        command.args(self.arguments.iter().map(|argument| OsStr::from_bytes(argument.as_bytes())));
        command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        command.env("HOME", owner.account.home.as_path()).env("USER", &owner.account.name);
        command.envs(
            self.passes
                .iter()
                .map(|(name, value)| (OsStr::from_bytes(name.as_bytes()), OsStr::from_bytes(value.as_bytes()))),
        );
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        apart::set_apart(&mut command);
        Started::begin(command).map_err(|errno| self.cannot_run(errno))
    }

    fn failed(&self, status: ExitStatus, complaint: &Complaint, printed: &Locked) -> Why {
        let (program, message) = (self.program.to_string(), self.message(complaint, printed));
        match (status.code(), status.signal()) {
            (Some(code), _) => Why::Code { program, code, message },
            (None, signal) => Why::Signal { program, signal: signal.unwrap_or_default(), message },
        }
    }

    /// The last line of what it complained, unless that shows anything of what it printed or was passed.
    fn message(&self, complaint: &Complaint, printed: &Locked) -> Option<Text> {
        let line = complaint.last_line(self.noise)?;
        let values = printed.as_bytes().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut hidden = values.chain(self.conceals.iter().map(|text| text.as_bytes())).filter(|part| !part.is_empty());
        if hidden.any(|part| line.windows(part.len()).any(|window| window == part)) {
            return Some(Text::from(WITHHELD));
        }
        let shown: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0).take(MESSAGE).collect();
        Text::new(shown)
    }

    fn cannot_run(&self, source: Errno) -> Why {
        Why::Run { program: self.program.to_string(), source }
    }
}
