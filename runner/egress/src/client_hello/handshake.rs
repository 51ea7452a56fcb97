//! Lets rustls read a hello as its servers do. No cryptography takes place, so no provider of it is needed.
//!
//! What rustls refuses here: messages that do not parse, compression other than none, and the lack of signature
//! algorithms, which only clients from before TLS 1.2 leave out. It looks at versions and suites no further.

use rustls::server::{Accepted, Acceptor};

use super::WhyNotTls;

/// Reads the records of one hello.
pub(super) fn accept(mut records: &[u8]) -> Result<Accepted, WhyNotTls> {
    let mut acceptor = Acceptor::default();
    while !records.is_empty() {
        acceptor.read_tls(&mut records).map_err(|_| WhyNotTls::Unacceptable)?;
        match acceptor.accept() {
            // Bytes that rustls did not need would be bytes that it reads in another way than we do.
            Ok(Some(_)) if !records.is_empty() => return Err(WhyNotTls::Ambiguous),
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => {}
            Err(_) => return Err(WhyNotTls::Unacceptable),
        }
    }
    Err(WhyNotTls::Ambiguous)
}
