//! Text patterns: `*` is any run of characters. Matched on bytes, never on a joined line.
//!
//! Nothing else is special. Characters that other languages treat as wildcards are refused unless
//! they are escaped with a backslash, so that no pattern silently means something else.

use std::fmt;

/// Says why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// Nothing can match it.
    #[error("the pattern is empty")]
    Empty,
    /// A reserved character without a backslash.
    #[error("`{0}` is not a wildcard here")]
    Reserved(char),
    /// A leading `~`.
    #[error("a pattern that begins with `~` is a regular expression, and none can stand here")]
    Regex,
    /// Two stars in a row where they have no meaning.
    #[error("`**` has no meaning here")]
    DoubleStar,
    /// A backslash before nothing or before an ordinary character.
    #[error("a backslash must stand before a special character")]
    Escape,
    /// A path pattern that does not begin with `/`.
    #[error("the path pattern is not absolute")]
    NotAbsolute,
    /// A path pattern with `.`, `..` or an empty component.
    #[error("the path pattern has an empty, `.` or `..` component")]
    NotNormal,
    /// A NUL, which no argument or path can hold.
    #[error("the pattern contains a NUL byte")]
    Nul,
}

impl GlobError {
    /// What to write instead.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty => "leave the key out to match anything",
            Self::Reserved(_) | Self::Escape => {
                "only `*` and `**` are special; write a backslash before any of `* ? [ ] { } ~ \\` to mean the character itself"
            }
            Self::Regex => {
                "write a glob; for a home directory write the whole path, and `\\~` for the character itself (in a TOML string: `'\\~…'`)"
            }
            Self::DoubleStar => {
                "write `*` for any run of characters; in a path `/**/` is any number of directories, and in `argv` a last `**` any further arguments"
            }
            Self::NotAbsolute => "write the whole resolved path, e.g. `/usr/bin/git` or `/opt/**/git`",
            Self::NotNormal => "write the path without `.`, `..`, doubled or trailing slashes",
            Self::Nul => "no argument or path can hold one",
        }
    }
}

/// Stands for `*` in a parsed pattern: a NUL, which no pattern holds.
pub(crate) const STAR: u8 = 0;

/// A text pattern: literal runs between stars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextGlob {
    // One piece of memory a pattern: long policies are slow by what they touch, not by what they compare.
    runs: Box<[u8]>,
    is_literal: bool,
}

impl TextGlob {
    /// Parses a pattern.
    ///
    /// # Errors
    /// See [`GlobError`].
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        if pattern.starts_with('~') {
            return Err(GlobError::Regex);
        }
        if pattern.is_empty() {
            return Err(GlobError::Empty);
        }
        if is_plain(pattern) {
            return Ok(Self::literal(pattern.as_bytes()));
        }
        let mut runs = Vec::with_capacity(pattern.len());
        parse_runs(pattern, &mut runs)?;
        Ok(Self { is_literal: !runs.contains(&STAR), runs: runs.into() })
    }

    /// The pattern that matches exactly this text.
    #[must_use]
    pub fn literal(text: &[u8]) -> Self {
        Self { runs: text.into(), is_literal: true }
    }

    /// True when the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        if self.is_literal { *text == *self.runs } else { runs_match(&self.runs, text) }
    }

    /// The only text that matches, when there is only one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&[u8]> {
        self.is_literal.then_some(&self.runs)
    }

    /// True when everything that `other` matches is known to match here too: equal patterns, or a
    /// literal within a glob. False when that is not decided.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || self.is_any() || other.as_literal().is_some_and(|text| self.matches(text))
    }

    /// What every text that matches begins with.
    pub(crate) fn beginning(&self) -> &[u8] {
        self.runs.split(|byte| *byte == STAR).next().unwrap_or_default()
    }

    pub(crate) fn is_any(&self) -> bool {
        !self.is_literal && *self.runs == [STAR]
    }
}

/// Shows the pattern the way it is written.
impl fmt::Display for TextGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_literal { write_run(&self.runs, f) } else { write_runs(&self.runs, f) }
    }
}

/// Parses a pattern, or one component of a path, into literal runs between stars.
pub(crate) fn parse_runs(pattern: &str, runs: &mut Vec<u8>) -> Result<(), GlobError> {
    if is_plain(pattern) {
        runs.extend_from_slice(pattern.as_bytes());
        return Ok(());
    }
    let mut characters = pattern.chars();
    let mut after_star = false;
    while let Some(character) = characters.next() {
        let is_star = character == '*';
        match character {
            '*' if after_star => return Err(GlobError::DoubleStar),
            '*' => runs.push(STAR),
            '\\' => push(runs, characters.next().filter(|next| is_special(*next)).ok_or(GlobError::Escape)?),
            '?' | '[' | ']' | '{' | '}' => return Err(GlobError::Reserved(character)),
            '\0' => return Err(GlobError::Nul),
            ordinary => push(runs, ordinary),
        }
        after_star = is_star;
    }
    Ok(())
}

