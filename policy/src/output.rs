//! What becomes of what a command prints.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::text::Text;

/// What one profile says about output; `None` is left to the profiles that it extends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OwnOutput {
    pub(crate) show: Option<Show>,
    pub(crate) patterns: Vec<OutputPattern>,
    pub(crate) sequences: Option<Sequences>,
    pub(crate) on_overflow: Option<Overflow>,
    pub(crate) ci: Option<CiMasks>,
}

/// What becomes of a run's output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Output {
    /// What is shown of it.
    pub show: Show,
    /// Further expressions that are replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<OutputPattern>,
    /// What becomes of a terminal's dangerous sequences.
    pub sequences: Sequences,
    /// What happens at the output limit.
    pub on_overflow: Overflow,
    /// Whether a CI service is told what to mask.
    pub ci: CiMasks,
}

/// What is shown of the output. The weakest first: of two parents of a profile the stricter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// All of it, as it is.
    All,
    /// All of it, with the run's secrets masked.
    #[default]
    MaskedSecrets,
    /// The same, and the formats of well-known tokens and the profile's own expressions are replaced.
    MaskedSecretsAndPatterns,
    /// Nothing: it is counted and thrown away.
    Nothing,
}

/// An expression and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputPattern {
    /// Under which name its matches are counted.
    pub name: String,
    /// The regular expression.
    pub regex: String,
    /// What is printed instead of a match.
    pub replace: String,
}

/// What becomes of sequences that make a terminal do more than show text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sequences {
    /// They pass.
    #[default]
    Pass,
    /// They are taken out: clipboard, reports that the terminal types back, files, keys, printing.
    Filter,
}

/// What happens when a command has printed as much as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The rest is thrown away and the command runs on.
    Truncate,
    /// The run is ended.
    #[default]
    Kill,
}

/// Whether a CI service is told what to mask and to take no commands from the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CiMasks {
    /// It is told nothing.
    #[default]
    None,
    /// GitHub Actions, inside one of its jobs.
    Github,
}

impl CiMasks {
    /// True inside a job of the service that is to be told, by the caller's environment.
    #[must_use]
    pub fn is_in_job(self, environment: &BTreeMap<Text, Text>) -> bool {
        match self {
            Self::Github => {
                environment.get(&Text::from("GITHUB_ACTIONS")).is_some_and(|value| value.as_bytes() == b"true")
            }
            Self::None => false,
        }
    }
}

impl OwnOutput {
    /// Two parents of one child: the stricter holds, expressions add up.
    pub(crate) fn beside(self, other: Self) -> Self {
        Self {
            show: self.show.max(other.show),
            sequences: self.sequences.max(other.sequences),
            on_overflow: self.on_overflow.max(other.on_overflow),
            ci: self.ci.max(other.ci),
            patterns: joined(self.patterns, other.patterns),
        }
    }

    /// What is inherited with the child's own: the child's holds, expressions add up.
    pub(crate) fn overridden_by(self, child: Self) -> Self {
        Self {
            show: child.show.or(self.show),
            sequences: child.sequences.or(self.sequences),
            on_overflow: child.on_overflow.or(self.on_overflow),
            ci: child.ci.or(self.ci),
            patterns: joined(self.patterns, child.patterns),
        }
    }

    /// As a run gets it.
    pub(crate) fn into_output(self) -> Output {
        Output {
            show: self.show.unwrap_or_default(),
            patterns: self.patterns,
            sequences: self.sequences.unwrap_or_default(),
            on_overflow: self.on_overflow.unwrap_or_default(),
            ci: self.ci.unwrap_or_default(),
        }
    }
}

fn joined(mut one: Vec<OutputPattern>, other: Vec<OutputPattern>) -> Vec<OutputPattern> {
    for pattern in other {
        if !one.contains(&pattern) {
            one.push(pattern);
        }
    }
    one
}
