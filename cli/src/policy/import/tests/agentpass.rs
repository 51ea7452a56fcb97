//! What the policy model of AgentPass says of deciding, a row for each sentence, named by its section.

use super::*;

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn request(operation: &str, target: Value) -> Value {
    json!({
        "principal": {
            "uid": 501, "kind": "agent",
            "executable": {
                "path": "/Applications/Claude Code.app/Contents/MacOS/claude-code",
                "sha256": DIGEST, "codesign_team_id": "ABCDE12345"
            }
        },
        "operation": operation,
        "target": target,
        "command": { "path": "/usr/bin/true", "argv": ["true"], "cwd": "/" }
    })
}

fn secret(repo: &str) -> Value {
    request("github.set_actions_secret", json!({ "repo": repo }))
}

fn cluster(cluster: &str, namespace: &str) -> Value {
    request("k8s.set_secret", json!({ "cluster": cluster, "namespace": namespace }))
}

#[test]
fn the_policy_model() {
    let draft = include_str!("sources/agentpass.toml");
    let reads = include_str!("sources/agentpass-reads.toml");
    let by = |edits: Value| with(secret("org/app"), json!({ "principal": edits }));
    let nobody = json!({ "path": "/usr/bin/other", "sha256": DIGEST });
    let rows = [
        ("1. Client identity", "the named client", draft, secret("org/app"), "ask"),
        ("1. Client identity", "another uid", draft, by(json!({ "uid": 502 })), "deny"),
        ("1. Client identity", "another executable", draft, by(json!({ "executable": nobody })), "deny"),
        (
            "1. Client identity",
            "another content",
            draft,
            by(json!({ "executable": { "sha256": "0".repeat(64) } })),
            "deny",
        ),
        ("1. Client identity", "a client of which nothing is known", draft, by(json!({ "executable": null })), "deny"),
        ("1. Client identity", "a fingerprint", reads, request("github.list_secrets", json!({})), "ask"),
        (
            "1. Client identity",
            "another team",
            reads,
            with(
                request("github.list_secrets", json!({})),
                json!({ "principal": { "executable": { "codesign_team_id": "ZZZZZ12345" } } }),
            ),
            "allow",
        ),
        (
            "2. Operation and target",
            "another operation",
            draft,
            request("github.delete_secret", json!({ "repo": "org/app" })),
            "deny",
        ),
        (
            "2. Operation and target",
            "an operation that begins like it",
            draft,
            request("github.set_actions_secrets", json!({ "repo": "org/app" })),
            "deny",
        ),
        ("2. Operation and target", "another target", draft, secret("other/app"), "deny"),
        ("2. Operation and target", "no target", draft, request("github.set_actions_secret", json!({})), "deny"),
        (
            "2. Operation and target",
            "more fields than are asked for",
            draft,
            request("github.set_actions_secret", json!({ "repo": "org/app", "x": "y" })),
            "ask",
        ),
        (
            "2. Operation and target",
            "a project by its number",
            reads,
            request("gitlab.read", json!({ "project": "42" })),
            "allow",
        ),
        (
            "2. Operation and target",
            "another number",
            reads,
            request("gitlab.read", json!({ "project": "420" })),
            "deny",
        ),
        ("3. Approval", "always", draft, secret("org/app"), "ask"),
        ("3. Approval", "first use", reads, request("github.list_secrets", json!({})), "ask"),
        ("3. Approval", "never", reads, request("gitlab.read", json!({ "project": "42" })), "allow"),
        ("5. Draft format", "a pattern and a list", draft, cluster("prod-eu", "infra"), "ask"),
        ("5. Draft format", "another value than those listed", draft, cluster("prod-eu", "kube-system"), "deny"),
        ("5. Draft format", "all fields have to match", draft, cluster("test-eu", "apps"), "deny"),
        ("6. Non-goals", "what no rule allows is denied", draft, request("github.list_secrets", json!({})), "deny"),
    ];
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|(section, sentence, source, request, answer)| Row {
            section,
            sentence,
            source: source.to_owned(),
            request,
            theirs: answer,
            ours: answer,
            change: None,
        })
        .collect();
    check(System::AgentPass, &rows);
}

#[test]
fn what_the_draft_leaves_open_is_read_strictly_and_told() {
    let draft = include_str!("sources/agentpass.toml").to_owned();
    let row = Row {
        section: "2. Operation and target",
        sentence: "a star may cross a slash",
        source: draft,
        request: secret("org/group/app"),
        theirs: "ask",
        ours: "deny",
        change: Some("line 12: in targets, `*` stays between two slashes"),
    };
    check(System::AgentPass, &[row]);
}

#[test]
fn a_target_is_matched_part_by_part() {
    for (pattern, value, matches) in [
        ("org/*", "org/app", true),
        ("org/*", "org/", true),
        ("org/**", "org/a/b", true),
        ("org/**", "orgs/a", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("a.c", "abc", false),
        ("~home", "~home", true),
        ("*-prod", "eu-prod", true),
    ] {
        let source = format!(
            "version = 1\n[[clients]]\nname = \"me\"\nmatch.uid = 501\n[[rules]]\nclients = [\"me\"]\noperation = \"o\"\ntargets.t = \"{pattern}\"\napproval.require = \"never\"\n"
        );
        let found = answer(&converted(System::AgentPass, &source), &request("o", json!({ "t": value })));
        assert_eq!(found, if matches { "allow" } else { "deny" }, "{pattern} {value}");
    }
}
