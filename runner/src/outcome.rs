//! How a run ended, and the only place that knows exit codes.

use std::time::Duration;

use opaque_sys::channel::End;
use serde::Serialize;

/// A run that did not start, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    /// Which kind.
    pub class: Class,
    /// What was being done, to what, and why it failed. One line, lower case, no final period.
    pub message: String,
    /// What to do about it, one line each.
    pub hints: Vec<String>,
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hints: Vec::new() }
    }

    /// The sandbox could not be built.
    pub fn cannot_build(message: impl Into<String>) -> Self {
        Self::new(Class::CannotBuild, message)
    }

    /// The same refusal with the hint, when there is one.
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// The same refusal with one more hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The kinds of end that a run can have; each has its exit code (`docs/exit-codes.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The command ran and ended by itself or by a signal.
    Command,
    /// Policy denies the request, a protected path changed under the run, or what appeared there cannot be put away.
    Denied,
    /// Nobody approved.
    NotApproved,
    /// A resource limit ended the run.
    ResourceLimit,
    /// The wall time ended the run.
    WallTime,
    /// The sandbox could not be built.
    CannotBuild,
    /// The command cannot be executed.
    NotExecutable,
    /// The command was not found.
    NotFound,
}

impl Class {
    /// Every class, for the documentation and its test.
    pub const ALL: [Self; 8] = [
        Self::Command,
        Self::Denied,
        Self::NotApproved,
        Self::ResourceLimit,
        Self::WallTime,
        Self::CannotBuild,
        Self::NotExecutable,
        Self::NotFound,
    ];

    /// The reserved exit code; `None` for the command's own.
    #[must_use]
    pub fn code(self) -> Option<u8> {
        match self {
            Self::Command => None,
            Self::Denied => Some(120),
            Self::NotApproved => Some(121),
            Self::ResourceLimit => Some(122),
            Self::WallTime => Some(124),
            Self::CannotBuild => Some(125),
            Self::NotExecutable => Some(126),
            Self::NotFound => Some(127),
        }
    }

    /// The word that the report uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Denied => "denied",
            Self::NotApproved => "not-approved",
            Self::ResourceLimit => "resource-limit",
            Self::WallTime => "wall-time",
            Self::CannotBuild => "cannot-build",
            Self::NotExecutable => "not-executable",
            Self::NotFound => "not-found",
        }
    }
}

/// How a run that started ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Ending {
    /// By itself or by a signal.
    Command(End),
    /// By a limit.
    Limit(LimitReached),
    /// A protected path changed on the host while the command ran.
    ProtectedPathChanged(String),
    /// A git directory that appeared could not be put away; why, as a sentence.
    NotPutAway(String),
}

/// The limits that can end a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitReached {
    /// The wall time.
    Wall(Duration),
    /// Memory: the kernel killed something inside.
    Memory(u64),
    /// Bytes of output.
    Output(u64),
}

impl Ending {
    /// The class of this ending.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Command(_) => Class::Command,
            Self::Limit(LimitReached::Wall(_)) => Class::WallTime,
            Self::Limit(LimitReached::Memory(_) | LimitReached::Output(_)) => Class::ResourceLimit,
            Self::ProtectedPathChanged(_) | Self::NotPutAway(_) => Class::Denied,
        }
    }

    /// The exit code of `opaque-run`.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            // Wait statuses carry eight bits of exit code and signals below 128.
            Self::Command(End::Code(code)) => (code & 0xff) as u8,
            Self::Command(End::Signal(signal)) => 128_u8.saturating_add((signal & 0x7f) as u8),
            other @ (Self::Limit(_) | Self::ProtectedPathChanged(_) | Self::NotPutAway(_)) => {
                other.class().code().unwrap_or(125)
            }
        }
    }

    /// What the person is told, when there is something to tell.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Command(_) => None,
            Self::Limit(LimitReached::Wall(limit)) => {
                Some(format!("the command was ended: it ran longer than {}", humantime::format_duration(*limit)))
            }
            Self::Limit(LimitReached::Memory(limit)) => {
                Some(format!("the command ran out of memory: the limit is {limit} bytes"))
            }
            Self::Limit(LimitReached::Output(limit)) => {
                Some(format!("the command was ended: it wrote more than {limit} bytes of output"))
            }
            Self::ProtectedPathChanged(path) => {
                Some(format!("the command was ended: the protected path `{path}` changed on the host"))
            }
            Self::NotPutAway(why) => Some(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_with_128_and_its_number() {
        assert_eq!(Ending::Command(End::Signal(15)).code(), 143);
        assert_eq!(Ending::Command(End::Code(255)).code(), 255);
        assert_eq!(Ending::Limit(LimitReached::Wall(Duration::from_secs(5))).code(), 124);
    }

    #[test]
    fn the_documented_exit_codes_are_the_ones_in_use() {
        let page = include_str!("../../docs/exit-codes.md");
        for class in Class::ALL {
            if let Some(code) = class.code() {
                let row = format!("| {code} | `{}` |", class.name());
                assert!(page.contains(&row), "docs/exit-codes.md lacks {row}");
            }
        }
    }
}
