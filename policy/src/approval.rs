//! What has to be approved before a run, by whom, and for how long that holds.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The longest that one approval may answer for later runs: an hour.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// How an approval is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    // INVARIANT: from the least strict to the strictest.
    /// None is needed.
    Never,
    /// Once for the same command; a lease may then answer.
    FirstUse,
    /// Every time.
    Always,
}

impl Approval {
    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::FirstUse => "first_use",
            Self::Always => "always",
        }
    }
}

/// A way to be sure that a person approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A confirmation at the caller's own terminal.
    Tty,
    /// `opaque approve` in the person's session.
    Broker,
    /// The machine's own prompt for a fingerprint or password.
    LocalBio,
    /// A security key.
    Fido2,
    /// A telephone.
    IosFaceid,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tty, Self::Broker, Self::LocalBio, Self::Fido2, Self::IosFaceid];

    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tty => "tty",
            Self::Broker => "broker",
            Self::LocalBio => "local_bio",
            Self::Fido2 => "fido2",
            Self::IosFaceid => "ios_faceid",
        }
    }
}

/// Which factors an approval needs. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Factors {
    /// One of these.
    Any(Vec<Factor>),
    /// Each of these.
    All(Vec<Factor>),
}

impl Factors {
    /// True when these are enough.
    #[must_use]
    pub fn are_met_by(&self, at_hand: &[Factor]) -> bool {
        match self {
            Self::Any(factors) => factors.iter().any(|factor| at_hand.contains(factor)),
            Self::All(factors) => factors.iter().all(|factor| at_hand.contains(factor)),
        }
    }
}

/// Shows them as `a or b`, or `a and b`.
impl fmt::Display for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factors, between) = match self {
            Self::Any(factors) => (factors, " or "),
            Self::All(factors) => (factors, " and "),
        };
        let words: Vec<String> = factors.iter().map(|factor| format!("`{}`", factor.as_str())).collect();
        f.write_str(&words.join(between))
    }
}

/// What one rule, or a layer's default, wants approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obligation {
    /// How often.
    pub require: Approval,
    /// By which factors.
    pub factors: Factors,
    /// How long an approval may answer for later runs of the same command; `None` is this run only.
    pub lease_ttl: Option<Duration>,
    /// For how many runs, the approved one included.
    pub budget: Option<u32>,
}

impl Obligation {
    /// True when an approval given beforehand can answer: it neither sees each single run nor counts them.
    #[must_use]
    pub fn may_be_met_beforehand(&self) -> bool {
        match self.require {
            Approval::Never | Approval::FirstUse => self.budget.is_none(),
            Approval::Always => false,
        }
    }

    /// Nothing has to be approved.
    #[must_use]
    pub fn none() -> Self {
        Self::once(Approval::Never)
    }

    /// A confirmation at the terminal, which answers for nothing else.
    #[must_use]
    pub fn once(require: Approval) -> Self {
        Self { require, factors: Factors::Any(vec![Factor::Tty]), lease_ttl: None, budget: None }
    }
}
