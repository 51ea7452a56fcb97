//! The rules of a run's gate: what reaches the listener, what reaches a datagram socket, what is refused at once.
//! Decides nothing about names: that is the business of whoever accepts the connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::netfilter::ruleset::{Chain, Family, Hook, Kind, Match, Protocol, Rule, Ruleset, Set, Statement};

const OUT: &str = "out";
const IN: &str = "in";
/// The set of refused IPv4 destinations.
pub(crate) const REFUSED4: &str = "refused4";
/// The set of refused IPv6 destinations.
pub(crate) const REFUSED6: &str = "refused6";
/// Most destinations that are remembered, for each family.
const REMEMBERED: u32 = 256;
const DNS: u16 = 53;

/// What the rules of a run depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The run's own address; its resolver answers at port 53.
    pub own4: Ipv4Addr,
    /// The same for IPv6.
    pub own6: Ipv6Addr,
    /// Addresses that stand for names: the first one and the length of the prefix.
    pub pool4: (Ipv4Addr, u8),
    /// The same for IPv6.
    pub pool6: (Ipv6Addr, u8),
    /// The listener's port on loopback.
    pub gate_port: u16,
    /// Loopback addresses of the host that are granted, TCP.
    pub loopback: Vec<SocketAddr>,
    /// Networks that are granted.
    pub networks: Vec<Network>,
    /// Ports that are granted to names over UDP, whichever name it is.
    pub udp_ports: Vec<u16>,
    /// Whether the run has IPv6 at all.
    pub has_v6: bool,
}

/// A granted network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Its address.
    pub address: IpAddr,
    /// Length of its prefix.
    pub prefix: u8,
    /// The granted port.
    pub port: u16,
    /// The granted protocol.
    pub protocol: Protocol,
}

impl Gateway {
    /// The rules.
    #[must_use]
    pub fn ruleset(&self) -> Ruleset {
        let mut sets = vec![Set { name: REFUSED4, family: Family::V4, size: REMEMBERED }];
        if self.has_v6 {
            sets.push(Set { name: REFUSED6, family: Family::V6, size: REMEMBERED });
        }
        // -100 is `dstnat`, 0 is `filter` (nft(8), standard priority names).
        let chains = vec![
            Chain { name: OUT, kind: Kind::Nat, hook: Hook::Output, priority: -100 },
            Chain { name: IN, kind: Kind::Filter, hook: Hook::Input, priority: 0 },
        ];
        let mut rules = self.out();
        rules.extend(self.arriving());
        Ruleset { sets, chains, rules }
    }

    /// Where outbound flows end. The first rule that matches decides.
    fn out(&self) -> Vec<Rule> {
        let gate = Statement::Redirect(self.gate_port);
        let mut rules = Vec::new();
        let mut rule =
            |matches: &[Match], statement| rules.push(Rule { chain: OUT, matches: matches.into(), statement });
        for granted in self.loopback.iter().filter(|granted| self.has(&granted.ip())) {
            rule(&[host(granted.ip()), Match::Port(Protocol::Tcp, granted.port())], gate);
        }
        for loopback in LOOPBACK {
            rule(&[loopback], Statement::Return);
        }
        // A program that brings its own resolver address ends at ours.
        let resolvers = [(Family::V4, IpAddr::V4(self.own4)), (Family::V6, IpAddr::V6(self.own6))];
        for (family, own) in resolvers.into_iter().filter(|(_, own)| self.has(own)) {
            let query = [Match::Family(family), Match::Port(Protocol::Udp, DNS)];
            rule(&query, Statement::Translate(own, DNS));
        }
        rule(&[Match::Port(Protocol::Tcp, DNS)], gate);
        // Servers inside may listen at the run's own address, which lies in the pool.
        for own in self.own() {
            rule(&[host(own)], Statement::Return);
        }
        for pool in self.pools() {
            rule(&[pool, Match::Protocol(Protocol::Tcp)], gate);
        }
        for network in self.networks(Protocol::Tcp) {
            rule(&network, gate);
        }
        rules
    }

