//! What of the network a run may reach, as a person writes it: `HOST[:PORT][/PROTO]`, `CIDR[:PORT][/PROTO]`,
//! `@endpoint`, and `!HOST` for what stays closed. Port 443 and TLS are meant when nothing else is said.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Serialize, Serializer};

use crate::cidr::{Cidr, CidrError};
use crate::host_name::{HostPattern, HostPatternError};

/// One line of an egress list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EgressEntry {
    /// These hosts or addresses, at this port.
    Opening(Opening),
    /// The hosts that a tool is configured to use.
    Endpoint(EndpointName),
    /// These hosts stay closed, whatever else is open.
    Except(HostPattern),
}

/// A way out: where to, and which bytes may pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// Where to.
    pub to: Destination,
    /// At this port.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// Where an opening leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// Hosts by name.
    Host(HostPattern),
    /// Addresses.
    Network(Cidr),
}

/// What is spoken through an opening: decides what of the first bytes is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TLS over TCP: the server name in the first message must be the name that was looked up.
    Tls,
    /// HTTP/1 over TCP: the host of every request must be the name that was looked up.
    Http,
    /// Any bytes over TCP.
    Tcp,
    /// Any datagrams.
    Udp,
}

impl Protocol {
    const NAMES: [(&'static str, Self); 4] =
        [("tls", Self::Tls), ("http", Self::Http), ("tcp", Self::Tcp), ("udp", Self::Udp)];

    /// Its name, as egress lists spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// True when whoever may speak `self` may speak `other` as well: any bytes over TCP include TLS and HTTP.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Tcp => other != Self::Udp,
            Self::Tls | Self::Http | Self::Udp => self == other,
        }
    }
}

impl Opening {
    /// True when everything that `other` opens is open here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let to = match (&self.to, &other.to) {
            (Destination::Host(own), Destination::Host(other)) => own.covers(other),
            (Destination::Network(own), Destination::Network(other)) => own.covers(other),
            (Destination::Host(_), Destination::Network(_)) | (Destination::Network(_), Destination::Host(_)) => false,
        };
        to && self.port == other.port && self.protocol.covers(other.protocol)
    }
}

/// The name of an endpoint: which tool's configuration says the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointName {
    /// npm's registry.
    NpmRegistry,
    /// Cargo's registry.
    CargoRegistry,
    /// pip's index.
    PipIndex,
    /// Go's module proxy and checksum database.
    GoProxy,
    /// The remotes of the workspace's git repository.
    GitRemote,
}

impl EndpointName {
    /// Every endpoint.
    pub const ALL: [Self; 5] = [Self::NpmRegistry, Self::CargoRegistry, Self::PipIndex, Self::GoProxy, Self::GitRemote];

    /// Its name, without the `@`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NpmRegistry => "npm-registry",
            Self::CargoRegistry => "cargo-registry",
            Self::PipIndex => "pip-index",
            Self::GoProxy => "go-proxy",
            Self::GitRemote => "git-remote",
        }
    }
}

/// Why a text is not a line of an egress list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The host is wrong.
    #[error("`{text}` names no host: {source}")]
    Host {
        /// What was written.
        text: String,
        /// Why.
        source: HostPatternError,
    },
    /// The block of addresses is wrong.
    #[error("`{text}` is no block of addresses: {source}")]
    Network {
        /// What was written.
        text: String,
        /// Why.
        source: CidrError,
    },
    /// The port is wrong.
    #[error("`{0}` is not a port")]
    Port(String),
    /// There is no such protocol.
    #[error("`{0}` is not a protocol")]
    Protocol(String),
    /// A port without a well-known meaning stands alone.
    #[error("port {0} needs its protocol")]
    NoProtocol(u16),
    /// There is no such endpoint.
    #[error("there is no endpoint `@{0}`")]
    Endpoint(String),
    /// An exception says more than a host.
    #[error("an exception is a host alone: `!{0}`")]
    Exception(String),
    /// Not `ADDRESS:PORT` on the loopback network.
    #[error("`{0}` is not a loopback address with a port")]
    Loopback(String),
    /// The address of a machine's metadata service, which hands out credentials.
    #[error("`{0}` is the address of a metadata service, which nothing inside ever reaches")]
    Metadata(String),
}

impl EgressError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Host { .. } => "write a host such as `api.example.test` or `*.example.test`".to_owned(),
            Self::Network { .. } => "write a block such as `10.1.2.0/24` or `[2001:db8::/32]:443`".to_owned(),
            Self::Port(_) => "a port is a number from 1 to 65535".to_owned(),
            Self::Protocol(_) => "the protocols are tls, http, tcp and udp".to_owned(),
            Self::NoProtocol(port) => format!("write `:{port}/tcp` for any bytes, or `/tls`, `/http`, `/udp`"),
            Self::Endpoint(_) => {
                let names: Vec<String> = EndpointName::ALL.iter().map(ToString::to_string).collect();
                format!("the endpoints are {}", names.join(", "))
            }
            Self::Exception(_) => "leave port and protocol out: the host is closed at every port".to_owned(),
            Self::Loopback(_) => "write `127.0.0.1:5432` or `[::1]:5432`".to_owned(),
            Self::Metadata(_) => "leave it out: give the command what it needs by name".to_owned(),
        }
    }
}

