//! Addresses: what is not granted by address is refused, and a name leads only to the internet, whatever it resolves to.

use opaque_tests::internet::{EVIL, EVIL6, HOST, WEB, WEB6, port};
use opaque_tests::{Denial, Lab, Sandbox, Side, each_identity_in_a_lab};

const OPEN: &[&str] = &["--allow-net", "api.example.test"];

fn closed(address: &str, port: u16) -> Denial {
    let host = address.trim_matches(['[', ']']);
    let record = format!("{host}:{port} tcp: address not allowed");
    Denial::new(format!("say {address}:{port} ping"), "ECONNREFUSED", record)
}

fn has_family(lab: &Lab, denial: &Denial) -> bool {
    lab.has_ipv6() || !denial.row.contains("::")
}

#[test]
fn an_address_that_is_not_open_is_refused_at_once() {
    each_identity_in_a_lab(|sandbox, lab| {
        let six = |address: &str| format!("[{address}]");
        let mut rows = vec![closed(WEB, 7), closed(EVIL, 7), closed(&six(WEB6), 7), closed(&six(EVIL6), 7)];
        rows.extend([closed("10.1.2.3", 7), closed("169.254.169.254", 7), closed(HOST, 7)]);
        rows.retain(|row| has_family(lab, row));
        lab.denies(sandbox, OPEN, &rows);
    });
}

#[test]
fn a_synthetic_address_that_was_never_handed_out_leads_nowhere() {
    each_identity_in_a_lab(|sandbox, lab| {
        let unasked = |address: &str| {
            let host = address.trim_matches(['[', ']']);
            let row = format!("say {address}:443 ping");
            Denial::new(row, "ECONNRESET", format!("{host}:443 tcp: address stands for no name"))
                .without_twin("the address exists in a sandbox only")
        };
        let mut rows = vec![unasked("198.18.1.0"), unasked("198.19.255.254"), unasked("[fd6f:7061:7175:65::100]")];
        rows.retain(|row| has_family(lab, row));
        lab.denies(sandbox, OPEN, &rows);
    });
}

/// A name, the address that it leads to, and why that is not dialled.
const FORBIDDEN: &[(&str, &str)] = &[
    ("loopback.test", "127.0.0.1 is the host's own"),
    ("loopback6.test", "::1 is the host's own"),
    ("private.test", "10.1.2.3 is a private address"),
    ("private2.test", "192.168.77.5 is a private address"),
    ("private3.test", "172.16.5.5 is a private address"),
    ("cgnat.test", "100.64.0.9 is an address of a provider's own network"),
    ("metadata.test", "169.254.169.254 is a metadata service"),
    ("benchmark.test", "198.18.5.5 is an address for benchmarks"),
    ("ula.test", "fd00:77::5 is a private address"),
    ("nat64.test", "64:ff9b::1901:a is an IPv4 address behind a translator"),
    ("mapped.test", "::ffff:127.0.0.1 is a loopback address"),
    ("own.test", "25.1.0.2 is the host's own"),
    ("routed.test", "25.1.7.5 is the host's own"),
    ("own6.test", "2d00:1::2 is the host's own"),
    ("rest.test", "169.254.7.7 is a link-local address"),
    ("many-hosts.test", "224.0.0.1 is an address of many hosts"),
    ("reserved.test", "240.0.0.1 is a reserved address"),
    ("six-to-four.test", "2002:7f00:1::1 is a loopback address"),
    ("compatible.test", "::7f00:1 is a loopback address"),
    ("linklocal6.test", "fe80::1 is a link-local address"),
];

#[test]
fn a_name_that_leads_to_a_forbidden_address_is_not_dialled() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mut options = Vec::new();
        let mut rows = Vec::new();
        let grants: Vec<String> = FORBIDDEN.iter().map(|(name, _)| format!("{name}:7/tcp")).collect();
        for ((name, why), grant) in FORBIDDEN.iter().zip(&grants) {
            let address = why.split(' ').next().unwrap();
            lab.name(name, &[address]);
            options.extend(["--allow-net", grant]);
            let row = Denial::new(format!("say {name}:7 ping"), "ECONNRESET", format!("{name}:7 tcp: {why}"));
            // Outside, the same names lead to servers; a few addresses have none anywhere.
            let has_server =
                *name == "routed.test" || opaque_tests::internet::SPECIAL_NAMES.iter().any(|(known, _)| known == name);
            rows.push(if has_server { row } else { row.without_twin("nobody has this address") });
        }
        lab.denies_after_asking(sandbox, &options, &rows);
    });
}

