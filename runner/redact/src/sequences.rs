//! Takes out of a byte stream what makes a terminal do more than show text. Never adds to what a terminal is asked to do.
//!
//! Knows at each byte what the terminal is in the middle of, judged by what has left, and lets a sequence leave when it is
//! whole and on the lists of `harmless`. Where terminals read the same bytes in different ways, what they disagree about is
//! taken out, so that what is left has one reading: control bytes inside strings, C1 controls outside UTF-8 or encoded in
//! it, sequences that break off. What passes and what does not is tabled in `docs/terminal-sequences.md`.

mod harmless;
mod plain;
mod steps;

use crate::wiped::Wiped;
use plain::{ESCAPE, plain};

/// The longest sequence that passes, strings aside, and so the most that is held back.
const LONGEST: usize = 64;
/// The longest title or link. A longer one is ended here.
const LONGEST_TEXT: usize = 4096;
/// A string that is taken out and never ends is given up after so much: what follows is text again.
const LONGEST_GONE: usize = 1 << 20;

/// Fewer bytes of text than this are few, and then so many are read by themselves.
const FEW: usize = 8;
const BY_STEP: usize = 64;

const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;

/// Filters one stream.
///
/// ```
/// use opaque_redact::SequenceFilter;
/// let mut filter = SequenceFilter::new();
/// let mut out = Vec::new();
/// filter.push(b"\x1b[1mbold\x1b[m \x1b]52;c;cm0gLXJmIH4K\x07text\n", &mut out);
/// filter.finish(&mut out);
/// assert_eq!(out, b"\x1b[1mbold\x1b[m text\n");
/// assert_eq!(filter.count(), 1);
/// ```
pub struct SequenceFilter {
    base: Base,
    reading: Reading,
    /// What was read and has not left: an unfinished sequence or character.
    held: Wiped,
    /// How many of the held bytes have left all the same, because the stream fell silent.
    left: usize,
    count: u64,
}

/// What the terminal is in the middle of, by what has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Text,
    /// The escape byte has left, and nothing behind it.
    Escape,
    /// A string has begun that passes, and is so long.
    Passing(Passing, usize),
}

/// A string that passes while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// A title or a link: text.
    Text,
    /// A sixel image: printable ASCII and line ends.
    Image,
}

/// What is held, or is being taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    /// A character of several bytes.
    Character,
    /// The escape byte and what may stand before a final byte.
    Escape,
    /// A control sequence.
    Control,
    /// A command of the operating system that has to be read further, or as a whole.
    Command,
    /// The same, and the escape byte that may end it.
    CommandEscape,
    /// A device control string, up to what says which.
    Device,
    /// A control sequence that is too long.
    GoneControl,
    /// A string that is taken out, and how much of it was read.
    Gone(Ends, usize),
    /// The same, behind an escape byte that may end it.
    GoneEscape(Ends, usize),
}

/// What ends a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// `ESC \` or the bell.
    Bell,
    /// `ESC \` alone.
    Escape,
}

