//! A loading error: where in which file, what is wrong there, and what to write instead.

use std::fmt;

use crate::text;

/// Says what is wrong in a policy or profile file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    // Boxed: it is returned everywhere and read once.
    inner: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    file: String,
    line: usize,
    column: usize,
    message: String,
    hint: Option<String>,
    excerpt: Excerpt,
}

/// The source line, cut to a window around the place, and how much of it is underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    text: String,
    before: usize,
    width: usize,
}

/// The widest source line that is shown whole.
const WINDOW: usize = 100;

impl LoadError {
    /// An error at `start..end` (bytes) of a file's text.
    pub(crate) fn new(file: &str, source: &str, start: usize, end: usize, message: impl Into<String>) -> Self {
        let start = floor_boundary(source, start);
        let (before, rest) = source.split_at_checked(start).unwrap_or((source, ""));
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = rest.split('\n').next().unwrap_or_default();
        let marked = rest.get(..floor_boundary(rest, end.saturating_sub(start))).unwrap_or_default();
        let marked = marked.split('\n').next().unwrap_or_default();
        let inner = Inner {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: head.chars().count() + 1,
            message: message.into(),
            hint: None,
            excerpt: Excerpt::new(head, tail, marked.trim_end().chars().count()),
        };
        Self { inner: Box::new(inner) }
    }

    /// The same error with advice on its own line.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// The file, as it was named to the loader.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.inner.file
    }

    /// Line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.inner.line
    }

    /// Column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.inner.column
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { file, line, column, message, hint, excerpt } = &*self.inner;
        text::write_visible(file.as_bytes(), f)?;
        write!(f, ":{line}:{column}: ")?;
        text::write_visible(message.as_bytes(), f)?;
        write!(f, "\n  {}\n  {}{}", excerpt.text, " ".repeat(excerpt.before), "^".repeat(excerpt.width))?;
        if let Some(hint) = hint {
            f.write_str("\nhint: ")?;
            text::write_visible(hint.as_bytes(), f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

impl Excerpt {
    fn new(head: &str, tail: &str, width: usize) -> Self {
        let head: Vec<char> = head.chars().map(plain).collect();
        let cut = head.len().saturating_sub(WINDOW / 2);
        let mut text: String = head.iter().skip(cut).collect();
        let before = text.chars().count();
        text.extend(tail.trim_end().chars().map(plain).take(WINDOW - before.min(WINDOW)));
        let shown = text.chars().count() - before;
        Self { text, before, width: width.clamp(1, shown.max(1)) }
    }
}

/// One visible character for each one of the source, so that the underline stays below its text.
fn plain(character: char) -> char {
    match character {
        '\t' => ' ',
        visible if text::is_visible(visible) => visible,
        _ => '\u{fffd}',
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn the_place_is_underlined() {
        let source = "version = 1\ndefalt = \"deny\"\n";
        let error =
            LoadError::new("policy.toml", source, 12, 18, "unknown key `defalt`").hint("did you mean `default`?");
        assert_snapshot!(error, @r#"
        policy.toml:2:1: unknown key `defalt`
          defalt = "deny"
          ^^^^^^
        hint: did you mean `default`?
        "#);
    }

    #[test]
    fn what_could_drive_a_terminal_is_not_repeated() {
        let source = "a = \"\x1b[2J\u{202e}\"";
        let error = LoadError::new("x\x1b.toml", source, 0, 1, "bad \x1b");
        assert!(!error.to_string().contains(['\x1b', '\u{202e}']));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = format!("{}{}", "a".repeat(100_000), "b".repeat(100_000));
        let error = LoadError::new("x", &source, 100_000, 200_000, "m");
        assert_eq!((error.line(), error.column()), (1, 100_001));
        assert!(error.to_string().len() < 400);
    }

    #[test]
    fn a_place_past_the_end_or_inside_a_character_is_still_a_place() {
        assert_eq!(LoadError::new("x", "é", 1, 9, "m").column(), 1);
        assert_eq!(LoadError::new("x", "", 7, 9, "m").line(), 1);
        assert_eq!(LoadError::new("x", "a\n", 2, 2, "m").line(), 2);
    }
}
