//! What flags, profiles and ceilings make of the network.

use super::*;
use crate::egress::{EgressEntry, Opening, parse_loopback};
use crate::network_grants::NetworkGrants;

fn entries(lines: &[&str]) -> Vec<EgressEntry> {
    lines.iter().map(|line| EgressEntry::parse(line).unwrap()).collect()
}

fn reaching(lines: &[&str]) -> Asked {
    Asked { network: NetworkGrants { egress: entries(lines), ..NetworkGrants::default() }, ..Asked::default() }
}

fn ceiling(lines: &str) -> PolicySet {
    policy("", &format!("{MAKE}[rules.sandbox]\n{lines}\n"))
}

#[test]
fn without_any_policy_the_network_of_the_flags_is_granted_and_nothing_else() {
    let none = policy("", "");
    let granted = allowed(decide(&none, &asking(reaching(&["api.example.test", "!b.example.test"]))));
    assert_eq!(granted.grants().network.egress, entries(&["api.example.test", "!b.example.test"]));
    let plain = allowed(decide(&none, &request("/usr/bin/make")));
    assert_eq!(plain.grants().network, NetworkGrants::default());
}

#[test]
fn under_a_policy_a_way_out_must_fit_the_ceiling() {
    let plain = policy("", MAKE);
    assert_snapshot!(told(decide(&plain, &asking(reaching(&["api.example.test"])))), @r#"
    denied by `user:build`: reaching `api.example.test:443/tls` is not allowed
    hint: leave `api.example.test:443/tls` out, or list it in `egress` under `[rules.sandbox]` of `user:build`, with all that the profile has there
    "#);
    let wide = ceiling("egress = [\"*.example.test\", \"10.0.0.0/8:22/tcp\", \"@npm-registry\", \"!b.example.test\"]");
    for fits in ["api.example.test", "*.a.example.test", "10.1.0.0/16:22/tcp", "@npm-registry", "!anything.test"] {
        assert_eq!(word(&decide(&wide, &asking(reaching(&[fits])))), "allow", "{fits}");
    }
    for beyond in [
        "example.test",
        "api.example.test:80",
        "api.example.test:443/tcp",
        "api.example.test:443/udp",
        "evil.test",
        "b.example.test",
        "11.0.0.0/8:22/tcp",
        "10.0.0.0/8:443/tcp",
        "@pip-index",
        "0.0.0.0/0:22/tcp",
    ] {
        assert_eq!(word(&decide(&wide, &asking(reaching(&[beyond])))), "deny", "{beyond}");
    }
}

#[test]
fn an_exception_of_a_ceiling_goes_with_every_run_under_it() {
    let wide = ceiling("egress = [\"*.example.test\", \"!b.example.test\"]");
    let grants = allowed(decide(&wide, &asking(reaching(&["*.example.test"])))).grants;
    assert!(grants.network.egress.contains(&EgressEntry::parse("!b.example.test").unwrap()));
}

#[test]
fn an_empty_list_means_none() {
    for nothing in ["egress = []", "egress = [\"!a.example.test\"]"] {
        assert_eq!(word(&decide(&ceiling(nothing), &asking(reaching(&["a.example.test"])))), "deny", "{nothing}");
        assert_eq!(word(&decide(&ceiling(nothing), &request("/usr/bin/make"))), "allow", "{nothing}");
    }
}

#[test]
fn two_ceilings_on_the_network_both_hold() {
    let with = |lines: &str| format!("{MAKE}[rules.sandbox]\n{lines}\n");
    let both = policy(&with("egress = [\"*.example.test\"]"), &with("egress = [\"a.example.test\"]"));
    assert_eq!(word(&decide(&both, &asking(reaching(&["a.example.test"])))), "allow");
    assert_eq!(denied(decide(&both, &asking(reaching(&["b.example.test"])))).rule(), "user:build");
}

#[test]
fn loopback_and_published_ports_have_ceilings_of_their_own() {
    let asked = |loopback: &str, publish: u16| Asked {
        network: NetworkGrants {
            egress: Vec::new(),
            loopback: vec![parse_loopback(loopback).unwrap()],
            publish: vec![publish],
        },
        ..Asked::default()
    };
    let wide = ceiling("loopback = [\"127.0.0.1:5432\"]\npublish = [\"8080\"]");
    assert_eq!(word(&decide(&wide, &asking(asked("127.0.0.1:5432", 8080)))), "allow");
    assert_eq!(word(&decide(&wide, &asking(asked("127.0.0.1:5433", 8080)))), "deny");
    assert_eq!(word(&decide(&wide, &asking(asked("127.0.0.1:5432", 8081)))), "deny");
    assert_eq!(word(&decide(&policy("", MAKE), &asking(asked("127.0.0.1:5432", 8080)))), "deny");
}

#[test]
fn a_stated_list_holds_for_what_the_profile_reaches_too() {
    let npm = ceiling("profiles = [\"npm\"]\negress = [\"api.example.test\"]");
    let denial = denied(decide(&npm, &request("/usr/bin/make")));
    let registry = Excess::Egress(EgressEntry::parse("@npm-registry").unwrap());
    assert!(matches!(denial.reason(), Reason::Excess(excess) if excess.contains(&registry)), "{denial}");
    let stated = ceiling("profiles = [\"npm\"]\negress = [\"@npm-registry\"]");
    assert_eq!(word(&decide(&stated, &request("/usr/bin/make"))), "allow");
}

#[test]
fn what_is_asked_for_twice_is_granted_once() {
    let asked = reaching(&["a.example.test", "a.example.test:443/tls"]);
    let grants = allowed(decide(&policy("", ""), &asking(asked))).grants;
    let opening = EgressEntry::Opening(Opening::parse("a.example.test").unwrap());
    assert_eq!(grants.network.egress, [opening]);
}
