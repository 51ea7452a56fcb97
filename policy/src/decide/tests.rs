use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::audit::{Audit, AuditSync};
use crate::document::SourceFile;
use crate::fact::Fact;
use crate::policy_set::Need;
use crate::principal::{ClientKind, Principal};
use crate::request::{AskedVariable, Command, Inode, Program};
use crate::sources::{PolicySources, Sight};
use crate::text::Text;
use std::collections::BTreeSet;

mod agreement;
mod attempts;
mod documents;
mod flags;
mod laws;
mod naive;
mod network;
mod repository;

fn home() -> AbsPath {
    AbsPath::new("/home/ann").unwrap()
}

fn file(text: &str) -> SourceFile {
    SourceFile { file: "policy.toml".to_owned(), bytes: format!("version = 1\n{text}").into_bytes() }
}

/// Policy from the text of the machine's and the caller's layer; an empty text is no layer.
fn policy(system: &str, user: &str) -> PolicySet {
    let files = |text: &str| if text.is_empty() { Vec::new() } else { vec![file(text)] };
    let sources = PolicySources { home: home(), system: files(system), user: files(user), repo: None };
    PolicySet::load(&sources, Sight::First).unwrap_or_else(|error| panic!("{error}"))
}

/// A request for a command line, as uid 1000 at a terminal, without flags.
fn request(command: &str) -> Request {
    let argv: Vec<Text> = command.split(' ').map(Text::from).collect();
    let path = AbsPath::new(argv[0].as_bytes()).unwrap();
    let program = Program {
        named: path.clone(),
        path,
        inode: Inode { device: 1, number: 2 },
        sha256: None,
        interpreters: Vec::new(),
    };
    let cwd = AbsPath::new("/home/ann/src").unwrap();
    let command = Command { program, argv, cwd, classes: Fact::Unknown };
    Request::to_run(Principal::new(1000, ClientKind::Human), command, Asked::default())
}

fn asking(asked: Asked) -> Request {
    Request { asked, ..request("/usr/bin/make all") }
}

fn decide(policy: &PolicySet, request: &Request) -> Decision {
    policy.decide(request, built_in())
}

/// The built-in profiles, read once for all the requests of a property.
fn built_in() -> &'static Profiles {
    static PROFILES: std::sync::OnceLock<Profiles> = std::sync::OnceLock::new();
    PROFILES.get_or_init(Profiles::built_in)
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allow",
        Decision::Ask(_) => "ask",
        Decision::Deny(_) => "deny",
    }
}

fn allowed(decision: Decision) -> Permission {
    match decision {
        Decision::Allow(permission) => permission,
        Decision::Ask(permission) => panic!("asks by {}", permission.rule()),
        Decision::Deny(denial) => panic!("{denial}"),
    }
}

fn denied(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Allow(permission) | Decision::Ask(permission) => panic!("permitted by {}", permission.rule()),
    }
}

