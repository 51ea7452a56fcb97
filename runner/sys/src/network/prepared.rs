//! What a run's network is to be, made ready before the clone: every message is bytes, every count is fixed.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::netfilter::{self, Batch, Ruleset};
use crate::netlink::Messages;
use crate::network::doors::{MOST_DATAGRAM_PORTS, MOST_SOCKETS};
use crate::network::{Expected, ExpectedGate, addresses};

/// The network of a run, ready to be set up.
#[derive(Debug)]
pub struct Network {
    pub(crate) own4: Ipv4Addr,
    pub(crate) own6: Option<Ipv6Addr>,
    pub(crate) addresses: Messages,
    pub(crate) gate: Option<Gated>,
    /// How many descriptors are handed over.
    pub(crate) doors: usize,
}

/// What a gate needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The listener's port on loopback.
    pub port: u16,
    /// Ports at which datagrams are taken, 16 at most; not 53, where the resolver is.
    pub udp_ports: Vec<u16>,
    /// How many unconnected TCP sockets are handed over, 64 at most: with them the supervisor reaches servers inside.
    pub sockets: usize,
    /// The packet filter.
    pub rules: Ruleset,
}

/// A gate, ready to be set up.
#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) port: u16,
    pub(crate) udp_ports: Vec<u16>,
    pub(crate) sockets: usize,
    pub(crate) routes: Messages,
    pub(crate) rules: Batch,
}

/// A gate that cannot be set up as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(&'static str);

impl Network {
    /// Prepares a network with these addresses of its own; `own6` only where [`has_ipv6`].
    ///
    /// # Errors
    /// The gate has more ports or sockets than can be handed over, the same port twice, or one that is taken.
    pub fn prepare(own4: Ipv4Addr, own6: Option<Ipv6Addr>, gate: Option<&Gate>) -> Result<Self, Unfit> {
        let addresses = addresses::add(own4, own6);
        let gate = gate.map(|gate| Gated::prepare(own4, own6, gate)).transpose()?;
        let mut network = Self { own4, own6, addresses, gate, doors: 0 };
        network.doors = network.expected().count();
        Ok(network)
    }

    /// What the child will hand over.
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            has_v6: self.own6.is_some(),
            gate: self.gate.as_ref().map(|gate| ExpectedGate {
                udp_ports: gate.udp_ports.clone(),
                sockets: gate.sockets,
                rules: gate.rules.clone(),
            }),
        }
    }
}

impl Gated {
    fn prepare(own4: Ipv4Addr, own6: Option<Ipv6Addr>, gate: &Gate) -> Result<Self, Unfit> {
        let Gate { port, udp_ports, sockets, rules } = gate;
        let is_twice = |(index, port): (usize, &u16)| udp_ports.iter().skip(index + 1).any(|other| other == port);
        if udp_ports.len() > MOST_DATAGRAM_PORTS {
            return Err(Unfit("datagrams can be granted at 16 ports at most"));
        }
        if udp_ports.iter().enumerate().any(is_twice) {
            return Err(Unfit("a port for datagrams is granted twice"));
        }
        if udp_ports.iter().any(|port| matches!(port, 0 | 53)) {
            return Err(Unfit("ports 0 and 53 cannot be granted for datagrams"));
        }
        if *sockets > MOST_SOCKETS {
            return Err(Unfit("64 sockets at most lead to servers inside"));
        }
        if *port == 0 {
            return Err(Unfit("the listener needs a port"));
        }
        if rules.rules.is_empty() {
            return Err(Unfit("a gate without rules lets everything through"));
        }
        Ok(Self {
            port: *port,
            udp_ports: udp_ports.clone(),
            sockets: *sockets,
            routes: addresses::route(own4, own6),
            rules: netfilter::encode(rules),
        })
    }
}

/// True when a new network namespace has IPv6 here.
#[must_use]
pub fn has_ipv6() -> bool {
    // What `conf/default` says is what a new namespace starts with, as far as anybody turned it off.
    let is_on = |text: Vec<u8>| text.trim_ascii() == b"0";
    std::fs::read("/proc/sys/net/ipv6/conf/default/disable_ipv6").is_ok_and(is_on)
        && rustix::net::socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None).is_ok()
}
