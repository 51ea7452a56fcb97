//! Other ways to speak than TCP and granted datagrams: sockets that do not open, packets that go nowhere, and a network
//! whose set-up nobody inside can change.

use opaque_tests::internet::{EVIL, EVIL6, WEB, WEB6, port};
use opaque_tests::{Denial, Lab, Sandbox, each_identity_in_a_lab};

const OPEN: &[&str] = &["--allow-net", "api.example.test", "--allow-net", "db.example.test:7000/udp"];

fn with_family(lab: &Lab, rows: Vec<Denial>) -> Vec<Denial> {
    rows.into_iter().filter(|row| lab.has_ipv6() || !row.row.contains("::")).collect()
}

#[test]
fn datagrams_that_are_not_granted_are_unreachable_at_once() {
    each_identity_in_a_lab(|sandbox, lab| {
        let closed = |target: &str| {
            let host = target.replace(['[', ']'], "");
            Denial::new(format!("udp {target}"), "ECONNREFUSED", format!("{host} udp: address not allowed"))
        };
        let quic = |target: &str| closed(target).without_twin("nobody in the lab speaks QUIC");
        let rows = vec![
            closed(&format!("{EVIL}:7000")),
            closed(&format!("{EVIL}:123")),
            closed(&format!("{WEB}:123")),
            closed(&format!("[{EVIL6}]:7000")),
            closed("10.1.2.3:7000"),
            closed("169.254.169.254:123"),
            quic(&format!("{EVIL}:443")),
            quic(&format!("[{WEB6}]:443")),
            // The port is open to a name, not to every address.
            closed(&format!("{WEB}:7000")),
            Denial::new("udp api.example.test:443", "ECONNREFUSED", "api.example.test:443 udp: port not allowed")
                .without_twin("nobody in the lab speaks QUIC"),
            Denial::new("udp api.example.test:123", "ECONNREFUSED", "api.example.test:123 udp: port not allowed"),
        ];
        lab.denies(sandbox, OPEN, &with_family(lab, rows));
    });
}

#[test]
fn a_port_for_datagrams_that_is_open_to_one_name_is_closed_to_others() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = [
            Denial::new("udp api.example.test:7000", "ECONNREFUSED", "api.example.test:7000 udp: port not allowed"),
            Denial::new("udp 198.18.99.9:7000", "ECONNREFUSED", "198.18.99.9:7000 udp: address stands for no name")
                .without_twin("an address of sandboxes only"),
        ];
        lab.denies(sandbox, OPEN, &rows);
        lab.attempt(sandbox, OPEN, &["udp db.example.test:7000"]).all_done();
    });
}

/// Below a wildcard only the gate knows the name: it keeps the datagram and says nothing, as a network may.
#[test]
fn a_datagram_below_a_wildcard_that_may_not_go_does_not_leave() {
    each_identity_in_a_lab(|sandbox, lab| {
        let options = ["--allow-net", "*.example.test:7000/udp", "--allow-net", "other.test"];
        let attempted = lab.attempt(sandbox, &options, &["udp other.test:7000", "udp db.example.test:7000"]);
        assert!(attempted.rows[0].outcome.starts_with("refused"), "{:?}", attempted.rows);
        assert!(attempted.rows[1].outcome.starts_with("done"), "{:?}", attempted.rows);
        let blocked = attempted.blocked();
        assert!(blocked.contains(&"other.test:7000 udp: port not allowed".to_owned()), "{blocked:?}");
        assert_eq!(lab.datagrams().len(), 1, "one went to the open host, none to the other");
        lab.attempt_outside(sandbox, &["udp other.test:7000"]).all_done();
        assert_eq!(lab.datagrams().len(), 2, "the twin arrives");
    });
}

#[test]
fn a_datagram_to_a_name_that_leads_inside_is_not_sent() {
    each_identity_in_a_lab(|sandbox, lab| {
        let names = ["private.test", "loopback.test", "metadata.test", "own.test"];
        let grants = names.map(|name| format!("{name}:7000/udp"));
        let options: Vec<&str> = grants.iter().flat_map(|grant| ["--allow-net", grant]).collect();
        let rows = names.map(|name| format!("udp {name}:7000"));
        let attempted = lab.attempt(sandbox, &options, &rows);
        assert!(attempted.rows.iter().all(|attempt| attempt.outcome.starts_with("refused")), "{:?}", attempted.rows);
        assert_eq!(attempted.blocked().len(), names.len(), "{:?}", attempted.blocked());
        lab.after_a_twin(sandbox);
        assert_eq!(lab.datagrams(), []);
        lab.attempt_outside(sandbox, &rows).all_done();
        assert_eq!(lab.datagrams().len(), names.len());
    });
}

