//! What of the network is asked for, granted and allowed at most, before any endpoint is resolved.

use std::net::SocketAddr;

use crate::decision::Excess;
use crate::egress::{Destination, EgressEntry, EndpointName};
use crate::host_name::HostPattern;

/// The ways out of one profile, request or run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkGrants {
    /// What may be reached, and what stays closed.
    pub egress: Vec<EgressEntry>,
    /// Ports of the host's own loopback.
    pub loopback: Vec<SocketAddr>,
    /// Ports inside that the host's loopback reaches.
    pub publish: Vec<u16>,
}

impl NetworkGrants {
    /// The endpoints that are named, each once.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointName> {
        EndpointName::ALL.into_iter().filter(|name| self.egress.contains(&EgressEntry::Endpoint(*name)))
    }

    /// Joins two lists; nothing stands in them twice.
    pub(crate) fn joined(mut self, other: &Self) -> Self {
        add(&mut self.egress, &other.egress);
        add(&mut self.loopback, &other.loopback);
        add(&mut self.publish, &other.publish);
        self
    }

    fn exceptions(&self) -> impl Iterator<Item = &HostPattern> {
        self.egress.iter().filter_map(|entry| match entry {
            EgressEntry::Except(pattern) => Some(pattern),
            EgressEntry::Opening(_) | EgressEntry::Endpoint(_) => None,
        })
    }

    /// True when the entry opens nothing that is not open here.
    fn allows(&self, entry: &EgressEntry) -> bool {
        match entry {
            EgressEntry::Except(_) => true,
            EgressEntry::Endpoint(_) => self.egress.contains(entry),
            EgressEntry::Opening(asked) => {
                let is_excepted = match &asked.to {
                    Destination::Host(pattern @ HostPattern::Exactly(_)) => {
                        self.exceptions().any(|except| except.covers(pattern))
                    }
                    // A wildcard goes with the exceptions, which the run takes over.
                    Destination::Host(HostPattern::Below(_)) | Destination::Network(_) => false,
                };
                let is_covered = self.egress.iter().any(|own| match own {
                    EgressEntry::Opening(own) => own.covers(asked),
                    EgressEntry::Endpoint(_) | EgressEntry::Except(_) => false,
                });
                is_covered && !is_excepted
            }
        }
    }
}

fn add<T: Clone + PartialEq>(to: &mut Vec<T>, from: &[T]) {
    for value in from {
        if !to.contains(value) {
            to.push(value.clone());
        }
    }
}

/// The most of the network that a run may have. An absent list means what the named profiles grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NetworkBounds {
    pub(crate) egress: Option<Vec<EgressEntry>>,
    pub(crate) loopback: Option<Vec<SocketAddr>>,
    pub(crate) publish: Option<Vec<u16>>,
}

impl NetworkBounds {
    /// Names that a run under these bounds never reaches, however wide its own grants are.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &EgressEntry> {
        self.egress.iter().flatten().filter(|entry| matches!(entry, EgressEntry::Except(_)))
    }

    /// What of `own` (a profile's) and `asked` (the flags') lies beyond; `named` is what the named profiles grant, looked up only
    /// when a list is absent and something is asked for.
    pub(crate) fn excess(
        &self,
        own: &NetworkGrants,
        asked: &NetworkGrants,
        named: impl FnOnce() -> NetworkGrants,
    ) -> Vec<Excess> {
        let is_open = self.egress.is_none() && !asked.egress.is_empty()
            || self.loopback.is_none() && !asked.loopback.is_empty()
            || self.publish.is_none() && !asked.publish.is_empty();
        let named = if is_open { named() } else { NetworkGrants::default() };
        let most = NetworkGrants {
            egress: self.egress.clone().unwrap_or(named.egress),
            loopback: self.loopback.clone().unwrap_or(named.loopback),
            publish: self.publish.clone().unwrap_or(named.publish),
        };
        let egress = held(&self.egress, &own.egress, &asked.egress);
        let loopback = held(&self.loopback, &own.loopback, &asked.loopback);
        let publish = held(&self.publish, &own.publish, &asked.publish);
        let egress = egress.filter(|entry| !most.allows(entry)).cloned().map(Excess::Egress);
        let loopback = loopback.filter(|address| !most.loopback.contains(address)).copied().map(Excess::Loopback);
        let publish = publish.filter(|port| !most.publish.contains(port)).copied().map(Excess::Publish);
        egress.chain(loopback).chain(publish).collect()
    }
}

/// What a bound is held against: the flags always, the profile only when the bound is stated.
fn held<'a, T>(stated: &Option<Vec<T>>, own: &'a [T], asked: &'a [T]) -> impl Iterator<Item = &'a T> {
    let own: &[T] = if stated.is_some() { own } else { &[] };
    own.iter().chain(asked)
}
