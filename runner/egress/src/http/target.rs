//! Compares what a request is for with what its connection is for: the target's form, and hosts with their ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use opaque_policy::host_name::HostName;

use super::{ExpectedHost, WhyNotHttp};

const SCHEME: &str = "http://";

/// Judges a request's target (RFC 9112, 3.2): a path, or a whole address of the expected host.
pub(super) fn target(method: &str, target: &str, host: &ExpectedHost, port: u16) -> Result<(), WhyNotHttp> {
    if !target.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err(WhyNotHttp::Target);
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(());
    }
    let (scheme, rest) = target.split_at_checked(SCHEME.len()).ok_or(WhyNotHttp::Target)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(WhyNotHttp::Target);
    }
    // A backslash stays, and no host has one: some programs end the host there, others read on.
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if is_authority(authority.as_bytes(), host, port) { Ok(()) } else { Err(WhyNotHttp::OtherHost) }
}

/// True when `HOST` or `HOST:PORT` is the expected host, and the port the connection's. Nothing else may be in it.
pub(super) fn is_authority(authority: &[u8], host: &ExpectedHost, port: u16) -> bool {
    let Some((found, said)) = str::from_utf8(authority).ok().and_then(split) else { return false };
    let is_host = match host {
        ExpectedHost::Name(name) => HostName::new(found.as_bytes()).as_ref() == Ok(name),
        ExpectedHost::Address(address) => literal(found) == Some(*address),
    };
    is_host && said.is_none_or(|said| is_port(said, port))
}

/// Takes the port off, if there is one. An address of IPv6 keeps its brackets.
fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return Some(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let (host, port) = authority.split_at_checked(authority.find(']')? + 1)?;
    if port.is_empty() { Some((host, None)) } else { Some((host, Some(port.strip_prefix(':')?))) }
}

fn literal(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.parse().ok().map(|address: Ipv6Addr| IpAddr::V6(address)),
        None => text.parse().ok().map(|address: Ipv4Addr| IpAddr::V4(address)),
    }
}

/// One spelling alone: no sign, no zeros in front.
fn is_port(text: &str, port: u16) -> bool {
    text == port.to_string()
}
