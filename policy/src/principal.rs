//! Who asks: the uid that the kernel reports and the kind of client behind it.

use serde::Serialize;

/// What kind of client stands behind a request. Derived, never claimed by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// Real uid, verified by the kernel.
    pub uid: u32,
    /// Kind of client, derived.
    pub kind: ClientKind,
}
