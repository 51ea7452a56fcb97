//! What the lab's resolver knows: the names of `internet`, and those that tests add to a file.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opaque_tests::internet;

use crate::message;

const TTL: u32 = 60;
const CROWD: std::ops::RangeInclusive<u8> = 1..=60;

/// What is known of a name.
pub(crate) struct Entry {
    /// The name whose addresses follow, when it is another one.
    pub(crate) alias: Option<&'static str>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Seconds that the answer may be kept.
    pub(crate) ttl: u32,
    /// How long the answer takes.
    pub(crate) delay: Duration,
}

/// Looks a name up, in lower case and without a final dot. `added` holds a name and its addresses a line.
pub(crate) fn find(name: &str, kind: u16, added: &Path) -> Option<Entry> {
    match name {
        internet::ALIAS => Some(alias("api.example.test")),
        internet::ALIAS_OUT => Some(alias("evil.test")),
        // Only a question for addresses of this kind takes a turn.
        internet::REBINDING if kind == message::A => Some(Entry { ttl: 0, ..entry(vec![by_turns()]) }),
        internet::REBINDING => Some(Entry { ttl: 0, ..entry(Vec::new()) }),
        internet::CROWDED => Some(entry(CROWD.map(|host| Ipv4Addr::new(25, 1, 3, host).into()).collect())),
        internet::SLOW => Some(Entry { delay: Duration::from_millis(300), ..entry(fixed(name)?) }),
        _ => fixed(name).or_else(|| from_file(name, added)).map(entry),
    }
}

fn entry(addresses: Vec<IpAddr>) -> Entry {
    Entry { alias: None, addresses, ttl: TTL, delay: Duration::ZERO }
}

fn alias(of: &'static str) -> Entry {
    Entry { alias: Some(of), ..entry(fixed(of).unwrap_or_default()) }
}

fn fixed(name: &str) -> Option<Vec<IpAddr>> {
    if internet::PUBLIC_NAMES.contains(&name) {
        return Some(parse([internet::WEB, internet::WEB6]));
    }
    if internet::EVIL_NAMES.contains(&name) {
        return Some(parse([internet::EVIL, internet::EVIL6]));
    }
    let (_, addresses) = internet::SPECIAL_NAMES.iter().find(|(known, _)| *known == name)?;
    Some(parse(addresses.iter().copied()))
}

fn from_file(name: &str, added: &Path) -> Option<Vec<IpAddr>> {
    let text = fs::read_to_string(added).ok()?;
    let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
    Some(parse(line.split(' ').skip(1)))
}

fn parse<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Vec<IpAddr> {
    addresses.into_iter().map(|text| text.parse().expect("an address")).collect()
}

fn by_turns() -> IpAddr {
    static LOOPBACK: AtomicBool = AtomicBool::new(false);
    if LOOPBACK.fetch_xor(true, Ordering::Relaxed) {
        Ipv4Addr::LOCALHOST.into()
    } else {
        internet::WEB.parse().expect("an address")
    }
}
