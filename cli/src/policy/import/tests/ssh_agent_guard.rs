//! What the policy guide of ssh-agent-guard says of deciding, a row for each sentence, named by its section.

use super::*;

/// A key that is used by ssh at a prompt, with everything known that can be known.
fn request(context: Value) -> Value {
    let request = json!({
        "principal": { "uid": 1000, "kind": "human" },
        "operation": "ssh.sign",
        "command": { "path": "/usr/bin/ssh", "argv": ["ssh", "host"], "cwd": "/home/ann" },
        "context": {
            "process_name": "ssh", "parent_process_name": "bash", "ancestors": ["ssh", "bash", "tmux"],
            "command": ["ssh", "host"], "cgroup": "/user.slice/user-1000.slice", "tmux_window": null,
            "is_in_container": false, "coding_agent_name": null, "env": { "EDITOR": "vi" },
            "ssh_dest": null, "is_in_known_hosts": null, "is_forwarded": null, "forwarded_via": null,
            "key": "SHA256:abc123", "origin": "tty", "provenance": null
        }
    });
    with(request, json!({ "context": context }))
}

fn to(destination: &str) -> Value {
    request(json!({ "ssh_dest": destination }))
}

fn in_directory(cwd: &str) -> Value {
    with(request(json!({ "parent_process_name": "git" })), json!({ "command": { "cwd": cwd } }))
}

