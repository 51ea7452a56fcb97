//! Coding agents beyond the built-in ones: by what names a person knows them.

use std::collections::BTreeMap;

use crate::text::Text;

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
