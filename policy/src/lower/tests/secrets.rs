//! What a plan says of secrets, and the runs that a secret may not go with.

use std::time::Duration;

use super::hosts::{Host, path};
use crate::egress::{EgressEntry, Opening};
use crate::lower::RefusalClass;
use crate::network::Way;
use crate::plan::{Content, Plan};
use crate::request::{Chooser, Inode, Interpreter};
use crate::secret::{Coupling, Delivery, Masking, SecretGrant, Source};
use crate::text::Text;

fn secret(name: &str, deliver: Delivery) -> SecretGrant {
    SecretGrant {
        name: Text::from(name),
        source: Source::parse("env:KEPT").unwrap(),
        deliver,
        only_with: None,
        masking: Masking::Masked,
        timeout: Duration::from_secs(30),
    }
}

fn host(secrets: Vec<SecretGrant>) -> Host {
    let mut host = Host::debian();
    host.checkout("/home/ann/app");
    host.request.operation.secrets = secrets.iter().map(|secret| secret.name.to_string()).collect();
    host.grants.declared = secrets.iter().map(|secret| secret.name.clone()).collect();
    host.grants.secrets = secrets;
    host
}

fn variable(plan: &Plan, name: &str) -> Option<String> {
    plan.env.iter().find(|variable| variable.name == Text::from(name)).map(|variable| variable.value.to_string())
}

#[test]
fn a_variable_holds_the_value_the_path_or_the_number_and_the_plan_holds_no_value() {
    let mut host = host(vec![
        secret("A", Delivery::Env),
        secret("B", Delivery::File),
        secret("C", Delivery::Fd),
        secret("D", Delivery::Fd),
    ]);
    // What the caller or a profile calls by the same name gives way.
    host.env("A", "of the caller");
    host.grants.env_pass.push(Text::from("A"));
    host.grants.env_set.insert(Text::from("B"), Text::from("of the profile"));
    host.env("KEPT", "correct horse");
    let plan = host.lower().unwrap();
    assert_eq!(variable(&plan, "A"), None);
    assert_eq!(variable(&plan, "B").as_deref(), Some("/run/secrets/B"));
    assert_eq!((variable(&plan, "C").as_deref(), variable(&plan, "D").as_deref()), (Some("3"), Some("4")));
    let at = |target: &str| plan.mounts.iter().find(|mount| mount.target == path(target)).map(|mount| &mount.content);
    assert_eq!(at("/run/secrets"), Some(&Content::Private { mode: 0o700 }));
    assert_eq!(at("/run/secrets/B"), Some(&Content::Secret { name: Text::from("B") }));
    assert_eq!(at("/run/secrets/A"), None);
    let whole = serde_json::to_string(&plan).unwrap();
    assert!(whole.contains("env:KEPT") && !whole.contains("correct horse") && !whole.contains("of the caller"));
}

#[test]
fn what_nobody_declares_is_refused_with_what_there_is() {
    let mut host = host(vec![secret("NPM_TOKEN", Delivery::Env)]);
    host.request.operation.secrets = vec!["NPM_TOKN".to_owned()];
    let refusal = host.lower().unwrap_err();
    assert_eq!(refusal.class, RefusalClass::Unbuildable);
    assert_eq!(refusal.what, "the profile `default` declares no secret `NPM_TOKN`");
    assert_eq!(refusal.hint.as_deref(), Some("did you mean `NPM_TOKEN`?"));
    host.grants.declared.clear();
    let hint = host.lower().unwrap_err().hint.unwrap();
    assert!(hint.contains("--secret NPM_TOKN=env:NPM_TOKN"), "{hint}");
}

#[test]
fn there_are_as_many_descriptors_as_a_shell_can_name() {
    let secrets = |count: usize| (0..count).map(|number| secret(&format!("S{number}"), Delivery::Fd)).collect();
    let plan = host(secrets(7)).lower().unwrap();
    assert_eq!(variable(&plan, "S6").as_deref(), Some("9"));
    assert!(host(secrets(8)).lower().unwrap_err().what.contains("more than 7"));
}

fn coupled(coupling: Coupling) -> Host {
    host(vec![SecretGrant { only_with: Some(coupling), ..secret("KEY", Delivery::Env) }])
}

const FREE: Coupling = Coupling { program: None, sha256: None, egress: None };

fn denied(host: &Host) -> String {
    let refusal = host.lower().unwrap_err();
    assert_eq!(refusal.class, RefusalClass::Denied);
    assert!(refusal.hint.is_some());
    let (start, why) = refusal.what.split_once(": ").unwrap();
    assert_eq!(start, "the secret `KEY` may not go with this run");
    why.to_owned()
}

