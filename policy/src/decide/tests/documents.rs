//! What the documents that the policy language grew from say of deciding: a row for each sentence, named by document
//! and section. Sentences about a prompt, a daemon or a user interface are not decisions and have no row here.

use super::*;
use crate::fact::Fact;
use crate::principal::Executable;
use crate::surroundings::{Origin, Provenance};

/// What a row changes in a request of an ordinary person at a terminal.
type Edit = fn(&mut Request);

/// Section, the sentence in short, the policy, the request, the answer.
type Row = (&'static str, &'static str, &'static str, Edit, &'static str);

const DENY: &str = "default = \"deny\"\n";
const ALLOW: &str = "default = \"allow\"\n";
const ASK: &str = "default = \"ask\"\n[default_approval]\nrequire = \"always\"\n";

/// A rule with this action and these lines behind a default.
fn rules(default: &str, rules: &[(&str, &str)]) -> String {
    let rule = |(index, (action, lines)): (usize, &(&str, &str))| {
        let trust = if *action == "allow" { "trust = \"derived\"\n" } else { "" };
        format!("[[rules]]\nname = \"r{index}\"\naction = \"{action}\"\n{trust}{lines}\n")
    };
    let rules: Vec<String> = rules.iter().enumerate().map(rule).collect();
    format!("{default}{}", rules.concat())
}

fn nothing(_: &mut Request) {}

fn ssh_dest(request: &mut Request, destination: &str) {
    request.surroundings.ssh_dest = Fact::Known(Text::from(destination));
}

fn agent(request: &mut Request) {
    request.surroundings.coding_agent_name = Fact::Known(Text::from("claude"));
}

fn executable(request: &mut Request, path: &str) {
    request.principal.executable = Fact::Known(Executable {
        path: AbsPath::new(path).unwrap(),
        sha256: Fact::Known("a".repeat(64)),
        codesign_team_id: Fact::Known("ABCDE12345".to_owned()),
    });
}

fn target(request: &mut Request, operation: &str, fields: &[(&str, &str)]) {
    operation.clone_into(&mut request.operation.name);
    request.operation.target = fields.iter().map(|(name, value)| ((*name).to_owned(), Text::from(*value))).collect();
}

/// A request of which everything is known that can be absent.
fn known() -> Request {
    let mut request = request("/usr/bin/git push");
    request.principal.roles = Fact::Absent;
    let around = &mut request.surroundings;
    around.process_name = Fact::Known(Text::from("ssh"));
    around.parent_process_name = Fact::Known(Text::from("bash"));
    around.ancestors = Fact::Known(["ssh", "bash", "tmux"].map(Text::from).to_vec());
    around.command = Fact::Known(["ssh", "host"].map(Text::from).to_vec());
    around.cgroup = Fact::Known(Text::from("/user.slice/user-1000.slice"));
    around.tmux_window = Fact::Absent;
    around.is_in_container = Fact::Known(false);
    around.coding_agent_name = Fact::Absent;
    around.env = Fact::Known([(Text::from("EDITOR"), Text::from("vi"))].into());
    around.ssh_dest = Fact::Absent;
    around.is_in_known_hosts = Fact::Absent;
    around.is_forwarded = Fact::Absent;
    around.forwarded_via = Fact::Absent;
    around.key = Fact::Absent;
    around.origin = Fact::Known(Origin::Tty);
    around.provenance = Fact::Absent;
    request.repository.remote_url = Fact::Known("git@github.com:myorg/app.git".to_owned());
    request.repository.branch = Fact::Known("release/1.0".to_owned());
    request
}

