//! A plan that cannot be made: what is in the way, and what the person can do about it.
//!
//! A refusal is a value. It is never turned into a weaker plan.

use std::fmt;

/// Why the grants do not lower into a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refusal {
    /// What kind of refusal it is.
    pub class: RefusalClass,
    /// What is in the way: one line, lower case.
    pub what: String,
    /// What the person can do: one line.
    pub hint: Option<String>,
}

/// What kind of refusal it is; the outcome gives each its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// The floor forbids it, whatever the policy says.
    Denied,
    /// The program or its interpreter does not exist inside.
    NotVisible,
    /// The host does not have what the sandbox needs.
    Unbuildable,
}

impl Refusal {
    pub(crate) fn denied(what: impl fmt::Display, hint: impl fmt::Display) -> Self {
        Self { class: RefusalClass::Denied, what: what.to_string(), hint: Some(hint.to_string()) }
    }

    pub(crate) fn not_visible(what: impl fmt::Display, hint: impl fmt::Display) -> Self {
        Self { class: RefusalClass::NotVisible, what: what.to_string(), hint: Some(hint.to_string()) }
    }

    pub(crate) fn unbuildable(what: impl fmt::Display, hint: impl fmt::Display) -> Self {
        Self { class: RefusalClass::Unbuildable, what: what.to_string(), hint: Some(hint.to_string()) }
    }

    /// The edge did not answer a question that lowering had: our own error.
    pub(crate) fn unasked(path: &crate::path::AbsPath) -> Self {
        let what = format!("nothing is known about `{path}`, which the plan depends on");
        Self { class: RefusalClass::Unbuildable, what, hint: None }
    }
}
