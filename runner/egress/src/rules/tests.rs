use opaque_policy::network::Way;
use proptest::prelude::*;

use super::*;

fn rules(ways: &[&str], except: &[&str]) -> Rules {
    Rules::of(&Network {
        egress: ways.iter().map(|way| Way { opening: Opening::parse(way).unwrap(), endpoint: None }).collect(),
        except: except.iter().map(|text| HostPattern::of_person(text).unwrap()).collect(),
        loopback: vec!["127.0.0.1:5432".parse().unwrap()],
        publish: Vec::new(),
    })
}

fn host(text: &str) -> HostName {
    HostName::new(text.as_bytes()).unwrap()
}

fn name(text: &str) -> Target {
    Target::Name(host(text))
}

fn address(text: &str) -> Target {
    Target::Address(text.parse().unwrap())
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn without_a_grant_nothing_is_open() {
    for nothing in [rules(&[], &[]), Rules::default(), rules(&[], &["a.test"])] {
        assert_eq!(nothing.lookup(&host("a.example.test")), Err(Refusal::NameNotAllowed));
        assert_eq!(nothing.connect(&name("a.example.test"), 443), Err(Refusal::NameNotAllowed));
        assert_eq!(nothing.connect(&address("25.1.0.10"), 443), Err(Refusal::AddressNotAllowed));
        assert_eq!(nothing.send(&address("25.1.0.10"), 53), Err(Refusal::AddressNotAllowed));
    }
}

#[test]
fn a_grant_opens_its_host_at_its_port_for_its_protocol_and_nothing_else() {
    let rules = rules(
        &["api.example.test", "db.example.test:5432/tcp", "time.example.test:123/udp", "web.example.test:80"],
        &[],
    );
    let checks = |host: &str, port| rules.connect(&name(host), port).map(|passage| passage.checks);
    assert_eq!(checks("api.example.test", 443), Ok(Checks::Tls));
    assert_eq!(checks("db.example.test", 5432), Ok(Checks::Nothing));
    assert_eq!(checks("web.example.test", 80), Ok(Checks::Http));
    assert_eq!(checks("api.example.test", 80), Err(Refusal::PortNotAllowed));
    assert_eq!(checks("api.example.test", 5432), Err(Refusal::PortNotAllowed));
    assert_eq!(checks("time.example.test", 123), Err(Refusal::PortNotAllowed));
    assert_eq!(checks("evil-api.example.test", 443), Err(Refusal::NameNotAllowed));
    assert_eq!(checks("api.example.test.evil.test", 443), Err(Refusal::NameNotAllowed));
    assert_eq!(rules.send(&name("time.example.test"), 123), Ok("time.example.test:123/udp".to_owned()));
    assert_eq!(rules.send(&name("api.example.test"), 443), Err(Refusal::PortNotAllowed));
    // A name that is open for datagrams alone is looked up all the same.
    assert_eq!(rules.lookup(&host("time.example.test")), Ok(()));
}

#[test]
fn of_several_grants_for_one_port_the_widest_counts() {
    let checks = |ways: &[&str]| rules(ways, &[]).connect(&name("a.example.test"), 443).unwrap().checks;
    assert_eq!(checks(&["a.example.test", "*.example.test:443/tcp"]), Checks::Nothing);
    assert_eq!(checks(&["a.example.test", "a.example.test:443/http"]), Checks::TlsOrHttp);
}

#[test]
fn an_exception_closes_a_host_whatever_else_is_open() {
    let rules = rules(&["*.example.test", "b.example.test:22/tcp"], &["b.example.test", "*.internal.example.test"]);
    assert_eq!(rules.lookup(&host("a.example.test")), Ok(()));
    for closed in ["b.example.test", "x.internal.example.test"] {
        assert_eq!(rules.lookup(&host(closed)), Err(Refusal::NameExcepted), "{closed}");
        assert_eq!(rules.connect(&name(closed), 443), Err(Refusal::NameExcepted), "{closed}");
        assert_eq!(rules.connect(&name(closed), 22), Err(Refusal::NameExcepted), "{closed}");
        assert_eq!(rules.send(&name(closed), 22), Err(Refusal::NameExcepted), "{closed}");
    }
}

#[test]
fn a_hello_must_name_the_host_that_was_looked_up() {
    let rules = rules(&["*.example.test", "10.0.0.0/8"], &[]);
    let hello = |target: &Target, server: Option<&str>| rules.hello(target, 443, server.map(host).as_ref());
    assert_eq!(hello(&name("a.example.test"), Some("a.example.test")), Ok(()));
    assert_eq!(hello(&name("a.example.test"), None), Err(Refusal::NoServerName));
    // Another host that is open is not the one that was looked up.
    for other in ["b.example.test", "evil.test"] {
        assert_eq!(hello(&name("a.example.test"), Some(other)), Err(Refusal::ServerNameDiffers(host(other))));
    }
    assert_eq!(hello(&address("10.0.0.1"), None), Ok(()));
    assert_eq!(hello(&address("10.0.0.1"), Some("a.example.test")), Ok(()));
    assert_eq!(hello(&address("10.0.0.1"), Some("evil.test")), Err(Refusal::ServerNameDiffers(host("evil.test"))));
}

#[test]
fn a_name_leads_only_to_addresses_on_the_internet() {
    let rules = rules(&["*.example.test"], &[]);
    let dial = |found: &[&str], own: &[&str]| {
        rules.dial(&name("a.example.test"), 443, Transport::Tcp, &addresses(found), &addresses(own))
    };
    assert_eq!(dial(&["25.1.0.10"], &[]).unwrap(), ["25.1.0.10:443".parse().unwrap()]);
    // Of a mixed answer only what is on the internet is dialled.
    assert_eq!(dial(&["127.0.0.1", "25.1.0.10", "10.0.0.1"], &[]).unwrap(), ["25.1.0.10:443".parse().unwrap()]);
    assert_eq!(dial(&["25.1.0.10"], &["25.1.0.10"]), Err(Refusal::OwnAddress("25.1.0.10".parse().unwrap())));
    assert_eq!(dial(&[], &[]), Err(Refusal::NoAddress));
    for closed in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.9",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "198.18.5.5",
        "192.0.2.1",
        "240.0.0.1",
        "::1",
        "::",
        "::ffff:25.1.0.10",
        "::ffff:127.0.0.1",
        "64:ff9b::1901:a",
        "64:ff9b::7f00:1",
        "2002:1901:a::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
    ] {
        assert!(dial(&[closed], &[]).is_err(), "{closed}");
    }
}

