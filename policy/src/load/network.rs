//! Reads what a profile or a ceiling says about the network.

use std::net::SocketAddr;

use crate::document::Item;
use crate::egress::{self, EgressEntry, EgressError};
use crate::grammar;
use crate::load::LoadError;
use crate::network_grants::NetworkGrants;
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const NET: Keys = Keys {
    name: "net",
    known: &[
        Key::optional("egress", Shape::List(&Shape::Text(&grammar::EGRESS)), "Ways out to the network"),
        Key::optional(
            "loopback",
            Shape::Either(&[Shape::List(&Shape::Text(&grammar::LOOPBACK)), Shape::Word(&PRIVATE)]),
            "Ports of the host's loopback that are reached; `\"private\"`, which is none, without this line",
        ),
        Key::optional(
            "publish",
            Shape::List(&Shape::Text(&grammar::PORT)),
            "Ports of the run that the host's loopback reaches",
        ),
    ],
    later: &[],
    holds: Holds::Any,
};

const PRIVATE: [(&str, ()); 1] = [("private", ())];

/// Reads the `[net]` table of a profile.
pub(crate) fn network(item: &Item<'_>) -> Result<NetworkGrants, LoadError> {
    let table = item.table(&NET)?;
    let list = |key| table.get(key);
    Ok(NetworkGrants {
        egress: list("egress").map_or_else(|| Ok(Vec::new()), |item| item.each(egress))?,
        loopback: list("loopback").map_or_else(|| Ok(Vec::new()), |item| private_or(&item))?,
        publish: list("publish").map_or_else(|| Ok(Vec::new()), |item| item.each(publish))?,
    })
}

/// Reads one line of an egress list.
pub(crate) fn egress(item: &Item<'_>) -> Result<EgressEntry, LoadError> {
    EgressEntry::parse(item.string()?).map_err(|error| wrong(item, &error))
}

/// Reads one port of the host's loopback.
pub(crate) fn loopback(item: &Item<'_>) -> Result<SocketAddr, LoadError> {
    egress::parse_loopback(item.string()?).map_err(|error| wrong(item, &error))
}

/// Reads one published port.
pub(crate) fn publish(item: &Item<'_>) -> Result<u16, LoadError> {
    egress::parse_publish(item.string()?).map_err(|error| wrong(item, &error))
}

/// `"private"` is the word for none of the host's ports.
fn private_or(item: &Item<'_>) -> Result<Vec<SocketAddr>, LoadError> {
    if item.is_list() { item.each(loopback) } else { item.word(&PRIVATE).map(|()| Vec::new()) }
}

fn wrong(item: &Item<'_>, error: &EgressError) -> LoadError {
    item.error(error.to_string()).hint(error.hint())
}
