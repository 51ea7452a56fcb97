use super::*;
use crate::document::SourceFile;
use crate::path::AbsPath;
use crate::request_file::{RequestFile, recorded};
use crate::sources::{PolicySources, Sight};

fn policies(text: &str) -> PolicySet {
    let file = SourceFile { file: "policy.toml".to_owned(), bytes: format!("version = 1\n{text}").into_bytes() };
    let sources =
        PolicySources { home: AbsPath::new("/home/ann").unwrap(), system: Vec::new(), user: vec![file], repo: None };
    PolicySet::load(&sources, Sight::Again).unwrap_or_else(|error| panic!("{error}"))
}

fn rule(name: &str, action: &str, lines: &str) -> String {
    let trust = if action == "allow" { "trust = \"derived\"\n" } else { "" };
    format!("[[rules]]\nname = \"{name}\"\naction = \"{action}\"\n{trust}{lines}\n")
}

fn request(more: &str) -> Request {
    let text = format!(
        r#"{{"principal": {{"uid": 1000, "kind": "human"}}, "command": {{"path": "/usr/bin/git", "argv": ["git", "push", "x"], "cwd": "/srv"}}{more}}}"#
    );
    RequestFile::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn found(policy: &str, request: &Request) -> (Vec<String>, Vec<String>) {
    let Possible { answers, unknown } = policies(policy).simulate(request, Missing::Anything, &Profiles::built_in());
    (answers.iter().map(|(answer, rule)| format!("{answer} by {rule}")).collect(), unknown.into_iter().collect())
}

#[test]
fn a_fact_that_nobody_gathered_leaves_both_answers_open_and_is_named() {
    let policy = format!("default = \"allow\"\n{}", rule("main", "deny", "workspace.branch_pattern = \"main\""));
    let open = (
        vec!["allow by user:default".to_owned(), "deny by user:main".to_owned()],
        vec!["repository.branch".to_owned()],
    );
    assert_eq!(found(&policy, &request("")), open);
    let known = |branch: &str| request(&format!(r#", "repository": {{"branch": {branch}}}"#));
    assert_eq!(found(&policy, &known("\"main\"")), (vec!["deny by user:main".to_owned()], vec![]));
    assert_eq!(found(&policy, &known("null")), (vec!["allow by user:default".to_owned()], vec![]));
}

#[test]
fn a_missing_fact_that_changes_no_answer_leaves_one() {
    let policy = format!(
        "default = \"deny\"\n{}{}",
        rule("main", "deny", "workspace.branch_pattern = \"main\""),
        rule("git", "deny", "command.path = \"/usr/bin/git\"")
    );
    let answers = vec!["deny by user:git".to_owned(), "deny by user:main".to_owned()];
    assert_eq!(found(&policy, &request("")), (answers, vec![]));
}

#[test]
fn a_rule_behind_one_that_surely_matches_is_not_asked() {
    let policy = format!(
        "default = \"deny\"\n{}{}",
        rule("git", "allow", "command.path = \"/usr/bin/git\""),
        rule("main", "deny", "workspace.branch_pattern = \"main\"")
    );
    assert_eq!(found(&policy, &request("")), (vec!["allow by user:git".to_owned()], vec![]));
}

#[test]
fn a_variable_that_was_not_looked_at_may_have_been_there_and_one_whose_value_is_hidden_was() {
    let policy = |value: &str| {
        format!("default = \"allow\"\n{}", rule("ci", "deny", &format!("context.env = {{ CI = \"{value}\" }}")))
    };
    let whole = request(r#", "context": {"env": {"A": "1"}}"#);
    assert_eq!(found(&policy("1"), &whole).0, ["allow by user:default"]);
    let other = request(r#", "context": {"env": {"A": "1"}, "env_read": ["A"]}"#);
    assert_eq!(found(&policy("1"), &other).1, ["context.env.CI"]);
    let absent = request(r#", "context": {"env": {}, "env_read": ["CI"]}"#);
    assert_eq!(found(&policy("*"), &absent).0, ["allow by user:default"]);
    let hidden = request(r#", "context": {"env": {}, "env_read": ["CI"]}, "redacted": ["context.env.CI"]"#);
    assert_eq!(found(&policy("1"), &hidden).1, ["context.env.CI"]);
    assert_eq!(found(&policy("*"), &hidden).0, ["deny by user:ci"]);
}

#[test]
fn a_hidden_argument_is_open_only_where_it_decides() {
    let mut hidden = request("");
    hidden.command.argv.push(Text::new(vec![b'a'; 5000]).unwrap());
    let hidden = RequestFile::parse(std::str::from_utf8(&recorded(&hidden, usize::MAX)).unwrap()).unwrap();
    let policy = |argv: &str| format!("default = \"deny\"\n{}", rule("r", "allow", &format!("command.argv = {argv}")));
    for (argv, answers) in [
        (r#"["push", "**"]"#, &["allow by user:r"][..]),
        (r#"["push", "x", "*"]"#, &["allow by user:r"]),
        (r#"["pull", "**"]"#, &["deny by user:default"]),
        (r#"["push", "x"]"#, &["deny by user:default"]),
        (r#"["push", "x", "a*"]"#, &["allow by user:r", "deny by user:default"]),
        (r#"["push", { rest = { text = "*" } }]"#, &["allow by user:r", "deny by user:default"]),
        (r#"["push", { flag = "-f" }, { rest = { text = "*" } }]"#, &["allow by user:r", "deny by user:default"]),
    ] {
        assert_eq!(found(&policy(argv), &hidden).0, answers, "{argv}");
    }
    let class = format!("default = \"deny\"\n{}", rule("r", "allow", "command.class = [\"vcs-write\"]"));
    assert_eq!(found(&class, &hidden).1, ["command.argv.3"]);
}

#[test]
fn hidden_flags_may_have_been_too_much() {
    let policy = format!("default = \"deny\"\n{}", rule("r", "allow", ""));
    let hidden = request(r#", "redacted": ["asked.read"]"#);
    let open = (vec!["allow by user:r".to_owned(), "deny by user:r".to_owned()], vec!["asked.read".to_owned()]);
    assert_eq!(found(&policy, &hidden), open);
    assert_eq!(found("default = \"deny\"\n", &hidden), (vec!["deny by user:default".to_owned()], vec![]));
    let decision = policies(&policy).decide(&hidden, &Profiles::built_in());
    assert_eq!(decision.answer(), Answer::Deny, "what nobody can hold against the ceiling is not permitted");
}

#[test]
fn the_same_policies_would_not_know_again_what_they_did_not_find_out() {
    let text = format!("default = \"allow\"\n{}", rule("main", "deny", "workspace.branch_pattern = \"main\""));
    let policies = policies(&text);
    let possible = policies.simulate(&request(""), Missing::Again, &Profiles::built_in());
    assert_eq!(possible.only(), Some(Answer::Deny));
    let hidden = request(r#", "redacted": ["repository.branch"]"#);
    assert_eq!(policies.simulate(&hidden, Missing::Again, &Profiles::built_in()).only(), None);
}

#[test]
fn a_coding_agent_that_only_one_of_the_policies_knows_is_seen_by_that_one() {
    let ask = rule("agents", "deny", "context.is_coding_agent = true");
    let with = |agents: &str| format!("default = \"allow\"\n{agents}{ask}");
    let mine = "[coding_agents.mine]\nancestors = [\"mine\"]\n";
    let marked = "[coding_agents.mine]\nenv = { MINE = \"1\" }\n";
    let asks =
        |name: &str| request(&format!(r#", "context": {{"coding_agent_name": {name}, "ancestors": ["sh", "mine"]}}"#));
    for (policy, name, answers) in [
        (with(""), "\"claude\"", &["deny by user:agents"][..]),
        (with(""), "\"mine\"", &["allow by user:default"]),
        (with(mine), "null", &["deny by user:agents"]),
        (with(&mine.replace("[\"mine\"]", "[\"other\"]")), "null", &["allow by user:default"]),
        (with(marked), "null", &["allow by user:default", "deny by user:agents"]),
    ] {
        assert_eq!(found(&policy, &asks(name)).0, answers, "{policy}{name}");
    }
}

#[test]
fn too_many_ways_to_vote_are_outlined_and_never_taken_for_one_answer() {
    let rules = |action: &str| -> String {
        (0..5000)
            .map(|index| rule(&format!("r{index}"), action, &format!("workspace.branch_pattern = \"b{index}\"")))
            .collect()
    };
    let Possible { answers, unknown } = policies(&format!("default = \"allow\"\n{}", rules("allow"))).simulate(
        &request(""),
        Missing::Anything,
        &Profiles::built_in(),
    );
    assert_eq!(
        answers.iter().map(|(answer, _)| *answer).collect::<BTreeSet<_>>(),
        [Answer::Allow, Answer::Deny].into()
    );
    assert!(unknown.contains("repository.branch"));
}
