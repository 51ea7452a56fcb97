//! An answer in one word, with who gave it: what a record keeps of a decision.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decision::Decision;

/// What a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    // INVARIANT: from the least strict to the strictest.
    /// It may run.
    Allow,
    /// It may run once it is approved.
    Ask,
    /// It may not run.
    Deny,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        })
    }
}

/// An answer that was given, by which rule of which policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// What was answered.
    pub decision: Answer,
    /// The rule that decided, `layer:name`.
    pub rule: String,
    /// SHA-256 over every policy input, lower-case hex.
    pub policy: String,
}

impl Answered {
    /// What a decision comes to under the policies with this digest.
    #[must_use]
    pub fn new(decision: &Decision, policy: &str) -> Self {
        Self { decision: decision.answer(), rule: decision.rule().to_owned(), policy: policy.to_owned() }
    }
}
