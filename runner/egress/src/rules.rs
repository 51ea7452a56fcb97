//! The verdicts of a run: pure answers to what is asked on the way out.
//!
//! Never looks anything up and never connects: names, addresses and first bytes come in, a verdict goes out.

use std::net::{IpAddr, SocketAddr};

use opaque_policy::cidr::{Cidr, plain};
use opaque_policy::egress::{Destination, Opening, Protocol};
use opaque_policy::host_name::{HostName, HostPattern};
use opaque_policy::network::Network;

use crate::address::{self, Class, is_metadata};
use crate::refusal::Refusal;

/// What of the network one run may reach.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    ways: Vec<Opening>,
    except: Vec<HostPattern>,
    loopback: Vec<SocketAddr>,
}

/// Where a connection or datagram wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// To a host that was looked up by name.
    Name(HostName),
    /// To an address.
    Address(IpAddr),
}

/// Leave to go on towards a target, and what must be seen before any byte passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What must be seen.
    pub checks: Checks,
    /// The grant that opens the way, as its author would write it.
    pub rule: String,
}

/// What the first bytes must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// Anything.
    Nothing,
    /// A TLS hello for the target.
    Tls,
    /// HTTP requests for the target.
    Http,
    /// Either: the first byte tells.
    TlsOrHttp,
}