#[test]
fn a_secret_goes_with_its_program_and_its_content_only() {
    let program = Some(path("/usr/bin/true"));
    assert!(coupled(Coupling { program: program.clone(), ..FREE }).lower().is_ok());
    let other = coupled(Coupling { program: Some(path("/usr/bin/npm")), ..FREE });
    assert_eq!(denied(&other), "it is for `/usr/bin/npm`, and `/usr/bin/true` would run");

    let mut host = coupled(Coupling { program, sha256: Some("ab".repeat(32)), ..FREE });
    assert_eq!(denied(&host), "the content of `/usr/bin/true` was not read");
    host.request.command.program.sha256 = Some("cd".repeat(32));
    assert!(denied(&host).starts_with("the content of `/usr/bin/true` is cdcd"));
    host.request.command.program.sha256 = Some("ab".repeat(32));
    assert!(host.lower().is_ok());
}

#[test]
fn the_callers_path_does_not_choose_who_reads_a_secret() {
    let interpreter = |chosen_by| Interpreter {
        path: path("/usr/bin/node"),
        named: path("/usr/bin/node"),
        inode: Inode { device: 1, number: 1 },
        sha256: None,
        argv: vec![Text::from("node")],
        chosen_by,
    };
    let mut host = coupled(Coupling { program: Some(path("/usr/bin/true")), ..FREE });
    host.request.command.program.interpreters = vec![interpreter(Chooser::Caller)];
    assert!(denied(&host).contains("`PATH` of the caller chose"));
    host.request.command.program.interpreters = vec![interpreter(Chooser::Machine)];
    assert!(host.lower().is_ok());
    // Without a program to go with there is nothing that another interpreter could get around.
    let mut free = coupled(Coupling { egress: Some(Vec::new()), ..FREE });
    free.request.command.program.interpreters = vec![interpreter(Chooser::Caller)];
    assert!(free.lower().is_ok());
}

#[test]
fn a_secret_goes_with_its_ways_out_and_no_others() {
    let entries = |texts: &[&str]| texts.iter().map(|text| EgressEntry::parse(text).unwrap()).collect::<Vec<_>>();
    let run = |allowed: &[&str], opened: &[&str]| {
        let mut host = coupled(Coupling { egress: Some(entries(allowed)), ..FREE });
        host.grants.network.egress = entries(opened);
        host
    };
    for (allowed, opened) in [
        (&[][..], &[][..]),
        (&["a.test"], &[]),
        (&["a.test"], &["a.test"]),
        (&["*.a.test"], &["b.a.test"]),
        (&["10.0.0.0/8:5432/tcp"], &["10.1.0.0/16:5432/tcp"]),
        (&["a.test"], &["a.test", "!c.test"]),
    ] {
        assert!(run(allowed, opened).lower().is_ok(), "{allowed:?} {opened:?}");
    }
    for (allowed, opened, why) in [
        (&[][..], &["a.test"][..], "the run reaches `a.test:443/tls`"),
        (&["a.test"], &["a.test", "b.test"], "the run reaches `b.test:443/tls`"),
        (&["a.test"], &["a.test:8443/tls"], "the run reaches `a.test:8443/tls`"),
        (&["b.a.test"], &["*.a.test"], "the run reaches `*.a.test:443/tls`"),
        (&["10.1.0.0/16:5432/tcp"], &["10.0.0.0/8:5432/tcp"], "the run reaches `10.0.0.0/8:5432/tcp`"),
    ] {
        assert_eq!(denied(&run(allowed, opened)), why, "{allowed:?}");
    }
    let mut host = run(&["a.test"], &["a.test"]);
    host.grants.network.loopback.push("127.0.0.1:9".parse().unwrap());
    assert_eq!(denied(&host), "the run reaches `127.0.0.1:9` of the host");
}

#[test]
fn an_endpoint_lets_what_its_tool_is_configured_for_and_nothing_else() {
    use crate::egress::EndpointName;
    use crate::network::Network;
    let coupling = Coupling { egress: Some(vec![EgressEntry::Endpoint(EndpointName::NpmRegistry)]), ..FREE };
    let way = |endpoint| Way { opening: Opening::parse("npm.example.test").unwrap(), endpoint };
    let network = |endpoint| Network { egress: vec![way(endpoint)], ..Network::default() };
    let secret = SecretGrant { only_with: Some(coupling.clone()), ..secret("KEY", Delivery::Env) };
    let program = Host::debian().request.command.program;
    assert!(coupling.check(&secret, &program, &network(Some(EndpointName::NpmRegistry))).is_ok());
    for other in [None, Some(EndpointName::PipIndex), Some(EndpointName::GitRemote)] {
        assert!(coupling.check(&secret, &program, &network(other)).is_err(), "{other:?}");
    }
}
