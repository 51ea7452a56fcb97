//! Follows a body that comes in chunks (RFC 9112, 7.1), up to its last one. A chunk's line passes once it is whole.

use super::WhyNotHttp;

/// The longest line in front of a chunk: its size, and extensions that nobody uses.
const LONGEST_LINE: usize = 256;
/// Digits of a size that fits into 60 bits.
const MOST_DIGITS: usize = 15;

/// Where in the body the stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before a chunk's line.
    #[default]
    Line,
    /// Within a chunk of which so much is left; above 0.
    Data(u64),
    /// After a chunk, before the line end that belongs to it.
    DataEnd,
    /// After the line of the last chunk.
    Over,
}

impl Chunked {
    /// True when only trailers are to come.
    pub(super) fn is_over(self) -> bool {
        self == Self::Over
    }

    /// Says how many bytes from the front may pass now.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, WhyNotHttp> {
        match *self {
            Self::Line => self.read_line(bytes),
            Self::Data(left) => {
                let passed = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
                *self = if passed == left { Self::DataEnd } else { Self::Data(left - passed) };
                Ok(usize::try_from(passed).unwrap_or(bytes.len()))
            }
            Self::DataEnd => match bytes {
                [] | [b'\r'] => Ok(0),
                [b'\r', b'\n', ..] => {
                    *self = Self::Line;
                    Ok(2)
                }
                _ => Err(WhyNotHttp::Chunk),
            },
            Self::Over => Ok(0),
        }
    }

    fn read_line(&mut self, bytes: &[u8]) -> Result<usize, WhyNotHttp> {
        let bounded = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
        let Some(end) = bounded.iter().position(|byte| *byte == b'\n') else {
            return if bounded.len() == LONGEST_LINE { Err(WhyNotHttp::TooLong) } else { Ok(0) };
        };
        let line = bounded.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(WhyNotHttp::Chunk)?;
        *self = match size(line).ok_or(WhyNotHttp::Chunk)? {
            0 => Self::Over,
            size => Self::Data(size),
        };
        Ok(end + 1)
    }
}

/// The size in a line: hexadecimal digits, then nothing or extensions in plain text.
fn size(line: &[u8]) -> Option<u64> {
    let (digits, extensions) = line.split_at(line.iter().position(|byte| *byte == b';').unwrap_or(line.len()));
    let is_size = !digits.is_empty() && digits.len() <= MOST_DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
    if !is_size || !extensions.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return None;
    }
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
