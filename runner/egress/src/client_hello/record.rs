//! Puts the first handshake message together from the records that it comes in. Never looks into the message.

use super::WhyNotTls;

/// Record of handshake messages, and the longest fragment that one holds (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
const LONGEST_FRAGMENT: usize = 1 << 14;
/// More records than any client spreads a hello over; two or three are known. Each costs rustls some work.
pub(super) const MOST_RECORDS: usize = 64;
/// The first byte of every version since SSL 3.
const MAJOR: u8 = 3;
const RECORD_HEADER: usize = 5;
/// First byte of a client hello, and the size of a message's header (RFC 8446, 4).
const CLIENT_HELLO: u8 = 1;
const MESSAGE_HEADER: usize = 4;

/// The first message, as far as its records came in.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    message: Vec<u8>,
    /// How many records were taken.
    records: usize,
    /// How many bytes of the stream were taken: whole records only.
    end: usize,
}

impl Assembled {
    /// Takes the records that became complete in `stream`, which begins where the connection does. True once the message
    /// is complete.
    pub(super) fn read(&mut self, stream: &[u8]) -> Result<bool, WhyNotTls> {
        while let Some(fragment) = next(stream.get(self.end..).unwrap_or_default())? {
            if self.records == MOST_RECORDS {
                return Err(WhyNotTls::TooMany);
            }
            self.records += 1;
            self.message.extend(fragment);
            self.end += RECORD_HEADER + fragment.len();
            if self.is_complete()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The message with its header.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Where its last record ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    fn is_complete(&self) -> Result<bool, WhyNotTls> {
        if self.message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(WhyNotTls::Kind);
        }
        let Some([_, high, middle, low]) = self.message.first_chunk() else { return Ok(false) };
        let body = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        let whole = MESSAGE_HEADER + body;
        if whole > super::LONGEST_HELLO {
            return Err(WhyNotTls::TooLong);
        }
        if self.message.len() > whole {
            return Err(WhyNotTls::Followed);
        }
        Ok(self.message.len() == whole)
    }
}

/// The fragment of the record in front; none while it is not all there. What is wrong is told as soon as it shows.
fn next(stream: &[u8]) -> Result<Option<&[u8]>, WhyNotTls> {
    let is_wrong =
        stream.first().is_some_and(|kind| *kind != HANDSHAKE) || stream.get(1).is_some_and(|it| *it != MAJOR);
    if is_wrong {
        return Err(WhyNotTls::Record);
    }
    let Some(([_, _, _, high, low], rest)) = stream.split_first_chunk::<RECORD_HEADER>() else { return Ok(None) };
    let size = usize::from(u16::from_be_bytes([*high, *low]));
    // Empty fragments of a handshake are forbidden (RFC 8446, 5.1).
    if size == 0 || size > LONGEST_FRAGMENT {
        return Err(WhyNotTls::Record);
    }
    Ok(rest.get(..size))
}
