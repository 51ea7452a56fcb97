//! Patterns over `user@host`: hosts label by label, never by the text's end.

use std::fmt;

use crate::glob::{GlobError, TextGlob};
use crate::pattern::{PatternError, TextPattern};
use crate::text::Text;

/// A pattern over destinations of the form `[user@]host`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DestinationPattern {
    /// By its parts.
    Parts {
        /// `None` is any user, and none.
        user: Option<TextGlob>,
        /// The host.
        host: HostGlob,
    },
    /// By a regular expression over all of it: `~…`.
    Whole(TextPattern),
}

/// A pattern over hosts, which may also be short names or addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostGlob {
    /// Every host: `*`.
    Any,
    /// Just this one.
    Exactly(String),
    /// Every host below this name: `*.example.test`.
    Below(String),
}

/// Why a text is not a pattern over destinations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// There is no host.
    #[error("there is no host in it")]
    Empty,
    /// A star inside a label, or several.
    #[error("a `*` in a host stands alone or for whole labels in front: `*` or `*.example.test`")]
    Star,
    /// A character that no host has.
    #[error("it has a character that no host has")]
    Character,
    /// The user's part is wrong.
    #[error(transparent)]
    User(#[from] GlobError),
    /// The regular expression is wrong.
    #[error(transparent)]
    Regex(#[from] PatternError),
}

impl DestinationPattern {
    /// Parses `host`, `*.host`, `*`, each with `user@` before it.
    ///
    /// # Errors
    /// See [`DestinationError`].
    pub fn new(pattern: &str) -> Result<Self, DestinationError> {
        if pattern.starts_with('~') {
            return Ok(Self::Whole(TextPattern::new(pattern)?));
        }
        let (user, host) = match pattern.rsplit_once('@') {
            Some((user, host)) => (Some(TextGlob::new(user)?), host),
            None => (None, pattern),
        };
        Ok(Self::Parts { user, host: HostGlob::new(host)? })
    }

    /// True when a destination matches. Without a user in the pattern any user matches, and none.
    #[must_use]
    pub fn matches(&self, destination: &Text) -> bool {
        let bytes = destination.as_bytes();
        let (wanted, glob) = match self {
            Self::Whole(pattern) => return pattern.matches(bytes),
            Self::Parts { user, host } => (user, host),
        };
        // As ssh reads it: what follows the last `@` is the host.
        let (user, host) = match bytes.iter().rposition(|byte| *byte == b'@') {
            Some(at) => (bytes.get(..at), bytes.get(at + 1..).unwrap_or_default()),
            None => (None, bytes),
        };
        let user_fits = match (wanted, user) {
            (None, _) => true,
            (Some(glob), Some(user)) => glob.matches(user),
            (Some(_), None) => false,
        };
        user_fits && glob.matches(host)
    }

    /// True when everything that `other` matches is known to match here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let (Self::Parts { user, host }, Self::Parts { user: narrow_user, host: narrow_host }) = (self, other) else {
            return self == other;
        };
        let users = match (user, narrow_user) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => wide.covers(narrow),
            (Some(_), None) => false,
        };
        users && host.covers(narrow_host)
    }
}

impl HostGlob {
    /// Parses `host`, `*.host` or `*`.
    ///
    /// # Errors
    /// See [`DestinationError`].
    pub fn new(pattern: &str) -> Result<Self, DestinationError> {
        if pattern == "*" {
            return Ok(Self::Any);
        }
        let (name, is_below) = match pattern.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (pattern, false),
        };
        if name.contains('*') {
            return Err(DestinationError::Star);
        }
        if name.is_empty() {
            return Err(DestinationError::Empty);
        }
        let name = canonical(name.as_bytes()).ok_or(DestinationError::Character)?;
        if name.split('.').any(str::is_empty) {
            return Err(DestinationError::Empty);
        }
        Ok(if is_below { Self::Below(name) } else { Self::Exactly(name) })
    }

    /// True when a host matches, in either case and with or without a trailing dot.
    #[must_use]
    pub fn matches(&self, host: &[u8]) -> bool {
        let Some(host) = canonical(host).filter(|host| !host.split('.').any(str::is_empty)) else { return false };
        match self {
            Self::Any => true,
            Self::Exactly(name) => host == *name,
            Self::Below(name) => is_below(&host, name),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exactly(one), Self::Exactly(other)) => one == other,
            (Self::Below(wide), Self::Exactly(name)) => is_below(name, wide),
            (Self::Below(wide), Self::Below(narrow)) => wide == narrow || is_below(narrow, wide),
            (Self::Exactly(_) | Self::Below(_), Self::Any) | (Self::Exactly(_), Self::Below(_)) => false,
        }
    }
}

