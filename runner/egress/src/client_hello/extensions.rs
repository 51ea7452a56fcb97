//! Walks through a complete client hello to its extensions (RFC 8446, 4.1.2 and 4.2). Borrows, and judges no name.

use super::WhyNotTls;
use crate::wire::{number, take};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// Encrypted Client Hello, and its forerunner that encrypted the name alone.
const ENCRYPTED: [u16; 2] = [0xfe0d, 0xffce];
const HOST_NAME: u8 = 0;

/// More extensions than any client sends; some twenty are usual.
const MOST_EXTENSIONS: usize = 64;
/// More protocols than any client offers; two or three are usual.
const MOST_PROTOCOLS: usize = 32;

/// What a hello says about where it goes.
#[derive(Debug, Default)]
pub(super) struct Walked<'a> {
    pub(super) server_name: Option<&'a [u8]>,
    pub(super) alpn: Vec<&'a [u8]>,
    pub(super) has_ech: bool,
}

/// Walks through a message whose header fits its length.
pub(super) fn walk(message: &[u8]) -> Result<Walked<'_>, WhyNotTls> {
    let mut rest = message;
    let mut extensions = extensions(&mut rest).filter(|_| rest.is_empty()).ok_or(WhyNotTls::Malformed)?;
    let mut walked = Walked::default();
    let mut seen = Vec::new();
    while !extensions.is_empty() {
        let kind = number(&mut extensions).ok_or(WhyNotTls::Malformed)?;
        let data = long_vector(&mut extensions).ok_or(WhyNotTls::Malformed)?;
        if seen.contains(&kind) {
            return Err(WhyNotTls::Twice);
        }
        if seen.len() == MOST_EXTENSIONS {
            return Err(WhyNotTls::TooMany);
        }
        seen.push(kind);
        match kind {
            SERVER_NAME => walked.server_name = Some(only_name(data).ok_or(WhyNotTls::ServerName)?),
            ALPN => walked.alpn = protocols(data)?,
            other => walked.has_ech |= ENCRYPTED.contains(&other),
        }
    }
    Ok(walked)
}

/// What the extensions are in: all up to the end, or nothing in messages that end before them.
fn extensions<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let _kind_and_size = take(rest, 4)?;
    let _version_and_random = take(rest, 2 + 32)?;
    let _session = short_vector(rest)?;
    let _suites = long_vector(rest)?;
    let _compressions = short_vector(rest)?;
    if rest.is_empty() { Some(&[]) } else { long_vector(rest) }
}

/// The one name of a list that has just one entry, of the only kind that there is (RFC 6066, 3).
fn only_name(mut data: &[u8]) -> Option<&[u8]> {
    let mut list = long_vector(&mut data).filter(|_| data.is_empty())?;
    let kind = take(&mut list, 1)?;
    let name = long_vector(&mut list)?;
    (kind == [HOST_NAME] && list.is_empty()).then_some(name)
}

/// The protocols of a list (RFC 7301, 3.1): none of them empty, and at least one.
fn protocols(mut data: &[u8]) -> Result<Vec<&[u8]>, WhyNotTls> {
    let mut list = long_vector(&mut data).filter(|_| data.is_empty()).ok_or(WhyNotTls::Malformed)?;
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let protocol = short_vector(&mut list).filter(|name| !name.is_empty()).ok_or(WhyNotTls::Malformed)?;
        if protocols.len() == MOST_PROTOCOLS {
            return Err(WhyNotTls::TooMany);
        }
        protocols.push(protocol);
    }
    if protocols.is_empty() { Err(WhyNotTls::Malformed) } else { Ok(protocols) }
}

fn short_vector<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = take(rest, 1)?.first().copied()?;
    take(rest, usize::from(size))
}

fn long_vector<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = number(rest)?;
    take(rest, usize::from(size))
}
