//! The borders of every block, from both sides, and what embedding must never do.

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// First and last address of each block, and those just outside of it.
const BORDERS: &[(&str, Class)] = &[
    ("0.0.0.0", Class::Unspecified),
    ("0.0.0.1", Class::Unspecified),
    ("0.255.255.255", Class::Unspecified),
    ("1.0.0.0", Class::Global),
    ("9.255.255.255", Class::Global),
    ("10.0.0.0", Class::Private),
    ("10.255.255.255", Class::Private),
    ("11.0.0.0", Class::Global),
    ("100.63.255.255", Class::Global),
    ("100.64.0.0", Class::SharedNat),
    ("100.100.100.200", Class::SharedNat),
    ("100.127.255.255", Class::SharedNat),
    ("100.128.0.0", Class::Global),
    ("126.255.255.255", Class::Global),
    ("127.0.0.0", Class::Loopback),
    ("127.0.0.1", Class::Loopback),
    ("127.255.255.255", Class::Loopback),
    ("128.0.0.0", Class::Global),
    ("168.63.129.15", Class::Global),
    ("168.63.129.16", Class::Reserved),
    ("168.63.129.17", Class::Global),
    ("169.253.255.255", Class::Global),
    ("169.254.0.0", Class::LinkLocal),
    ("169.254.169.254", Class::LinkLocal),
    ("169.254.255.255", Class::LinkLocal),
    ("169.255.0.0", Class::Global),
    ("172.15.255.255", Class::Global),
    ("172.16.0.0", Class::Private),
    ("172.31.255.255", Class::Private),
    ("172.32.0.0", Class::Global),
    ("191.255.255.255", Class::Global),
    ("192.0.0.0", Class::Reserved),
    ("192.0.0.9", Class::Reserved),
    ("192.0.0.170", Class::Reserved),
    ("192.0.0.255", Class::Reserved),
    ("192.0.1.0", Class::Global),
    ("192.0.1.255", Class::Global),
    ("192.0.2.0", Class::Documentation),
    ("192.0.2.255", Class::Documentation),
    ("192.0.3.0", Class::Global),
    ("192.52.192.255", Class::Global),
    ("192.52.193.0", Class::Reserved),
    ("192.52.193.255", Class::Reserved),
    ("192.52.194.0", Class::Global),
    ("192.88.98.255", Class::Global),
    ("192.88.99.0", Class::SixToFour),
    ("192.88.99.255", Class::SixToFour),
    ("192.88.100.0", Class::Global),
    ("192.167.255.255", Class::Global),
    ("192.168.0.0", Class::Private),
    ("192.168.255.255", Class::Private),
    ("192.169.0.0", Class::Global),
    ("198.17.255.255", Class::Global),
    ("198.18.0.0", Class::Benchmarking),
    ("198.19.255.255", Class::Benchmarking),
    ("198.20.0.0", Class::Global),
    ("198.51.99.255", Class::Global),
    ("198.51.100.0", Class::Documentation),
    ("198.51.100.255", Class::Documentation),
    ("198.51.101.0", Class::Global),
    ("203.0.112.255", Class::Global),
    ("203.0.113.0", Class::Documentation),
    ("203.0.113.255", Class::Documentation),
    ("203.0.114.0", Class::Global),
    ("223.255.255.255", Class::Global),
    ("224.0.0.0", Class::Multicast),
    ("233.252.0.1", Class::Multicast),
    ("239.255.255.255", Class::Multicast),
    ("240.0.0.0", Class::Reserved),
    ("255.255.255.254", Class::Reserved),
    ("255.255.255.255", Class::Broadcast),
    ("::", Class::Unspecified),
    ("::1", Class::Loopback),
    ("::2", Class::Unspecified),
    ("::8.8.8.8", Class::Compatible),
    ("::127.0.0.1", Class::Loopback),
    ("::255.255.255.255", Class::Broadcast),
    ("::1:0:0", Class::Reserved),
    ("::fffe:8.8.8.8", Class::Reserved),
    ("::ffff:0.0.0.0", Class::Unspecified),
    ("::ffff:8.8.8.8", Class::Mapped),
    ("::ffff:10.0.0.1", Class::Private),
    ("::ffff:127.0.0.1", Class::Loopback),
    ("::ffff:169.254.169.254", Class::LinkLocal),
    ("::ffff:255.255.255.255", Class::Broadcast),
    ("::ffff:0:8.8.8.8", Class::Translated),
    ("::ffff:0:10.0.0.1", Class::Private),
    ("::1:ffff:8.8.8.8", Class::Reserved),
    ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("64:ff9b::", Class::Unspecified),
    ("64:ff9b::8.8.8.8", Class::Nat64),
    ("64:ff9b::10.0.0.1", Class::Private),
    ("64:ff9b::255.255.255.255", Class::Broadcast),
    ("64:ff9b::1:0:0", Class::Reserved),
    ("64:ff9b:0:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("64:ff9b:1::", Class::Nat64),
    ("64:ff9b:1::10.0.0.1", Class::Nat64),
    ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Class::Nat64),
    ("64:ff9b:2::", Class::Reserved),
    ("ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("100::", Class::Discard),
    ("100::ffff:ffff:ffff:ffff", Class::Discard),
    ("100:0:0:1::", Class::Discard),
    ("100:0:0:1:ffff:ffff:ffff:ffff", Class::Discard),
    ("100:0:0:2::", Class::Reserved),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("2000::", Class::Global),
    ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Global),
    // The server is 8.8.8.8, the machine 8.8.4.4.
    ("2001:0:808:808::f7f7:fbfb", Class::Teredo),
    // The machine is 192.168.1.1, then the server is.
    ("2001:0:808:808::3f57:fefe", Class::Private),
    ("2001:0:c0a8:101::f7f7:fbfb", Class::Private),
    ("2001::", Class::Broadcast),
    ("2001:1::1", Class::Reserved),
    ("2001:1:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("2001:2::", Class::Benchmarking),
    ("2001:2:0:ffff:ffff:ffff:ffff:ffff", Class::Benchmarking),
    ("2001:2:1::", Class::Reserved),
    ("2001:3::", Class::Reserved),
    ("2001:4:112::", Class::Reserved),
    ("2001:10::", Class::Reserved),
    ("2001:20::", Class::Reserved),
    ("2001:30::", Class::Reserved),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("2001:200::", Class::Global),
    ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", Class::Global),
    ("2001:db8::", Class::Documentation),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Class::Documentation),
    ("2001:db9::", Class::Global),
    ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Global),
    ("2002::", Class::Unspecified),
    ("2002:808:808::1", Class::SixToFour),
    ("2002:7f00:1::1", Class::Loopback),
    ("2002:a9fe:a9fe::", Class::LinkLocal),
    ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Broadcast),
    ("2003::", Class::Global),
    ("2606:4700::1111", Class::Global),
    ("2606:4700::5efe:8.8.8.8", Class::Global),
    ("2606:4700::5efe:10.0.0.1", Class::Private),
    ("2606:4700::200:5efe:127.0.0.1", Class::Loopback),
    ("2606:4700::100:5efe:127.0.0.1", Class::Global),
    ("3ffd:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Global),
    ("3ffe::", Class::Reserved),
    ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("3fff::", Class::Documentation),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Documentation),
    ("3fff:1000::", Class::Global),
    ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Global),
    ("4000::", Class::Reserved),
    ("5f00::", Class::Reserved),
    ("fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("fc00::", Class::UniqueLocal),
    ("fd00:ec2::254", Class::UniqueLocal),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::UniqueLocal),
    ("fe00::", Class::Reserved),
    ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
    ("fe80::", Class::LinkLocal),
    ("fe80::5efe:8.8.8.8", Class::LinkLocal),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::LinkLocal),
    ("fec0::", Class::SiteLocal),
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::SiteLocal),
    ("ff00::", Class::Multicast),
    ("ff02::1", Class::Multicast),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Multicast),
];

