//! Sources that cannot be read: each is refused with its place, and soon.

use std::time::{Duration, Instant};

use super::*;

fn refused(system: System, rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        let found = refusal(system, source.as_bytes());
        assert!(found.starts_with(expected), "{found}\n{source}");
    }
}

#[test]
fn yaml_is_read_strictly() {
    refused(
        System::SshAgentGuard,
        &[
            ("", "1:1: there is nothing in it"),
            ("# only a comment\n", "1:1: there is nothing in it"),
            ("allow\n", "1:1: this is text, and has to be a table"),
            ("default_action: allow\ndefault_action: deny\n", "2:1: the key `default_action` stands here twice"),
            ("default_action: allow\nrules:\n  - name: a\n    name: b\n", "4:5: the key `name` stands here twice"),
            ("default_action: &a allow\n", "1:"),
            ("default_action: *a\n", "1:17: this is not YAML: while parsing node, found unknown anchor"),
            ("path: &a [x]\ncapture_extra_env_vars: *a\n", "1:"),
            ("default_action: !!str allow\n", "1:"),
            ("<<: { default_action: allow }\n", "1:1: merge keys are not read"),
            ("default_action: allow\n---\ndefault_action: deny\n", "2:1: this is a second document"),
            (
                "default_action: allow\nrules:\n\t- name: a\n",
                "3:1: this line begins with a tab\nhint: indent by spaces",
            ),
            ("default_action:\tallow\n", "1:17: this is not YAML"),
            ("default_action: allow\nrules:\n  \t- name: a\n", "3:3: this line begins with a tab"),
            ("\tdefault_action: allow\n", "1:1: this line begins with a tab"),
            ("default_action: allow\n bad: x\n", "2:"),
            ("default_action: [allow\n", "2:1: this is not YAML"),
            ("default_action: |\n  allow\n", "2:3: this holds a line break"),
            ("default_action: \"al\\x00low\"\n", "1:17: this holds a line break or another control character"),
            ("? [a]\n: b\n", "1:3: a key is one word"),
            ("~: b\n", "1:1: a key is one word"),
        ],
    );
    assert!(
        refusal(System::SshAgentGuard, b"default_action: allow\nrules: \xff\n").starts_with("2:8: this is not UTF-8")
    );
    assert!(refusal(System::AgentPass, b"version = 1\n\xc3").starts_with("2:1: this is not UTF-8"));
}

#[test]
fn a_policy_of_ssh_agent_guard_is_read_strictly() {
    let rule = |lines: &str| {
        format!("default_action: deny\nrules:\n  - name: r\n    action: deny\n    match:\n      {lines}\n")
    };
    refused(
        System::SshAgentGuard,
        &[
            ("rules: []\n", "1:1: `default_action` is missing"),
            ("default_action: maybe\n", "1:17: `maybe` is no action\nhint: the actions are"),
            ("default_action: true\n", "1:17: `true` is no action"),
            ("default_action:\n", "1:15: this is nothing, and has to be text"),
            ("default_action: deny\nrule: []\n", "2:1: unknown key `rule`\nhint: did you mean `rules`?"),
            ("default_action: deny\nrules: { name: r }\n", "2:8: this is a table, and has to be a list"),
            ("default_action: deny\nrules:\n  - name: r\n", "3:5: `action` is missing"),
            (
                "default_action: deny\nrules:\n  - action: allow\n    match:\n",
                "4:10: this is nothing, and has to be a table",
            ),
            (
                "default_action: deny\nconfirm: { max_pendin: 3 }\n",
                "2:12: unknown key `max_pendin`\nhint: did you mean `max_pending`?",
            ),
            ("default_action: deny\ncoding_agents: { x: {} }\n", "2:18: nothing tells the coding agent `x`"),
        ],
    );
    for (line, expected) in [
        ("ssh_dst: a", "6:7: unknown key `ssh_dst`\nhint: did you mean `ssh_dest`?"),
        ("ssh_dest: \"\"", "6:17: this is empty"),
        ("ssh_dest: ~", "6:17: this is nothing, and has to be text"),
        ("ssh_dest: [a, b]", "6:17: this is a list, and has to be text"),
        ("ssh_dest: \"~(\"", "6:17: the expression `~(` has a `(` without its `)`, which is not carried over\nhint: "),
        ("ssh_dest: '~\\bx'", "6:17: the expression `~\\bx` has `\\b`"),
        ("process_name: []", "6:21: this list is empty"),
        ("is_forwarded: yes", "6:21: this is text, and has to be true or false"),
        ("is_forwarded: \"true\"", "6:21: this is text, and has to be true or false"),
        ("env: {}", "6:12: this is empty"),
        ("env: [A]", "6:12: this is a list, and has to be a table"),
        ("cwd: /home/../x", "6:12: `/home/../x`: "),
        ("command: \"ssh *\"", "3:5: the rule `r` restricts on nothing that can be said here: `command = ssh *`"),
    ] {
        refused(System::SshAgentGuard, &[(&rule(line), expected)]);
    }
}

