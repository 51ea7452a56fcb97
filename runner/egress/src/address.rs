//! Says what kind of place an address is, by the registries of special addresses. Never looks at this machine.
//!
//! An address that carries another one inside is judged by what it carries: whoever refuses 127.0.0.1 must refuse all
//! of its spellings. Sources: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use opaque_policy::egress::METADATA;

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A place on the internet.
    Global,
    /// No address, or "this network" (RFC 791, RFC 1122, RFC 4291): many kernels take it for themselves.
    Unspecified,
    /// This machine (RFC 1122, RFC 4291).
    Loopback,
    /// A private network (RFC 1918).
    Private,
    /// This link (RFC 3927, RFC 4291); clouds serve credentials here.
    LinkLocal,
    /// A provider's own network (RFC 6598).
    SharedNat,
    /// A private network of IPv6 (RFC 4193).
    UniqueLocal,
    /// A private network of IPv6, no longer in use (RFC 3879).
    SiteLocal,
    /// Many receivers at once (RFC 5771, RFC 4291).
    Multicast,
    /// Every machine on the link (RFC 919).
    Broadcast,
    /// For examples (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// For benchmarks (RFC 2544, RFC 5180); our own synthetic addresses are here.
    Benchmarking,
    /// Nowhere: packets are dropped (RFC 6666, RFC 9780).
    Discard,
    /// An IPv4 address in the clothes of IPv6 (RFC 4291, 2.5.5.2), whichever it is if it is global.
    Mapped,
    /// The same in an older form (RFC 4291, 2.5.5.1).
    Compatible,
    /// The same in the form of stateless translators (RFC 2765, 2.1).
    Translated,
    /// An IPv4 address behind a translator (RFC 6052, RFC 8215).
    Nat64,
    /// An IPv4 address behind an automatic tunnel, or the relay of such tunnels (RFC 3056, RFC 7526).
    SixToFour,
    /// An IPv4 address behind another kind of tunnel (RFC 4380).
    Teredo,
    /// Set aside for protocols or for the future (RFC 1112, RFC 2928, RFC 6890, RFC 9602), or never handed out.
    Reserved,
}

/// Says what kind of place an address is.
///
/// Only [`Class::Global`] is on the internet. What carries an IPv4 address that is not global is of that one's class.
#[must_use]
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// True when a cloud serves a machine's identity at this address, in whatever spelling.
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V4(_) => [None; 2],
        IpAddr::V6(address) => carried(address).inner,
    };
    let spellings = [Some(address)].into_iter().chain(inner.map(|inner| inner.map(IpAddr::V4)));
    spellings.flatten().any(|address| METADATA.contains(&address))
}

struct BlockV4(Ipv4Addr, u32, Class);

const fn v4(octets: [u8; 4], prefix: u32, class: Class) -> BlockV4 {
    BlockV4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), prefix, class)
}

/// The first block that holds an address tells its class.
const SPECIAL_V4: [BlockV4; 19] = [
    v4([0, 0, 0, 0], 8, Class::Unspecified),
    v4([10, 0, 0, 0], 8, Class::Private),
    v4([100, 64, 0, 0], 10, Class::SharedNat),
    v4([127, 0, 0, 0], 8, Class::Loopback),
    // Public by its number, yet each machine of one cloud reaches its own host there (see METADATA).
    v4([168, 63, 129, 16], 32, Class::Reserved),
    v4([169, 254, 0, 0], 16, Class::LinkLocal),
    v4([172, 16, 0, 0], 12, Class::Private),
    v4([192, 0, 0, 0], 24, Class::Reserved),
    v4([192, 0, 2, 0], 24, Class::Documentation),
    // Deprecated relays of 6to4 (RFC 7526).
    v4([192, 88, 99, 0], 24, Class::SixToFour),
    // Relays of multicast tunnels (RFC 7450): reachable, but no place for a connection.
    v4([192, 52, 193, 0], 24, Class::Reserved),
    v4([192, 168, 0, 0], 16, Class::Private),
    v4([198, 18, 0, 0], 15, Class::Benchmarking),
    v4([198, 51, 100, 0], 24, Class::Documentation),
    v4([203, 0, 113, 0], 24, Class::Documentation),
    // Documentation of multicast is multicast first (RFC 6676).
    v4([224, 0, 0, 0], 4, Class::Multicast),
    v4([255, 255, 255, 255], 32, Class::Broadcast),
    v4([240, 0, 0, 0], 4, Class::Reserved),
    v4([0, 0, 0, 0], 0, Class::Global),
];

fn class_v4(address: Ipv4Addr) -> Class {
    let bits = u32::from(address);
    let holds = |block: &&BlockV4| (bits ^ u32::from(block.0)).checked_shr(32 - block.1).unwrap_or(0) == 0;
    SPECIAL_V4.iter().find(holds).map_or(Class::Reserved, |block| block.2)
}

