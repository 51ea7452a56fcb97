//! An evaluator that was written for the tests alone, as plainly as the documentation says it, with policies and requests
//! to hold it beside the engine: see `agreement`.

use super::*;
use crate::fact::Fact;
use crate::surroundings::Origin;

/// A condition, as a person would write it and as one would check it by hand.
#[derive(Debug, Clone, Copy)]
enum Condition {
    Path(&'static str),
    FirstArgument(&'static str),
    Uid(u32),
    Kind(&'static str),
    Role(&'static str),
    Repo(&'static str),
    Branch(&'static str),
    Process(&'static str),
    Agent(bool),
    Origin(&'static str),
    Env(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Written {
    action: &'static str,
    conditions: Vec<Condition>,
}

pub(super) type Layer = (&'static str, Vec<Written>);

impl Written {
    fn text(&self, index: usize) -> String {
        let mut text = format!("[[rules]]\nname = \"r{index}\"\naction = \"{}\"\ntrust = \"derived\"\n", self.action);
        for condition in &self.conditions {
            text += &match condition {
                Condition::Path(path) => format!("command.path = \"{path}\"\n"),
                Condition::FirstArgument(word) => format!("command.argv = [\"{word}\", \"**\"]\n"),
                Condition::Uid(uid) => format!("uid = {uid}\n"),
                Condition::Kind(kind) => {
                    format!("client_types = [\"human\", \"{kind}\"]\n").replace("\"human\", \"human\"", "\"human\"")
                }
                Condition::Role(role) => format!("roles = [\"{role}\"]\n"),
                Condition::Repo(repo) => format!("target.fields = {{ repo = \"{repo}\" }}\n"),
                Condition::Branch(branch) => format!("workspace.branch_pattern = \"{branch}\"\n"),
                Condition::Process(name) => format!("context.process_name = \"{name}\"\n"),
                Condition::Agent(is_agent) => format!("context.is_coding_agent = {is_agent}\n"),
                Condition::Origin(origin) => format!("context.origin = \"{origin}\"\n"),
                Condition::Env(value) => format!("context.env = {{ A = \"{value}\" }}\n"),
            };
        }
        text
    }
}

/// 2 holds, 1 nobody knows, 0 does not hold.
fn check(condition: Condition, request: &Request) -> u8 {
    let sure = |holds: bool| if holds { 2 } else { 0 };
    fn fact<T>(fact: &Fact<T>, holds: impl Fn(&T) -> bool) -> u8 {
        match fact {
            Fact::Known(value) => u8::from(holds(value)) * 2,
            Fact::Absent => 0,
            Fact::Unknown => 1,
        }
    }
    let around = &request.surroundings;
    match condition {
        Condition::Path(path) => sure(match path.strip_suffix("/**") {
            Some(above) => request.command.program.path.is_within(&AbsPath::new(above).unwrap()),
            None => request.command.program.path.to_string() == path,
        }),
        Condition::FirstArgument(word) => {
            sure(request.command.argv.get(1).is_some_and(|first| *first == Text::from(word)))
        }
        Condition::Uid(uid) => sure(request.principal.uid == uid),
        Condition::Kind(kind) => {
            sure(matches!(request.principal.kind.as_str(), found if found == kind || found == "human"))
        }
        Condition::Role(role) => fact(&request.principal.roles, |roles| roles.iter().any(|held| held == role)),
        Condition::Repo(repo) => {
            sure(request.operation.target.get("repo").is_some_and(|found| *found == Text::from(repo)))
        }
        Condition::Branch(branch) => fact(&request.repository.branch, |found| found == branch),
        Condition::Process(name) => fact(&around.process_name, |found| *found == Text::from(name)),
        Condition::Agent(wanted) => match (&around.coding_agent_name, wanted) {
            (Fact::Unknown, _) => 1,
            (Fact::Known(_), wanted) => sure(wanted),
            (Fact::Absent, wanted) => sure(!wanted),
        },
        Condition::Origin(origin) => fact(&around.origin, |found| found.as_str() == origin),
        Condition::Env(value) => fact(&around.env, |env| env.get(&Text::from("A")) == Some(&Text::from(value))),
    }
}

pub(super) fn strict(word: &str) -> u8 {
    ["allow", "ask", "deny"].iter().position(|known| *known == word).unwrap() as u8
}

pub(super) fn evaluate(layers: &[Layer], request: &Request) -> u8 {
    let votes = layers.iter().filter_map(|(default, rules)| {
        let mut doubtful = None;
        let mut answer = (*default != "pass").then(|| strict(default));
        for rule in rules {
            match (rule.conditions.iter().map(|condition| check(*condition, request)).min().unwrap_or(2), rule.action) {
                (2, action) => {
                    answer = Some(strict(action));
                    break;
                }
                (1, "ask" | "deny") => doubtful = doubtful.max(Some(strict(rule.action))),
                _ => {}
            }
        }
        answer.max(doubtful)
    });
    votes.max().unwrap_or(2)
}

fn condition() -> impl Strategy<Value = Condition> {
    use prop::sample::select;
    prop_oneof![
        select(vec!["/bin/a", "/bin/b", "/bin/**"]).prop_map(Condition::Path),
        select(vec!["x", "y"]).prop_map(Condition::FirstArgument),
        (1_u32..3).prop_map(Condition::Uid),
        select(vec!["agent", "human"]).prop_map(Condition::Kind),
        select(vec!["r", "s"]).prop_map(Condition::Role),
        select(vec!["o", "p"]).prop_map(Condition::Repo),
        select(vec!["main", "dev"]).prop_map(Condition::Branch),
        select(vec!["sh", "git"]).prop_map(Condition::Process),
        any::<bool>().prop_map(Condition::Agent),
        select(vec!["tty", "ci"]).prop_map(Condition::Origin),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let kept = |conditions: Vec<Condition>| -> Vec<Condition> {
        // A key stands once in a table.
        let mut kept: Vec<Condition> = Vec::new();
        for condition in conditions {
            if kept.iter().all(|one| std::mem::discriminant(one) != std::mem::discriminant(&condition)) {
                kept.push(condition);
            }
        }
        kept
    };
    let conditions = prop::collection::vec(condition(), 0..4).prop_map(kept);
    let env = prop::option::of(prop::sample::select(vec!["1", "2"]));
    (prop::sample::select(vec!["allow", "ask", "deny"]), conditions, env).prop_map(|(action, mut conditions, env)| {
        // What the caller claims never permits.
        conditions.extend(env.filter(|_| action != "allow").map(Condition::Env));
        Written { action, conditions }
    })
}

pub(super) fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let default = prop::sample::select(vec!["allow", "deny", "pass"]);
    prop::collection::vec((default, prop::collection::vec(written(), 0..5)), 2)
}

fn fact<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Fact<T>> {
    prop_oneof![Just(Fact::Unknown), Just(Fact::Absent), prop::sample::select(values).prop_map(Fact::Known)]
}

pub(super) fn asked() -> impl Strategy<Value = Request> {
    let command = prop::sample::select(vec!["/bin/a x", "/bin/a y z", "/bin/b", "/opt/c x"]);
    let who = (1_u32..3, prop::sample::select(vec![ClientKind::Human, ClientKind::Agent, ClientKind::Ci]));
    let texts = |words: [&str; 2]| words.map(Text::from).to_vec();
    let around = (
        fact(texts(["sh", "git"])),
        fact(texts(["claude", "aider"])),
        fact(vec![Origin::Tty, Origin::Ci, Origin::Ssh]),
        fact(vec![[(Text::from("A"), Text::from("1"))].into(), std::collections::BTreeMap::new()]),
    );
    let roles = fact(vec![vec!["r".to_owned()], vec!["s".to_owned(), "t".to_owned()], Vec::new()]);
    let branch = fact(vec!["main".to_owned(), "dev".to_owned(), "other".to_owned()]);
    let repo = prop::option::of(prop::sample::select(vec!["o", "p", "q"]));
    (command, who, around, roles, branch, repo).prop_map(|(command, (uid, kind), around, roles, branch, repo)| {
        let mut request = request(command);
        request.principal = Principal { roles, ..Principal::new(uid, kind) };
        request.repository.branch = branch;
        request.operation.target = repo.iter().map(|repo| ("repo".to_owned(), Text::from(*repo))).collect();
        let found = &mut request.surroundings;
        (found.process_name, found.coding_agent_name, found.origin, found.env) = around;
        request
    })
}

pub(super) fn text((default, rules): &Layer) -> String {
    let rules: String = rules.iter().enumerate().map(|(index, rule)| rule.text(index)).collect();
    format!("default = \"{default}\"\n{rules}")
}
