//! Skips what cannot hold a secret, many bytes at a time. Errs on one side only: what it skips holds nothing.
//!
//! Every form is at least as long as `reach`, so wherever it stands whole, one of its first `stride` four-byte words
//! stands at a multiple of `stride`. Only those places are looked at, in a table of bits. A form that is interrupted
//! sooner than that by a line break or an escape sequence is found by the word around the interruption.

use memchr::memchr2;
use zeroize::Zeroize;

use crate::automaton::Owned;
use crate::interruption;

const WORD: usize = 4;
/// How far apart words are looked at, at most.
const STRIDE: usize = 4;
const BITS: u32 = 18;
const BLOCK: usize = 4 * STRIDE;

/// What the beginnings of all forms look like.
pub(crate) struct Beginnings {
    stride: usize,
    /// Four-byte words among the first bytes of a form, hashed.
    words: Box<[u64; 1 << (BITS - 6)]>,
    /// The same, hashed in another way: of a hundred words that are in one by chance, one is in both.
    words_again: Box<[u64; 1 << (BITS - 6)]>,
    /// Two bytes that follow each other among the first bytes of a form.
    pairs: Box<[u64; 1 << 10]>,
    /// Bytes that come first in such a pair.
    firsts: [bool; 256],
}

/// A place that may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// Where to begin to look.
    pub(crate) begin: usize,
    /// How far to look at least.
    pub(crate) until: usize,
}

impl Beginnings {
    pub(crate) fn new(forms: &Owned) -> Self {
        let shortest = forms.keys().map(|form| form.len()).min().unwrap_or(0);
        let stride = shortest.saturating_sub(WORD - 1).clamp(1, STRIDE);
        let mut beginnings = Self {
            stride,
            words: Box::new([0; 1 << (BITS - 6)]),
            words_again: Box::new([0; 1 << (BITS - 6)]),
            pairs: Box::new([0; 1 << 10]),
            firsts: [false; 256],
        };
        for form in forms.keys() {
            for word in form.windows(WORD).take(stride).filter_map(|word| word.first_chunk()) {
                set(beginnings.words.as_mut_slice(), hash(*word));
                set(beginnings.words_again.as_mut_slice(), hash_again(*word));
            }
            for pair in form.windows(2).take(beginnings.reach()).filter_map(|pair| pair.first_chunk::<2>()) {
                set(beginnings.pairs.as_mut_slice(), u32::from(u16::from_le_bytes(*pair)));
                if let Some(first) = beginnings.firsts.get_mut(usize::from(pair[0])) {
                    *first = true;
                }
            }
        }
        beginnings
    }

    /// So many bytes of a form in one piece are always noticed.
    fn reach(&self) -> usize {
        self.stride + WORD - 1
    }

    /// The first place from `from` on where a whole word at some multiple of the stride begins some form.
    fn next_word(&self, data: &[u8], from: usize) -> Option<usize> {
        let rest = data.get(from..)?;
        let mut at = 0;
        if self.stride == STRIDE {
            // A block's last word ends with it, so blocks leave nothing out between them.
            for block in rest.chunks_exact(BLOCK) {
                let words = || block.chunks_exact(WORD).filter_map(|word| word.first_chunk());
                if words().fold(0, |any, word| any | self.bit(*word)) != 0
                    && let Some(index) = words().position(|word| self.is_word(*word))
                {
                    return Some(from + at + index * WORD);
                }
                at += BLOCK;
            }
        }
        while let Some(word) = rest.get(at..).and_then(|rest| rest.first_chunk::<WORD>()) {
            if self.is_word(*word) {
                return Some(from + at);
            }
            at += self.stride;
        }
        None
    }

    #[inline]
    fn bit(&self, word: [u8; WORD]) -> u64 {
        bit(self.words.as_slice(), hash(word))
    }

    #[inline]
    fn is_word(&self, word: [u8; WORD]) -> bool {
        self.bit(word) & bit(self.words_again.as_slice(), hash_again(word)) != 0
    }

    /// The first place from `from` on where a line break or an escape sequence may interrupt the beginning of a form.
    fn next_interruption(&self, data: &[u8], from: usize) -> Option<(usize, usize)> {
        let mut at = from;
        while let Some(found) = data.get(at..).and_then(|rest| memchr2(b'\n', interruption::ESCAPE, rest)) {
            let here = at + found;
            let is_pair = here > from && data.get(here) == Some(&b'\n') && data.get(here - 1) == Some(&b'\r');
            let starts = [Some(here), is_pair.then(|| here - 1)];
            for start in starts.into_iter().flatten().filter(|&start| start > from) {
                if self.may_go_on_behind(data, from, start) {
                    return Some((here, start));
                }
            }
            at = here + 1;
        }
        None
    }

