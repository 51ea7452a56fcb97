//! What the network of a plan is made of.

use std::collections::BTreeMap;

use super::hosts::Host;
use crate::egress::{EgressEntry, EndpointName, Opening};
use crate::facts::{Endpoint, Resolved};
use crate::network::{Network, Way};
use crate::path::AbsPath;
use crate::plan::Content;
use crate::text::Text;

fn grant(host: &mut Host, lines: &[&str]) {
    host.grants.network.egress.extend(lines.iter().map(|line| EgressEntry::parse(line).unwrap()));
}

fn opening(text: &str) -> Opening {
    Opening::parse(text).unwrap()
}

#[test]
fn a_run_without_grants_has_a_resolver_and_no_gate() {
    let plan = Host::debian().lower().unwrap();
    assert_eq!(plan.network, Network::default());
    assert!(!plan.network.has_gate());
    let settings = plan.mounts.iter().find(|mount| mount.target.to_string() == "/etc/resolv.conf").unwrap();
    assert!(matches!(&settings.content, Content::File { text } if text.starts_with("nameserver 198.18.0.1\n")));
}

#[test]
fn an_exception_alone_opens_nothing() {
    let mut host = Host::debian();
    grant(&mut host, &["!a.example.test"]);
    assert!(!host.lower().unwrap().network.has_gate());
}

#[test]
fn an_endpoint_becomes_the_hosts_that_its_tool_is_configured_to_use() {
    let mut host = Host::debian();
    grant(&mut host, &["@npm-registry", "api.example.test"]);
    let file = AbsPath::new("/home/ann/.npmrc").unwrap();
    let resolved = Resolved {
        openings: vec![opening("npm.example.test")],
        env: BTreeMap::from([(Text::from("npm_config_registry"), Text::from("https://npm.example.test/"))]),
        files: BTreeMap::from([(file.clone(), "registry=https://npm.example.test/\n".to_owned())]),
        notes: vec!["a note".to_owned()],
    };
    host.facts.endpoints.insert(EndpointName::NpmRegistry, Endpoint::Resolved(resolved));
    let plan = host.lower().unwrap();
    assert_eq!(
        plan.network.egress,
        [
            Way { opening: opening("npm.example.test"), endpoint: Some(EndpointName::NpmRegistry) },
            Way { opening: opening("api.example.test"), endpoint: None },
        ]
    );
    assert!(plan.env.iter().any(|variable| variable.name == Text::from("npm_config_registry")));
    assert!(plan.mounts.iter().any(|mount| mount.target == file));
    assert!(plan.notes.contains(&"a note".to_owned()));
}

#[test]
fn what_is_set_explicitly_holds_over_what_an_endpoint_brings() {
    let mut host = Host::debian();
    grant(&mut host, &["@go-proxy"]);
    let env = BTreeMap::from([(Text::from("GOPROXY"), Text::from("https://go.example.test"))]);
    let resolved = Resolved { env, ..Resolved::default() };
    host.facts.endpoints.insert(EndpointName::GoProxy, Endpoint::Resolved(resolved));
    host.grants.env_set.insert(Text::from("GOPROXY"), Text::from("off"));
    let plan = host.lower().unwrap();
    let value = plan.env.iter().find(|variable| variable.name == Text::from("GOPROXY")).map(|variable| &variable.value);
    assert_eq!(value, Some(&Text::from("off")));
}

#[test]
fn an_endpoint_that_is_not_known_stops_the_run_with_the_fix() {
    let mut host = Host::debian();
    grant(&mut host, &["@pip-index"]);
    let refusal = host.lower().unwrap_err();
    assert!(refusal.what.contains("@pip-index"), "{}", refusal.what);
    let unknown = Endpoint::Unknown { why: "nothing says so".into(), hint: "say so".into() };
    host.facts.endpoints.insert(EndpointName::PipIndex, unknown);
    let refusal = host.lower().unwrap_err();
    assert_eq!(refusal.what, "the endpoint `@pip-index` is not known: nothing says so");
    assert_eq!(refusal.hint.as_deref(), Some("say so"));
}

#[test]
fn what_a_sandbox_cannot_be_given_is_refused_before_it_is_built() {
    let refused = |lines: Vec<String>| {
        let mut host = Host::debian();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        grant(&mut host, &lines);
        host.lower().map(|_| String::new()).unwrap_or_else(|refusal| refusal.what)
    };
    assert!(refused(vec!["dns.example.test:53/udp".into()]).contains("port 53"));
    assert_eq!(refused((1..=16).map(|port| format!("a.example.test:{}/udp", 1000 + port)).collect()), "");
    assert!(
        refused((0..17).map(|port| format!("a.example.test:{}/udp", 1000 + port)).collect()).contains("more than 16")
    );
    assert!(refused((0..513).map(|number| format!("h{number}.example.test")).collect()).contains("more than 512"));
}
