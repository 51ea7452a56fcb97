//! The name of a group, which tells who made it.

use std::fmt;

/// `opaque-<pid>-<random>`: the supervisor that made the group, and what keeps two of its groups apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    supervisor: u32,
    random: u64,
}

impl Name {
    /// Names a group of the supervisor with this process id.
    #[must_use]
    pub const fn new(supervisor: u32, random: u64) -> Self {
        Self { supervisor, random }
    }

    /// Reads a name that [`Name`] wrote; anything else is not one of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (supervisor, random) = text.strip_prefix("opaque-")?.split_once('-')?;
        let name = Self { supervisor: supervisor.parse().ok()?, random: u64::from_str_radix(random, 16).ok()? };
        (name.to_string() == text).then_some(name)
    }

    pub(super) const fn supervisor(self) -> u32 {
        self.supervisor
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "opaque-{}-{:016x}", self.supervisor, self.random)
    }
}