impl EgressEntry {
    /// Reads one line.
    ///
    /// # Errors
    /// When it does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        if let Some(name) = text.strip_prefix('@') {
            let known = EndpointName::ALL.into_iter().find(|endpoint| endpoint.as_str() == name);
            return known.map(Self::Endpoint).ok_or_else(|| EgressError::Endpoint(name.to_owned()));
        }
        if let Some(host) = text.strip_prefix('!') {
            let is_alone = !host.contains([':', '/']);
            let pattern = HostPattern::of_person(host).ok().filter(|_| is_alone);
            return pattern.map(Self::Except).ok_or_else(|| EgressError::Exception(host.to_owned()));
        }
        Opening::parse(text).map(Self::Opening)
    }
}

impl Opening {
    /// Reads `HOST[:PORT][/PROTO]` or `CIDR[:PORT][/PROTO]`, an IPv6 block in brackets.
    ///
    /// # Errors
    /// When it does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        let (rest, protocol) = split_protocol(text)?;
        let (to, port) = split_port(rest)?;
        let port = port.map(parse_port).transpose()?;
        let (port, protocol) = match (port, protocol) {
            (port, Some(protocol)) => (port.unwrap_or(if protocol == Protocol::Http { 80 } else { 443 }), protocol),
            (None | Some(443), None) => (443, Protocol::Tls),
            (Some(80), None) => (80, Protocol::Http),
            (Some(port), None) => return Err(EgressError::NoProtocol(port)),
        };
        Ok(Self { to: parse_destination(to)?, port, protocol })
    }
}

/// Takes `/tls` and the like off the end; `/24` belongs to a block of addresses.
fn split_protocol(text: &str) -> Result<(&str, Option<Protocol>), EgressError> {
    let Some((rest, last)) = text.rsplit_once('/') else { return Ok((text, None)) };
    let last_part = last.trim_end_matches(']');
    let is_prefix = last_part.split(':').next().is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if is_prefix && !last_part.is_empty() {
        return Ok((text, None));
    }
    let protocol = Protocol::NAMES.iter().find(|(name, _)| *name == last).map(|(_, protocol)| *protocol);
    protocol.map(|protocol| (rest, Some(protocol))).ok_or_else(|| EgressError::Protocol(last.to_owned()))
}

/// Takes `:443` off the end; an IPv6 block stands in brackets when a port follows.
fn split_port(text: &str) -> Result<(&str, Option<&str>), EgressError> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let wrong = || EgressError::Network { text: text.to_owned(), source: CidrError::Address };
        let (inner, after) = bracketed.split_once(']').ok_or_else(wrong)?;
        return match after {
            "" => Ok((inner, None)),
            after => after.strip_prefix(':').map(|port| (inner, Some(port))).ok_or_else(wrong),
        };
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))),
        // More than one colon: an IPv6 address without brackets, and no port.
        _ => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, EgressError> {
    let is_plain = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_plain && *port != 0).ok_or_else(|| EgressError::Port(text.to_owned()))
}

fn parse_destination(text: &str) -> Result<Destination, EgressError> {
    let is_network = text.contains([':', '/']) || text.parse::<Ipv4Addr>().is_ok();
    if !is_network {
        let pattern = HostPattern::of_person(text);
        return pattern.map(Destination::Host).map_err(|source| EgressError::Host { text: text.to_owned(), source });
    }
    let block = Cidr::parse(text).map_err(|source| EgressError::Network { text: text.to_owned(), source })?;
    // A wider block may hold one; the gate closes it there.
    let is_metadata = METADATA.iter().any(|address| Cidr::of(*address).covers(&block));
    if is_metadata { Err(EgressError::Metadata(text.to_owned())) } else { Ok(Destination::Network(block)) }
}

/// The addresses at which clouds serve a machine's identity and credentials: never reached, whatever is granted.
pub const METADATA: [IpAddr; 6] = [
    // Most clouds.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // Container credentials.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Clouds that chose other blocks.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Reads `127.0.0.1:5432` or `[::1]:5432`: a port of the host's own loopback.
///
/// # Errors
/// When it is anything else.
pub fn parse_loopback(text: &str) -> Result<SocketAddr, EgressError> {
    let address: Option<SocketAddr> = text.parse().ok();
    address
        .filter(|address| address.ip().is_loopback() && address.port() != 0)
        .ok_or_else(|| EgressError::Loopback(text.to_owned()))
}

/// Reads a port of the sandbox that the host's loopback shall reach.
///
/// # Errors
/// When it is not a port.
pub fn parse_publish(text: &str) -> Result<u16, EgressError> {
    parse_port(text)
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.as_str())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(pattern) => write!(f, "{pattern}"),
            Self::Network(block) if block.address().is_ipv6() => write!(f, "[{block}]"),
            Self::Network(block) => write!(f, "{block}"),
        }
    }
}

/// Shows the canonical spelling, which [`Opening::parse`] reads.
impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.to, self.port, self.protocol)
    }
}

impl fmt::Display for EgressEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(opening) => write!(f, "{opening}"),
            Self::Endpoint(name) => write!(f, "{name}"),
            Self::Except(pattern) => write!(f, "!{pattern}"),
        }
    }
}

impl Serialize for Opening {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for EndpointName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