fn is_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
}

/// Lower-case and without a trailing dot; `None` for what no host looks like. Addresses are hosts too.
fn canonical(host: &[u8]) -> Option<String> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if host.is_empty() || !host.iter().all(is_plain) {
        return None;
    }
    Some(host.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

/// Shows the pattern the way it is written.
impl fmt::Display for DestinationPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts { user: Some(user), host } => write!(f, "{user}@{host}"),
            Self::Parts { user: None, host } => host.fmt(f),
            Self::Whole(pattern) => pattern.fmt(f),
        }
    }
}

impl fmt::Display for HostGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exactly(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, destination: &str) -> bool {
        DestinationPattern::new(pattern).unwrap().matches(&Text::from(destination))
    }

    #[test]
    fn a_host_is_matched_label_by_label() {
        for (pattern, destination, expected) in [
            ("github.com", "github.com", true),
            ("github.com", "git@github.com", true),
            ("github.com", "GitHub.com.", true),
            ("github.com", "evilgithub.com", false),
            ("github.com", "github.com.evil.test", false),
            ("github.com", "ssh.github.com", false),
            ("*.github.com", "ssh.github.com", true),
            ("*.github.com", "a.b.github.com", true),
            ("*.github.com", "github.com", false),
            ("*.github.com", "evilgithub.com", false),
            ("*.github.com", ".github.com", false),
            ("github.com", "user@github.com@evil", false),
            ("github.com", "evil@user@github.com", true),
            ("github.com", "xn--gthub-n4a.com", false),
            ("github.com", "g\u{456}thub.com", false),
            ("git@github.com", "git@github.com", true),
            ("git@github.com", "deploy@github.com", false),
            ("git@github.com", "github.com", false),
            ("git@*", "git@github.com", true),
            ("git@*", "github.com", false),
            ("*@github.com", "deploy@github.com", true),
            ("*@github.com", "github.com", false),
            ("*", "myserver", true),
            ("*", "", false),
            ("*", "a b", false),
            ("192.0.2.1", "root@192.0.2.1", true),
            ("2001:db8::1", "2001:DB8::1", true),
        ] {
            assert_eq!(matches(pattern, destination), expected, "{pattern} {destination}");
        }
    }

    #[test]
    fn a_pattern_that_could_mean_more_than_it_seems_is_refused() {
        for (pattern, error) in [
            ("*github.com", DestinationError::Star),
            ("git*hub.com", DestinationError::Star),
            ("*.*.com", DestinationError::Star),
            ("git@", DestinationError::Empty),
            ("", DestinationError::Empty),
            ("a..b", DestinationError::Empty),
            ("a b", DestinationError::Character),
            ("@github.com", DestinationError::User(GlobError::Empty)),
        ] {
            assert_eq!(DestinationPattern::new(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn covering_is_claimed_only_where_it_is_certain() {
        let covers =
            |wide, narrow| DestinationPattern::new(wide).unwrap().covers(&DestinationPattern::new(narrow).unwrap());
        assert!(covers("github.com", "git@github.com"));
        assert!(!covers("git@github.com", "github.com"));
        assert!(covers("*.com", "*.github.com"));
        assert!(!covers("*.github.com", "*.com"));
        assert!(covers("*", "*.com"));
        assert!(!covers("*.com", "*"));
    }
}
