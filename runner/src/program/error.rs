//! Why a command cannot run, and what the person can do about it. Never knows an exit code.

use opaque_policy::path::{AbsPath, PathError};
use opaque_policy::text::Text;
use rustix::io::Errno;

use crate::digest::DigestError;
use crate::shebang::LineError;

/// Which of the two reserved exit codes an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no such command.
    NotFound,
    /// It is there and cannot be executed.
    NotExecutable,
}

/// Says why a command cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The command's name is empty.
    #[error("the command's name is empty")]
    Empty,
    /// No directory of `PATH` holds it.
    #[error("command `{name}` not found")]
    NotInPath {
        /// As typed.
        name: Text,
        /// A relative `PATH` element that holds it and is never used.
        relative: Option<Text>,
    },
    /// `PATH` holds it, but not as an executable file.
    #[error("`{path}` is not executable")]
    NotExecutable {
        /// What was found.
        path: AbsPath,
    },
    /// A path that names nothing.
    #[error("command `{name}` not found")]
    NoSuchFile {
        /// As typed.
        name: Text,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A directory.
    #[error("`{path}` is a directory")]
    Directory {
        /// Which.
        path: AbsPath,
    },
    /// A device, FIFO or socket.
    #[error("`{path}` is not a regular file")]
    Special {
        /// Which.
        path: AbsPath,
    },
    /// A path that the line cannot carry.
    #[error("`{name}` is not a usable path")]
    Path {
        /// As typed.
        name: Text,
        /// Why.
        #[source]
        source: PathError,
    },
    /// It was removed between opening and judging.
    #[error("`{path}` was removed while it was opened")]
    Removed {
        /// Which.
        path: AbsPath,
    },
    /// Opening or reading failed.
    #[error("cannot open `{path}`")]
    Open {
        /// Which.
        path: AbsPath,
        /// Why.
        #[source]
        source: Errno,
    },
    /// Neither a binary nor a script.
    #[error("`{path}` is neither a binary nor a script that begins with `#!`")]
    Format {
        /// Which.
        path: AbsPath,
    },
    /// A `#!` line that cannot be followed.
    #[error("cannot run `{path}`: {source}")]
    Line {
        /// The script.
        path: AbsPath,
        /// Why.
        #[source]
        source: LineError,
    },
    /// The interpreter of a script.
    #[error("cannot run the interpreter of `{script}`")]
    Interpreter {
        /// The script.
        script: AbsPath,
        /// Why.
        #[source]
        source: Box<ProgramError>,
    },
    /// Scripts that name each other as interpreters.
    #[error("`{path}` needs too many interpreters")]
    Loop {
        /// The first script.
        path: AbsPath,
    },
    /// The content was needed and could not be read.
    #[error("cannot identify `{path}` by its content")]
    Content {
        /// Which.
        path: AbsPath,
        /// Why.
        #[source]
        source: DigestError,
    },
}

impl ProgramError {
    /// Not found, or found and not executable.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Empty | Self::NotInPath { .. } | Self::NoSuchFile { .. } | Self::Removed { .. } => Failure::NotFound,
            Self::NotExecutable { .. }
            | Self::Directory { .. }
            | Self::Special { .. }
            | Self::Path { .. }
            | Self::Open { .. }
            | Self::Format { .. }
            | Self::Line { .. }
            | Self::Interpreter { .. }
            | Self::Loop { .. }
            | Self::Content { .. } => Failure::NotExecutable,
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotInPath { name, relative: Some(element) } => {
                Some(format!("only the relative `PATH` element `{element}` holds it; name it by path: `./{name}`"))
            }
            Self::NotInPath { name, relative: None } if name.as_bytes() == b"--" => {
                Some("one `--` ends the options".to_owned())
            }
            Self::NotInPath { .. } => Some("name an executable by path, or add its directory to `PATH`".to_owned()),
            Self::NotExecutable { path } => Some(format!("chmod +x {path}")),
            Self::Format { path } => {
                Some(format!("name the interpreter: `sh {path}`, or begin the file with `#!/bin/sh`"))
            }
            Self::Line { path, source: LineError::CarriageReturn } => {
                Some(format!("convert the line endings: `sed -i 's/\\r$//' {path}`"))
            }
            Self::Interpreter { source, .. } => source.hint(),
            Self::Empty
            | Self::NoSuchFile { .. }
            | Self::Directory { .. }
            | Self::Special { .. }
            | Self::Path { .. }
            | Self::Removed { .. }
            | Self::Open { .. }
            | Self::Line { .. }
            | Self::Loop { .. }
            | Self::Content { .. } => None,
        }
    }
}
