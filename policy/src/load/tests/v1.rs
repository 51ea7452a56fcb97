//! Policy v1, decided as its own text says.

use super::*;
use crate::approval::{Approval, Factor, Factors};
use crate::decision::{Decision, Reason};
use crate::fact::Fact;
use crate::principal::{ClientKind, Executable, Principal};
use crate::profile::Profiles;
use crate::request::{Asked, Command, Inode, Operation, Program, Request};
use crate::text::Text;

/// The example of its document.
const EXAMPLE: &str = r#"
audit_retention_days = 90

[[rules]]
name = "allow-agent-github-actions-secrets"
operation_pattern = "github.set_actions_secret"
allow = true
client_types = ["agent"]

[rules.client]

[rules.target]
fields = { repo = "myorg/*" }

[rules.approval]
require = "first_use"
factors = ["local_bio"]
lease_ttl = 300

[[rules]]
name = "allow-agent-sandbox-exec"
operation_pattern = "sandbox.exec"
allow = true
client_types = ["agent"]

[rules.client]

[rules.approval]
require = "always"
factors = ["local_bio"]
"#;

fn request(operation: &str, target: &[(&str, &str)]) -> Request {
    let path = AbsPath::new("/usr/bin/true").unwrap();
    let program = Program {
        named: path.clone(),
        path: path.clone(),
        inode: Inode { device: 1, number: 2 },
        sha256: None,
        interpreters: Vec::new(),
    };
    let command = Command { program, argv: vec![Text::from("true")], cwd: path, classes: Fact::Unknown };
    let target = target.iter().map(|(name, value)| ((*name).to_owned(), Text::from(*value))).collect();
    let operation = Operation { name: operation.to_owned(), target, secrets: Vec::new() };
    Request { operation, ..Request::to_run(Principal::new(1000, ClientKind::Human), command, Asked::default()) }
}

fn asked_by(request: Request, path: &str) -> Request {
    let executable = Executable {
        path: AbsPath::new(path).unwrap(),
        sha256: Fact::Known("ab".repeat(32)),
        codesign_team_id: Fact::Absent,
    };
    let principal = Principal { executable: Fact::Known(executable), ..request.principal };
    Request { principal, ..request }
}

fn decided(text: &str, request: &Request) -> String {
    let policies = policy(text).unwrap_or_else(|error| panic!("{error}"));
    match policies.decide(request, &Profiles::built_in()) {
        Decision::Allow(permission) => format!("allow {}", permission.rule()),
        Decision::Ask(permission) => format!("ask {} {}", permission.rule(), permission.approval().as_str()),
        Decision::Deny(denial) if *denial.reason() == Reason::Default => "default".to_owned(),
        Decision::Deny(denial) => format!("deny {}", denial.rule()),
    }
}

#[test]
fn its_example_decides_as_its_text_says() {
    let asks = |request: &Request| decided(EXAMPLE, request);
    let secret = |repo: &str| request("github.set_actions_secret", &[("repo", repo)]);
    assert_eq!(asks(&secret("myorg/app")), "ask user:allow-agent-github-actions-secrets first_use");
    assert_eq!(asks(&secret("myorg-evil/app")), "default");
    assert_eq!(asks(&request("github.set_actions_secret", &[])), "default");
    assert_eq!(asks(&request("github.set_repo_secret", &[("repo", "myorg/app")])), "default");
    assert_eq!(asks(&request("sandbox.exec", &[])), "ask user:allow-agent-sandbox-exec always");
    let policies = policy(EXAMPLE).unwrap();
    assert_eq!(policies.audit().retention_days, Some(90));
    let Decision::Ask(permission) = policies.decide(&secret("myorg/app"), &Profiles::built_in()) else { panic!() };
    let [obligation] = permission.obligations() else { panic!() };
    assert_eq!(obligation.require, Approval::FirstUse);
    assert_eq!(obligation.factors, Factors::Any(vec![Factor::LocalBio]));
    assert_eq!(obligation.lease_ttl, Some(std::time::Duration::from_secs(300)));
}

/// One rule with these lines.
fn one(lines: &str) -> String {
    format!("[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.*\"\n{lines}\n")
}

#[test]
fn who_is_listed_is_a_human_and_everybody_else_an_agent() {
    let humans = "[[known_human_clients]]\nname = \"Opaque CLI\"\nexe_path = \"*/target/release/opaque\"\n";
    let run = request("sandbox.exec", &[]);
    let cli = asked_by(run.clone(), "/home/ann/x/target/release/opaque");
    let other = asked_by(run.clone(), "/usr/bin/claude");
    for (kinds, of_cli, of_other, of_unknown) in [
        ("client_types = [\"human\"]", "allow user:r", "default", "default"),
        ("client_types = [\"agent\"]", "default", "allow user:r", "default"),
        ("client_types = [\"human\", \"agent\"]", "allow user:r", "allow user:r", "allow user:r"),
        ("client_types = []", "allow user:r", "allow user:r", "allow user:r"),
        ("", "allow user:r", "allow user:r", "allow user:r"),
    ] {
        let text = format!("{humans}{}", one(&format!("allow = true\n{kinds}")));
        let decide = |request| decided(&text, request);
        assert_eq!([&*decide(&cli), &*decide(&other), &*decide(&run)], [of_cli, of_other, of_unknown], "{kinds}");
    }
    // Without a list nobody is a human, whatever else is known.
    assert_eq!(decided(&one("allow = true\nclient_types = [\"human\"]"), &cli), "default");
    assert_eq!(decided(&one("allow = true\nclient_types = [\"agent\"]"), &cli), "allow user:r");
}