#[test]
fn granted_datagrams_go_both_ways() {
    each_identity_in_a_lab(|sandbox, lab| {
        let block = format!("{WEB}/32:123/udp");
        let six = format!("[{WEB6}/128]:123/udp");
        let mut options = vec!["--allow-net", "*.example.test:7000/udp", "--allow-net", &block];
        let mut rows = vec![
            "udp db.example.test:7000".to_owned(),
            "udp api.example.test:7000".to_owned(),
            format!("udp {WEB}:123"),
        ];
        if lab.has_ipv6() {
            options.extend(["--allow-net", &six]);
            rows.push(format!("udp [{WEB6}]:123"));
        }
        // Each socket is connected: it takes an answer from the address it wrote to, and from no other.
        let attempted = lab.attempt(sandbox, &options, &rows);
        assert!(attempted.all_done().iter().all(|answer| answer == "probe"));
        let flows = attempted.ended.reported()["network"]["flows"].as_array().cloned().unwrap();
        assert_eq!(flows.len(), rows.len());
        for flow in flows {
            assert_eq!((&flow["sent"], &flow["received"], &flow["transport"]), (&5.into(), &5.into(), &"udp".into()));
        }
        assert_eq!(lab.datagrams().len(), rows.len());
    });
}

#[test]
fn sockets_of_other_protocols_do_not_exist() {
    each_identity_in_a_lab(|sandbox, lab| {
        let kinds = [
            "raw",
            "raw-udp",
            "packet",
            "ping",
            "ping6",
            "mptcp",
            "mptcp6",
            "sctp",
            "sctp-packets",
            "dccp",
            "udplite",
            "netfilter",
        ];
        let rows = kinds.map(|kind| format!("open {kind}"));
        for options in [&[][..], OPEN] {
            for attempt in &lab.attempt(sandbox, options, &rows).rows {
                let is_refused = attempt.outcome.starts_with("refused E");
                assert!(is_refused, "{attempt:?}");
            }
        }
        // The twin: what this kernel has, the superuser outside opens.
        let outside = lab.attempt_outside(sandbox, &rows);
        let opened = outside.rows.iter().filter(|attempt| attempt.outcome == "done").count();
        assert!(opened >= if sandbox.identity().is_root() { 4 } else { 1 }, "{:?}", outside.rows);
    });
}

#[test]
fn what_is_sent_to_many_hosts_reaches_none() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mut rows = vec![
            "throw 224.0.0.251:5353",
            "throw 239.1.2.3:7000",
            "throw 255.255.255.255:7000",
            "throw 25.1.0.255:7000",
        ];
        if lab.has_ipv6() {
            rows.push("throw [ff05::1]:7000");
        }
        let before = lab.after_a_twin(sandbox);
        let _ = lab.attempt(sandbox, OPEN, &rows);
        let _ = lab.attempt(sandbox, &[], &rows);
        assert_eq!(lab.after_a_twin(sandbox), before, "something left");
        lab.attempt_outside(sandbox, &rows[..3]);
        lab.wait_for_packet("udp", "239.1.2.3", port::UDP_ECHO);
    });
}

#[test]
fn the_networks_set_up_cannot_be_changed_from_inside() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = ["address", "route", "route-away", "link-down"].map(|change| format!("change-network {change}"));
        for options in [&[][..], OPEN] {
            for attempt in &lab.attempt(sandbox, options, &rows).rows {
                assert_eq!(attempt.outcome, "refused EPERM", "{attempt:?}");
            }
        }
        lab.attempt(sandbox, OPEN, &["lookup api.example.test"]).all_done();
        tools_of_the_packet_filter_fail(sandbox, lab);
        if sandbox.identity().is_root() {
            lab.attempt_outside(sandbox, &rows).all_done();
        }
    });
}

fn tools_of_the_packet_filter_fail(sandbox: &Sandbox, lab: &Lab) {
    let commands: [&[&str]; 4] = [
        &["nft", "flush", "ruleset"],
        &["nft", "list", "ruleset"],
        &["iptables", "-F"],
        &["ip", "link", "add", "d0", "type", "dummy"],
    ];
    for command in commands {
        let Some(program) = opaque_tests::program(command[0]) else { continue };
        let program = program.display().to_string();
        let words = [OPEN, &["--", program.as_str()], &command[1..]].concat();
        let ended = lab.run(sandbox, words);
        assert!(ended.code != Some(0), "{ended}");
    }
}
