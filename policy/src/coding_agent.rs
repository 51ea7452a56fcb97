//! Coding agents: the built-in ones, and by what names a person knows others.

use std::collections::BTreeMap;

use crate::text::Text;

/// Programs that are coding agents, by the name of their executable, script or process.
pub const BUILT_IN: [&str; 18] = [
    "aider",
    "amp",
    "claude",
    "cline",
    "codex",
    "copilot",
    "crush",
    "cursor",
    "cursor-agent",
    "gemini",
    "goose",
    "grok",
    "kiro-cli",
    "opencode",
    "openhands",
    "plandex",
    "qwen",
    "windsurf",
];

/// True for the name of a built-in one.
pub(crate) fn is_built_in(name: &Text) -> bool {
    BUILT_IN.into_iter().any(|known| known.as_bytes() == name.as_bytes())
}

/// A program that writes and runs commands by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodingAgent {
    /// What it is called.
    pub name: String,
    /// Variables that it sets for what it starts; all of them have to be there.
    pub env: BTreeMap<Text, Text>,
    /// Names of executables, any of which stands among the ancestors.
    pub ancestors: Vec<Text>,
}

impl CodingAgent {
    /// True when one of the ancestors is it, or the environment is the one that it makes. Either is enough.
    #[must_use]
    pub fn is_here(&self, ancestors: &[Text], environment: &BTreeMap<Text, Text>) -> bool {
        let is_above = self.ancestors.iter().any(|name| ancestors.contains(name));
        let is_marked =
            !self.env.is_empty() && self.env.iter().all(|(name, value)| environment.get(name) == Some(value));
        is_above || is_marked
    }
}
