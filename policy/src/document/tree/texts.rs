//! The texts of a document. Most stand in the file as they are read, so that a place is enough; what has to be decoded is
//! kept beside the file, all in one piece. Never says what a text means.

use std::borrow::Cow;
use std::ops::Range;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::{ErrorSink, Raw, Span};

use crate::document::tree::{Text, Value};

/// Start and end in the file; what lies beyond its end lies in what was decoded. A file is far shorter than this can count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Place {
    pub(super) fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    pub(super) fn of(span: Span) -> Option<Self> {
        Self::new(span.start(), span.end())
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// The same without a character of one byte at each end.
    fn within(self) -> Self {
        Self { start: self.start.saturating_add(1), end: self.end.saturating_sub(1) }
    }
}

/// A file and what was decoded of it.
#[derive(Debug)]
pub(super) struct Texts<'s> {
    file: &'s str,
    decoded: String,
}

impl<'s> Texts<'s> {
    pub(super) fn new(file: &'s str) -> Self {
        Self { file, decoded: String::new() }
    }

    // INVARIANT: every place is that of a token of the file, or what `keep` returned.
    pub(super) fn get(&self, place: Place) -> &str {
        let (text, range) = self.find(place);
        text.get(range).unwrap_or_default()
    }

    /// The same, where it does not matter that it is text.
    pub(super) fn bytes(&self, place: Place) -> &[u8] {
        let (text, range) = self.find(place);
        text.as_bytes().get(range).unwrap_or_default()
    }

    fn find(&self, place: Place) -> (&str, Range<usize>) {
        let Range { start, end } = place.range();
        let length = self.file.len();
        match start.checked_sub(length) {
            None => (self.file, start..end),
            Some(start) => (&self.decoded, start..end.saturating_sub(length)),
        }
    }

    /// Keeps a text that does not stand in the file as it is read.
    fn keep(&mut self, text: &str) -> Option<Place> {
        let start = self.file.len() + self.decoded.len();
        self.decoded.push_str(text);
        Place::new(start, start + text.len())
    }

    /// The text of a key.
    pub(super) fn key(
        &mut self,
        raw: Raw<'s>,
        place: Place,
        encoding: Option<Encoding>,
        error: &mut dyn ErrorSink,
    ) -> Option<Place> {
        if let Some(plain) = plain_key(raw.as_bytes(), place, encoding) {
            return Some(plain);
        }
        let mut key = Cow::Borrowed("");
        raw.decode_key(&mut key, error);
        self.keep(&key)
    }

    /// A value that is neither a list nor a table.
    pub(super) fn value(
        &mut self,
        raw: Raw<'s>,
        place: Place,
        encoding: Option<Encoding>,
        error: &mut dyn ErrorSink,
    ) -> Option<Value> {
        if let Some(plain) = encoding.and_then(|encoding| plain_string(raw.as_bytes(), place, encoding)) {
            return Some(Value::String(Text(plain)));
        }
        let mut text = Cow::Borrowed("");
        Some(match raw.decode_scalar(&mut text, error) {
            ScalarKind::String => Value::String(Text(self.keep(&text)?)),
            ScalarKind::Boolean(value) => Value::Boolean(value),
            ScalarKind::DateTime => Value::Datetime,
            ScalarKind::Float => Value::Float,
            ScalarKind::Integer(radix) => Value::Integer(Text(self.keep(&text)?), radix.value()),
        })
    }
}

/// The text of a key that nothing has to be decoded of.
fn plain_key(raw: &[u8], place: Place, encoding: Option<Encoding>) -> Option<Place> {
    match encoding {
        None => {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'_');
            (!raw.is_empty() && raw.iter().all(|byte| is_plain(*byte))).then_some(place)
        }
        Some(encoding) => plain_string(raw, place, encoding),
    }
}

/// The text of a string that nothing has to be decoded of and that nobody can find fault with: printable characters, no
/// backslash, between two quotes.
fn plain_string(raw: &[u8], place: Place, encoding: Encoding) -> Option<Place> {
    let quote = match encoding {
        Encoding::BasicString => b'"',
        Encoding::LiteralString => b'\'',
        Encoding::MlBasicString | Encoding::MlLiteralString => return None,
    };
    let within = raw.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
    // No branch between them, so that several bytes are looked at at once.
    let is_plain = |byte: u8| (byte >= b' ') & (byte != 0x7f) & (byte != b'\\') & (byte != quote);
    within.iter().fold(true, |all, byte| all & is_plain(*byte)).then(|| place.within())
}
