//! What may stand in the middle of a secret without belonging to it: a line break, as in wrapped base64, and a terminal's
//! escape sequence, as when part of a match is coloured. Never says whether a secret goes on behind it.
//!
//! An interruption is a line feed, with a carriage return before it or not, and the blanks behind it, 64 at most; a
//! control sequence (ECMA-48 section 5.4) of at most 64 bytes; or the choice of a character set (ECMA-35 section 14).

use memchr::memrchr3;
use zeroize::Zeroizing;

/// The byte that escape sequences begin with.
pub(crate) const ESCAPE: u8 = 0x1b;

const LONGEST: usize = 64;
/// How far interruptions that follow each other are skipped at once; more is looked at byte by byte.
const LONGEST_ROW: usize = 512;

/// What a reader of interruptions says about one more byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// An interruption may begin here, or goes on.
    Pending,
    /// The byte ends an interruption, or belongs to one that had ended before it.
    Complete,
    /// What was pending is no interruption, and the byte has to be read anew.
    Failed,
    /// The byte is no part of any.
    Plain,
}

/// Reads interruptions byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Outside.
    Outside,
    /// A carriage return was read.
    Return,
    /// A line feed was read, and so many blanks behind it.
    Blanks(usize),
    /// The escape byte was read.
    Escape,
    /// A character set is about to be named.
    Charset,
    /// Inside a control sequence of so many bytes.
    Parameters(usize),
    /// The same, behind its parameters.
    Intermediates(usize),
}

/// True for a byte that an interruption can begin with.
#[inline]
pub(crate) fn is_opening(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | ESCAPE)
}

impl Reader {
    pub(crate) fn read(&mut self, byte: u8) -> Reading {
        let (reader, reading) = match (*self, byte) {
            (Self::Outside | Self::Return, b'\n') => (Self::Blanks(0), Reading::Complete),
            (Self::Outside, b'\r') => (Self::Return, Reading::Pending),
            (Self::Outside, ESCAPE) => (Self::Escape, Reading::Pending),
            (Self::Outside, _) => (Self::Outside, Reading::Plain),
            (Self::Blanks(count), b' ' | b'\t') if count < LONGEST => (Self::Blanks(count + 1), Reading::Complete),
            (Self::Escape, b'[') => (Self::Parameters(2), Reading::Pending),
            (Self::Escape, b'('..=b'+') => (Self::Charset, Reading::Pending),
            (Self::Charset, 0x30..=0x7e) => (Self::Outside, Reading::Complete),
            (Self::Parameters(count) | Self::Intermediates(count), _) if count >= LONGEST => {
                (Self::Outside, Reading::Failed)
            }
            (Self::Parameters(count), 0x30..=0x3f) => (Self::Parameters(count + 1), Reading::Pending),
            (Self::Parameters(count) | Self::Intermediates(count), 0x20..=0x2f) => {
                (Self::Intermediates(count + 1), Reading::Pending)
            }
            (Self::Parameters(_) | Self::Intermediates(_), 0x40..=0x7e) => (Self::Outside, Reading::Complete),
            _ => (Self::Outside, Reading::Failed),
        };
        *self = reader;
        reading
    }

    /// The reader behind bytes that nobody looked at. Where an interruption began before them is forgotten as soon as
    /// another may begin, or as none is so long.
    pub(crate) fn behind(self, bytes: &[u8]) -> Self {
        // By far the most: a letter, which goes on with nothing.
        if bytes.last().is_some_and(|&last| last >= b'@' && last != b'[') {
            return Self::Outside;
        }
        let near = bytes.get(bytes.len().saturating_sub(LONGEST + 2)..).unwrap_or_default();
        let (mut reader, rest) = match memrchr3(b'\n', b'\r', ESCAPE, near) {
            Some(opening) => (Self::Outside, near.get(opening..).unwrap_or_default()),
            None if near.len() < bytes.len() => return Self::Outside,
            None => (self, near),
        };
        for &byte in rest {
            if reader.read(byte) == Reading::Failed {
                reader.read(byte);
            }
        }
        reader
    }
}

/// What is left of a text when everything is skipped that may interrupt it, blanks at its beginning too.
pub(crate) fn without(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut reader = Reader::Blanks(0);
    let mut pending = 0;
    for (index, &byte) in text.iter().enumerate() {
        let mut reading = reader.read(byte);
        if reading == Reading::Failed {
            kept.extend(text.get(pending..index).unwrap_or_default());
            pending = index;
            reading = reader.read(byte);
        }
        match reading {
            Reading::Plain => {
                kept.extend(text.get(pending..=index).unwrap_or_default());
                pending = index + 1;
            }
            Reading::Complete => pending = index + 1,
            Reading::Pending | Reading::Failed => {}
        }
    }
    kept.extend(text.get(pending..).unwrap_or_default());
    kept
}

/// Skips the interruptions that begin at `start`, and says what stands behind them. Nothing when that cannot be told.
pub(crate) fn behind(data: &[u8], start: usize) -> Option<usize> {
    // By far the most: one line feed with blanks, or one control sequence, and text.
    let one = match data.get(start..)? {
        [b'\n', rest @ ..] => Some(1 + count(rest, LONGEST, |byte| matches!(byte, b' ' | b'\t'))),
        [ESCAPE, b'[', rest @ ..] => {
            let parameters = count(rest, LONGEST - 3, |byte| matches!(byte, 0x30..=0x3f));
            rest.get(parameters).filter(|last| matches!(last, 0x40..=0x7e)).map(|_| 3 + parameters)
        }
        _ => None,
    };
    if let Some(end) = one.map(|length| start + length)
        && data.get(end).is_some_and(|&next| !is_opening(next))
    {
        return Some(end);
    }
    let mut reader = Reader::Outside;
    let mut plain = start;
    let row = data.get(start..)?.iter().take(LONGEST_ROW);
    for (index, &byte) in row.enumerate() {
        match reader.read(byte) {
            Reading::Pending => {}
            Reading::Complete => plain = start + index + 1,
            Reading::Plain => return Some(plain),
            // After blanks another interruption may follow; in the midst of one, it was none.
            Reading::Failed if plain < start + index => return Some(plain),
            Reading::Failed => match reader.read(byte) {
                Reading::Plain => return Some(plain),
                Reading::Complete => plain = start + index + 1,
                Reading::Pending | Reading::Failed => {}
            },
        }
    }
    None
}

/// How many of the first `most` bytes are of a kind.
#[inline]
fn count(bytes: &[u8], most: usize, is_kind: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take(most).take_while(|&&byte| is_kind(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_escape_sequences_are_skipped_in_a_row() {
        for (text, expected) in [
            ("\nx", Some(1)),
            ("\r\n\t  x", Some(5)),
            ("\n\n\r\n x", Some(5)),
            ("\x1b[1;31m\x1b[Kx", Some(10)),
            ("\x1b[38;5;4mx", Some(9)),
            ("\x1b[0 qx", Some(5)),
            ("\x1b[\nx", Some(0)),
            ("\x1b(B\x1b[mx", Some(6)),
            ("\n  \x1b[mx", Some(6)),
            ("\rx", Some(0)),
            ("\x1b]0;x", Some(0)),
            ("\n\x1b[1\x1b", Some(1)),
            ("\x1b[1", None),
            ("\n ", None),
            ("\r", None),
        ] {
            assert_eq!(behind(text.as_bytes(), 0), expected, "{text:?}");
        }
    }
}
