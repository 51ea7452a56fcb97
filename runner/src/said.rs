//! What a run's report, journal and messages say in words that the command chose: names of hosts. No value of a secret is
//! among them.

use opaque_redact::{Redactor, Rules};

use crate::held::Held;
use crate::outcome::Refusal;

/// Masks what a command chose.
pub struct Said(Option<Rules>);

impl Said {
    /// Without the values of these secrets.
    ///
    /// # Errors
    /// One cannot be masked.
    pub fn without(held: &Held) -> Result<Self, Refusal> {
        Ok(Self(if held.masked().next().is_some() { Some(held.rules_in_lower_case()?) } else { None }))
    }

    /// The text, or what is left of it in lower case where it holds a value in any form: the names of hosts have
    /// no other case, so that of letters does not count.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        let Some(rules) = &self.0 else { return text.to_owned() };
        let lower = text.to_ascii_lowercase();
        let mut redactor = Redactor::new(rules);
        let mut masked = Vec::new();
        redactor.push(lower.as_bytes(), &mut masked);
        redactor.finish(&mut masked);
        if masked == lower.as_bytes() { text.to_owned() } else { String::from_utf8_lossy(&masked).into_owned() }
    }
}