    /// True when the bytes on both sides may be the beginning of a form. What stands before `from` is none.
    fn may_go_on_behind(&self, data: &[u8], from: usize, start: usize) -> bool {
        let Some(&last) = data.get(start - 1) else { return true };
        if !self.firsts.get(usize::from(last)).is_some_and(|&is_first| is_first) {
            return false;
        }
        let Some(next) = interruption::behind(data, start) else { return true };
        let Some(&first) = data.get(next) else { return true };
        if bit(self.pairs.as_slice(), u32::from(u16::from_le_bytes([last, first]))) == 0 {
            return false;
        }
        // One, two or three bytes of a word before, the others behind: one of these stands among the first words.
        let Some(&[first, second, third]) = data.get(next..).and_then(|rest| rest.first_chunk()) else { return true };
        if [second, third].into_iter().any(interruption::is_opening) {
            return true;
        }
        let before =
            |count: usize| start.checked_sub(count).filter(|&place| place >= from).and_then(|place| data.get(place));
        self.is_word([last, first, second, third])
            || before(2).is_some_and(|&second_last| self.is_word([second_last, last, first, second]))
            || before(3)
                .zip(before(2))
                .is_some_and(|(&third_last, &second_last)| self.is_word([third_last, second_last, last, first]))
    }
}

impl Drop for Beginnings {
    fn drop(&mut self) {
        self.words.as_mut_slice().zeroize();
        self.words_again.as_mut_slice().zeroize();
        self.pairs.as_mut_slice().zeroize();
        self.firsts.zeroize();
    }
}

/// The suspects of one chunk, front to back.
pub(crate) struct Suspects<'a> {
    beginnings: &'a Beginnings,
    data: &'a [u8],
    word: Known<usize>,
    interruption: Known<(usize, usize)>,
}

/// The next of its kind, as far as it was looked for.
enum Known<T> {
    NotYet,
    Next(T),
    Never,
}

impl<'a> Suspects<'a> {
    pub(crate) fn new(beginnings: &'a Beginnings, data: &'a [u8]) -> Self {
        Self { beginnings, data, word: Known::NotYet, interruption: Known::NotYet }
    }

    /// The first suspect at or behind `from`, where nothing is under way. The end of the chunk always is one.
    pub(crate) fn next(&mut self, from: usize) -> Suspect {
        let Self { beginnings, data, .. } = *self;
        let reach = beginnings.reach();
        let word = self.word.at_least(from, |&word| word, || beginnings.next_word(data, from)).map(|&word| {
            let begin = (word + 1).saturating_sub(beginnings.stride);
            Suspect { begin, until: word + 1 }
        });
        let interruption = self
            .interruption
            .at_least(from, |&(here, _)| here, || beginnings.next_interruption(data, from))
            .map(|&(_, start)| Suspect { begin: (start + 1).saturating_sub(reach), until: start });
        let end = Suspect { begin: (data.len() + 1).saturating_sub(reach), until: data.len() };
        let first = [word, interruption]
            .into_iter()
            .flatten()
            .fold(end, |first, suspect| if suspect.begin < first.begin { suspect } else { first });
        Suspect { begin: first.begin.max(from), until: first.until.max(from) }
    }
}

impl<T> Known<T> {
    fn at_least(&mut self, from: usize, place: impl Fn(&T) -> usize, find: impl FnOnce() -> Option<T>) -> Option<&T> {
        let is_stale = match self {
            Self::NotYet => true,
            Self::Next(known) => place(known) < from,
            Self::Never => false,
        };
        if is_stale {
            *self = find().map_or(Self::Never, Self::Next);
        }
        match self {
            Self::Next(known) => Some(known),
            Self::NotYet | Self::Never => None,
        }
    }
}

#[inline]
fn hash(word: [u8; WORD]) -> u32 {
    u32::from_le_bytes(word).wrapping_mul(0x9e37_79b1) >> (32 - BITS)
}

#[inline]
fn hash_again(word: [u8; WORD]) -> u32 {
    u32::from_le_bytes(word).wrapping_mul(0x85eb_ca77) >> (32 - BITS)
}

fn set(bits: &mut [u64], index: u32) {
    if let Some(slot) = bits.get_mut((index >> 6) as usize) {
        *slot |= 1 << (index & 63);
    }
}

#[inline]
fn bit(bits: &[u64], index: u32) -> u64 {
    bits.get((index >> 6) as usize).copied().unwrap_or(0) >> (index & 63) & 1
}
