//! The parts of a request's file that differ from the values that they stand for: what is absent is written down,
//! and an argument may be hidden.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::path::AbsPath;
use crate::principal::{ClientKind, Executable, Principal};
use crate::request::{Inode, Interpreter};
use crate::text::Text;

/// Longest name of a program that is kept where room is short.
const NAME: usize = 255;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalFile {
    uid: u32,
    kind: ClientKind,
    #[serde(default, skip_serializing_if = "Fact::is_unknown")]
    pub(super) executable: Fact<ExecutableFile>,
    #[serde(default, skip_serializing_if = "Fact::is_unknown")]
    pub(super) roles: Fact<Vec<String>>,
}

/// The program that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecutableFile {
    path: AbsPath,
    #[serde(default, skip_serializing_if = "Fact::is_unknown")]
    sha256: Fact<String>,
    #[serde(default, skip_serializing_if = "Fact::is_unknown")]
    codesign_team_id: Fact<String>,
}

impl PrincipalFile {
    pub(super) fn of(principal: &Principal) -> Self {
        let Principal { uid, kind, executable, roles } = principal.clone();
        let file = |Executable { path, sha256, codesign_team_id }| ExecutableFile { path, sha256, codesign_team_id };
        Self { uid, kind, executable: mapped(executable, file), roles }
    }

    pub(super) fn into_principal(self) -> Principal {
        let Self { uid, kind, executable, roles } = self;
        let known = |ExecutableFile { path, sha256, codesign_team_id }| Executable { path, sha256, codesign_team_id };
        Principal { uid, kind, executable: mapped(executable, known), roles }
    }
}

fn mapped<T, U>(fact: Fact<T>, to: impl FnOnce(T) -> U) -> Fact<U> {
    match fact {
        Fact::Known(value) => Fact::Known(to(value)),
        Fact::Absent => Fact::Absent,
        Fact::Unknown => Fact::Unknown,
    }
}

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandFile {
    /// The program, with links resolved.
    pub(super) path: AbsPath,
    /// The argument vector, the name as typed first.
    pub(super) argv: Vec<Argument>,
    pub(super) cwd: AbsPath,
    #[serde(default, skip_serializing_if = "Fact::is_unknown")]
    pub(super) sha256: Fact<String>,
    /// The path before links were resolved; without it they are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) named: Option<AbsPath>,
    /// Which file it was, when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inode: Option<Inode>,
    /// What runs it, when it is a script.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) interpreters: Vec<Interpreter>,
}

/// One element of the argument vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Argument {
    Text(Text),
    Hidden(Mark),
}

/// Stands where a value was hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    redacted: True,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// Its hash, so that two records of the same argument can be told to be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// `true`, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("`redacted` is `true` or left out") }
    }
}

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

impl Mark {
    /// A mark that tells nothing of what it hides.
    pub(super) const SILENT: Self = Self { redacted: True, length: None, sha256: None };

    /// A mark for something long.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let sha256 = crate::plan::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
        Self { redacted: True, length: Some(bytes.len()), sha256: Some(sha256) }
    }
}

impl Argument {
    /// Which elements of a vector are hidden.
    pub(super) fn hidden(argv: &[Self]) -> impl Iterator<Item = usize> {
        argv.iter().enumerate().filter_map(|(index, one)| matches!(one, Self::Hidden(_)).then_some(index))
    }

    /// Hides what no program is called.
    pub(super) fn shorten(&mut self) {
        if let Self::Text(text) = self
            && text.as_bytes().len() > NAME
        {
            *self = Self::Hidden(Mark::of(text.as_bytes()));
        }
    }

    /// The text; nothing for a hidden one, which is remembered beside it.
    pub(super) fn into_text(self) -> Text {
        match self {
            Self::Text(text) => text,
            Self::Hidden(_) => Text::from(""),
        }
    }
}
