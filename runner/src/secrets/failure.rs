//! Why a value cannot be had, and what the person can do about it. Never holds a value.

use std::time::Duration;

use humantime::format_duration;
use opaque_policy::secret::Source;
use opaque_policy::text::Text;
use rustix::io::Errno;
use thiserror::Error;

use crate::invocation::describe;
use crate::outcome::Refusal;

/// A secret that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the secret `{name}` cannot be read from `{source_text}`")]
pub struct SecretFailure {
    /// Its name.
    pub name: Text,
    /// Where its value is kept, as it is written.
    pub source_text: String,
    /// Why.
    #[source]
    pub why: Box<Why>,
    /// What to do about it, a line each.
    pub hints: Vec<String>,
}

/// Says why a value cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Why {
    /// There is no such variable.
    #[error("the variable `{variable}` is not set")]
    Unset {
        /// Which.
        variable: Text,
    },
    /// There is nothing where a value should be.
    #[error("the value is empty")]
    Empty,
    /// No variable could hold it.
    #[error("the value holds a NUL byte")]
    Nul,
    /// It is too long.
    #[error("the value is longer than 64 KiB")]
    Long,
    /// A path that names nothing.
    #[error("there is no `{path}`")]
    Missing {
        /// Which.
        path: String,
    },
    /// A path that names something else than a file.
    #[error("`{path}` is {kind}, not a regular file")]
    NotAFile {
        /// Which.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Somebody else's file.
    #[error("`{path}` belongs to uid {owner}")]
    Foreign {
        /// Which.
        path: String,
        /// Its owner.
        owner: u32,
    },
    /// The path leads through the workspace.
    #[error("`{path}` lies in the workspace, or a link there leads to it: a command inside could have chosen it")]
    Workspace {
        /// Which.
        path: String,
    },
    /// It cannot be opened or read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A program that is nowhere where it is looked for.
    #[error("`{tool}` is not installed")]
    NoTool {
        /// Which.
        tool: &'static str,
    },
    /// A program that others could have changed.
    #[error("`{program}` is not run: `{path}` {reason}")]
    Distrusted {
        /// The program.
        program: String,
        /// The file, link or directory on the way to it.
        path: String,
        /// What is wrong with that.
        reason: String,
    },
    /// A program that cannot be executed.
    #[error("`{program}` is not executable")]
    NotExecutable {
        /// Which.
        program: String,
    },
    /// A program that cannot be started or waited for.
    #[error("cannot run `{program}`")]
    Run {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A program that failed.
    #[error("`{program}` ended with exit code {code}{}", said(.message))]
    Code {
        /// Which.
        program: String,
        /// Its exit code.
        code: i32,
        /// The last line of what it complained.
        message: Option<Text>,
    },
    /// A program that was killed.
    #[error("`{program}` was ended by signal {signal}{}", said(.message))]
    Signal {
        /// Which.
        program: String,
        /// The signal.
        signal: i32,
        /// The last line of what it complained.
        message: Option<Text>,
    },
    /// A program that took too long.
    #[error("`{program}` gave no value within {}{}", format_duration(*.after), said(.message))]
    Late {
        /// Which.
        program: String,
        /// How long it had.
        after: Duration,
        /// The last line of what it complained.
        message: Option<Text>,
    },
    /// A program that printed too much.
    #[error("`{program}` printed more than 64 KiB and was ended")]
    TooMuch {
        /// Which.
        program: String,
    },
    /// There is no memory that is never swapped out.
    #[error("there is no locked memory left for the value")]
    Memory(#[source] Errno),
}

fn said(message: &Option<Text>) -> String {
    message.as_ref().map_or(String::new(), |message| format!(": {message}"))
}

/// A reason with what can be done about it, before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) why: Why,
    pub(super) hints: Vec<String>,
}

impl Failed {
    /// The same with one more hint, which counts before the ones that are there.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.insert(0, hint.into());
        self
    }

    pub(super) fn of(self, name: &Text, source: &Source) -> SecretFailure {
        SecretFailure {
            name: name.clone(),
            source_text: source.to_string(),
            why: Box::new(self.why),
            hints: self.hints,
        }
    }
}

impl From<Why> for Failed {
    fn from(why: Why) -> Self {
        Self { hints: why.hint().into_iter().collect(), why }
    }
}

impl Why {
    /// True when a program was run and gave no value.
    pub(super) fn is_the_programs(&self) -> bool {
        match self {
            Self::Code { .. } | Self::Signal { .. } | Self::Late { .. } => true,
            Self::Unset { .. }
            | Self::Empty
            | Self::Nul
            | Self::Long
            | Self::Missing { .. }
            | Self::NotAFile { .. }
            | Self::Foreign { .. }
            | Self::Workspace { .. }
            | Self::Unreadable { .. }
            | Self::NoTool { .. }
            | Self::Distrusted { .. }
            | Self::NotExecutable { .. }
            | Self::Run { .. }
            | Self::TooMuch { .. }
            | Self::Memory(_) => false,
        }
    }

    /// What can be done about it wherever it comes from.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unset { variable } => Some(format!("export {variable}=… before the run")),
            Self::Empty => Some("store a value there, or remove the secret from the profile".to_owned()),
            Self::Nul => Some("a value is text; keep binary data encoded, as base64 say".to_owned()),
            Self::Long | Self::TooMuch { .. } => {
                Some("a value has at most 64 KiB; give large files with `--read` instead".to_owned())
            }
            Self::Missing { path } => Some(format!("put it at {path}, or correct the source in the profile")),
            Self::NotAFile { .. } => Some("name a regular file; for what a program prints use `cmd:`".to_owned()),
            Self::Foreign { path, .. } => Some(format!("chown $(id -u) {path}, or keep a copy of your own")),
            Self::Workspace { .. } => Some("keep it outside of the workspace".to_owned()),
            Self::Unreadable { path, source: Errno::ACCESS } => Some(format!("ls -l {path} says who may read it")),
            Self::Unreadable { source: Errno::LOOP, .. } => Some("the links lead in a circle".to_owned()),
            Self::Distrusted { path, .. } => Some(format!("ls -ld {path} says who may write there")),
            Self::NotExecutable { program } => Some(format!("chmod +x {program}")),
            Self::Memory(_) => Some("raise the limit on locked memory, `ulimit -l`".to_owned()),
            Self::Late { .. } => Some("unlock what it waits for, or set a longer `timeout` in the profile".to_owned()),
            Self::Unreadable { .. } | Self::NoTool { .. } | Self::Run { .. } => None,
            Self::Code { .. } | Self::Signal { .. } => None,
        }
    }
}

/// A command as a person would type it.
pub(super) fn command_line(words: &[Text]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    let quoted = words.iter().map(|word| match word.to_string() {
        plain if !plain.is_empty() && plain.chars().all(is_plain) => plain,
        other => format!("'{}'", other.replace('\'', r"'\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The run does not start.
impl From<SecretFailure> for Refusal {
    fn from(failure: SecretFailure) -> Self {
        failure.hints.iter().fold(Self::cannot_build(describe(&failure)), |refusal, hint| refusal.hint(hint))
    }
}
