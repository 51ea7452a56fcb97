//! Reads the first message of a TLS connection: which server the client asks for. Never answers it, never decrypts.
//!
//! Two readers must agree. `rustls` reads the message as a server would; a walk of our own reads the same bytes for what
//! rustls does not tell: the server name's exact bytes, and extensions that hide another name. Where they differ, or
//! either of them objects, the message is refused.
//!
//! What is *not* seen: with Encrypted Client Hello (RFC 9849) the name that counts is encrypted. [`Hello::has_ech`] says that
//! such an extension is there, and no more can be said: a client without a key for it sends random bytes (GREASE), which
//! look the same by design. Our resolver never answers with the records that carry keys, so an honest client inside
//! has none and sends GREASE; another one may bring its own key, and then reaches a name that we never see, behind the
//! address that belongs to the outer one. Nor is the second message seen that a client sends after a server's retry request:
//! it goes to the address that was chosen by the first, where the server has to compare the two (RFC 8446, 4.1.2).

mod extensions;
mod handshake;
mod record;

use opaque_policy::host_name::HostName;

use extensions::Walked;
use record::Assembled;

/// The most bytes in which a hello must be complete. Browsers send about 2 KiB with shares of post-quantum keys; tickets of
/// sessions with client certificates may add several more. One record holds as much (RFC 8446, 5.1).
pub const LONGEST_HELLO: usize = 16 * 1024;

/// What the client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The server's name; absent when the client does not say.
    pub server_name: Option<HostName>,
    /// The protocols that may be spoken inside, the client's favourite first.
    pub alpn: Vec<Vec<u8>>,
    /// True when the message may hide another name, encrypted.
    pub has_ech: bool,
}

/// How far the reading has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The message is not complete.
    NeedMore,
    /// It is, and this is what it says.
    Hello(Hello),
    /// It is none that may pass.
    Refused(WhyNotTls),
}

/// Why bytes are no hello that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyNotTls {
    /// Another protocol, or an alert, or a record of a length that none has.
    #[error("it does not begin with a TLS handshake record")]
    Record,
    /// A handshake message of another kind.
    #[error("the first message is not a client hello")]
    Kind,
    /// Longer than [`LONGEST_HELLO`].
    #[error("the client hello is too long")]
    TooLong,
    /// Something else follows in the same record.
    #[error("the client hello is followed by another message in its record")]
    Followed,
    /// Lengths within it do not fit.
    #[error("the client hello is malformed")]
    Malformed,
    /// An extension that is there twice: two readers could take different ones.
    #[error("the client hello has an extension twice")]
    Twice,
    /// More records, extensions or protocols than any client sends.
    #[error("the client hello has too many parts")]
    TooMany,
    /// Not exactly one server name, or one that is no host name.
    #[error("the server name in the client hello is not one host name")]
    ServerName,
    /// No server would take it: rustls does not.
    #[error("the client hello is not one that servers accept")]
    Unacceptable,
    /// The two readers differ.
    #[error("the client hello can be read in two ways")]
    Ambiguous,
}

/// Reads a hello as its bytes come in, and keeps them.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    records: Assembled,
    verdict: Option<Progress>,
}

impl Reader {
    /// Reads on. What a verdict was, once there is one, stays; bytes that come after it are kept and not looked at.
    ///
    /// How the bytes are cut into pieces makes no difference to the verdict.
    pub fn read(&mut self, bytes: &[u8]) -> Progress {
        self.bytes.extend(bytes);
        if let Some(verdict) = &self.verdict {
            return verdict.clone();
        }
        let progress = match self.advance() {
            Ok(Some(hello)) => Progress::Hello(hello),
            Ok(None) => return Progress::NeedMore,
            Err(why) => Progress::Refused(why),
        };
        self.verdict = Some(progress.clone());
        progress
    }

    /// All bytes that were given, unchanged.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn advance(&mut self) -> Result<Option<Hello>, WhyNotTls> {
        let bounded = self.bytes.get(..LONGEST_HELLO).unwrap_or(&self.bytes);
        if self.records.read(bounded)? {
            let records = bounded.get(..self.records.end()).unwrap_or_default();
            return judge(records, self.records.message()).map(Some);
        }
        // INVARIANT: nothing is read beyond the bound, so a verdict does not depend on how much came at once.
        if self.bytes.len() >= LONGEST_HELLO { Err(WhyNotTls::TooLong) } else { Ok(None) }
    }
}

/// Reads a complete message in both ways.
fn judge(records: &[u8], message: &[u8]) -> Result<Hello, WhyNotTls> {
    let Walked { server_name, alpn, has_ech } = extensions::walk(message)?;
    let name = server_name.map(host_name).transpose()?;
    let accepted = handshake::accept(records)?;
    let hello = accepted.client_hello();
    let same_name = hello.server_name() == name.as_ref().map(HostName::as_str);
    let same_alpn = hello.alpn().into_iter().flatten().eq(alpn.iter().copied());
    if !same_name || !same_alpn {
        return Err(WhyNotTls::Ambiguous);
    }
    Ok(Hello { server_name: name, alpn: alpn.into_iter().map(<[u8]>::to_vec).collect(), has_ech })
}

/// A server name as it must be sent (RFC 6066, 3): no address, and no dot at its end.
fn host_name(bytes: &[u8]) -> Result<HostName, WhyNotTls> {
    if bytes.ends_with(b".") {
        return Err(WhyNotTls::ServerName);
    }
    HostName::new(bytes).map_err(|_| WhyNotTls::ServerName)
}

#[cfg(test)]
mod tests;