/// True when the whole text is these runs with anything in place of the stars.
pub(crate) fn runs_match(runs: &[u8], text: &[u8]) -> bool {
    let mut runs = runs.split(|byte| *byte == STAR);
    let Some(mut rest) = runs.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = runs.next_back() else { return rest.is_empty() };
    let Some(middle) = rest.strip_suffix(last) else { return false };
    rest = middle;
    // The leftmost place for each run leaves the most room for the runs after it.
    for run in runs {
        match find(rest, run).and_then(|at| rest.get(at + run.len()..)) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    true
}

/// True when there is a star in these runs.
pub(crate) fn has_star(runs: &[u8]) -> bool {
    runs.contains(&STAR)
}

/// Shows runs the way they are written.
pub(crate) fn write_runs(runs: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, run) in runs.split(|byte| *byte == STAR).enumerate() {
        if index > 0 {
            f.write_str("*")?;
        }
        write_run(run, f)?;
    }
    Ok(())
}

fn find(text: &[u8], run: &[u8]) -> Option<usize> {
    if run.is_empty() {
        return Some(0);
    }
    text.windows(run.len()).position(|window| window == run)
}

/// True when no character of the pattern is special, nor forbidden: most patterns are literals.
pub(crate) fn is_plain(pattern: &str) -> bool {
    !pattern.bytes().any(|byte| is_special(char::from(byte)) || byte == 0)
}

fn is_special(character: char) -> bool {
    matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '~' | '\\')
}

fn push(run: &mut Vec<u8>, character: char) {
    run.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

pub(crate) fn write_run(run: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = String::from_utf8_lossy(run);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_special(character) && character != '~' {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    crate::text::write_visible(escaped.as_bytes(), f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(pattern: &str) -> TextGlob {
        TextGlob::new(pattern).unwrap()
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, subject, expected) in [
            ("publish", "publish", true),
            ("publish", "publisher", false),
            ("--tag=*", "--tag=next", true),
            ("--tag=*", "--tag=", true),
            ("--tag=*", "--tag", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
            ("*x", "x", true),
            ("ab*ba", "aba", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"\~x", "~x", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(text(pattern).matches(subject.as_bytes()), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn a_bad_pattern_is_refused() {
        for (pattern, error) in [
            ("", GlobError::Empty),
            ("a?", GlobError::Reserved('?')),
            ("[ab]", GlobError::Reserved('[')),
            ("{a,b}", GlobError::Reserved('{')),
            ("~a.*", GlobError::Regex),
            ("a**b", GlobError::DoubleStar),
            (r"a\", GlobError::Escape),
            (r"\n", GlobError::Escape),
            ("a\0", GlobError::Nul),
        ] {
            assert_eq!(TextGlob::new(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn covering_is_claimed_only_where_it_is_certain() {
        assert!(text("*").covers(&text("a*b")));
        assert!(text("a*").covers(&text("abc")));
        assert!(text("a*").covers(&text("a*")));
        assert!(!text("a*").covers(&text("*")));
        assert!(!text("abc").covers(&text("a*")));
    }

    /// The same question answered the slow and obvious way.
    fn obvious(pattern: &[u8], subject: &[u8]) -> bool {
        match (pattern.split_first(), subject.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=subject.len()).any(|skip| obvious(rest, &subject[skip..])),
            (Some((want, pattern)), Some((have, subject))) => want == have && obvious(pattern, subject),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_obvious_definition(pattern in "(\\*?[ab]){1,5}\\*?", subject in "[ab]{0,10}") {
            prop_assert_eq!(text(&pattern).matches(subject.as_bytes()), obvious(pattern.as_bytes(), subject.as_bytes()));
        }

        #[test]
        fn a_covering_pattern_matches_whatever_the_covered_one_does(
            wide in "(a|b|a\\*|b\\*){1,3}", narrow in "(a|b|a\\*|b\\*){1,3}", subject in "[ab]{0,5}"
        ) {
            let (wide, narrow) = (text(&wide), text(&narrow));
            if wide.covers(&narrow) && narrow.matches(subject.as_bytes()) {
                prop_assert!(wide.matches(subject.as_bytes()));
            }
        }

        #[test]
        fn a_shown_pattern_means_the_same_when_read_again(pattern in r"([ab*]|\\\*|\\\?|\\\\){1,8}") {
            if let Ok(glob) = TextGlob::new(&pattern) {
                prop_assert_eq!(TextGlob::new(&glob.to_string()), Ok(glob));
            }
        }
    }
}