#[test]
fn a_policy_of_gatekeeper_is_read_strictly() {
    refused(
        System::Gatekeeper,
        &[
            ("protect_path: []\n", "1:1: unknown key `protect_path`\nhint: did you mean `protect_paths`?"),
            ("shell_allowlist: []\n", "1:1: unknown key `shell_allowlist`"),
            ("write_whitelist: ~/\n", "1:18: this is text, and has to be a list"),
            ("write_whitelist: [rel/x]\n", "1:19: `rel/x` is no place"),
            ("write_whitelist: [\"~/../x\"]\n", "1:19: `~/../x` is no place"),
            ("protect_paths: [\"/srv/*\"]\n", "1:17: `/srv/*` is no place"),
            ("require_approval: [/usr/bin/sudo]\n", "1:20: `/usr/bin/sudo` begins with a path"),
            ("require_approval: [\"  \"]\n", "1:20: this is empty"),
            ("env_allowlist: [\"A=B\"]\n", "1:17: `A=B` is not the name of a variable"),
            (
                "limits: { wall_time_sec: 0 }\n",
                "1:26: this is a bare word or number, and has to be a whole number above zero",
            ),
            ("limits: { mem_mb: 010 }\n", "1:19: this is a bare word"),
            ("limits: { mem_mb: 1.5 }\n", "1:19: this is a bare word"),
            ("limits: { mem_mb: \"2048\" }\n", "1:19: this is text"),
            ("limits: { mem_mb: 99999999999999999999 }\n", "1:19: this is a bare word"),
            ("limits: { memory: 1 }\n", "1:11: unknown key `memory`"),
            ("log_redactions: [{ pattern: x }]\n", "1:18: `replace` is missing"),
        ],
    );
}

