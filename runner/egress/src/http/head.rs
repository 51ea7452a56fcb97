//! Judges the head of one request, which is whole. What it lets pass can be read in one way only.

use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::target::{is_authority, target};
use super::{ExpectedHost, WhyNotHttp};

/// The most fields of a head or a trailer section.
pub const MOST_FIELDS: usize = 100;

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Counted(u64),
    /// Until the last chunk.
    Chunked,
}

/// Fields that ask for another protocol (RFC 9110, 7.8; RFC 7540, 3.2.1).
const OTHER_PROTOCOL: [&str; 2] = ["upgrade", "http2-settings"];
/// Fields that say where a request goes or where it ends: never in a trailer, and never removed on the way.
const FRAMING: [&str; 5] = ["host", "content-length", "transfer-encoding", "trailer", "connection"];

/// Judges a head, from its first line to the empty one.
pub(super) fn head(bytes: &[u8], host: &ExpectedHost, port: u16) -> Result<Body, WhyNotHttp> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut request = Request::new(&mut fields);
    let status = request.parse(bytes).map_err(why)?;
    let (Some(method), Some(path), Some(minor)) = (request.method, request.path, request.version) else {
        return Err(WhyNotHttp::Malformed);
    };
    // An empty line in front would end the block before the head began.
    if status != Status::Complete(bytes.len()) {
        return Err(WhyNotHttp::Malformed);
    }
    // `PRI` begins HTTP/2 (RFC 9113, 3.4).
    if ["connect", "pri"].iter().any(|other| method.eq_ignore_ascii_case(other)) {
        return Err(WhyNotHttp::OtherProtocol);
    }
    let fields = &*request.headers;
    if fields.iter().any(|field| is_one_of(field, &OTHER_PROTOCOL)) {
        return Err(WhyNotHttp::OtherProtocol);
    }
    target(method, path, host, port)?;
    judge_host(fields, host, port)?;
    judge_connection(fields)?;
    body(fields, minor)
}

/// Judges a trailer section, from its first line to the empty one.
pub(super) fn trailers(bytes: &[u8]) -> Result<(), WhyNotHttp> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let (size, fields) = match httparse::parse_headers(bytes, &mut fields).map_err(why)? {
        Status::Complete(parsed) => parsed,
        Status::Partial => return Err(WhyNotHttp::Malformed),
    };
    if size != bytes.len() {
        return Err(WhyNotHttp::Malformed);
    }
    let is_misplaced = |field: &Header<'_>| is_one_of(field, &FRAMING) || is_one_of(field, &OTHER_PROTOCOL);
    if fields.iter().any(is_misplaced) { Err(WhyNotHttp::Trailer) } else { Ok(()) }
}

fn why(error: httparse::Error) -> WhyNotHttp {
    match error {
        httparse::Error::TooManyHeaders => WhyNotHttp::TooManyFields,
        httparse::Error::HeaderName
        | httparse::Error::HeaderValue
        | httparse::Error::NewLine
        | httparse::Error::Status
        | httparse::Error::Token
        | httparse::Error::Version => WhyNotHttp::Malformed,
    }
}

fn judge_host(fields: &[Header<'_>], host: &ExpectedHost, port: u16) -> Result<(), WhyNotHttp> {
    let [value] = values(fields, "host").collect::<Vec<_>>()[..] else { return Err(WhyNotHttp::Hosts) };
    if value.is_empty() {
        return Err(WhyNotHttp::Hosts);
    }
    if is_authority(value, host, port) { Ok(()) } else { Err(WhyNotHttp::OtherHost) }
}

/// Fields that this one names are removed on the way (RFC 9110, 7.6.1): none of those that were judged.
fn judge_connection(fields: &[Header<'_>]) -> Result<(), WhyNotHttp> {
    for value in values(fields, "connection") {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if OTHER_PROTOCOL.iter().any(|other| option.eq_ignore_ascii_case(other.as_bytes())) {
                return Err(WhyNotHttp::OtherProtocol);
            }
            if FRAMING.iter().any(|framing| option.eq_ignore_ascii_case(framing.as_bytes())) {
                return Err(WhyNotHttp::Malformed);
            }
        }
    }
    Ok(())
}

/// The length of the body, which must be said once and in one way (RFC 9112, 6.3).
fn body(fields: &[Header<'_>], minor: u8) -> Result<Body, WhyNotHttp> {
    let lengths: Vec<&[u8]> = values(fields, "content-length").collect();
    let codings: Vec<&[u8]> = values(fields, "transfer-encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Body::Counted(0)),
        ([length], []) => counted(length).map(Body::Counted).ok_or(WhyNotHttp::Length),
        // Version 1.0 has no chunks (RFC 9112, 6.1).
        ([], [coding]) if minor == 1 && coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        _ => Err(WhyNotHttp::Length),
    }
}

/// Digits alone; more than 64 bits are no length.
fn counted(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

fn values<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

fn is_one_of(field: &Header<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| field.name.eq_ignore_ascii_case(name))
}
