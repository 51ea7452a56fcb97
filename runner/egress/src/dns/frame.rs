//! Messages over TCP, each behind two bytes of length (RFC 1035, 4.2.2). Never holds more than one of them.

/// Longest question that is read. Real ones have a few dozen bytes.
pub const LONGEST_MESSAGE: usize = 4096;

/// A length that no message has: nothing, or more than [`LONGEST_MESSAGE`]. The stream is of no use after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is not one that is read")]
pub struct BadLength(pub u16);

/// Puts the length in front of a reply. What is too long to be one is cut off at 65535 bytes.
#[must_use]
pub fn frame(reply: &[u8]) -> Vec<u8> {
    let size = u16::try_from(reply.len()).unwrap_or(u16::MAX);
    let mut framed = size.to_be_bytes().to_vec();
    framed.extend(reply.iter().take(usize::from(size)));
    framed
}

/// Takes a stream apart into messages, however it was cut into pieces.
#[derive(Debug, Default)]
pub struct Framed {
    // INVARIANT: never longer than the length in front and the message that it announces.
    held: Vec<u8>,
}

impl Framed {
    /// Takes bytes from the front of `bytes` up to the end of a message, and gives that message once it is whole.
    ///
    /// `while let Some(message) = framed.read(&mut bytes)? { … }` reads all that is there.
    ///
    /// # Errors
    /// When a length is none that a message has; so does every later call.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, BadLength> {
        self.take(bytes, 2);
        let Some((size, _)) = self.held.split_first_chunk() else { return Ok(None) };
        let size = u16::from_be_bytes(*size);
        if size == 0 || usize::from(size) > LONGEST_MESSAGE {
            return Err(BadLength(size));
        }
        let whole = 2 + usize::from(size);
        self.take(bytes, whole);
        if self.held.len() < whole {
            return Ok(None);
        }
        let message = self.held.split_off(2);
        self.held.clear();
        Ok(Some(message))
    }

    /// Takes bytes until so many are held.
    fn take(&mut self, bytes: &mut &[u8], until: usize) {
        let wanted = until.saturating_sub(self.held.len()).min(bytes.len());
        if let Some((taken, rest)) = bytes.split_at_checked(wanted) {
            self.held.extend(taken);
            *bytes = rest;
        }
    }
}