    /// What may arrive at sockets inside. The last rules refuse everything else.
    fn arriving(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut rule =
            |matches: &[Match], statement| rules.push(Rule { chain: IN, matches: matches.into(), statement });
        for loopback in LOOPBACK {
            rule(&[loopback], Statement::Accept);
        }
        // What comes back, errors as well, is sent to the run's own address.
        for own in self.own() {
            rule(&[host(own)], Statement::Accept);
        }
        for port in &self.udp_ports {
            for pool in self.pools() {
                rule(&[pool, Match::Port(Protocol::Udp, *port)], Statement::Accept);
            }
        }
        for network in self.networks(Protocol::Udp) {
            rule(&network, Statement::Accept);
        }
        // A set that is full lets the packet go on to the next rule, which refuses it.
        for (family, set) in [(Family::V4, REFUSED4), (Family::V6, REFUSED6)] {
            if family == Family::V4 || self.has_v6 {
                rule(&[Match::Family(family)], Statement::Record(set, family));
            }
        }
        rule(&[Match::Protocol(Protocol::Tcp)], Statement::Reset);
        rule(&[], Statement::Unreachable);
        rules
    }

    fn has(&self, address: &IpAddr) -> bool {
        address.is_ipv4() || self.has_v6
    }

    fn own(&self) -> impl Iterator<Item = IpAddr> {
        [IpAddr::V4(self.own4), IpAddr::V6(self.own6)].into_iter().filter(|own| self.has(own))
    }

    fn pools(&self) -> impl Iterator<Item = Match> {
        let (v4, v6) = (self.pool4, self.pool6);
        let pools = [(IpAddr::V4(v4.0), v4.1), (IpAddr::V6(v6.0), v6.1)];
        pools.into_iter().filter(|(address, _)| self.has(address)).map(|(address, prefix)| network(address, prefix))
    }

    fn networks(&self, protocol: Protocol) -> impl Iterator<Item = [Match; 2]> {
        let granted = self.networks.iter().filter(move |granted| granted.protocol == protocol);
        granted
            .filter(|granted| self.has(&granted.address))
            .map(move |granted| [network(granted.address, granted.prefix), Match::Port(protocol, granted.port)])
    }
}

/// Loopback is the run's own, with and without IPv6 outside.
const LOOPBACK: [Match; 2] = [
    Match::Destination(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    Match::Destination(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

fn host(address: IpAddr) -> Match {
    Match::Destination(address, if address.is_ipv4() { 32 } else { 128 })
}

/// A prefix of no bits is every address of the family.
fn network(address: IpAddr, prefix: u8) -> Match {
    match prefix {
        0 => Match::Family(Family::of(&address)),
        _ => Match::Destination(address, prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Gateway {
        Gateway {
            own4: Ipv4Addr::new(198, 18, 0, 1),
            own6: "fd6f:7061:7175:65::1".parse().unwrap(),
            pool4: (Ipv4Addr::new(198, 18, 0, 0), 15),
            pool6: ("fd6f:7061:7175:65::".parse().unwrap(), 64),
            gate_port: 65053,
            loopback: vec!["127.0.0.1:5432".parse().unwrap(), "[::1]:5432".parse().unwrap()],
            networks: vec![Network {
                address: "2001:db8::".parse().unwrap(),
                prefix: 32,
                port: 443,
                protocol: Protocol::Tcp,
            }],
            udp_ports: vec![443],
            has_v6: true,
        }
    }

    #[test]
    fn what_no_rule_lets_through_is_refused_by_the_last_ones() {
        for has_v6 in [true, false] {
            let rules = Gateway { has_v6, ..gateway() }.ruleset().rules;
            let last = rules.last().unwrap();
            assert_eq!((last.chain, &*last.matches, last.statement), (IN, &[][..], Statement::Unreachable));
        }
    }

    #[test]
    fn without_ipv6_only_its_loopback_is_spoken_of() {
        let ruleset = Gateway { has_v6: false, ..gateway() }.ruleset();
        assert_eq!(ruleset.sets.len(), 1);
        for rule in ruleset.rules {
            let speaks = rule.matches.iter().any(|found| match found {
                Match::Family(family) => *family == Family::V6,
                Match::Destination(address, _) => address.is_ipv6() && !address.is_loopback(),
                Match::Protocol(_) | Match::Port(..) => false,
            });
            assert!(!speaks, "{rule:?}");
        }
    }

    #[test]
    fn a_granted_loopback_port_comes_before_the_runs_own_loopback() {
        let rules = gateway().ruleset().rules;
        let granted = rules.iter().position(|rule| rule.matches.contains(&Match::Port(Protocol::Tcp, 5432))).unwrap();
        let own = rules.iter().position(|rule| rule.statement == Statement::Return).unwrap();
        assert!(granted < own);
    }
}
