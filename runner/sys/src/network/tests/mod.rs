//! The run's network in a real namespace, made by an ordinary user: what reaches the gate, and what is refused.

mod client;
mod inside;
mod server;

mod attested;
mod gate;
mod listing;
mod names;
mod prepare;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::netfilter::{self, Gateway, Protocol};
use crate::network::{Gate, Network, has_ipv6};

const OWN4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const OWN6: Ipv6Addr = Ipv6Addr::new(0xfd6f, 0x7061, 0x7175, 0x65, 0, 0, 0, 1);
const GATE: u16 = 65053;
const GRANTED_UDP: u16 = 8443;

/// One grant of every kind.
fn gateway(has_v6: bool) -> Gateway {
    let network = |address: &str, prefix, port, protocol| netfilter::Network {
        address: address.parse().unwrap(),
        prefix,
        port,
        protocol,
    };
    Gateway {
        own4: OWN4,
        own6: OWN6,
        pool4: (Ipv4Addr::new(198, 18, 0, 0), 15),
        pool6: (Ipv6Addr::new(0xfd6f, 0x7061, 0x7175, 0x65, 0, 0, 0, 0), 64),
        gate_port: GATE,
        loopback: vec!["127.0.0.1:5432".parse().unwrap(), "[::1]:5432".parse().unwrap()],
        networks: vec![
            network("10.32.0.0", 11, 443, Protocol::Tcp),
            network("203.0.113.8", 32, 22, Protocol::Tcp),
            network("2001:db8:8000::", 33, 443, Protocol::Tcp),
            network("2001:db8:7::", 48, GRANTED_UDP, Protocol::Udp),
            network("203.0.113.0", 24, GRANTED_UDP, Protocol::Udp),
        ],
        udp_ports: vec![GRANTED_UDP],
        has_v6,
    }
}

fn gated(has_v6: bool, sockets: usize) -> Network {
    let gate = Gate { port: GATE, udp_ports: vec![GRANTED_UDP], sockets, rules: gateway(has_v6).ruleset() };
    Network::prepare(OWN4, has_v6.then_some(OWN6), Some(&gate)).unwrap()
}

/// Which families can be tested here: without IPv6 always, with it where the kernel has it.
fn families() -> Vec<bool> {
    if has_ipv6() {
        return vec![false, true];
    }
    eprintln!("skipped: this kernel has no IPv6");
    vec![false]
}
