//! One type for every host name, and patterns over them.
//!
//! Parser, resolver, verdict and log use the same value, so that two spellings of a name never mean two
//! things. Names are compared label by label, never by their text's end.

use std::fmt;

use serde::{Serialize, Serializer};

/// Longest name (RFC 1035, 2.3.4, without the trailing dot).
const LONGEST: usize = 253;
/// Longest label.
const LONGEST_LABEL: usize = 63;

/// A host name: ASCII, lower-case, without a trailing dot, never an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// Why a text is not a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostNameError {
    /// Nothing, or nothing between two dots.
    #[error("it has an empty label")]
    Empty,
    /// Too long as a whole, or one label is.
    #[error("it is longer than names can be")]
    TooLong,
    /// A character that no host name has.
    #[error("it has a character that host names do not have")]
    Character,
    /// Text that some program would read as an address.
    #[error("it looks like an address")]
    Address,
}

impl HostName {
    /// Reads a name as programs send it: ASCII in either case, one trailing dot at most.
    ///
    /// # Errors
    /// When it is not a host name; nothing is repaired.
    pub fn new(bytes: &[u8]) -> Result<Self, HostNameError> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.len() > LONGEST {
            return Err(HostNameError::TooLong);
        }
        for label in bytes.split(|byte| *byte == b'.') {
            check_label(label)?;
        }
        let text: String = bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
        if looks_like_address(&text) { Err(HostNameError::Address) } else { Ok(Self(text)) }
    }

    /// Reads a name as a person writes it: letters of any script are encoded as IDNA does it (UTS 46).
    ///
    /// # Errors
    /// When it is not a host name.
    pub fn of_person(text: &str) -> Result<Self, HostNameError> {
        if text.is_ascii() {
            return Self::new(text.as_bytes());
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| HostNameError::Character)?;
        Self::new(ascii.as_bytes())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its labels, the most general one first.
    fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.rsplit('.')
    }
}

fn check_label(label: &[u8]) -> Result<(), HostNameError> {
    if label.len() > LONGEST_LABEL {
        return Err(HostNameError::TooLong);
    }
    let (Some(first), Some(last)) = (label.first(), label.last()) else { return Err(HostNameError::Empty) };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if *first == b'-' || *last == b'-' || !label.iter().all(is_plain) {
        return Err(HostNameError::Character);
    }
    Ok(())
}

/// True for what resolvers of the C library would take for an IPv4 address: `127.1`, `0x7f.1`, `2130706433`.
fn looks_like_address(text: &str) -> bool {
    let Some(last) = text.rsplit('.').next() else { return false };
    let is_hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hex || last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A set of host names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// Just this name.
    Exactly(HostName),
    /// Every name below this one, however deep, but not the name itself: `*.example.test`.
    Below(HostName),
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// The name in it is wrong.
    #[error(transparent)]
    Name(#[from] HostNameError),
    /// A wildcard over a whole top-level domain.
    #[error("a wildcard needs at least two labels after it, as in `*.example.test`")]
    TooWide,
    /// A wildcard elsewhere than as the whole first label.
    #[error("a wildcard stands for whole labels at the start, as in `*.example.test`")]
    Wildcard,
}

impl HostPattern {
    /// Reads `example.test` or `*.example.test` as a person writes it.
    ///
    /// # Errors
    /// When the name is wrong or the wildcard is.
    pub fn of_person(text: &str) -> Result<Self, HostPatternError> {
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') || text == "*" {
            return Err(HostPatternError::Wildcard);
        }
        let name = HostName::of_person(name)?;
        match below {
            false => Ok(Self::Exactly(name)),
            true if name.labels().count() < 2 => Err(HostPatternError::TooWide),
            true => Ok(Self::Below(name)),
        }
    }

    /// True when the name is in the set.
    #[must_use]
    pub fn matches(&self, name: &HostName) -> bool {
        match self {
            Self::Exactly(exactly) => exactly == name,
            Self::Below(above) => is_below(name, above),
        }
    }

    /// True when every name of `other` is in this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exactly(name)) => self.matches(name),
            (Self::Below(above), Self::Below(below)) => above == below || is_below(below, above),
            (Self::Exactly(_), Self::Below(_)) => false,
        }
    }
}

fn is_below(name: &HostName, above: &HostName) -> bool {
    let mut labels = name.labels();
    above.labels().all(|label| labels.next() == Some(label)) && labels.next().is_some()
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => write!(f, "{name}"),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