impl Rules {
    /// The rules of a plan's network.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        Self {
            ways: network.egress.iter().map(|way| way.opening.clone()).collect(),
            except: network.except.clone(),
            loopback: network.loopback.clone(),
        }
    }

    /// May this name be looked up?
    ///
    /// # Errors
    /// Nothing is open there.
    pub fn lookup(&self, name: &HostName) -> Result<(), Refusal> {
        if self.is_excepted(name) {
            return Err(Refusal::NameExcepted);
        }
        let is_open = self.ways.iter().any(|way| opens(way, name));
        if is_open { Ok(()) } else { Err(Refusal::NameNotAllowed) }
    }

    /// May a TCP connection go to this target and port?
    ///
    /// # Errors
    /// Nothing is open there.
    pub fn connect(&self, target: &Target, port: u16) -> Result<Passage, Refusal> {
        self.check_target(target)?;
        let at_target = self.ways.iter().filter(|way| self.leads_to(way, target));
        let open: Vec<&Opening> = at_target.filter(|way| way.port == port && way.protocol != Protocol::Udp).collect();
        let of = |protocol| open.iter().find(|way| way.protocol == protocol);
        let (checks, way) = match (of(Protocol::Tcp), of(Protocol::Tls), of(Protocol::Http)) {
            (Some(way), _, _) => (Checks::Nothing, way),
            (None, Some(way), Some(_)) => (Checks::TlsOrHttp, way),
            (None, Some(way), None) => (Checks::Tls, way),
            (None, None, Some(way)) => (Checks::Http, way),
            (None, None, None) => return Err(self.closed(target)),
        };
        Ok(Passage { checks, rule: way.to_string() })
    }

    /// May a datagram go to this target and port?
    ///
    /// # Errors
    /// Nothing is open there.
    pub fn send(&self, target: &Target, port: u16) -> Result<String, Refusal> {
        self.check_target(target)?;
        let is_open = |way: &&Opening| way.port == port && way.protocol == Protocol::Udp && self.leads_to(way, target);
        self.ways.iter().find(is_open).map(ToString::to_string).ok_or_else(|| self.closed(target))
    }

    /// True when the host's own loopback is open at this address.
    #[must_use]
    pub fn opens_loopback(&self, address: SocketAddr) -> bool {
        self.loopback.contains(&address)
    }

    /// May a TLS connection to this target present this server name?
    ///
    /// # Errors
    /// It names another server, or none where the target has a name.
    pub fn hello(&self, target: &Target, port: u16, server_name: Option<&HostName>) -> Result<(), Refusal> {
        match (target, server_name) {
            (Target::Name(_), None) => Err(Refusal::NoServerName),
            (Target::Name(name), Some(server_name)) if name == server_name => Ok(()),
            (Target::Name(_), Some(server_name)) => Err(Refusal::ServerNameDiffers(server_name.clone())),
            // TLS to an address has no name to present (RFC 6066, 3); one that is presented must be open itself.
            (Target::Address(_), None) => Ok(()),
            (Target::Address(_), Some(server_name)) => self
                .connect(&Target::Name(server_name.clone()), port)
                .map(drop)
                .map_err(|_| Refusal::ServerNameDiffers(server_name.clone())),
        }
    }

    /// The addresses, of those that a name resolved to, that may be dialled. `own` are the host's own addresses.
    ///
    /// # Errors
    /// None of them may; the reason is that of the first.
    pub fn dial(
        &self,
        target: &Target,
        port: u16,
        protocol: Transport,
        resolved: &[IpAddr],
        own: &[IpAddr],
    ) -> Result<Vec<SocketAddr>, Refusal> {
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in resolved {
            match self.check_address(target, port, protocol, *address, own) {
                Ok(()) => allowed.push(SocketAddr::new(*address, port)),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        if allowed.is_empty() { Err(refused.unwrap_or(Refusal::NoAddress)) } else { Ok(allowed) }
    }

    fn check_address(
        &self,
        target: &Target,
        port: u16,
        protocol: Transport,
        address: IpAddr,
        own: &[IpAddr],
    ) -> Result<(), Refusal> {
        if is_metadata(address) {
            return Err(Refusal::Metadata(address));
        }
        // A grant that names the address opens it, whatever kind of address it is and whoever's.
        let names_it = |way: &Opening| match &way.to {
            Destination::Network(block) => {
                block.contains(address) && names(block, address) && way.port == port && protocol.carries(way.protocol)
            }
            Destination::Host(_) => false,
        };
        if self.ways.iter().any(names_it) && !is_wrapped(address) {
            return Ok(());
        }
        if matches!(target, Target::Address(_)) {
            return Err(Refusal::AddressNotAllowed);
        }
        if own.contains(&plain(address)) {
            return Err(Refusal::OwnAddress(address));
        }
        let class = address::class(address);
        if class == Class::Global { Ok(()) } else { Err(Refusal::NotGlobal(address, class)) }
    }

    fn check_target(&self, target: &Target) -> Result<(), Refusal> {
        match target {
            Target::Name(name) if self.is_excepted(name) => Err(Refusal::NameExcepted),
            Target::Address(address) if is_metadata(*address) => Err(Refusal::Metadata(*address)),
            Target::Name(_) | Target::Address(_) => Ok(()),
        }
    }

    /// Why nothing is open at a target's port: the target itself is closed, or only other ports of it are open.
    fn closed(&self, target: &Target) -> Refusal {
        let is_known = self.ways.iter().any(|way| self.leads_to(way, target));
        match (is_known, target) {
            (true, _) => Refusal::PortNotAllowed,
            (false, Target::Name(_)) => Refusal::NameNotAllowed,
            (false, Target::Address(_)) => Refusal::AddressNotAllowed,
        }
    }

    fn leads_to(&self, way: &Opening, target: &Target) -> bool {
        match (&way.to, target) {
            (Destination::Host(_), Target::Name(name)) => opens(way, name),
            (Destination::Network(block), Target::Address(address)) => block.contains(*address),
            (Destination::Host(_), Target::Address(_)) | (Destination::Network(_), Target::Name(_)) => false,
        }
    }

    fn is_excepted(&self, name: &HostName) -> bool {
        self.except.iter().any(|pattern| pattern.matches(name))
    }
}

/// What carries the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A connection.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    fn carries(self, protocol: Protocol) -> bool {
        (self == Self::Udp) == (protocol == Protocol::Udp)
    }

    /// The transport of an IP protocol number.
    #[must_use]
    pub fn of_protocol(number: u8) -> Option<Self> {
        match i32::from(number) {
            nix::libc::IPPROTO_TCP => Some(Self::Tcp),
            nix::libc::IPPROTO_UDP => Some(Self::Udp),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

fn opens(way: &Opening, name: &HostName) -> bool {
    match &way.to {
        Destination::Host(pattern) => pattern.matches(name),
        Destination::Network(_) => false,
    }
}

/// True unless a block holds the address only because it is wide: a grant of everything means the internet, not the
/// host's own loopback, which a block has to name. No block names an address that stands for any.
fn names(block: &Cidr, address: IpAddr) -> bool {
    let class = address::class(address);
    if class == Class::Loopback { block.address().is_loopback() } else { class != Class::Unspecified }
}

/// True for an IPv6 address that only wraps an IPv4 one: no grant of a block opens it.
fn is_wrapped(address: IpAddr) -> bool {
    plain(address) != address
}

/// The block that holds one address alone, for messages.
#[must_use]
pub fn single(address: IpAddr) -> String {
    let block = Cidr::of(address);
    if address.is_ipv6() { format!("[{block}]") } else { block.to_string() }
}

#[cfg(test)]
mod tests;