fn check(rows: &[Row]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(section, sentence, policy, edit, expected)| {
            let mut request = known();
            edit(&mut request);
            let found = match decide(&self::policy("", policy), &request) {
                Decision::Allow(_) => "allow",
                Decision::Ask(_) => "ask",
                Decision::Deny(_) => "deny",
            };
            (found != *expected).then(|| format!("{section}: {sentence}: {found}, not {expected}\n{policy}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// One rule behind a default, for a row.
fn one(default: &str, action: &str, lines: &str) -> &'static str {
    leak(rules(default, &[(action, lines)]))
}

fn two(default: &str, first: (&str, &str), second: (&str, &str)) -> &'static str {
    leak(rules(default, &[first, second]))
}

#[test]
fn the_policy_guide() {
    let context = |key: &str| format!("[rules.context]\n{key}");
    let github = context("ssh_dest = \"github.com\"");
    let git = context("ssh_dest = \"git@github.com\"");
    let known_hosts = context("is_in_known_hosts = true");
    let coding = context("is_coding_agent = true");
    let container = context("is_in_container = true");
    let forwarded = context("is_forwarded = true");
    let rows: Vec<Row> = vec![
        (
            "How rules work",
            "top-down, the first match wins",
            two(DENY, ("deny", &git), ("allow", &github)),
            |r| ssh_dest(r, "git@github.com"),
            "deny",
        ),
        (
            "How rules work",
            "the second is reached when the first does not match",
            two(DENY, ("allow", &git), ("ask", &github)),
            |r| ssh_dest(r, "deploy@github.com"),
            "ask",
        ),
        (
            "How rules work",
            "all fields must match",
            one(DENY, "allow", &context("ssh_dest = \"github.com\"\nis_in_known_hosts = true")),
            |r| ssh_dest(r, "github.com"),
            "deny",
        ),
        (
            "How rules work",
            "all fields match",
            one(DENY, "allow", &context("ssh_dest = \"github.com\"\nis_in_known_hosts = true")),
            |r| {
                ssh_dest(r, "github.com");
                r.surroundings.is_in_known_hosts = Fact::Known(true);
            },
            "allow",
        ),
        ("How rules work", "omitted fields match anything", one(DENY, "allow", ""), nothing, "allow"),
        ("How rules work", "no match: the default, deny", one(DENY, "allow", &github), nothing, "deny"),
        ("How rules work", "no match: the default, allow", one(ALLOW, "deny", &github), nothing, "allow"),
        ("How rules work", "no match: the default, confirm", one(ASK, "allow", &github), nothing, "ask"),
        (
            "Default-deny",
            "git@github.com is allowed",
            two(DENY, ("allow", &git), ("allow", &known_hosts)),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Default-deny",
            "a known host is allowed",
            two(DENY, ("allow", &git), ("allow", &known_hosts)),
            |r| r.surroundings.is_in_known_hosts = Fact::Known(true),
            "allow",
        ),
        (
            "Default-deny",
            "everything else is denied",
            two(DENY, ("allow", &git), ("allow", &known_hosts)),
            |r| ssh_dest(r, "other.example"),
            "deny",
        ),
        ("Default-allow", "a coding agent confirms", two(ALLOW, ("ask", &coding), ("deny", &container)), agent, "ask"),
        (
            "Default-allow",
            "a container is denied",
            two(ALLOW, ("ask", &coding), ("deny", &container)),
            |r| r.surroundings.is_in_container = Fact::Known(true),
            "deny",
        ),
        (
            "Default-allow",
            "anything else is allowed",
            two(ALLOW, ("ask", &coding), ("deny", &container)),
            nothing,
            "allow",
        ),
        ("Default-confirm", "every operation confirms", ASK, nothing, "ask"),
        (
            "Default-confirm",
            "unless a rule says otherwise",
            one(ASK, "allow", &git),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`github.com` is git@github.com",
            one(DENY, "allow", &github),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`github.com` is deploy@github.com",
            one(DENY, "allow", &github),
            |r| ssh_dest(r, "deploy@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`github.com` is github.com",
            one(DENY, "allow", &github),
            |r| ssh_dest(r, "github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`git@github.com` is git@github.com",
            one(DENY, "allow", &git),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`git@github.com` is not deploy@github.com",
            one(DENY, "allow", &git),
            |r| ssh_dest(r, "deploy@github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "`git@github.com` is not the bare host",
            one(DENY, "allow", &git),
            |r| ssh_dest(r, "github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "`*.example.com` is none of them",
            one(DENY, "allow", &context("ssh_dest = \"*.example.com\"")),
            |r| ssh_dest(r, "git@github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "`git@*` is git@github.com",
            one(DENY, "allow", &context("ssh_dest = \"git@*\"")),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`git@*` is not deploy@github.com",
            one(DENY, "allow", &context("ssh_dest = \"git@*\"")),
            |r| ssh_dest(r, "deploy@github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "`git@*` is not the bare host",
            one(DENY, "allow", &context("ssh_dest = \"git@*\"")),
            |r| ssh_dest(r, "github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "`*@github.com` is git@github.com",
            one(DENY, "allow", &context("ssh_dest = \"*@github.com\"")),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`*@github.com` is deploy@github.com",
            one(DENY, "allow", &context("ssh_dest = \"*@github.com\"")),
            |r| ssh_dest(r, "deploy@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "`*@github.com` is not the bare host",
            one(DENY, "allow", &context("ssh_dest = \"*@github.com\"")),
            |r| ssh_dest(r, "github.com"),
            "deny",
        ),
        (
            "Understanding ssh_dest",
            "mixed specificity: git@ matches the first",
            two(DENY, ("allow", &git), ("ask", &github)),
            |r| ssh_dest(r, "git@github.com"),
            "allow",
        ),
        (
            "Understanding ssh_dest",
            "mixed specificity: deploy@ the second",
            two(DENY, ("allow", &git), ("ask", &github)),
            |r| ssh_dest(r, "deploy@github.com"),
            "ask",
        ),
        (
            "Git hosting",
            "several hosts, one user",
            one(DENY, "allow", &context("ssh_dest = '~git@(github\\.com|gitlab\\.com|codeberg\\.org)'")),
            |r| ssh_dest(r, "git@codeberg.org"),
            "allow",
        ),
        (
            "Git hosting",
            "several hosts, another user",
            one(DENY, "allow", &context("ssh_dest = '~git@(github\\.com|gitlab\\.com|codeberg\\.org)'")),
            |r| ssh_dest(r, "root@codeberg.org"),
            "deny",
        ),
        (
            "Git hosting",
            "a host and those below it",
            one(DENY, "allow", &context("ssh_dest = [\"github.com\", \"*.github.com\"]")),
            |r| ssh_dest(r, "ssh.github.com"),
            "allow",
        ),
        (
            "Git hosting",
            "never one that only ends like it",
            one(DENY, "allow", &context("ssh_dest = [\"github.com\", \"*.github.com\"]")),
            |r| ssh_dest(r, "evilgithub.com"),
            "deny",
        ),
        ("Coding agents", "any coding agent confirms", one(ALLOW, "ask", &coding), agent, "ask"),
        ("Coding agents", "nobody else does", one(ALLOW, "ask", &coding), nothing, "allow"),
        (
            "Coding agents",
            "one agent by its name",
            one(ALLOW, "ask", &context("coding_agent_name = \"claude\"")),
            agent,
            "ask",
        ),
        (
            "Coding agents",
            "another agent's name",
            one(ALLOW, "ask", &context("coding_agent_name = \"aider\"")),
            agent,
            "allow",
        ),
        (
            "Coding agents",
            "one agent by its environment",
            one(ALLOW, "ask", &context("env = { CLAUDECODE = \"1\" }")),
            |r| r.surroundings.env = Fact::Known([(Text::from("CLAUDECODE"), Text::from("1"))].into()),
            "ask",
        ),
        (
            "Coding agents",
            "without the variable",
            one(ALLOW, "ask", &context("env = { CLAUDECODE = \"1\" }")),
            nothing,
            "allow",
        ),
        (
            "Coding agents",
            "one agent by an ancestor",
            one(ALLOW, "ask", &context("ancestor = \"tmux\"")),
            nothing,
            "ask",
        ),
        (
            "Forwarded agent",
            "forwarded to a known host",
            two(DENY, ("allow", &context("is_forwarded = true\nis_in_known_hosts = true")), ("deny", &forwarded)),
            |r| {
                r.surroundings.is_forwarded = Fact::Known(true);
                r.surroundings.is_in_known_hosts = Fact::Known(true);
            },
            "allow",
        ),
        (
            "Forwarded agent",
            "forwarded to an unknown host",
            two(ALLOW, ("allow", &context("is_forwarded = true\nis_in_known_hosts = true")), ("deny", &forwarded)),
            |r| r.surroundings.is_forwarded = Fact::Known(true),
            "deny",
        ),
        (
            "Forwarded agent",
            "not forwarded",
            two(ALLOW, ("allow", &context("is_forwarded = true\nis_in_known_hosts = true")), ("deny", &forwarded)),
            nothing,
            "allow",
        ),
        (
            "Forwarded agent",
            "forwarded to one host only",
            two(ALLOW, ("allow", &context("is_forwarded = true\nssh_dest = \"git@github.com\"")), ("deny", &forwarded)),
            |r| {
                r.surroundings.is_forwarded = Fact::Known(true);
                ssh_dest(r, "git@github.com");
            },
            "allow",
        ),
        (
            "Forwarded agent",
            "forwarded to another host",
            two(ALLOW, ("allow", &context("is_forwarded = true\nssh_dest = \"git@github.com\"")), ("deny", &forwarded)),
            |r| {
                r.surroundings.is_forwarded = Fact::Known(true);
                ssh_dest(r, "git@other.example");
            },
            "deny",
        ),
        (
            "Containers",
            "true is denied",
            one(ALLOW, "deny", &container),
            |r| r.surroundings.is_in_container = Fact::Known(true),
            "deny",
        ),
        (
            "Containers",
            "what cannot be told is denied as well",
            one(ALLOW, "deny", &container),
            |r| r.surroundings.is_in_container = Fact::Unknown,
            "deny",
        ),
        (
            "Working directory",
            "below the source directory, by git",
            one(
                DENY,
                "allow",
                &context("cwd = \"/home/*/src/**\"\nparent_process_name = [\"git\", \"git-remote-https\"]"),
            ),
            |r| {
                r.surroundings.parent_process_name = Fact::Known(Text::from("git"));
                r.command.cwd = AbsPath::new("/home/ann/src/app").unwrap();
            },
            "allow",
        ),
        (
            "Working directory",
            "by another program",
            one(
                DENY,
                "allow",
                &context("cwd = \"/home/*/src/**\"\nparent_process_name = [\"git\", \"git-remote-https\"]"),
            ),
            |r| r.command.cwd = AbsPath::new("/home/ann/src/app").unwrap(),
            "deny",
        ),
        (
            "Working directory",
            "a star stays in its component",
            one(DENY, "allow", &context("cwd = \"/home/*/src/*\"")),
            |r| r.command.cwd = AbsPath::new("/home/ann/x/src/y").unwrap(),
            "deny",
        ),
        (
            "tmux",
            "one window is allowed",
            two(
                DENY,
                ("allow", &context("tmux_window = \"main:deploy\"")),
                ("deny", &context("tmux_window = \"main:scratch\"")),
            ),
            |r| r.surroundings.tmux_window = Fact::Known(Text::from("main:deploy")),
            "allow",
        ),
        (
            "tmux",
            "the other is denied",
            two(
                ALLOW,
                ("allow", &context("tmux_window = \"main:deploy\"")),
                ("deny", &context("tmux_window = \"main:scratch\"")),
            ),
            |r| r.surroundings.tmux_window = Fact::Known(Text::from("main:scratch")),
            "deny",
        ),
        (
            "tmux",
            "no window is neither",
            two(
                ALLOW,
                ("allow", &context("tmux_window = \"main:deploy\"")),
                ("deny", &context("tmux_window = \"main:scratch\"")),
            ),
            nothing,
            "allow",
        ),
        (
            "Team hosts",
            "one's own git",
            one(DENY, "allow", &context("ssh_dest = \"git@github.com\"\nparent_process_name = \"git\"")),
            |r| {
                ssh_dest(r, "git@github.com");
                r.surroundings.parent_process_name = Fact::Known(Text::from("git"));
            },
            "allow",
        ),
        (
            "Team hosts",
            "interactive ssh confirms",
            one(DENY, "ask", &context("parent_process_name = \"bash\"\nis_in_known_hosts = true")),
            |r| r.surroundings.is_in_known_hosts = Fact::Known(true),
            "ask",
        ),
        ("Logging-only", "no rules: everything is allowed", ALLOW, nothing, "allow"),
        (
            "Tips",
            "a regular expression behind `~`",
            one(ALLOW, "deny", &context("process_name = \"~ss.\"")),
            nothing,
            "deny",
        ),
    ];
    assert!(rows.len() >= 55);
    check(&rows);
}

#[test]
fn the_policy_model() {
    let github = "operation = \"github.set_actions_secret\"\n[rules.target]\nfields = { repo = \"org/*\" }";
    let cluster = "operation = \"k8s.set_secret\"\n[rules.target]\nfields = { cluster = \"prod-*\", namespace = [\"apps\", \"infra\"] }";
    let client = "[[clients]]\nname = \"claude-code\"\nuid = 1000\nexe_path = \"/Applications/**/claude-code\"\n";
    let named = leak(format!("{DENY}{client}[[rules]]\nname = \"r\"\naction = \"ask\"\nclients = [\"claude-code\"]\n"));
    let rows: Vec<Row> = vec![
        (
            "Client identity",
            "the named program of the named user",
            named,
            |r| executable(r, "/Applications/Claude Code.app/claude-code"),
            "ask",
        ),
        ("Client identity", "another program", named, |r| executable(r, "/usr/bin/other"), "deny"),
        (
            "Client identity",
            "another user",
            named,
            |r| {
                executable(r, "/Applications/x/claude-code");
                r.principal.uid = 1001;
            },
            "deny",
        ),
        (
            "Operation and target",
            "operation and target match",
            one(DENY, "ask", github),
            |r| target(r, "github.set_actions_secret", &[("repo", "org/app")]),
            "ask",
        ),
        (
            "Operation and target",
            "another operation",
            one(DENY, "ask", github),
            |r| target(r, "github.delete_secret", &[("repo", "org/app")]),
            "deny",
        ),
        (
            "Operation and target",
            "another target",
            one(DENY, "ask", github),
            |r| target(r, "github.set_actions_secret", &[("repo", "other/app")]),
            "deny",
        ),
        (
            "Operation and target",
            "a target that is not said",
            one(DENY, "ask", github),
            |r| target(r, "github.set_actions_secret", &[]),
            "deny",
        ),
        (
            "Operation and target",
            "more fields than are asked for",
            one(DENY, "ask", github),
            |r| target(r, "github.set_actions_secret", &[("repo", "org/app"), ("x", "y")]),
            "ask",
        ),
        (
            "Draft format",
            "a list is any of its values",
            one(DENY, "ask", cluster),
            |r| target(r, "k8s.set_secret", &[("cluster", "prod-eu"), ("namespace", "infra")]),
            "ask",
        ),
        (
            "Draft format",
            "all fields must match",
            one(DENY, "ask", cluster),
            |r| target(r, "k8s.set_secret", &[("cluster", "prod-eu"), ("namespace", "kube-system")]),
            "deny",
        ),
        (
            "Operation and target",
            "a run has no such target",
            one(DENY, "ask", "[rules.target]\nfields = { repo = \"*\" }"),
            nothing,
            "deny",
        ),
        (
            "Operation and target",
            "secrets by name",
            one(DENY, "ask", "[rules.secret_names]\npatterns = [\"NPM_*\"]"),
            |r| r.operation.secrets = vec!["NPM_TOKEN".to_owned()],
            "ask",
        ),
        (
            "Operation and target",
            "a secret that is not listed",
            one(DENY, "ask", "[rules.secret_names]\npatterns = [\"NPM_*\"]"),
            |r| r.operation.secrets = vec!["NPM_TOKEN".to_owned(), "AWS_KEY".to_owned()],
            "deny",
        ),
        (
            "Sandbox requirements",
            "a command by path",
            one(DENY, "allow", "[rules.command]\npath = \"/usr/bin/git\""),
            nothing,
            "allow",
        ),
        (
            "Sandbox requirements",
            "the same name elsewhere",
            one(DENY, "allow", "[rules.command]\npath = \"/usr/bin/git\""),
            |r| r.command.program.path = AbsPath::new("/tmp/x/git").unwrap(),
            "deny",
        ),
        (
            "Workspace",
            "remote and branch",
            one(
                DENY,
                "allow",
                "[rules.workspace]\nremote_url_pattern = \"github.com/myorg/*\"\nbranch_pattern = \"release/*\"",
            ),
            nothing,
            "allow",
        ),
        (
            "Workspace",
            "another branch",
            one(
                DENY,
                "allow",
                "[rules.workspace]\nremote_url_pattern = \"github.com/myorg/*\"\nbranch_pattern = \"release/*\"",
            ),
            |r| r.repository.branch = Fact::Known("main".to_owned()),
            "deny",
        ),
        (
            "Workspace",
            "no repository",
            one(DENY, "allow", "[rules.workspace]\nremote_url_pattern = \"github.com/myorg/*\""),
            |r| r.repository.remote_url = Fact::Absent,
            "deny",
        ),
        (
            "Workspace",
            "a repository that cannot be told",
            one(DENY, "allow", "[rules.workspace]\nremote_url_pattern = \"github.com/myorg/*\""),
            |r| r.repository.remote_url = Fact::Unknown,
            "deny",
        ),
    ];
    check(&rows);
}

#[test]
fn the_specification_of_security() {
    let rows: Vec<Row> = vec![
        (
            "Policy",
            "a role may",
            one(DENY, "allow", "roles = [\"release\"]"),
            |r| r.principal.roles = Fact::Known(vec!["dev".to_owned(), "release".to_owned()]),
            "allow",
        ),
        (
            "Policy",
            "another role may not",
            one(DENY, "allow", "roles = [\"release\"]"),
            |r| r.principal.roles = Fact::Known(vec!["dev".to_owned()]),
            "deny",
        ),
        ("Policy", "nobody's session has no role", one(DENY, "allow", "roles = [\"release\"]"), nothing, "deny"),
        (
            "Trust boundaries",
            "what comes from untrusted content escalates",
            one(ALLOW, "ask", "[rules.context]\nprovenance = \"untrusted\""),
            |r| r.surroundings.provenance = Fact::Known(Provenance::Untrusted),
            "ask",
        ),
        (
            "Trust boundaries",
            "what does not, does not",
            one(ALLOW, "ask", "[rules.context]\nprovenance = \"untrusted\""),
            |r| r.surroundings.provenance = Fact::Known(Provenance::Trusted),
            "allow",
        ),
        (
            "Trust boundaries",
            "what cannot be told escalates",
            one(ALLOW, "ask", "[rules.context]\nprovenance = \"untrusted\""),
            |r| r.surroundings.provenance = Fact::Unknown,
            "ask",
        ),
        (
            "Open questions",
            "an option that smuggles another program in is no match",
            one(
                DENY,
                "allow",
                "[rules.command]\nargv = [\"push\", { flag = \"--tags\" }, { rest = { text = \"*\" } }]",
            ),
            |r| r.command.argv = ["git", "push", "--receive-pack=x"].map(Text::from).to_vec(),
            "deny",
        ),
        (
            "Open questions",
            "a declared option is",
            one(
                DENY,
                "allow",
                "[rules.command]\nargv = [\"push\", { flag = \"--tags\" }, { rest = { text = \"*\" } }]",
            ),
            |r| r.command.argv = ["git", "--tags", "push", "origin"].map(Text::from).to_vec(),
            "allow",
        ),
        (
            "Open questions",
            "an option behind `--` is none",
            one(
                DENY,
                "allow",
                "[rules.command]\nargv = [\"push\", { flag = \"--tags\" }, { rest = { text = \"*\" } }]",
            ),
            |r| r.command.argv = ["git", "push", "--", "-x"].map(Text::from).to_vec(),
            "deny",
        ),
    ];
    check(&rows);
}
