//! A pattern over text: a glob, or after `~` a regular expression that matches the whole text in linear time.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex::bytes::{Regex, RegexBuilder};

use crate::glob::{GlobError, TextGlob};

/// Memory that one compiled expression may take.
const SIZE: usize = 256 * 1024;

/// A pattern over text.
#[derive(Debug, Clone)]
pub enum TextPattern {
    /// `*` is any run of characters.
    Glob(TextGlob),
    /// A regular expression, anchored at both ends.
    Regex(AnchoredRegex),
}

/// A regular expression that matches whole texts only.
#[derive(Debug, Clone)]
pub struct AnchoredRegex {
    written: String,
    compiled: Regex,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is a glob, and a wrong one.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// It is a regular expression, and a wrong one.
    #[error("this is not a regular expression: {0}")]
    Regex(String),
    /// It is a regular expression that takes too much memory.
    #[error("this regular expression is too large")]
    TooLarge,
}

impl PatternError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Glob(error) => error.hint(),
            Self::Regex(_) => "after `~` stands a regular expression without look-around or back-references",
            Self::TooLarge => "repeat less, or write a list of shorter patterns",
        }
    }
}

impl TextPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        match pattern.strip_prefix('~') {
            Some(expression) => AnchoredRegex::new(expression).map(Self::Regex),
            None => Ok(Self::Glob(TextGlob::new(pattern)?)),
        }
    }

    /// The pattern that matches exactly this text.
    #[must_use]
    pub fn literal(text: &[u8]) -> Self {
        Self::Glob(TextGlob::literal(text))
    }

    /// True when the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.compiled.is_match(text),
        }
    }

    /// True when every text is known to match.
    #[must_use]
    pub fn is_any(&self) -> bool {
        match self {
            Self::Glob(glob) => glob.is_any(),
            Self::Regex(_) => false,
        }
    }

    /// The only text that matches, when there is only one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self {
            Self::Glob(glob) => glob.as_literal(),
            Self::Regex(_) => None,
        }
    }

    /// True when everything that `other` matches is known to match here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(wide), Self::Glob(narrow)) => wide.covers(narrow),
            (Self::Glob(wide), Self::Regex(_)) => wide.is_any(),
            (Self::Regex(_), other) => self == other || other.as_literal().is_some_and(|text| self.matches(text)),
        }
    }
}

/// Two expressions are the same when they are written the same.
impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(one), Self::Glob(other)) => one == other,
            (Self::Regex(one), Self::Regex(other)) => one.written == other.written,
            (Self::Glob(_), Self::Regex(_)) | (Self::Regex(_), Self::Glob(_)) => false,
        }
    }
}

impl Eq for TextPattern {}

impl Hash for TextPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Glob(glob) => glob.hash(state),
            Self::Regex(regex) => regex.written.hash(state),
        }
    }
}

impl AnchoredRegex {
    fn new(expression: &str) -> Result<Self, PatternError> {
        if expression.contains('\0') {
            return Err(GlobError::Nul.into());
        }
        let built = RegexBuilder::new(&format!(r"\A(?:{expression})\z")).size_limit(SIZE).build();
        // What is right only between our brackets was meant as something else, such as `a)|(b`.
        let alone = RegexBuilder::new(expression).size_limit(SIZE).build();
        match built.and_then(|compiled| alone.map(|_| compiled)) {
            Ok(compiled) => Ok(Self { written: expression.to_owned(), compiled }),
            Err(regex::Error::CompiledTooBig(_)) => Err(PatternError::TooLarge),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                Err(PatternError::Regex(last.strip_prefix("error: ").unwrap_or(last).to_owned()))
            }
        }
    }
}

/// Shows the pattern the way it is written.
impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(glob) => glob.fmt(f),
            Self::Regex(regex) => {
                f.write_str("~")?;
                crate::text::write_visible(regex.written.as_bytes(), f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TextPattern {
        TextPattern::new(text).unwrap()
    }

    #[test]
    fn an_expression_matches_the_whole_text_only() {
        let hosts = pattern(r"~git@(github|gitlab)\.com");
        assert!(hosts.matches(b"git@gitlab.com"));
        for other in ["evil-git@github.com", "git@github.com.evil.test", "git@github.com\n", "x\ngit@github.com"] {
            assert!(!hosts.matches(other.as_bytes()), "{other:?}");
        }
        assert!(!pattern("~(?m)^a$").matches(b"b\na"));
        assert!(pattern("~a|b").matches(b"b") && !pattern("~a|b").matches(b"ab"));
        assert!(pattern("~^a$").matches(b"a"));
    }

    #[test]
    fn bytes_that_are_no_text_are_matched_as_well() {
        assert!(pattern("~(?s-u:.)*x").matches(b"\xffx"));
        assert!(!pattern("~[a-z]*").matches(b"\xff"));
    }

    #[test]
    fn a_bad_expression_is_refused() {
        assert!(matches!(TextPattern::new("~("), Err(PatternError::Regex(_))));
        assert!(matches!(TextPattern::new("~a)|(b"), Err(PatternError::Regex(_))));
        assert!(matches!(TextPattern::new(r"~(a)\1"), Err(PatternError::Regex(_))));
        assert!(matches!(TextPattern::new("~(?=a)"), Err(PatternError::Regex(_))));
        assert_eq!(TextPattern::new(r"~\w{1000}{10}"), Err(PatternError::TooLarge));
        assert_eq!(TextPattern::new("a?"), Err(PatternError::Glob(GlobError::Reserved('?'))));
    }

    #[test]
    fn an_expression_that_others_would_hang_on_ends_at_once() {
        let start = std::time::Instant::now();
        assert!(!pattern("~(a+)+b").matches(&[b'a'; 100_000]));
        assert!(start.elapsed().as_secs() < 2);
    }

    #[test]
    fn covering_is_claimed_only_where_it_is_certain() {
        assert!(pattern("*").covers(&pattern("~a.*")));
        assert!(pattern("~a.*").covers(&pattern("abc")));
        assert!(pattern("~a.*").covers(&pattern("~a.*")));
        assert!(!pattern("~a.*").covers(&pattern("~ab.*")));
        assert!(!pattern("a*").covers(&pattern("~a.*")));
    }
}
