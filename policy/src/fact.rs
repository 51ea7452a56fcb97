//! Something that is known, known to be absent, or not known. Only what is known can permit.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What was found out. In JSON a fact that is not known is left out, and one that is absent is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// Nobody looked, or the look failed.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// It is this.
    Known(T),
}

impl<T> Fact<T> {
    /// True when nobody knows.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// True when there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known().is_none()
    }

    /// From a look that finds something or nothing.
    #[must_use]
    pub fn found(found: Option<T>) -> Self {
        found.map_or(Self::Absent, Self::Known)
    }

    /// From a look that may fail.
    #[must_use]
    pub fn looked(found: Option<T>) -> Self {
        found.map_or(Self::Unknown, Self::Known)
    }

    /// What is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown | Self::Absent => None,
        }
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::found)
    }
}
