//! What holds for every source: what is printed loads, and it never answers less strictly than a plain reading of the
//! source does. The readings here were written for these tests alone.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// A source, or why it is not carried over; never a mistake of ours.
fn imported(system: System, source: &str) -> Option<Converted> {
    match convert(system, source.as_bytes(), &home()) {
        Ok(converted) => Some(converted),
        Err(Failure::Source(_)) => None,
        Err(Failure::Ours(what)) => panic!("{what}\n{source}"),
    }
}

/// Their glob: `*` any run, `?` any one.
fn glob(pattern: &str, text: &str) -> bool {
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('*') => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| glob(characters.as_str(), text.split_at(at).1)),
        Some(wanted) => {
            let mut rest = text.chars();
            rest.next().is_some_and(|found| wanted == '?' || wanted == found)
                && glob(characters.as_str(), rest.as_str())
        }
    }
}

/// Facts of one use of a key.
#[derive(Debug, Clone)]
struct Signing {
    process: &'static str,
    destination: &'static str,
    cwd: &'static str,
    arguments: Vec<&'static str>,
    is_forwarded: bool,
    is_agent: bool,
    has_variable: bool,
    key: &'static str,
}

#[derive(Debug, Clone)]
enum Matched {
    Process(&'static str),
    Destination(&'static str),
    Via(&'static str),
    Cwd(&'static str),
    Command(&'static str),
    Forwarded(bool),
    Agent(bool),
    Variable,
    Key(&'static str),
}

impl Matched {
    fn text(&self) -> String {
        match self {
            Self::Process(name) => format!("process_name: \"{name}\""),
            Self::Destination(pattern) => format!("ssh_dest: \"{pattern}\""),
            Self::Via(pattern) => format!("forwarded_via: \"{pattern}\""),
            Self::Cwd(pattern) => format!("cwd: \"{pattern}\""),
            Self::Command(pattern) => format!("command: \"{pattern}\""),
            Self::Forwarded(flag) => format!("is_forwarded: {flag}"),
            Self::Agent(flag) => format!("is_coding_agent: {flag}"),
            Self::Variable => "env: { A: \"1\" }".to_owned(),
            Self::Key(key) => format!("key: \"{key}\""),
        }
    }

    fn holds(&self, signing: &Signing) -> bool {
        match self {
            Self::Process(name) => signing.process == *name,
            Self::Destination(pattern) => {
                let host = signing.destination.rsplit('@').next().unwrap();
                glob(pattern, if pattern.contains('@') { signing.destination } else { host })
            }
            Self::Via(pattern) => glob(pattern, signing.destination),
            Self::Cwd(pattern) => glob(pattern, signing.cwd),
            Self::Command(pattern) => glob(pattern, &signing.arguments.join(" ")),
            Self::Forwarded(flag) => signing.is_forwarded == *flag,
            Self::Agent(flag) => signing.is_agent == *flag,
            Self::Variable => signing.has_variable,
            Self::Key(key) => signing.key.starts_with(key),
        }
    }
}

const PATTERNS: [&str; 14] = [
    "github.com",
    "*github.com",
    "*.github.com",
    "*",
    "git@github.com",
    "git@*",
    "*@github.com",
    "g*b.com",
    "git?ub.com",
    "*hub*",
    "git@*hub.com",
    "g*@x*",
    "*-hub.com",
    "a b",
];
const DESTINATIONS: [&str; 10] = [
    "github.com",
    "git@github.com",
    "evilgithub.com",
    "a.github.com",
    "git@a.github.com",
    "root@evil-hub.com",
    "git@x.com",
    "github.com@evil.com",
    "a b",
    "u@gitzub.com",
];
const DIRECTORIES: [&str; 9] =
    ["/home/*", "/home/*/src/*", "/home/ann", "*", "*/src/*", "/home/a*", "/h*/s*c", "~^/home", "/h?me/ann"];
const PLACES: [&str; 6] = ["/", "/home", "/home/ann", "/home/ann/src", "/home/ann/src/app/x", "/srv/src/x"];
const COMMANDS: [&str; 5] = ["*rsync*", "ssh *", "*-a h*", "ssh", "~rsync"];
const NAMES: [&str; 4] = ["ssh", "git", "s*", "~ssh"];

fn matched() -> impl Strategy<Value = Matched> {
    prop_oneof![
        select(&NAMES[..]).prop_map(Matched::Process),
        select(&PATTERNS[..]).prop_map(Matched::Destination),
        select(&PATTERNS[..]).prop_map(Matched::Destination),
        select(&PATTERNS[..]).prop_map(Matched::Via),
        // What begins with `~` is an expression there, and nothing that this reading knows.
        select(&DIRECTORIES[..]).prop_filter("an expression", |text| !text.starts_with('~')).prop_map(Matched::Cwd),
        select(&COMMANDS[..]).prop_filter("an expression", |text| !text.starts_with('~')).prop_map(Matched::Command),
        any::<bool>().prop_map(Matched::Forwarded),
        any::<bool>().prop_map(Matched::Agent),
        Just(Matched::Variable),
        select(&["SHA256:a", "SHA256:ab"][..]).prop_map(Matched::Key),
    ]
}

const ACTIONS: [&str; 3] = ["allow", "confirm", "deny"];

fn signing() -> impl Strategy<Value = Signing> {
    (
        (select(&["ssh", "git", "s*"][..]), select(&DESTINATIONS[..]), select(&PLACES[..])),
        proptest::collection::vec(select(&["ssh", "-a", "h", "rsync", "rsync -a"][..]), 1..4),
        (any::<bool>(), any::<bool>(), any::<bool>(), select(&["SHA256:abc", "SHA256:b"][..])),
    )
        .prop_map(|((process, destination, cwd), arguments, (is_forwarded, is_agent, has_variable, key))| {
            Signing { process, destination, cwd, arguments, is_forwarded, is_agent, has_variable, key }
        })
}

fn request(signing: &Signing) -> Value {
    json!({
        "principal": { "uid": 1000, "kind": "human" },
        "operation": "ssh.sign",
        "command": { "path": "/usr/bin/ssh", "argv": ["ssh"], "cwd": signing.cwd },
        "context": {
            "process_name": signing.process, "ssh_dest": signing.destination, "forwarded_via": signing.destination,
            "command": signing.arguments, "is_forwarded": signing.is_forwarded,
            "coding_agent_name": signing.is_agent.then_some("claude"),
            "env": if signing.has_variable { json!({ "A": "1" }) } else { json!({}) }, "key": signing.key
        }
    })
}

/// A word of theirs as ours.
fn ours(action: &str) -> &str {
    if action == "confirm" { "ask" } else { action }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_never_easier_to_use_than_the_source_says(
        default in select(&ACTIONS[..]),
        rules in proptest::collection::vec((select(&ACTIONS[..]), proptest::collection::vec(matched(), 0..3)), 0..5),
        signings in proptest::collection::vec(signing(), 8),
    ) {
        let rules: Vec<_> = rules.into_iter().map(|(action, mut conditions)| {
            // A key stands once in a table.
            let mut seen = std::collections::BTreeSet::new();
            conditions.retain(|one| seen.insert(one.text().split(':').next().unwrap().to_owned()));
            (action, conditions)
        }).collect();
        let mut source = format!("default_action: {default}\nrules:\n");
        for (index, (action, conditions)) in rules.iter().enumerate() {
            let matched: Vec<String> = conditions.iter().map(Matched::text).collect();
            source += &format!("  - name: r{index}\n    match: {{ {} }}\n    action: {action}\n", matched.join(", "));
        }
        if rules.is_empty() {
            source = source.replace("rules:\n", "");
        }
        if let Some(converted) = imported(System::SshAgentGuard, &source) {
            let loaded = Loaded::new(&converted);
            for signing in &signings {
                let decided = rules.iter().find(|(_, conditions)| conditions.iter().all(|one| one.holds(signing)));
                let theirs = ours(decided.map_or(default, |(action, _)| action));
                let found = loaded.answer(&request(signing));
                prop_assert!(strictness(found) >= strictness(theirs), "{found}, not {theirs}: {signing:?}\n{source}\n{}", converted.policy);
            }
        }
    }

    #[test]
    fn whoever_reads_it_alone_is_answered_the_same(
        action in select(&ACTIONS[..]), condition in matched(), signing in signing(),
    ) {
        let source = format!("default_action: deny\nrules:\n  - match: {{ {} }}\n    action: {action}\n", condition.text());
        let Some(converted) = imported(System::SshAgentGuard, &source) else { return Ok(()) };
        let told = converted.changes.to_string();
        let is_told = told.contains("what is not carried over") || told.contains("line 3: `ssh_dest`");
        let theirs = if condition.holds(&signing) { ours(action) } else { "deny" };
        let found = answer(&converted, &request(&signing));
        // What is no host is none that a host pattern permits.
        let is_host = !signing.destination.contains(' ');
        prop_assert!(found == theirs || is_told || !is_host, "{found}, not {theirs}: {signing:?}\n{source}\n{}", converted.policy);
    }

    #[test]
    fn what_needs_approval_is_never_allowed(
        entries in proptest::collection::vec("[a-z*?\\[\\\\~.-]{1,6}( -?[a-z*]{1,4}){0,2}", 1..5),
        tail in proptest::collection::vec("[a-z-]{0,4}", 0..3),
    ) {
        let listed: Vec<String> = entries.iter().map(|entry| format!("'{entry}'")).collect();
        let source = format!("require_approval: [{}]\n", listed.join(", "));
        if let Some(converted) = imported(System::Gatekeeper, &source) {
            let loaded = Loaded::new(&converted);
            for entry in &entries {
                let argv: Vec<&str> = entry.split(' ').chain(tail.iter().map(String::as_str)).collect();
                let request = json!({
                    "principal": { "uid": 1000, "kind": "agent" },
                    "command": { "path": format!("/usr/bin/{}", argv[0]), "argv": argv, "cwd": "/srv" }
                });
                if argv[0] != "." && argv[0] != ".." {
                    prop_assert_ne!(loaded.answer(&request), "allow", "{:?}\n{}", argv, converted.policy);
                }
            }
        }
    }

    #[test]
    fn operations_are_never_easier_to_have_than_the_draft_says(
        rules in proptest::collection::vec((0..3_usize, select(&["a.b", "a.c"][..]), "[ab/*?]{1,5}", select(&["always", "first_use", "never"][..])), 1..5),
        uid in 500..504_u64, operation in select(&["a.b", "a.c"][..]), target in "[ab/]{0,5}",
    ) {
        let mut source = String::from("version = 1\n");
        for client in 0..3 {
            source += &format!("[[clients]]\nname = \"c {client}\"\nmatch.uid = {}\n", 500 + client);
        }
        for (client, operation, target, require) in &rules {
            let factors = if *require == "never" { "" } else { "approval.factors = [\"fido2\"]\n" };
            source += &format!("[[rules]]\nclients = [\"c {client}\"]\noperation = \"{operation}\"\ntargets.t = \"{target}\"\napproval.require = \"{require}\"\n{factors}");
        }
        let request = json!({
            "principal": { "uid": uid, "kind": "agent" }, "operation": operation, "target": { "t": target },
            "command": { "path": "/usr/bin/true", "argv": ["true"], "cwd": "/" }
        });
        if let Some(converted) = imported(System::AgentPass, &source) {
            let found = answer(&converted, &request);
            // In their glob a star takes in everything: the widest that the draft can mean.
            let matching = rules.iter().filter(|(client, name, pattern, _)| {
                500 + *client as u64 == uid && *name == operation && glob(pattern, &target)
            });
            let least = matching.map(|(_, _, _, require)| if *require == "never" { "allow" } else { "ask" }).min();
            prop_assert!(strictness(found) >= strictness(least.unwrap_or("deny")), "{found}\n{source}\n{}", converted.policy);
        }
    }

    #[test]
    fn no_text_ends_in_a_mistake_of_ours(
        system in select(&[System::AgentPass, System::Gatekeeper, System::SshAgentGuard][..]),
        text in "[ -~\n\t\u{e9}]{0,80}",
    ) {
        let _ = imported(system, &text);
    }

    #[test]
    fn no_change_to_an_example_ends_in_a_mistake_of_ours(
        which in 0..4_usize, at in any::<proptest::sample::Index>(), cut in 0..12_usize, put in "[ -~\n\u{e9}]{0,4}",
    ) {
        let (system, source) = [
            (System::AgentPass, include_str!("sources/agentpass-reads.toml")),
            (System::Gatekeeper, include_str!("sources/gatekeeper.yaml")),
            (System::SshAgentGuard, include_str!("sources/ssh-agent-guard-whole.yaml")),
            (System::SshAgentGuard, include_str!("sources/ssh-agent-guard-places.yaml")),
        ][which];
        let characters: Vec<char> = source.chars().collect();
        let at = at.index(characters.len());
        let changed: String = characters[..at].iter().copied().chain(put.chars()).chain(characters[(at + cut).min(characters.len())..].iter().copied()).collect();
        let _ = imported(system, &changed);
    }
}