#[test]
fn metadata_is_reached_under_no_grant() {
    each_identity_in_a_lab(|sandbox, lab| {
        let options = ["--allow-net", "169.254.0.0/16:7/tcp", "--allow-net", "metadata.test:7/tcp"];
        let record = "169.254.169.254 is a metadata service";
        let rows = [
            Denial::new("say 169.254.169.254:7 ping", "ECONNRESET", format!("169.254.169.254:7 tcp: {record}")),
            Denial::new("say metadata.test:7 ping", "ECONNRESET", format!("metadata.test:7 tcp: {record}")),
        ];
        lab.denies_after_asking(sandbox, &options, &rows);
    });
}

#[test]
fn of_several_addresses_only_those_on_the_internet_are_dialled() {
    each_identity_in_a_lab(|sandbox, lab| {
        lab.name("blend.test", &["10.1.2.3", "169.254.169.254", "127.0.0.1", WEB, HOST]);
        let options = ["--allow-net", "blend.test:7/tcp", "--allow-net", "mixed.test:7/tcp"];
        let rows = ["say blend.test:7 ping", "say mixed.test:7 ping", "say blend.test:7 ping"];
        assert_eq!(lab.attempt(sandbox, &options, &rows).all_done(), ["ping"; 3]);
        let reached: Vec<String> = lab.connections().iter().map(|known| known.local.to_string()).collect();
        assert_eq!(reached, [format!("{WEB}:7"), format!("{WEB}:7"), format!("{WEB}:7")]);
    });
}

#[test]
fn a_private_address_that_a_grant_names_is_dialled_and_no_other() {
    each_identity_in_a_lab(|sandbox, lab| {
        lab.name("inner.test", &["10.1.2.3"]);
        let options = ["--allow-net", "10.1.0.0/16:7/tcp", "--allow-net", "inner.test:7/tcp"];
        let rows = ["say 10.1.2.3:7 ping", "say inner.test:7 ping"];
        assert_eq!(lab.attempt(sandbox, &options, &rows).all_done(), ["ping"; 2]);
        let reached: Vec<String> = lab.connections().iter().map(|known| known.local.to_string()).collect();
        assert_eq!(reached, ["10.1.2.3:7", "10.1.2.3:7"]);
        let others = ["10.1.2.3:5432", "192.168.77.5:7"].map(|target| {
            let record = format!("{target} tcp: address not allowed");
            Denial::new(format!("say {target} ping"), "ECONNREFUSED", record)
        });
        let sent = lab.after_a_twin(sandbox);
        lab.denies(sandbox, &options, &others);
        assert!(!sent.0.is_empty());
    });
}

#[test]
fn a_name_that_changes_its_address_between_lookup_and_connection_never_leads_inside() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = ["say rebind.test:7 ping"; 60];
        let attempted = lab.attempt(sandbox, &["--allow-net", "rebind.test:7/tcp"], &rows);
        let (mut done, mut refused) = (0, 0);
        for attempt in &attempted.rows {
            match attempt.outcome.as_str() {
                "done ping" => done += 1,
                "refused ECONNRESET" => refused += 1,
                _ => panic!("{attempt:?}"),
            }
        }
        assert!(done > 0 && refused > 0, "the name should have changed: {done} {refused}");
        assert_eq!(attempted.blocked(), ["rebind.test:7 tcp: 127.0.0.1 is the host's own"]);
        let connections = lab.connections();
        assert_eq!(connections.len(), done);
        assert!(connections.iter().all(|known| known.side == Side::Internet), "a private address was dialled");
        twin_reaches_loopback(sandbox, lab);
    });
}

fn twin_reaches_loopback(sandbox: &Sandbox, lab: &Lab) {
    let rows = ["say rebind.test:7 ping"; 2];
    lab.attempt_outside(sandbox, &rows).all_done();
    assert!(lab.connections().iter().any(|known| known.side == Side::Host), "the twin is led to loopback");
}

