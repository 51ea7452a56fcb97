//! The ways out: what the grants name, with every endpoint replaced by the hosts that its tool is configured to use.

use std::collections::BTreeMap;

use super::refusal::Refusal;
use super::tree::{Rank, Tree};
use crate::egress::{EgressEntry, EndpointName, Opening};
use crate::facts::{Endpoint, HostFacts};
use crate::grants::Grants;
use crate::network::{MAX_PUBLISHED, MAX_UDP_PORTS, Network, OWN_V4, Way};
use crate::plan::Content;
use crate::text::Text;

/// The most ways out of one run: each network among them is a rule that every new connection passes.
const MAX_WAYS: usize = 512;

/// Where resolvers listen.
const RESOLVER: u16 = 53;

/// `/etc/resolv.conf` inside: the sandbox's own resolver, which answers at once.
pub(super) fn resolver_settings() -> String {
    format!("nameserver {OWN_V4}\noptions timeout:2 attempts:2\n")
}

/// The network of the run, and the variables that tell tools where their endpoints are.
pub(super) fn network(
    tree: &mut Tree,
    grants: &Grants,
    facts: &HostFacts,
    notes: &mut Vec<String>,
) -> Result<(Network, BTreeMap<Text, Text>), Refusal> {
    let mut network = Network {
        loopback: grants.network.loopback.clone(),
        publish: grants.network.publish.clone(),
        ..Network::default()
    };
    let mut env = BTreeMap::new();
    for entry in &grants.network.egress {
        match entry {
            EgressEntry::Opening(opening) => add(&mut network, opening.clone(), None),
            EgressEntry::Except(pattern) => {
                if !network.except.contains(pattern) {
                    network.except.push(pattern.clone());
                }
            }
            EgressEntry::Endpoint(name) => match facts.endpoints.get(name) {
                Some(Endpoint::Resolved(resolved)) => {
                    for opening in &resolved.openings {
                        add(&mut network, opening.clone(), Some(*name));
                    }
                    for (path, text) in &resolved.files {
                        tree.put(Rank::Skeleton, path.clone(), Content::File { text: text.clone() });
                    }
                    env.extend(resolved.env.clone());
                    notes.extend(resolved.notes.iter().cloned());
                }
                Some(Endpoint::Unknown { why, hint }) => {
                    return Err(Refusal::unbuildable(format!("the endpoint `{name}` is not known: {why}"), hint));
                }
                None => {
                    return Err(Refusal::unbuildable(format!("nobody resolved the endpoint `{name}`"), "report this"));
                }
            },
        }
    }
    check_bounds(&network)?;
    Ok((network, env))
}

fn add(network: &mut Network, opening: Opening, endpoint: Option<EndpointName>) {
    let way = Way { opening, endpoint };
    if !network.egress.contains(&way) {
        network.egress.push(way);
    }
}

fn check_bounds(network: &Network) -> Result<(), Refusal> {
    let mut ports: Vec<u16> = network.udp_ports().collect();
    ports.sort_unstable();
    ports.dedup();
    let too_many = |what: &str, most: usize| {
        Err(Refusal::unbuildable(format!("there are more than {most} {what}"), "grant what the command needs only"))
    };
    if ports.contains(&RESOLVER) {
        let what = "datagrams to port 53 always go to the sandbox's own resolver";
        return Err(Refusal::unbuildable(what, "leave `:53/udp` out: names that are open resolve without it"));
    }
    if ports.len() > MAX_UDP_PORTS {
        return too_many("ports for datagrams", MAX_UDP_PORTS);
    }
    if network.publish.len() > MAX_PUBLISHED {
        return too_many("published ports", MAX_PUBLISHED);
    }
    if network.egress.len() > MAX_WAYS {
        return too_many("ways out", MAX_WAYS);
    }
    Ok(())
}
