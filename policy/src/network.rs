//! What the network looks like from inside a run: a loopback of its own, a resolver, and the ways out that are granted.
//!
//! There is never an interface to the outside. Names are answered with synthetic addresses, which lead to the gate.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use crate::egress::{Destination, EndpointName, Opening, Protocol};
use crate::host_name::{HostName, HostPattern};

/// The sandbox's own address and that of its resolver (RFC 2544: for benchmarks, never on the internet).
pub const OWN_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The same for IPv6, in a prefix for local use (RFC 4193).
pub const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd6f, 0x7061, 0x7175, 0x65, 0, 0, 0, 1);
/// Prefix length of the block that synthetic IPv4 addresses come from; the block holds [`OWN_V4`].
pub const POOL_V4_PREFIX: u8 = 15;
/// Prefix length of the block that synthetic IPv6 addresses come from; the block holds [`OWN_V6`].
pub const POOL_V6_PREFIX: u8 = 64;
/// The port inside at which the gate listens, outside of the range that the kernel hands out by itself.
pub const GATE_PORT: u16 = 65_053;
/// The most ports for datagrams that one run may be granted: each takes two sockets.
pub const MAX_UDP_PORTS: usize = 16;
/// The most ports that one run may publish.
pub const MAX_PUBLISHED: usize = 16;

/// The network of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Network {
    /// What may be reached.
    pub egress: Vec<Way>,
    /// Hosts that stay closed even so.
    pub except: Vec<HostPattern>,
    /// Ports of the host's own loopback that may be reached, at the same address inside.
    pub loopback: Vec<SocketAddr>,
    /// Ports inside that the host's 127.0.0.1 reaches.
    pub publish: Vec<u16>,
}

/// One way out, and the endpoint that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// What is open.
    pub opening: Opening,
    /// The endpoint whose configuration names the host; absent when the grant itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointName>,
}

impl Network {
    /// True when anything is open: the run then has a gate.
    #[must_use]
    pub fn has_gate(&self) -> bool {
        !(self.egress.is_empty() && self.loopback.is_empty() && self.publish.is_empty())
    }

    /// The hosts to which datagrams may go by their whole name, each once: their addresses inside are known beforehand.
    #[must_use]
    pub fn datagram_hosts(&self) -> Vec<HostName> {
        let mut hosts = Vec::new();
        for way in self.egress.iter().filter(|way| way.opening.protocol == Protocol::Udp) {
            if let Destination::Host(HostPattern::Exactly(name)) = &way.opening.to
                && !hosts.contains(name)
            {
                hosts.push(name.clone());
            }
        }
        hosts
    }

    /// The ports to which datagrams may go; one may come more than once.
    pub fn udp_ports(&self) -> impl Iterator<Item = u16> {
        let datagrams = self.egress.iter().filter(|way| way.opening.protocol == Protocol::Udp);
        datagrams.map(|way| way.opening.port)
    }
}
