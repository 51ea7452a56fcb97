//! Turns the ways out of a plan into what the sandbox's own network is set up with: addresses, ports, packet filter.

use opaque_egress::names::{Addresses, pool_v4, pool_v6};
use opaque_policy::egress::{Destination, Protocol};
use opaque_policy::host_name::HostPattern;
use opaque_policy::network::{self, GATE_PORT, OWN_V4, OWN_V6, POOL_V4_PREFIX, POOL_V6_PREFIX};
use opaque_sys::netfilter::{self, Gateway, Ruleset};
use opaque_sys::network::{Gate, Network, Unfit, has_ipv6};

/// Sockets for published ports: so many connections from the host at once.
const SOCKETS: usize = 64;

/// The network of a run, ready for the sandbox.
///
/// # Errors
/// The plan has more than one sandbox can be given.
pub fn prepare(planned: &network::Network) -> Result<Network, Unfit> {
    if !planned.has_gate() {
        // Only the resolver stands there, which one address is enough for.
        return Network::prepare(OWN_V4, None, None);
    }
    let has_v6 = has_ipv6();
    Network::prepare(OWN_V4, has_v6.then_some(OWN_V6), Some(&gate(planned, has_v6)))
}

/// The rules of the sandbox's packet filter; `None` where nothing is open and none are needed.
#[must_use]
pub fn ruleset(planned: &network::Network) -> Option<Ruleset> {
    planned.has_gate().then(|| gateway(planned, has_ipv6()).ruleset())
}

fn gate(planned: &network::Network, has_v6: bool) -> Gate {
    let mut udp_ports: Vec<u16> = planned.udp_ports().collect();
    udp_ports.sort_unstable();
    udp_ports.dedup();
    Gate {
        port: GATE_PORT,
        sockets: if planned.publish.is_empty() { 0 } else { SOCKETS },
        rules: gateway(planned, has_v6).ruleset(),
        udp_ports,
    }
}

fn gateway(planned: &network::Network, has_v6: bool) -> Gateway {
    let hosts = planned.datagram_hosts();
    let mut networks = Vec::new();
    let mut udp_ports = Vec::new();
    for opening in planned.egress.iter().map(|way| &way.opening) {
        let is_udp = opening.protocol == Protocol::Udp;
        let protocol = if is_udp { netfilter::Protocol::Udp } else { netfilter::Protocol::Tcp };
        let mut lead =
            |address, prefix| networks.push(netfilter::Network { address, prefix, port: opening.port, protocol });
        match &opening.to {
            Destination::Network(block) => lead(block.address(), block.prefix()),
            // The names of connections are the gate's business.
            Destination::Host(_) if !is_udp => {}
            Destination::Host(HostPattern::Exactly(name)) => {
                let number = hosts.iter().position(|host| host == name).and_then(|number| u32::try_from(number).ok());
                if let Some(addresses) = number.map(Addresses::of) {
                    lead(addresses.v4.into(), 32);
                    lead(addresses.v6.into(), 128);
                }
            }
            Destination::Host(HostPattern::Below(_)) if udp_ports.contains(&opening.port) => {}
            Destination::Host(HostPattern::Below(_)) => udp_ports.push(opening.port),
        }
    }
    Gateway {
        own4: OWN_V4,
        own6: OWN_V6,
        pool4: (pool_v4(), POOL_V4_PREFIX),
        pool6: (pool_v6(), POOL_V6_PREFIX),
        gate_port: GATE_PORT,
        loopback: planned.loopback.clone(),
        networks,
        udp_ports,
        has_v6,
    }
}