/// Section, sentence, source, request, what both answer.
type Same = (&'static str, &'static str, String, Value, &'static str);

fn same((section, sentence, source, request, answer): Same) -> Row {
    Row { section, sentence, source, request, theirs: answer, ours: answer, change: None }
}

fn source(name: &str) -> String {
    std::fs::read_to_string(format!(
        "{}/src/policy/import/tests/sources/ssh-agent-guard-{name}.yaml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// One rule behind a default.
fn one(default: &str, action: &str, matched: &str) -> String {
    format!("default_action: {default}\nrules:\n  - name: r\n    match: {{ {matched} }}\n    action: {action}\n")
}

fn nobody() -> Value {
    request(json!({}))
}

#[test]
fn the_policy_guide() {
    let agent = || request(json!({ "coding_agent_name": "claude" }));
    let contained = || request(json!({ "is_in_container": true }));
    let dest = |pattern: &str| one("deny", "allow", &format!("ssh_dest: \"{pattern}\""));
    let both = |forwarded: bool, known: bool| request(json!({ "is_forwarded": forwarded, "is_in_known_hosts": known }));
    let rows: Vec<Same> = vec![
        ("How rules work", "the first match wins", source("mixed"), to("git@github.com"), "allow"),
        ("How rules work", "the next is tried", source("mixed"), to("deploy@github.com"), "ask"),
        ("How rules work", "all fields must match", source("team"), to("git@github.com"), "deny"),
        ("How rules work", "omitted fields match anything", one("deny", "allow", ""), nobody(), "allow"),
        (
            "How rules work",
            "a rule without `match` too",
            "default_action: deny\nrules: [{ name: r, action: allow }]".into(),
            nobody(),
            "allow",
        ),
        ("How rules work", "no match: the default, deny", dest("github.com"), nobody(), "deny"),
        (
            "How rules work",
            "no match: the default, allow",
            one("allow", "deny", "ssh_dest: github.com"),
            nobody(),
            "allow",
        ),
        (
            "How rules work",
            "no match: the default, confirm",
            one("confirm", "allow", "ssh_dest: github.com"),
            nobody(),
            "ask",
        ),
        ("Default-deny", "git@github.com is allowed", source("default-deny"), to("git@github.com"), "allow"),
        ("Default-deny", "a known host is allowed", source("default-deny"), both(false, true), "allow"),
        ("Default-deny", "everything else is denied", source("default-deny"), to("other.example"), "deny"),
        ("Default-allow", "a coding agent confirms", source("default-allow"), agent(), "ask"),
        ("Default-allow", "a container is denied", source("default-allow"), contained(), "deny"),
        ("Default-allow", "anything else is allowed", source("default-allow"), nobody(), "allow"),
        ("Default-confirm", "every operation confirms", source("default-confirm"), nobody(), "ask"),
        ("Understanding ssh_dest", "`github.com`: git@", dest("github.com"), to("git@github.com"), "allow"),
        ("Understanding ssh_dest", "`github.com`: deploy@", dest("github.com"), to("deploy@github.com"), "allow"),
        ("Understanding ssh_dest", "`github.com`: bare", dest("github.com"), to("github.com"), "allow"),
        ("Understanding ssh_dest", "`git@github.com`: git@", dest("git@github.com"), to("git@github.com"), "allow"),
        (
            "Understanding ssh_dest",
            "`git@github.com`: deploy@",
            dest("git@github.com"),
            to("deploy@github.com"),
            "deny",
        ),
        ("Understanding ssh_dest", "`git@github.com`: bare", dest("git@github.com"), to("github.com"), "deny"),
        ("Understanding ssh_dest", "`*.example.com`: git@", dest("*.example.com"), to("git@github.com"), "deny"),
        ("Understanding ssh_dest", "`*.example.com`: deploy@", dest("*.example.com"), to("deploy@github.com"), "deny"),
        ("Understanding ssh_dest", "`*.example.com`: bare", dest("*.example.com"), to("github.com"), "deny"),
        (
            "Understanding ssh_dest",
            "`*.example.com`: below it",
            dest("*.example.com"),
            to("u@a.b.example.com"),
            "allow",
        ),
        ("Understanding ssh_dest", "`git@*`: git@", dest("git@*"), to("git@github.com"), "allow"),
        ("Understanding ssh_dest", "`git@*`: deploy@", dest("git@*"), to("deploy@github.com"), "deny"),
        ("Understanding ssh_dest", "`git@*`: bare", dest("git@*"), to("github.com"), "deny"),
        ("Understanding ssh_dest", "`*@github.com`: git@", dest("*@github.com"), to("git@github.com"), "allow"),
        ("Understanding ssh_dest", "`*@github.com`: deploy@", dest("*@github.com"), to("deploy@github.com"), "allow"),
        ("Understanding ssh_dest", "`*@github.com`: bare", dest("*@github.com"), to("github.com"), "deny"),
        ("Git hosting", "exact user and host", source("git-hosting"), to("git@github.com"), "allow"),
        ("Git hosting", "several hosts, one user", source("git-hosting"), to("git@codeberg.org"), "allow"),
        ("Git hosting", "several hosts, another user", source("git-hosting"), to("root@codeberg.org"), "deny"),
        (
            "Git hosting",
            "the expression has both ends",
            source("git-hosting"),
            to("git@codeberg.org.evil.example"),
            "deny",
        ),
        ("Git hosting", "any user, bare host", source("git-hosting"), to("github.com"), "allow"),
        ("Coding agents", "any coding agent confirms", source("coding-agents"), agent(), "ask"),
        ("Coding agents", "nobody else does", source("coding-agents"), nobody(), "allow"),
        (
            "Coding agents",
            "one by its environment",
            source("coding-agents"),
            request(json!({ "env": { "CLAUDECODE": "1" } })),
            "ask",
        ),
        (
            "Coding agents",
            "another value is another one",
            source("coding-agents"),
            request(json!({ "env": { "CLAUDECODE": "0" } })),
            "allow",
        ),
        ("Forwarded agent", "to a known host", source("forwarded"), both(true, true), "allow"),
        ("Forwarded agent", "to an unknown one", source("forwarded"), both(true, false), "deny"),
        (
            "Forwarded agent",
            "to one host only",
            source("forwarded"),
            request(json!({ "is_forwarded": true, "ssh_dest": "git@github.com" })),
            "allow",
        ),
        ("Forwarded agent", "not forwarded", source("forwarded"), both(false, false), "allow"),
        ("Containers", "true is denied", one("allow", "deny", "is_in_container: true"), contained(), "deny"),
        ("Containers", "false is not", one("allow", "deny", "is_in_container: true"), nobody(), "allow"),
        (
            "Working directory",
            "below the sources, by git",
            source("places"),
            in_directory("/home/ann/src/app"),
            "allow",
        ),
        ("Working directory", "deeper, by git", source("places"), in_directory("/home/ann/src/app/deep"), "allow"),
        ("Working directory", "the sources themselves", source("places"), in_directory("/home/ann/src"), "deny"),
        ("Working directory", "a star crosses `/`", source("places"), in_directory("/home/ann/x/src/y"), "allow"),
        ("Working directory", "elsewhere", source("places"), in_directory("/home/ann/other"), "deny"),
        (
            "Working directory",
            "by another program",
            source("places"),
            with(in_directory("/home/ann/src/app"), json!({ "context": { "parent_process_name": "bash" } })),
            "deny",
        ),
        (
            "Working directory",
            "a list is any of it",
            source("places"),
            with(
                in_directory("/home/ann/src/app"),
                json!({ "context": { "parent_process_name": "git-remote-https" } }),
            ),
            "allow",
        ),
        ("tmux", "one window is allowed", source("places"), request(json!({ "tmux_window": "main:deploy" })), "allow"),
        ("tmux", "the other is denied", source("places"), request(json!({ "tmux_window": "main:scratch" })), "deny"),
        ("tmux", "no window is neither", one("allow", "deny", "tmux_window: \"main:scratch\""), nobody(), "allow"),
        (
            "Team hosts",
            "one's own git",
            source("team"),
            request(json!({ "ssh_dest": "git@github.com", "parent_process_name": "git" })),
            "allow",
        ),
        ("Team hosts", "interactive ssh confirms", source("team"), both(false, true), "ask"),
        ("Team hosts", "an unknown host is denied", source("team"), both(false, false), "deny"),
        ("Logging-only", "no rules: everything is allowed", "default_action: allow\n".into(), nobody(), "allow"),
        (
            "Debugging",
            "a key by the beginning of its fingerprint",
            one("deny", "allow", "key: \"SHA256:abc\""),
            nobody(),
            "allow",
        ),
        ("Debugging", "another key", one("deny", "allow", "key: \"SHA256:bc\""), nobody(), "deny"),
        ("Tips", "an expression behind `~`", dest("~^git@(github|gitlab)\\\\.com$"), to("git@gitlab.com"), "allow"),
        ("Tips", "an expression matches anywhere", dest("~hub"), to("git@github.com"), "allow"),
        ("Tips", "an expression without `@` is about the host", dest("~^git"), to("git@example.com"), "deny"),
        ("Reference", "actions are read in either case", one("DENY", "Allow", ""), nobody(), "allow"),
        ("Reference", "`?` is one character", dest("web?.example.com"), to("web1.example.com"), "allow"),
        ("Reference", "`?` is no more than one", dest("web?.example.com"), to("web12.example.com"), "deny"),
        ("Reference", "`cgroup`", one("deny", "allow", "cgroup: \"*/user-1000.slice\""), nobody(), "allow"),
        (
            "Reference",
            "`forwarded_via` is the whole text",
            one("deny", "allow", "forwarded_via: bastion"),
            request(json!({ "forwarded_via": "u@bastion" })),
            "deny",
        ),
        ("Reference", "`command` anywhere", one("deny", "allow", "command: \"*hos*\""), nobody(), "allow"),
        ("Reference", "`ancestor` is any of them", one("allow", "deny", "ancestor: [screen, tmux]"), nobody(), "deny"),
        ("Reference", "names are no patterns", one("allow", "deny", "process_name: \"ss*\""), nobody(), "allow"),
        (
            "Mutations",
            "adding a key is denied",
            source("default-allow"),
            with(nobody(), json!({ "operation": "ssh.add" })),
            "deny",
        ),
    ];
    assert!(rows.len() >= 70);
    check(System::SshAgentGuard, &rows.into_iter().map(same).collect::<Vec<_>>());
}

#[test]
fn what_means_another_thing_here_is_stricter_and_told() {
    let changed = |section, sentence, source, request, theirs, ours, change| Row {
        section,
        sentence,
        source,
        request,
        theirs,
        ours,
        change: Some(change),
    };
    let unknown = |key: &str| request(json!({ "is_in_known_hosts": false, "command": [key] }));
    let rows = vec![
        changed(
            "Git hosting",
            "`*github.com` takes in what ends like it",
            source("git-hosting"),
            to("evilgithub.com"),
            "allow",
            "deny",
            "line 18: `ssh_dest`: `*github.com` is `github.com`, `*.github.com`",
        ),
        changed(
            "Understanding ssh_dest",
            "a star inside a host crosses its dots",
            one("deny", "allow", "ssh_dest: \"web*.example.com\""),
            to("web.evil.example.com"),
            "allow",
            "deny",
            "line 4: `ssh_dest`: in `web*.example.com`, a `*` stays inside one label",
        ),
        changed(
            "Coding agents",
            "an environment is enough to allow",
            one("deny", "allow", "env: { CI: \"1\" }"),
            request(json!({ "env": { "CI": "1" } })),
            "allow",
            "deny",
            "line 3: the rule `r`, which allows: `env` is what the caller says",
        ),
        changed(
            "Reference",
            "`command` is one joined text",
            one("deny", "allow", "command: \"ssh h*\""),
            nobody(),
            "allow",
            "deny",
            "arguments are never joined here",
        ),
        changed(
            "Reference",
            "a confirmation by such a text",
            one("allow", "confirm", "command: \"ssh h*\", is_in_known_hosts: false"),
            unknown("ssh"),
            "ask",
            "deny",
            "line 3: a condition of the rule `r`, which denies now without it",
        ),
        changed(
            "Reference",
            "a denial by such a text",
            one("allow", "deny", "command: \"ssh h*\", is_in_known_hosts: false"),
            unknown("scp"),
            "allow",
            "deny",
            "line 3: a condition of the rule `r`, which denies more without it",
        ),
        changed(
            "Working directory",
            "an expression over directories",
            one("deny", "allow", "cwd: \"~^/home/\""),
            nobody(),
            "allow",
            "deny",
            "`cwd` with a regular expression cannot be said here",
        ),
        changed(
            "Default-allow",
            "the default is about keys, and commands are none",
            source("default-allow"),
            with(nobody(), json!({ "operation": "sandbox.exec" })),
            "allow",
            "deny",
            "over `ssh.sign` alone: any other operation, and any command, is denied",
        ),
    ];
    check(System::SshAgentGuard, &rows);
}

#[test]
fn what_restricts_by_a_glob_restricts_all_that_it_did() {
    for (pattern, destinations) in [
        (
            "*github.com",
            &["evilgithub.com", "github.com", "git@a.github.com", "x y@github.com", "github.com@evilgithub.com"][..],
        ),
        ("*.example.com", &["a.example.com", "a b.example.com", ".example.com", "u@é.example.com"]),
        ("*", &["anything", "a b", "u@é", "@"]),
        ("web*", &["web", "web.evil.example", "u@web/x"]),
        ("git@*", &["git@github.com", "git@a@b", "git@a b"]),
        ("g?t@*hub*", &["git@x.hub.y", "got@hub"]),
        ("github.com", &["github.com", "git@github.com", "GitHub.com"]),
    ] {
        for (action, expected) in [("deny", "deny"), ("confirm", "ask")] {
            let converted =
                converted(System::SshAgentGuard, &one("allow", action, &format!("ssh_dest: \"{pattern}\"")));
            for destination in destinations {
                assert_eq!(
                    answer(&converted, &to(destination)),
                    expected,
                    "{pattern} {destination}\n{}",
                    converted.policy
                );
            }
            assert_eq!(
                answer(&converted, &to("other.test")),
                if pattern == "*" { expected } else { "allow" },
                "{pattern}"
            );
        }
    }
}

#[test]
fn each_mark_of_a_coding_agent_is_enough() {
    let source = "default_action: allow\ncoding_agents:\n  house:\n    env: { A: \"1\", B: \"2\" }\n    ancestors: house\nrules:\n  - match: { is_coding_agent: true }\n    action: deny\n";
    let converted = converted(System::SshAgentGuard, source);
    let agents = load(&converted.policy, &home(), Sight::First).unwrap().coding_agents().to_vec();
    let text = |text: &str| opaque_policy::text::Text::from(text);
    let is_found = |ancestor: &str, env: &[(&str, &str)]| {
        let env = env.iter().map(|(name, value)| (text(name), text(value))).collect();
        agents.iter().any(|agent| agent.is_here(&[text(ancestor)], &env))
    };
    assert!(is_found("house", &[]) && is_found("x", &[("A", "1")]) && is_found("x", &[("B", "2")]));
    assert!(!is_found("x", &[("A", "2")]) && !is_found("mouse", &[]));
    // One of their built-in agents is none of ours.
    assert!(is_found("pi", &[]));
}

#[test]
fn a_host_in_another_case_is_the_same_host_which_is_told() {
    let source = one("deny", "allow", "ssh_dest: \"git@github.com\"");
    let converted = converted(System::SshAgentGuard, &source);
    assert_eq!(answer(&converted, &to("git@GitHub.com.")), "allow");
    assert_eq!(answer(&converted, &to("Git@github.com")), "deny");
    assert!(
        converted.changes.to_string().contains("line 4: hosts are compared in either case"),
        "{}",
        converted.changes
    );
}