#[test]
fn the_first_rule_that_matches_wins_and_false_denies() {
    let rule = |name: &str, lines: &str| one(lines).replace("\"r\"", &format!("\"{name}\""));
    let run = request("sandbox.exec", &[]);
    let text = [rule("first", "allow = false\n[rules.client]\nuid = 1000"), rule("second", "allow = true")].concat();
    assert_eq!(decided(&text, &run), "deny user:first");
    let text = [rule("first", "allow = false\n[rules.client]\nuid = 1"), rule("second", "allow = true")].concat();
    assert_eq!(decided(&text, &run), "allow user:second");
}

#[test]
fn what_is_said_of_a_client_must_all_hold() {
    let run = asked_by(request("sandbox.exec", &[]), "/usr/lib/x/claude");
    let digest = "ab".repeat(32);
    for (client, expected) in [
        ("uid = 1000\nexe_path = \"*/claude\"", "allow user:r"),
        ("uid = 1001\nexe_path = \"*/claude\"", "default"),
        ("uid = 1000\nexe_path = \"*/cursor\"", "default"),
        (&*format!("exe_sha256 = \"{}\"", digest.to_uppercase()), "allow user:r"),
        (&*format!("exe_sha256 = \"{}\"", "cd".repeat(32)), "default"),
        ("codesign_team_id = \"ABCDE12345\"", "default"),
        ("", "allow user:r"),
    ] {
        assert_eq!(decided(&one(&format!("allow = true\n[rules.client]\n{client}")), &run), expected, "{client}");
    }
}

#[test]
fn secrets_are_held_against_their_patterns_and_none_matches_none() {
    let with = |secrets: &[&str]| {
        let run = request("sandbox.exec", &[]);
        let secrets = secrets.iter().map(|name| (*name).to_owned()).collect();
        Request { operation: Operation { secrets, ..run.operation }, ..run }
    };
    let text = one("allow = true\n[rules.secret_names]\npatterns = [\"NPM_*\", \"GH_TOKEN\"]");
    assert_eq!(decided(&text, &with(&["NPM_TOKEN", "GH_TOKEN"])), "allow user:r");
    assert_eq!(decided(&text, &with(&["NPM_TOKEN", "AWS_KEY"])), "default");
    assert_eq!(decided(&text, &with(&[])), "default");
    assert_eq!(decided(&one("allow = true\n[rules.secret_names]\npatterns = []"), &with(&["X"])), "allow user:r");
}

#[test]
fn what_it_cannot_mean_is_refused() {
    for (text, message) in [
        ("[[known_human_clients]]\nname = \"x\"\n".to_owned(), "would make every client a human"),
        (one(""), "`allow` is missing"),
        (one("allow = true\n[rules.approval]\nrequire = \"always\"\nfactors = []"), "without a factor"),
        (one("allow = true\n[rules.approval]\nrequire = \"always\""), "without a factor"),
        (
            one("allow = true\n[rules.approval]\nrequire = \"first_use\"\nfactors = [\"local_bio\"]\nlease_ttl = 0"),
            "an hour at most",
        ),
        (one("allow = true\n[rules.workspace]\nrequire = true"), "unknown key `require`"),
        (one("allow = true\naction = \"allow\""), "unknown key `action`"),
        (one("allow = true\nclient_types = [\"ci\"]"), "knows `human` and `agent`"),
        (one("allow = true\n[[rules.examples]]\nmatch = [\"x\"]"), "unknown key `examples`"),
        (one("allow = true").replace("operation_pattern", "operation"), "unknown key `operation`"),
        ("rules = []\nenforce = true\n".to_owned(), "unknown key `enforce`"),
    ] {
        assert!(refused(&text).message().contains(message), "{text}\n{}", refused(&text));
    }
}

#[test]
fn beside_a_canonical_file_it_denies_by_default() {
    let home = AbsPath::new("/home/ann").unwrap();
    let load = |other: &str| {
        let user = vec![source(EXAMPLE), source(other)];
        PolicySet::load(&PolicySources { home: home.clone(), system: Vec::new(), user, repo: None }, Sight::First)
    };
    assert!(load("version = 1\ndefault = \"deny\"").is_ok());
    assert!(load("version = 1").is_ok());
    assert!(load("version = 1\ndefault = \"allow\"").unwrap_err().message().contains("denies by default"));
}