#[test]
fn the_gates_own_ports_are_of_no_use() {
    each_identity_in_a_lab(|sandbox, lab| {
        let direct = |address: &str, error, record: String| {
            Denial::new(format!("say {address}:65053 ping"), error, record)
                .without_twin("the gate is in a sandbox only")
        };
        let gate = |address: &str| {
            let shown = address.trim_matches(['[', ']']);
            direct(address, "ECONNRESET", format!("{shown}:65053 tcp: connected to the gate itself"))
        };
        let mut rows = vec![gate("127.0.0.1"), gate("[::1]")];
        rows.push(direct(EVIL, "ECONNREFUSED", format!("{EVIL}:65053 tcp: address not allowed")));
        rows.push(
            Denial::unrecorded("say 198.18.0.1:65053 ping", "ECONNREFUSED").without_twin("a port of the run's own"),
        );
        rows.push(direct("198.18.77.7", "ECONNRESET", "198.18.77.7:65053 tcp: address stands for no name".to_owned()));
        rows.retain(|row| has_family(lab, row));
        lab.denies(sandbox, OPEN, &rows);
    });
}

#[test]
fn loopback_opens_one_port_of_the_host_and_nothing_beside_it() {
    each_identity_in_a_lab(|sandbox, lab| {
        let options = ["--loopback", "127.0.0.1:5432"];
        assert_eq!(lab.attempt(sandbox, &options, &["say 127.0.0.1:5432 ping"]).all_done(), ["ping"]);
        let last = lab.connections().last().cloned().unwrap();
        assert_eq!((last.side, last.local.to_string()), (Side::Host, format!("127.0.0.1:{}", port::DATABASE)));
        let own = |target: &str| Denial::unrecorded(format!("say {target} ping"), "ECONNREFUSED");
        let mut rows = vec![own("127.0.0.1:7"), own("[::1]:5432"), own("127.0.0.2:5432")];
        rows.retain(|row| has_family(lab, row));
        rows.push(closed(HOST, 5432));
        lab.denies(sandbox, &options, &rows);
    });
}

#[test]
fn other_spellings_of_an_address_are_that_address() {
    each_identity_in_a_lab(|sandbox, lab| {
        if !lab.has_ipv6() {
            return;
        }
        let record = format!("{EVIL}:7 tcp: address not allowed");
        let rows = [
            Denial::new(format!("say [::ffff:{EVIL}]:7 ping"), "ECONNREFUSED", record.clone()),
            Denial::new(
                format!("udp [::ffff:{EVIL}]:7000"),
                "ECONNREFUSED",
                format!("{EVIL}:7000 udp: address not allowed"),
            ),
            Denial::unrecorded("say [::ffff:127.0.0.1]:7 ping", "ECONNREFUSED"),
            Denial::unrecorded("say 0.0.0.0:7 ping", "ECONNREFUSED"),
            Denial::unrecorded("say [::]:7 ping", "ECONNREFUSED"),
            Denial::new("say [64:ff9b::1901:a]:7 ping", "ECONNREFUSED", "64:ff9b::1901:a:7 tcp: address not allowed"),
        ];
        lab.denies(sandbox, &["--allow-net", "25.1.0.10:7/tcp"], &rows);
        let rows = [format!("say [::ffff:{WEB}]:7 ping")];
        lab.attempt(sandbox, &["--allow-net", "25.1.0.10:7/tcp"], &rows).all_done();
    });
}

#[test]
fn a_grant_of_every_address_leads_no_name_to_the_hosts_loopback() {
    each_identity_in_a_lab(|sandbox, lab| {
        let names = ["loopback.test", "loopback6.test", "unspecified.test", "mapped.test"];
        let grants = names.map(|name| format!("{name}:7/tcp"));
        let mut options = vec!["--allow-net", "0.0.0.0/0:7/tcp", "--allow-net", "[::/0]:7/tcp"];
        options.extend(grants.iter().flat_map(|grant| ["--allow-net", grant]));
        let whys = ["127.0.0.1 is the host's own", "::1 is the host's own", "0.0.0.0 is no address of a host"];
        let whys = whys.into_iter().chain(["::ffff:127.0.0.1 is a loopback address"]);
        let denial = |(name, why): (&str, &str)| {
            Denial::new(format!("say {name}:7 ping"), "ECONNRESET", format!("{name}:7 tcp: {why}"))
        };
        let mut rows: Vec<Denial> = names.into_iter().zip(whys).map(denial).collect();
        rows.push(Denial::unrecorded("say 127.0.0.1:7 ping", "ECONNREFUSED"));
        if lab.has_ipv6() {
            lab.denies_after_asking(sandbox, &options, &rows);
        }
        // A block that is about loopback names it, and the grant of everything opens the internet.
        let named = ["--allow-net", "127.0.0.1:7/tcp", "--allow-net", "loopback.test:7/tcp"];
        lab.attempt(sandbox, &named, &["say loopback.test:7 ping"]).all_done();
        lab.attempt(sandbox, &options, &[format!("say {EVIL}:7 ping")]).all_done();
    });
}
