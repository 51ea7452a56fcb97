//! Follows the requests of a plain HTTP/1 connection: each must be for the host that was looked up. Never reads answers.
//!
//! A head is judged as a whole before a byte of it passes; bodies pass as they come. What two servers could read
//! differently is refused, as a second request could hide in the difference. This is stricter than RFC 9112 asks: of a
//! message there is one spelling only.
//!
//! What is *not* seen: a server that takes no body where the head announces one reads requests where we see a body.
//! Such a server breaks the protocol; it is one of the host that was granted.

mod block;
mod chunked;
mod head;
mod target;

use std::net::IpAddr;

use opaque_policy::cidr::plain;
use opaque_policy::host_name::HostName;

use block::Block;
use chunked::Chunked;
use head::{Body, head, trailers};

pub use head::MOST_FIELDS;

/// The longest head, and with it the most that a caller must be able to hold.
pub const LONGEST_HEAD: usize = 64 * 1024;
/// The longest trailer section.
pub const LONGEST_TRAILERS: usize = 8 * 1024;

/// Whom every request must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedHost {
    /// The name whose synthetic address the connection goes to.
    Name(HostName),
    /// The literal address that the connection goes to.
    Address(IpAddr),
}

/// Why a stream may not pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyNotHttp {
    /// Not a head as HTTP/1 writes it.
    #[error("it is not a request of HTTP/1")]
    Malformed,
    /// A line that ends otherwise than with CR and LF, or bytes that no line has.
    #[error("a line of the request has a stray CR, LF or NUL")]
    Line,
    /// A line that begins with white space: a continuation, as it once was.
    #[error("a line of the request begins with white space")]
    Folded,
    /// A head, a trailer section or a chunk's line that is longer than any.
    #[error("a part of the request is too long")]
    TooLong,
    /// More fields than [`MOST_FIELDS`].
    #[error("the request has too many fields")]
    TooManyFields,
    /// Another protocol is asked for: a tunnel, HTTP/2, a WebSocket.
    #[error("the request asks for another protocol")]
    OtherProtocol,
    /// A target in a form that is not for servers.
    #[error("the request's target is not one that a server takes")]
    Target,
    /// No host, or several.
    #[error("the request names no host, or more than one")]
    Hosts,
    /// Another host or port than the connection's.
    #[error("the request is for another host")]
    OtherHost,
    /// A length that is unclear.
    #[error("the length of the request's body is unclear")]
    Length,
    /// A chunk that is malformed.
    #[error("a chunk of the request's body is malformed")]
    Chunk,
    /// A trailer that would change what was judged before.
    #[error("a trailer of the request belongs into its head")]
    Trailer,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    host: ExpectedHost,
    port: u16,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(Block),
    Counted(u64),
    Chunked(Chunked),
    Trailers(Block),
    Refused(WhyNotHttp),
}

impl Requests {
    /// Begins with the first request of a connection to this host at this port. An IPv4 address in the clothes of IPv6 is
    /// that IPv4 address.
    #[must_use]
    pub fn new(host: ExpectedHost, port: u16) -> Self {
        let host = match host {
            ExpectedHost::Name(_) => host,
            ExpectedHost::Address(address) => ExpectedHost::Address(plain(address)),
        };
        Self { host, port, state: State::Head(Block::new(LONGEST_HEAD)) }
    }

    /// Says how many bytes from the front of `bytes` may pass now.
    ///
    /// `bytes` is all that came in and has not passed yet. Call again without the bytes that passed, until the answer is
    /// 0: then more is needed first. A caller that can hold [`LONGEST_HEAD`] bytes always gets on.
    ///
    /// How the stream is cut into pieces makes no difference, neither to what passes nor to what is refused.
    ///
    /// # Errors
    /// When what is in front may not pass; so it is at every later call.
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, WhyNotHttp> {
        match self.step(bytes) {
            Ok(passed) => Ok(passed),
            Err(why) => {
                self.state = State::Refused(why);
                Err(why)
            }
        }
    }

    /// True between two requests, where a connection may end without cutting one off.
    #[must_use]
    pub fn is_between_requests(&self) -> bool {
        match &self.state {
            State::Head(block) => block.is_untouched(),
            State::Counted(_) | State::Chunked(_) | State::Trailers(_) | State::Refused(_) => false,
        }
    }

    /// Passes one part of a message at most: a head, a piece of a body, a chunk's line, the trailers.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, WhyNotHttp> {
        match &mut self.state {
            State::Refused(why) => Err(*why),
            State::Head(block) => {
                let Some(size) = block.end(bytes)? else { return Ok(0) };
                let body = head(bytes.get(..size).unwrap_or_default(), &self.host, self.port)?;
                self.state = match body {
                    Body::Counted(0) => next_head(),
                    Body::Counted(size) => State::Counted(size),
                    Body::Chunked => State::Chunked(Chunked::default()),
                };
                Ok(size)
            }
            State::Counted(left) => {
                let passed = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(*left);
                *left -= passed;
                if *left == 0 {
                    self.state = next_head();
                }
                Ok(usize::try_from(passed).unwrap_or(bytes.len()))
            }
            State::Chunked(chunked) => {
                let passed = chunked.read(bytes)?;
                if chunked.is_over() {
                    self.state = State::Trailers(Block::new(LONGEST_TRAILERS));
                }
                Ok(passed)
            }
            State::Trailers(block) => {
                let Some(size) = block.end(bytes)? else { return Ok(0) };
                trailers(bytes.get(..size).unwrap_or_default())?;
                self.state = next_head();
                Ok(size)
            }
        }
    }
}

fn next_head() -> State {
    State::Head(Block::new(LONGEST_HEAD))
}

#[cfg(test)]
mod tests;
