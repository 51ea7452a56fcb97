//! Who asks: the uid that the kernel reports and the kind of client behind it.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::path::AbsPath;

/// What kind of client stands behind a request. Derived, never claimed by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// A foreground terminal without a coding agent among the ancestors.
    Human,
    /// Anything that is neither a human at a terminal nor a CI job.
    Agent,
    /// A CI job.
    Ci,
}

impl ClientKind {
    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::Ci => "ci",
        }
    }
}

/// The requester of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Real uid, verified by the kernel.
    pub uid: u32,
    /// Kind of client, derived.
    pub kind: ClientKind,
    /// The program that asks. In a direct run, the one that started `opaque-run`.
    #[serde(default, skip_serializing_if = "Fact::is_empty")]
    pub executable: Fact<Executable>,
    /// Roles of the broker's session.
    #[serde(default, skip_serializing_if = "Fact::is_empty")]
    pub roles: Fact<Vec<String>>,
}

impl Principal {
    /// A principal of whom no more is known.
    #[must_use]
    pub fn new(uid: u32, kind: ClientKind) -> Self {
        Self { uid, kind, executable: Fact::Unknown, roles: Fact::Unknown }
    }
}

/// A program that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executable {
    /// Its file, with links resolved.
    pub path: AbsPath,
    /// SHA-256 of its content, lower-case hex; known only when a rule reads it.
    #[serde(default, skip_serializing_if = "Fact::is_empty")]
    pub sha256: Fact<String>,
    /// The team that signed it, on macOS.
    #[serde(default, skip_serializing_if = "Fact::is_empty")]
    pub codesign_team_id: Fact<String>,
}