#[test]
fn a_grant_that_names_an_address_opens_it_for_names_too() {
    let rules = rules(&["*.example.test:6379/tcp", "10.1.2.0/24:6379/tcp", "25.1.0.2:6379/tcp"], &[]);
    let dial = |port, transport, found: &str, own: &[&str]| {
        rules.dial(&name("a.example.test"), port, transport, &addresses(&[found]), &addresses(own)).is_ok()
    };
    assert!(dial(6379, Transport::Tcp, "10.1.2.3", &[]));
    assert!(dial(6379, Transport::Tcp, "25.1.0.2", &["25.1.0.2"]));
    assert!(!dial(6379, Transport::Tcp, "10.1.3.3", &[]));
    assert!(!dial(443, Transport::Tcp, "10.1.2.3", &[]));
    assert!(!dial(6379, Transport::Udp, "10.1.2.3", &[]));
    // A form that only wraps the address is not the address.
    assert!(!dial(6379, Transport::Tcp, "::ffff:10.1.2.3", &[]));
}

#[test]
fn a_metadata_service_is_never_reached() {
    let rules = rules(&["*.example.test:80/tcp", "169.254.0.0/16:80/tcp", "0.0.0.0/0:80/tcp", "[::/0]:80/tcp"], &[]);
    for metadata in ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"] {
        assert!(rules.connect(&address(metadata), 80).is_err(), "{metadata}");
        let found = addresses(&[metadata]);
        assert!(rules.dial(&name("a.example.test"), 80, Transport::Tcp, &found, &[]).is_err(), "{metadata}");
    }
    let wrapped = addresses(&["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]);
    assert!(rules.dial(&name("a.example.test"), 80, Transport::Tcp, &wrapped, &[]).is_err());
    assert!(rules.connect(&address("169.254.1.1"), 80).is_ok());
}

#[test]
fn an_address_that_is_not_granted_is_not_dialled_even_when_asked_directly() {
    let rules = rules(&["*.example.test"], &[]);
    let found = addresses(&["25.1.0.10"]);
    assert_eq!(rules.dial(&address("25.1.0.10"), 443, Transport::Tcp, &found, &[]), Err(Refusal::AddressNotAllowed));
}

#[test]
fn only_the_granted_port_of_the_hosts_loopback_is_open() {
    let rules = rules(&[], &[]);
    assert!(rules.opens_loopback("127.0.0.1:5432".parse().unwrap()));
    for closed in ["127.0.0.1:5433", "127.0.0.2:5432", "[::1]:5432"] {
        assert!(!rules.opens_loopback(closed.parse().unwrap()), "{closed}");
    }
}

proptest! {
    #[test]
    fn what_is_dialled_was_resolved_and_is_never_the_hosts_own_unless_named(bytes in proptest::collection::vec(any::<u32>(), 0..6), own in 0_usize..6) {
        let rules = rules(&["*.example.test"], &[]);
        let found: Vec<IpAddr> = bytes.iter().map(|bits| IpAddr::V4((*bits).into())).collect();
        let own: Vec<IpAddr> = found.get(own).copied().into_iter().collect();
        if let Ok(dialled) = rules.dial(&name("a.example.test"), 443, Transport::Tcp, &found, &own) {
            for socket in dialled {
                prop_assert!(found.contains(&socket.ip()) && !own.contains(&socket.ip()));
                prop_assert_eq!(address::class(socket.ip()), Class::Global);
            }
        }
    }

    #[test]
    fn one_grant_more_never_closes_what_was_open(
        ways in proptest::collection::vec("[a-c]\\.[a-b]\\.test(:80|:22/tcp)?|\\*\\.[a-b]\\.test", 0..4),
        more in "[a-c]\\.[a-b]\\.test(:80|:22/tcp)?|\\*\\.[a-b]\\.test",
        asked in "[a-c]\\.[a-b]\\.test", port in prop::sample::select(vec![22_u16, 80, 443])
    ) {
        let texts: Vec<&str> = ways.iter().map(String::as_str).collect();
        let wider: Vec<&str> = texts.iter().copied().chain([more.as_str()]).collect();
        if rules(&texts, &[]).connect(&name(&asked), port).is_ok() {
            prop_assert!(rules(&wider, &[]).connect(&name(&asked), port).is_ok());
        }
    }
}