impl Default for SequenceFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl SequenceFilter {
    /// A filter at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self { base: Base::Text, reading: Reading::Nothing, held: Wiped::with_room(LONGEST), left: 0, count: 0 }
    }

    /// Reads what the stream brought, and adds to `out` what may leave: everything but the unfinished sequence or
    /// character at its end. However a stream is cut, the same leaves in all.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut rest = data;
        let mut by_step = 0usize;
        while let Some((&byte, behind)) = rest.split_first() {
            if by_step == 0 && self.base == Base::Text && self.reading == Reading::Nothing {
                let (plain, other) = rest.split_at(plain(rest));
                // Where little is text in UTF-8, looking for more of it takes longer than reading on.
                if plain.len() < FEW && other.first().is_some_and(|next| !next.is_ascii()) {
                    by_step = BY_STEP;
                }
                if !plain.is_empty() {
                    out.extend(plain);
                    rest = other;
                    continue;
                }
            }
            self.step(byte, out);
            rest = behind;
            by_step = by_step.saturating_sub(1);
        }
    }

    /// Called when the stream has been silent for [`Stream::silence`](crate::Stream::silence). A lone escape byte leaves,
    /// and the beginning of a character that may be one of another encoding. A longer beginning of a sequence stays: on a
    /// terminal nobody would see it, and what has left can no longer be taken out.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let ready = self.ready();
        let ready = self.held.get(self.left..self.left + ready).unwrap_or_default();
        out.extend(ready);
        if self.reading == Reading::Escape && !ready.is_empty() {
            self.pass_escape();
        } else {
            self.left += ready.len();
        }
    }

    /// True when [`flush`](Self::flush) would let something go, so that a timer is of use.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.ready() > 0
    }

    /// Ends the stream. An unfinished sequence is taken out, and a string that had begun to pass is ended, so that the
    /// terminal takes what others print next for what it is. The filter is then at the beginning of another stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match (self.reading, self.base) {
            (Reading::Character, _) => self.break_character(out),
            (Reading::Escape, Base::Text | Base::Escape) if self.is_lone_escape() => out.extend(self.held.iter()),
            (Reading::Nothing | Reading::Gone(..) | Reading::GoneEscape(..) | Reading::GoneControl, _) => {}
            _ => self.count += u64::from(!self.held.is_empty()),
        }
        if let Base::Passing(..) = self.base {
            self.cut(out);
        }
        *self = Self { count: self.count, ..Self::new() };
    }

    /// How many sequences, and bytes that terminals may take for the beginning or end of one, were taken out.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What is held, behind the byte that says what kind of sequence it is.
    fn body(&self, kind: u8) -> &[u8] {
        let behind = self.held.strip_prefix(&[ESCAPE]).unwrap_or(&self.held);
        behind.strip_prefix(&[kind]).unwrap_or(behind)
    }

    /// How much of what is held a silent stream lets go.
    fn ready(&self) -> usize {
        if self.reading == Reading::Character {
            return self.held.iter().skip(self.left).take_while(|&&byte| !matches!(byte, 0x80..=0x9f)).count();
        }
        let is_beginning = self.reading == Reading::Escape && !matches!(self.base, Base::Passing(..));
        if is_beginning && self.is_lone_escape() { self.held.len() } else { 0 }
    }

    /// Nothing stands between the escape byte, here or gone, and what is read next.
    fn is_lone_escape(&self) -> bool {
        matches!(*self.held, [] | [ESCAPE])
    }

    fn begin(&mut self, byte: u8, reading: Reading) {
        self.held.push(byte);
        self.reading = reading;
    }

    /// Holds one more byte of a sequence, or does what is to be done with one that is too long.
    fn hold_or(&mut self, byte: u8, is_too_long: impl FnOnce(&mut Self)) {
        // An escape byte that has left counts as well, or the same sequence would be as long as it may be and too long. The
        // two bytes that may end it have to fit too.
        let left = usize::from(self.held.first() != Some(&ESCAPE));
        if left + self.held.len() + 2 < LONGEST {
            self.held.push(byte);
        } else {
            is_too_long(self);
        }
    }

    /// What is held leaves, and is whole.
    fn pass(&mut self, out: &mut Vec<u8>) {
        out.extend(self.held.iter().skip(self.left));
        if self.reading != Reading::Character {
            self.base = Base::Text;
        }
        self.restore();
    }

    /// The escape byte has left.
    fn pass_escape(&mut self) {
        self.base = Base::Escape;
        self.restore();
    }

    fn take_out(&mut self) {
        self.count += 1;
        self.restore();
    }

    fn begin_gone(&mut self, ends: Ends) {
        self.take_out();
        self.reading = Reading::Gone(ends, 0);
    }

    /// Ends the string that has begun to pass, where terminals would not agree on its end.
    fn cut(&mut self, out: &mut Vec<u8>) {
        if let Base::Passing(passing, _) = self.base {
            out.extend(match passing {
                Passing::Text => &[BELL][..],
                Passing::Image => &[ESCAPE, b'\\'],
            });
            self.count += 1;
        }
        self.base = Base::Text;
    }

    /// Goes on where the terminal is.
    fn restore(&mut self) {
        self.held.clear();
        self.left = 0;
        self.reading = match self.base {
            Base::Escape => Reading::Escape,
            Base::Text | Base::Passing(..) => Reading::Nothing,
        };
    }
}

#[cfg(test)]
mod tests;