#[test]
fn every_block_ends_where_its_registry_says() {
    assert!(BORDERS.len() >= 120);
    for (address, expected) in BORDERS {
        assert_eq!(class(ip(address)), *expected, "{address}");
    }
}

#[test]
fn metadata_is_known_in_every_spelling() {
    for address in METADATA {
        assert!(is_metadata(address), "{address}");
        assert_ne!(class(address), Class::Global, "{address}");
    }
    for address in [
        "::169.254.169.254",
        "::ffff:169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "2002:a9fe:a9fe::1",
        "2606:4700::5efe:169.254.169.254",
        "::ffff:100.100.100.200",
        "::ffff:168.63.129.16",
    ] {
        assert!(is_metadata(ip(address)), "{address}");
    }
    for address in ["169.254.169.253", "::ffff:8.8.8.8", "fd00:ec2::255", "2606:4700::a9fe:a9fe", "8.8.8.8"] {
        assert!(!is_metadata(ip(address)), "{address}");
    }
}

/// All forms in which an IPv4 address can be carried.
fn carriers(inner: Ipv4Addr) -> Vec<Ipv6Addr> {
    let low = u128::from(u32::from(inner));
    let [a, b, c, d] = inner.octets();
    let (high, rest) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        inner.to_ipv6_mapped(),
        Ipv6Addr::from(0xffff_0000_u128 << 32 | low),
        Ipv6Addr::from(0x0064_ff9b_u128 << 96 | low),
        Ipv6Addr::from(0x0064_ff9b_0001_u128 << 80 | low),
        Ipv6Addr::new(0x64, 0xff9b, 1, high, u16::from(c), u16::from(d) << 8, 0, 0),
        Ipv6Addr::new(0x2002, high, rest, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !rest),
        Ipv6Addr::new(0x2001, 0, high, rest, 0, 0, 0xf7f7, 0xf7f7),
    ]
}

proptest! {
    #[test]
    fn what_is_carried_in_another_form_is_never_global(bits in any::<u32>()) {
        let inner = Ipv4Addr::from(bits);
        for outer in carriers(inner) {
            prop_assert_ne!(class(outer.into()), Class::Global, "{} {}", outer, inner);
            prop_assert!(is_metadata(outer.into()) || !is_metadata(inner.into()), "{} {}", outer, inner);
        }
    }

    #[test]
    fn what_hides_in_a_global_prefix_keeps_its_own_class(bits in any::<u32>(), net in any::<u16>(), local in any::<bool>()) {
        let inner = Ipv4Addr::from(bits);
        let universal = if local { 0 } else { 0x200 };
        let [a, b, c, d] = inner.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let outer = Ipv6Addr::new(0x2606, 0x4700, 0, net, universal, 0x5efe, high, low);
        prop_assert_eq!(class(outer.into()), class(inner.into()));
    }

    #[test]
    fn nothing_outside_of_global_unicast_is_global(bits in any::<u128>()) {
        let address = Ipv6Addr::from(bits);
        prop_assert!(class(address.into()) != Class::Global || bits >> 125 == 1, "{}", address);
    }
}
