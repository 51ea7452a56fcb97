//! Finds the empty line that ends a block of lines. Looks at every byte once, however often it is asked.

use super::WhyNotHttp;

/// A head or a trailer section whose end is being looked for.
#[derive(Debug)]
pub(super) struct Block {
    longest: usize,
    /// How many bytes were looked at.
    looked: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Within,
    /// After the CR of a line, or of the empty line that ends the block.
    Cr {
        is_last: bool,
    },
}

impl Block {
    pub(super) fn new(longest: usize) -> Self {
        Self { longest, looked: 0, place: Place::LineStart }
    }

    /// True when not a byte of it came in.
    pub(super) fn is_untouched(&self) -> bool {
        self.looked == 0
    }

    /// Where the block ends, its empty line included; none while that has not come in. `bytes` begins where the block does.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, WhyNotHttp> {
        let bounded = bytes.get(..self.longest).unwrap_or(bytes);
        for byte in bounded.get(self.looked..).unwrap_or_default() {
            self.looked += 1;
            self.place = match (self.place, *byte) {
                (Place::Cr { is_last: true }, b'\n') => return Ok(Some(self.looked)),
                (Place::Cr { is_last: false }, b'\n') => Place::LineStart,
                (Place::Cr { .. }, _) | (_, b'\n' | 0) => return Err(WhyNotHttp::Line),
                (place, b'\r') => Place::Cr { is_last: place == Place::LineStart },
                (Place::LineStart, b' ' | b'\t') => return Err(WhyNotHttp::Folded),
                (Place::LineStart | Place::Within, _) => Place::Within,
            };
        }
        if self.looked == self.longest { Err(WhyNotHttp::TooLong) } else { Ok(None) }
    }
}