/// A denial as a person reads it.
fn told(decision: Decision) -> String {
    let denial = denied(decision);
    match denial.hint() {
        Some(hint) => format!("{denial}\nhint: {hint}"),
        None => denial.to_string(),
    }
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

fn variable(name: &str, value: Option<&str>) -> AskedVariable {
    AskedVariable { name: Text::from(name), value: value.map(Text::from) }
}

fn limit(name: &str, text: &str) -> Limits {
    let mut limits = Limits::default();
    limits.set(name, text, true).unwrap();
    limits
}

const MAKE: &str =
    "default = \"deny\"\n[[rules]]\nname = \"build\"\naction = \"allow\"\n[rules.command]\npath = \"/usr/bin/make\"\n";

#[test]
fn without_any_policy_a_command_gets_the_default_profile() {
    let permission = allowed(decide(&policy("", ""), &request("/usr/bin/make all")));
    assert_eq!(permission.rule(), "built-in:any-command");
    assert_eq!(permission.approval(), Approval::Never);
    assert_eq!(permission.grants(), &Profiles::built_in().grants("default").unwrap());
}

#[test]
fn without_any_policy_flags_are_grants() {
    let asked = Asked {
        profile: Some("ci".into()),
        read: vec![path("/data")],
        write: vec![path("/out")],
        env: vec![variable("CI", Some("2")), variable("EDITOR", None)],
        limits: limit("wall", "3h"),
        ..Asked::default()
    };
    let permission = allowed(decide(&policy("", ""), &asking(asked)));
    let ci = Profiles::built_in().grants("ci").unwrap();
    let mut expected = ci.clone();
    let flag = |text| Grant { place: Place::Absolute(path(text)), origin: Origin::Flag };
    expected.read.push(flag("/data"));
    expected.write.push(flag("/out"));
    expected.env_pass.retain(|name| *name != Text::from("CI"));
    expected.env_pass.push(Text::from("EDITOR"));
    expected.env_set.insert(Text::from("CI"), Text::from("2"));
    expected.limits.wall = limit("wall", "3h").wall;
    assert_eq!(permission.grants(), &expected);
}

#[test]
fn the_first_rule_that_matches_wins() {
    let rules = "default = \"deny\"
[[rules]]
name = \"no-publish\"
action = \"deny\"
why = \"publishing is final\"
[rules.command]
path = \"/usr/bin/npm\"
argv = [\"publish\", \"**\"]
[[rules]]
name = \"npm\"
action = \"allow\"
[rules.command]
path = \"/usr/bin/npm\"
[[rules]]
name = \"others-ask\"
action = \"ask\"
uid = [1000]
";
    let policy = policy("", rules);
    for (command, expected) in [
        ("/usr/bin/npm publish --tag x", "deny"),
        ("/usr/bin/npm install publish", "allow"),
        ("/tmp/usr/bin/npm publish", "ask"),
    ] {
        assert_eq!(word(&decide(&policy, &request(command))), expected, "{command}");
    }
    let other = Request { principal: Principal::new(1, ClientKind::Human), ..request("/bin/x") };
    assert_snapshot!(told(decide(&policy, &other)), @r#"
    denied by `user:default`: no rule matches
    hint: a rule with `action = "allow"` for this command would permit it
    "#);
    assert_snapshot!(told(decide(&policy, &request("/usr/bin/npm publish"))), @r#"
    denied by `user:no-publish`: publishing is final
    "#);
}

#[test]
fn the_strictest_layer_wins() {
    let answers = ["deny", "ask", "allow", "pass"];
    let text = |answer: &str| match answer {
        "ask" => "default = \"ask\"\n[default_approval]\nrequire = \"first_use\"\n".to_owned(),
        other => format!("default = \"{other}\"\n"),
    };
    let expected = [
        ["deny", "deny", "deny", "deny"],
        ["deny", "ask", "ask", "ask"],
        ["deny", "ask", "allow", "allow"],
        ["deny", "ask", "allow", "deny"],
    ];
    for (system, row) in answers.iter().zip(expected) {
        for (user, expected) in answers.iter().zip(row) {
            let decision = decide(&policy(&text(system), &text(user)), &request("/bin/true"));
            assert_eq!(word(&decision), expected, "system {system}, user {user}");
        }
    }
}

#[test]
fn layers_that_all_pass_deny() {
    let pass = "default = \"pass\"\n";
    assert_snapshot!(told(decide(&policy(pass, pass), &request("/bin/true"))), @r#"
    denied by `system:default`: no layer has an opinion
    hint: a rule with `action = "allow"` for this command would permit it
    "#);
}

#[test]
fn the_strictest_approval_is_needed() {
    let ask = |require: &str| format!("default = \"ask\"\n[default_approval]\nrequire = \"{require}\"\n");
    match decide(&policy(&ask("first_use"), &ask("always")), &request("/bin/true")) {
        Decision::Ask(permission) => {
            assert_eq!((permission.approval(), permission.rule()), (Approval::Always, "system:default"));
        }
        Decision::Allow(_) | Decision::Deny(_) => panic!("no approval is asked for"),
    }
}

#[test]
fn a_client_kind_and_a_uid_are_matched() {
    let rules = "default = \"deny\"\n[[rules]]\nname = \"people\"\naction = \"allow\"\nclient_types = [\"human\", \"ci\"]\ntrust = \"derived\"\nuid = 1000\n";
    let policy = policy("", rules);
    for (uid, kind, expected) in [
        (1000, ClientKind::Human, "allow"),
        (1000, ClientKind::Ci, "allow"),
        (1000, ClientKind::Agent, "deny"),
        (1001, ClientKind::Human, "deny"),
    ] {
        let request = Request { principal: Principal::new(uid, kind), ..request("/bin/true") };
        assert_eq!(word(&decide(&policy, &request)), expected, "{uid} {kind:?}");
    }
}

#[test]
fn arguments_match_as_a_vector_and_never_joined() {
    let rules = |argv: &str| format!("{MAKE}argv = {argv}\n");
    for (argv, command, expected) in [
        ("[\"all\"]", "/usr/bin/make all", "allow"),
        ("[\"all\"]", "/usr/bin/make all clean", "deny"),
        ("[\"all\"]", "/usr/bin/make", "deny"),
        ("[\"all clean\"]", "/usr/bin/make all clean", "deny"),
        ("[\"all\", \"**\"]", "/usr/bin/make all clean x", "allow"),
        ("[\"all\", \"**\"]", "/usr/bin/make all", "allow"),
        ("[\"all\", \"**\"]", "/usr/bin/make clean all", "deny"),
        ("[\"-j*\", \"*\"]", "/usr/bin/make -j8 all", "allow"),
        ("[\"-j*\", \"*\"]", "/usr/bin/make -j8", "deny"),
    ] {
        assert_eq!(word(&decide(&policy("", &rules(argv)), &request(command))), expected, "{argv} {command}");
    }
}

#[test]
fn content_is_asked_for_only_when_a_rule_reads_it() {
    let digest = "a".repeat(64);
    let pinned = policy("", &format!("{MAKE}sha256 = \"{digest}\"\n"));
    assert!(pinned.needs().contains(&Need::ProgramContent));
    assert_eq!(policy("", MAKE).needs(), BTreeSet::new());
    let asks = MAKE.replace("\"allow\"", "\"ask\"");
    assert!(policy("", &asks).needs().contains(&Need::ProgramContent), "what is approved must be what runs");
    let with = |sha256: Option<String>| {
        let mut request = request("/usr/bin/make");
        request.command.program.sha256 = sha256;
        request
    };
    assert_eq!(word(&decide(&pinned, &with(Some(digest)))), "allow");
    assert_eq!(word(&decide(&pinned, &with(Some("b".repeat(64))))), "deny");
    assert_eq!(word(&decide(&pinned, &with(None))), "deny");
}

#[test]
fn tmux_is_asked_only_when_a_rule_reads_its_window() {
    let reads = |key: &str| {
        let rule = "default = \"allow\"\n[[rules]]\nname = \"r\"\naction = \"deny\"\n[rules.context]\n";
        policy("", &format!("{rule}{key} = \"x\"\n")).needs()
    };
    assert_eq!(reads("tmux_window"), BTreeSet::from([Need::Surroundings, Need::TmuxWindow]));
    assert_eq!(reads("cgroup"), BTreeSet::from([Need::Surroundings]));
}

#[test]
fn what_a_path_permits_it_permits_to_no_interpreter_that_the_caller_chose() {
    use crate::request::{Chooser, Interpreter};
    let rule = |action: &str, more: &str| {
        policy(
            "",
            &format!(
                "default = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"{action}\"\n[rules.command]\npath = \"/opt/tool\"\n{more}"
            ),
        )
    };
    let run_by = |chosen_by, path: &str| {
        let mut request = request("/opt/tool");
        let path = AbsPath::new(path).unwrap();
        let inode = Inode { device: 1, number: 2 };
        let step = Interpreter { named: path.clone(), path, inode, sha256: None, argv: Vec::new(), chosen_by };
        request.command.program.interpreters = vec![step];
        request
    };
    let caller = run_by(Chooser::Caller, "/home/ann/bin/python3");
    let machine = run_by(Chooser::Machine, "/usr/bin/python3");
    let script = run_by(Chooser::Script, "/home/ann/bin/python3");
    let plain = rule("allow", "");
    assert_eq!([&machine, &script, &request("/opt/tool")].map(|one| word(&decide(&plain, one))), ["allow"; 3]);
    assert_snapshot!(told(decide(&plain, &caller)), @r#"
    denied by `user:default`: no rule matches
    hint: `PATH` leads the script to `/home/ann/bin/python3`, which the caller could have put there: a rule that means it names it, `interpreter = "/home/ann/bin/python3"`
    "#);
    let listed = rule("allow", "interpreter = [\"/home/*/bin/python3\"]\n");
    assert_eq!(
        [&caller, &machine, &request("/opt/tool")].map(|one| word(&decide(&listed, one))),
        ["allow", "deny", "deny"]
    );
    // Who denies a program denies it whatever runs it.
    assert_eq!(told(decide(&rule("deny", ""), &caller)).lines().next(), Some("denied by `user:r`"));
    assert_eq!(word(&decide(&rule("ask", ""), &caller)), "deny");
    let mut through_a_script = run_by(Chooser::Caller, "/home/ann/evil/python3");
    through_a_script.command.program.interpreters.extend(script.command.program.interpreters.clone());
    assert_eq!(word(&decide(&listed, &through_a_script)), "deny");
}

#[test]
fn a_clean_workspace_is_a_derived_fact_that_may_be_unknown() {
    let permits = policy(
        "",
        "default = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\n[rules.workspace]\nrequire_clean = true\n",
    );
    assert!(permits.needs().contains(&Need::Clean));
    let standing = |is_clean| {
        let mut request = request("/usr/bin/make all");
        request.repository.is_clean = is_clean;
        word(&decide(&permits, &request))
    };
    assert_eq!(standing(Fact::Known(true)), "allow");
    assert_eq!(standing(Fact::Known(false)), "deny");
    assert_eq!(standing(Fact::Absent), "deny");
    assert_eq!(standing(Fact::Unknown), "deny");
}

#[test]
fn a_remote_that_clients_read_in_different_ways_neither_permits_nor_escapes_a_denial() {
    let rule = |default: &str, action: &str| {
        let rule = format!("default = \"{default}\"\n[[rules]]\nname = \"r\"\n{action}\n[rules.workspace]\n");
        policy("", &format!("{rule}remote_url_pattern = \"git.example/team/*\"\n"))
    };
    let (permits, denies) =
        (rule("deny", "action = \"allow\"\ntrust = \"derived\""), rule("allow", "action = \"deny\""));
    for (url, expected) in [
        ("https://git.example/team/app", ["allow", "deny"]),
        ("https://evil.test/team/app", ["deny", "allow"]),
        ("https://evil.test#@git.example/team/app", ["deny", "deny"]),
        ("ssh://evil.test?@git.example/team/app", ["deny", "deny"]),
    ] {
        let mut request = request("/usr/bin/make all");
        request.repository.remote_url = Fact::Known(url.to_owned());
        assert_eq!([&permits, &denies].map(|policy| word(&decide(policy, &request))), expected, "{url}");
    }
}

#[test]
fn a_deny_on_an_unknown_fact_counts_unless_the_rest_is_as_strict() {
    let deny =
        format!("[[rules]]\nname = \"bad\"\naction = \"deny\"\n[rules.command]\nsha256 = \"{}\"\n", "a".repeat(64));
    let rest = "[[rules]]\nname = \"rest\"\naction = \"ask\"\n";
    let policy = |default: &str, rules: &str| policy("", &format!("default = \"{default}\"\n{rules}"));
    let rule = |policy: &PolicySet| match decide(policy, &request("/bin/x")) {
        Decision::Deny(denial) => denial.rule().to_owned(),
        Decision::Allow(permission) | Decision::Ask(permission) => permission.rule().to_owned(),
    };
    assert_eq!(rule(&policy("allow", &deny)), "user:bad");
    assert_eq!(rule(&policy("pass", &deny)), "user:bad");
    assert_eq!(rule(&policy("deny", &deny)), "user:default");
    assert_eq!(rule(&policy("deny", &format!("{deny}{rest}"))), "user:bad");
    let unknown_ask = deny.replace("\"deny\"", "\"ask\"");
    assert_eq!(rule(&policy("deny", &unknown_ask)), "user:default");
    assert_eq!(rule(&policy("allow", &unknown_ask)), "user:bad");
}

#[test]
fn the_trace_names_every_rule_and_why_it_did_not_match() {
    let user = format!(
        "{MAKE}argv = [\"all\"]\n[[rules]]\nname = \"agents\"\naction = \"deny\"\nclient_types = [\"agent\"]\n[[rules]]\nname = \"pinned\"\naction = \"deny\"\ncommand.sha256 = \"{}\"\n",
        "a".repeat(64)
    );
    let decision = decide(&policy("default = \"pass\"\n", &user), &request("/usr/bin/true all"));
    assert_snapshot!(decision.trace(), @r#"
    system: pass by `system:default`
    user: deny by `user:default`
      build (allow): command.path = `/usr/bin/make` does not hold
      agents (deny): client_types = `agent` does not hold
      pinned (deny): command.sha256 = `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is not known
    "#);
    let json = serde_json::to_value(decision.trace()).unwrap();
    assert_eq!(json[1]["rules"][1]["mismatches"][0], "client_types = `agent` does not hold");
}

#[test]
fn the_digest_tells_inputs_apart() {
    let digest = |system: &[&str], user: &[&str]| {
        let files = |texts: &[&str]| texts.iter().map(|text| file(text)).collect();
        PolicySources { home: home(), system: files(system), user: files(user), repo: None }.digest()
    };
    let all = [
        digest(&[], &[]),
        digest(&["a"], &[]),
        digest(&[], &["a"]),
        digest(&["a", "b"], &[]),
        digest(&["b", "a"], &[]),
        digest(&["ab"], &[]),
        digest(&["a"], &["b"]),
    ];
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(policy("", MAKE).digest(), digest(&[], &[MAKE]));
}

#[test]
fn the_audit_is_the_strictest_of_all_layers() {
    let text = |sync: &str, days: u32| {
        format!("default = \"deny\"\naudit_retention_days = {days}\n[audit]\nsync = \"{sync}\"\n")
    };
    let audit = policy(&text("process", 90), &text("disk", 30)).audit();
    assert_eq!(audit, Audit { sync: AuditSync::Disk, retention_days: Some(90) });
    assert_eq!(policy("", "").audit(), Audit { sync: AuditSync::Process, retention_days: None });
}