struct BlockV6(Ipv6Addr, u32, Class);

const fn v6(start: [u16; 4], prefix: u32, class: Class) -> BlockV6 {
    BlockV6(Ipv6Addr::new(start[0], start[1], start[2], start[3], 0, 0, 0, 0), prefix, class)
}

/// The first block that holds an address tells its class; forms that carry another address are not here.
const SPECIAL_V6: [BlockV6; 16] = [
    BlockV6(Ipv6Addr::UNSPECIFIED, 128, Class::Unspecified),
    BlockV6(Ipv6Addr::LOCALHOST, 128, Class::Loopback),
    v6([0x100, 0, 0, 0], 64, Class::Discard),
    v6([0x100, 0, 0, 1], 64, Class::Discard),
    v6([0x2001, 2, 0, 0], 48, Class::Benchmarking),
    // Protocol assignments: anycast of PCP and TURN, ORCHID, drones and the like (RFC 7723, RFC 7343, RFC 9374).
    v6([0x2001, 0, 0, 0], 23, Class::Reserved),
    v6([0x2001, 0xdb8, 0, 0], 32, Class::Documentation),
    v6([0x3fff, 0, 0, 0], 20, Class::Documentation),
    // The first test network of IPv6, given back (RFC 3701).
    v6([0x3ffe, 0, 0, 0], 16, Class::Reserved),
    v6([0x5f00, 0, 0, 0], 16, Class::Reserved),
    v6([0xfc00, 0, 0, 0], 7, Class::UniqueLocal),
    v6([0xfe80, 0, 0, 0], 10, Class::LinkLocal),
    v6([0xfec0, 0, 0, 0], 10, Class::SiteLocal),
    v6([0xff00, 0, 0, 0], 8, Class::Multicast),
    v6([0x2000, 0, 0, 0], 3, Class::Global),
    // INVARIANT: last, so that whatever nobody has assigned is not global.
    v6([0, 0, 0, 0], 0, Class::Reserved),
];

fn class_v6(address: Ipv6Addr) -> Class {
    let carried = carried(address);
    let inner = carried.inner.iter().flatten().map(|inner| class_v4(*inner));
    let hidden = inner.into_iter().find(|class| *class != Class::Global);
    match (carried.by, hidden) {
        // How such an address is laid out is a matter of the local network; each reading of it is a guess.
        (Some(Class::Nat64), _) if !is_well_known_nat64(address) => Class::Nat64,
        (Some(_), Some(hidden)) => hidden,
        (Some(by), None) => by,
        (None, hidden) => {
            let outer = plain_class_v6(address);
            if outer == Class::Global { hidden.unwrap_or(outer) } else { outer }
        }
    }
}

fn plain_class_v6(address: Ipv6Addr) -> Class {
    let bits = u128::from(address);
    let holds = |block: &&BlockV6| (bits ^ u128::from(block.0)).checked_shr(128 - block.1).unwrap_or(0) == 0;
    SPECIAL_V6.iter().find(holds).map_or(Class::Reserved, |block| block.2)
}

fn is_well_known_nat64(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, _, _])
}

/// What an IPv6 address carries.
struct Carried {
    /// The form that makes it so; absent when the rest of the address decides where packets go.
    by: Option<Class>,
    /// The IPv4 addresses inside.
    inner: [Option<Ipv4Addr>; 2],
}

fn carried(address: Ipv6Addr) -> Carried {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = Some(joined(g, h));
    let (by, inner) = match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0) if g == 0 && h <= 1 => (None, [None, None]),
        (0, 0, 0, 0, 0, 0) => (Some(Class::Compatible), [last, None]),
        (0, 0, 0, 0, 0, 0xffff) => (Some(Class::Mapped), [last, None]),
        (0, 0, 0, 0, 0xffff, 0) => (Some(Class::Translated), [last, None]),
        (0x64, 0xff9b, 0, 0, 0, 0) => (Some(Class::Nat64), [last, None]),
        // At the end, or with its halves around the zero byte at bit 64 (RFC 6052, 2.2).
        (0x64, 0xff9b, 1, _, _, _) => (Some(Class::Nat64), [last, Some(joined(d, e << 8 | f >> 8))]),
        // The machine behind the tunnel, its bits turned over, and the server of the tunnel.
        (0x2001, 0, _, _, _, _) => (Some(Class::Teredo), [Some(joined(!g, !h)), Some(joined(c, d))]),
        (0x2002, _, _, _, _, _) => (Some(Class::SixToFour), [Some(joined(b, c)), None]),
        // ISATAP (RFC 5214, 6.1): the rest is a prefix like any other.
        (_, _, _, _, 0 | 0x200, 0x5efe) => (None, [last, None]),
        _ => (None, [None, None]),
    };
    Carried { by, inner }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests;