#[test]
fn a_policy_of_agentpass_is_read_strictly() {
    let client = "version = 1\n[[clients]]\nname = \"me\"\nmatch.uid = 501\n";
    let rule = "[[rules]]\nclients = [\"me\"]\noperation = \"a.b\"\napproval.require = \"never\"\n";
    let both = format!("{client}{rule}");
    for (source, expected) in [
        (String::new(), "1:1: `version` is missing"),
        ("version = 2".to_owned(), "1:11: this version is not known here"),
        ("version = 1\nversion = 1".to_owned(), "2:1: this is not TOML: duplicate key"),
        ("version = ".to_owned(), "1:"),
        (client.replace("match.uid", "match.gid"), "4:7: unknown key `gid`\nhint: did you mean `uid`?"),
        (client.replace("501", "\"501\""), "4:13: this is not a uid"),
        (client.replace("501", "-1"), "4:13: this is not a uid"),
        (client.replace("match.uid = 501", ""), "2:1: the client `me` would be anybody"),
        (client.replace("uid = 501", "exe_sha256 = \"...\""), "4:20: a SHA-256 digest has 64"),
        (client.replace("uid = 501", "exe_path = \"bin/x\""), "4:18: `bin/x` is not the path"),
        (client.replace("uid = 501", "exe_path = \"/bin/*\""), "4:18: `/bin/*` is not the path"),
        (client.replace("uid = 501", "codesign_team_id = \"x\""), "4:26: a team has 10"),
        (format!("{client}fingerprint = \"uid:501\""), "5:15: this is no fingerprint"),
        (
            format!("{client}fingerprint = \"uid:502:sha256:{}\"", "0".repeat(64)),
            "4:13: `uid` contradicts the fingerprint",
        ),
        (format!("{client}[[clients]]\nname = \"me\"\nmatch.uid = 1"), "5:1: there are two clients `me`"),
        (both.replace("[\"me\"]", "[\"mee\"]"), "6:12: there is no client `mee`\nhint: did you mean `me`?"),
        (both.replace("[\"me\"]", "[]"), "6:11: this list is empty"),
        (both.replace("clients = [\"me\"]\n", ""), "5:1: `clients` is missing"),
        (both.replace("a.b", "a.*"), "7:13: `a.*` is a pattern"),
        (both.replace("never", "sometimes"), "8:20: `sometimes` is no approval"),
        (
            both.replace("approval.require", "approval.requires"),
            "8:10: unknown key `requires`\nhint: did you mean `require`?",
        ),
        (both.replace("approval.require = \"never\"\n", ""), "5:1: `approval` is missing"),
        (both.replace("never", "always"), "8:1: `factors` is missing"),
        (format!("{both}approval.factors = [\"fido2\"]"), "9:10: `factors` contradicts `require = \"never\"`"),
        (format!("{}approval.factors = []", both.replace("never", "always")), "9:20: an approval without a factor"),
        (format!("{}approval.factors = [\"pin\"]", both.replace("never", "always")), "9:21: `pin` is no factor"),
        (
            format!(
                "{}approval.factors = [\"fido2\"]\napproval.lease_ttl = \"soon\"",
                both.replace("never", "first_use")
            ),
            "10:22: `soon` is not a duration",
        ),
        (format!("{both}targets = {{}}"), "9:11: this is empty"),
        (format!("{both}targets.repo = []"), "9:16: this list is empty"),
        (format!("{both}targets.repo = \"a[b]\""), "9:16: `[` may mean several things"),
        (format!("{both}sandbox.env = []"), "9:1: unknown key `sandbox`"),
        (format!("{both}secrets = [\"x\"]"), "9:1: unknown key `secrets`"),
    ] {
        refused(System::AgentPass, &[(&source, expected)]);
    }
}

#[test]
fn hostile_text_is_refused_with_its_place_and_soon() {
    let bomb = (1..30).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        let before = format!("*a{}", level - 1);
        format!("{text}a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", "))
    });
    let mib = |text: &str| text.repeat((1 << 20) / text.len());
    let nested: String = (0..1400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for source in [
        bomb,
        mib("["),
        mib("{a: "),
        mib("- "),
        mib("? "),
        mib(": "),
        mib("[\n"),
        mib("a: x\n"),
        mib("---\n"),
        mib("&a "),
        mib("'"),
        mib("\""),
        mib("- |\n"),
        mib("%"),
        mib("\t"),
        mib("a"),
        mib("- a: b\n"),
        nested,
        format!(
            "default_action: deny\nrules:\n{}",
            "  - { name: r, action: deny, match: { ssh_dest: x } }\n".repeat(15_000)
        ),
        format!("default_action: deny\npath: [{}]\nrules: 1", "x, ".repeat(300_000)),
    ] {
        for system in [System::Gatekeeper, System::SshAgentGuard] {
            let start = Instant::now();
            let found = refusal(system, source.as_bytes());
            assert!(found.split(':').take(2).all(|number| number.parse::<usize>().is_ok()), "{found}");
            assert!(found.len() < 2000, "{}", found.len());
            assert!(start.elapsed() < Duration::from_secs(10), "{found} {:?}", start.elapsed());
        }
    }
    for source in [
        mib("["),
        mib("a.b.c.d.e.f."),
        mib("[a]\n"),
        format!("a = {}", "[".repeat(1_000_000)),
        format!("a = [{}]", "1, ".repeat(300_000)),
    ] {
        let start = Instant::now();
        let found = refusal(System::AgentPass, source.as_bytes());
        assert!(found.len() < 2000 && start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

#[test]
fn the_most_rules_that_are_read_are_held_against_each_other_soon() {
    let start = Instant::now();
    let rules: String = (0..1999)
        .map(|n| {
            format!(
                "  - {{ name: r{n}, action: deny, match: {{ ssh_dest: \"git@h{n}.example\", is_forwarded: true }} }}\n"
            )
        })
        .collect();
    let converted = converted(System::SshAgentGuard, &format!("default_action: allow\nrules:\n{rules}"));
    assert_eq!(converted.policy.matches("[[rules]]").count(), 2000);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
