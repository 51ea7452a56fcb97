//! An argument as far as it is known before anything runs.

/// What may follow the beginning of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rest {
    /// Nothing: the word is known.
    Known,
    /// Something, in this word or in several that all begin alike, such as a glob.
    Open,
    /// Something, and then perhaps any further words.
    Split,
}

/// An argument: how it begins, and whether that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    start: Vec<u8>,
    rest: Rest,
    /// How many bytes of the beginning stood there without quotes.
    bare: usize,
}

impl Word {
    /// A word of which every byte is known.
    #[must_use]
    pub(super) fn known(text: impl Into<Vec<u8>>) -> Self {
        Self { start: text.into(), rest: Rest::Known, bare: 0 }
    }

    /// Any number of words of which nothing is known.
    #[must_use]
    pub(super) fn anything() -> Self {
        Self { start: Vec::new(), rest: Rest::Split, bare: 0 }
    }

    /// A word that was read from a script.
    #[must_use]
    pub(super) fn new(start: Vec<u8>, rest: Rest, bare: usize) -> Self {
        Self { start, rest, bare }
    }

    /// The text, when all of it is known.
    #[must_use]
    pub(super) fn text(&self) -> Option<&[u8]> {
        (self.rest == Rest::Known).then_some(self.start.as_slice())
    }

    /// How the word begins.
    #[must_use]
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// What may follow.
    #[must_use]
    pub(super) fn rest(&self) -> Rest {
        self.rest
    }

    /// True for exactly this text.
    #[must_use]
    pub(super) fn is(&self, text: &str) -> bool {
        self.text() == Some(text.as_bytes())
    }

    /// True for exactly this text without quotes, as the shell's own words must stand.
    #[must_use]
    pub(super) fn is_bare(&self, text: &str) -> bool {
        self.is(text) && self.bare == text.len()
    }

    /// True when the word begins with a dash and is more than that.
    #[must_use]
    pub(super) fn is_option(&self) -> bool {
        self.start.starts_with(b"-") && (self.start.len() > 1 || self.rest != Rest::Known)
    }

    /// True when the word, or one that follows from it, may be an option that cannot be read.
    #[must_use]
    pub(super) fn hides_options(&self) -> bool {
        match self.rest {
            Rest::Known => false,
            Rest::Open => self.start.is_empty() || self.start.starts_with(b"-"),
            Rest::Split => true,
        }
    }

    /// The name and what is known of the value, when the word is `NAME=value` as `env` takes it.
    #[must_use]
    pub(super) fn assignment(&self) -> Option<(&[u8], &[u8])> {
        let equals = self.start.iter().position(|byte| *byte == b'=')?;
        let (name, value) = self.start.split_at_checked(equals)?;
        let name = name.strip_suffix(b"+").unwrap_or(name);
        is_name(name).then_some((name, value.get(1..).unwrap_or_default()))
    }

    /// The same, when the shell takes it as an assignment: no quote before the `=`.
    #[must_use]
    pub(super) fn bare_assignment(&self) -> Option<(&[u8], &[u8])> {
        let equals = self.start.iter().position(|byte| *byte == b'=')?;
        if equals < self.bare { self.assignment() } else { None }
    }
}

/// True for a variable's name.
#[must_use]
pub(super) fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| !byte.is_ascii_digit()) && name.iter().copied().all(is_name_byte)
}

/// True for a byte that a variable's name may hold.
#[must_use]
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
