//! No spelling of an address is more global than the address, and none hides metadata. The input is 4 bytes of an IPv4
//! address and 16 of an IPv6 one.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use opaque_egress::address::{Class, class, is_metadata};
use opaque_policy::egress::METADATA;

fuzz_target!(|data: &[u8]| {
    let Some((inner, rest)) = data.split_first_chunk::<4>() else { return };
    let Some(outer) = rest.first_chunk::<16>() else { return };
    let (inner, outer) = (Ipv4Addr::from(*inner), Ipv6Addr::from(*outer));
    let plain = class(inner.into());
    assert_eq!(plain == Class::Global, may_be_global(inner));
    assert_eq!(is_metadata(inner.into()), METADATA.contains(&inner.into()));
    for (form, carrier) in [
        (Class::Mapped, Some(inner.to_ipv6_mapped())),
        (Class::Compatible, Some(Ipv6Addr::from(u128::from(u32::from(inner))))),
        (Class::Nat64, Some(Ipv6Addr::from(0x0064_ff9b_u128 << 96 | u128::from(u32::from(inner))))),
    ] {
        let carrier = IpAddr::from(carrier.unwrap_or(outer));
        let expected = if plain == Class::Global { form } else { plain };
        let is_loopback = carrier == IpAddr::from(Ipv6Addr::LOCALHOST);
        assert!(class(carrier) == expected || (is_loopback && class(carrier) == Class::Loopback));
        assert_eq!(is_metadata(carrier), is_metadata(inner.into()));
    }
    // The same in 6to4, in Teredo, and with an interface identifier that carries it.
    let mut segments = outer.segments();
    let (high, low) = ((u32::from(inner) >> 16) as u16, u32::from(inner) as u16);
    segments[..3].copy_from_slice(&[0x2002, high, low]);
    assert_ne!(class(Ipv6Addr::from(segments).into()), Class::Global);
    segments = outer.segments();
    segments[..2].copy_from_slice(&[0x2001, 0]);
    segments[6..].copy_from_slice(&[!high, !low]);
    assert_ne!(class(Ipv6Addr::from(segments).into()), Class::Global);
    segments = outer.segments();
    segments[4..].copy_from_slice(&[0x200, 0x5efe, high, low]);
    assert!(class(Ipv6Addr::from(segments).into()) != Class::Global || plain == Class::Global);
    let is_unicast = outer.segments()[0] >> 13 == 1;
    assert!(class(outer.into()) != Class::Global || is_unicast);
    assert!(!METADATA.contains(&outer.into()) || is_metadata(outer.into()));
});

/// The registry once more, as the standard library tells it apart.
fn may_be_global(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let is_special = a == 0
        || a >= 240
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 198 && b & 0xfe == 18)
        || matches!([a, b, c], [192, 0, 0] | [192, 88, 99] | [192, 52, 193])
        || [a, b, c, d] == [168, 63, 129, 16];
    !is_special
}
