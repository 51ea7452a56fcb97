//! Imports the policy of ssh-agent-guard: rules over who uses a key of an ssh agent, the first match first.
//! Each becomes a rule over the operation `ssh.sign`; nothing is said of commands.

mod conditions;
mod destinations;
mod directories;

use super::canonical::{Action, Approval, Condition, Keys, Names, Policy, Rule, Value};
use super::changes::Changes;
use super::source::{Entry, Node, Refusal};
use conditions::{KEYS as CONDITIONS, Said, Use, condition};

/// The operation that a use of a key is.
const SIGN: &str = "ssh.sign";

/// The most variables that one coding agent is told by.
const MOST_MARKS: usize = 50;

const POLICY: [&str; 6] = ["default_action", "rules", "coding_agents", "path", "capture_extra_env_vars", "confirm"];

/// What a rule or the default answers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allow,
    Confirm,
    Deny,
}

/// Carries a whole file over.
pub(super) fn import(root: &Node, changes: &mut Changes) -> Result<Policy, Refusal> {
    let table = root.table(&POLICY)?;
    let default = table.require("default_action")?;
    let mut policy = Policy::default();
    let mut names = Names::default();
    if let Some(agents) = table.get("coding_agents") {
        policy.coding_agents = coding_agents(agents)?;
    }
    if let Some(rules) = table.get("rules") {
        for node in rules.value.list()? {
            policy.rules.extend(rule(node, &mut names, changes)?);
        }
    }
    policy.rules.extend(fallback(default, &mut names, changes)?);
    let reads_agents = |rule: &Rule| rule.conditions.iter().any(|one| one.key == "context.is_coding_agent");
    if policy.rules.iter().any(reads_agents) && !policy.coding_agents.iter().any(|(_, marks)| *marks == pi()) {
        let name = if policy.coding_agents.iter().any(|(name, _)| name == "pi") { "built-in-pi" } else { "pi" };
        policy.coding_agents.push((name.to_owned(), pi()));
    }
    left_out(&table, changes)?;
    Ok(policy)
}

/// The one agent of theirs that is none of our built-in ones.
fn pi() -> Keys {
    vec![("ancestors".to_owned(), Value::texts(["pi"]))]
}

fn answer(entry: &Entry) -> Result<Answer, Refusal> {
    match entry.value.text()?.to_ascii_lowercase().as_str() {
        "allow" => Ok(Answer::Allow),
        "confirm" => Ok(Answer::Confirm),
        "deny" => Ok(Answer::Deny),
        other => Err(entry
            .value
            .refuse(format!("`{other}` is no action"))
            .hint("the actions are `allow`, `confirm`, `deny`")),
    }
}

fn action(answer: Answer, line: usize, changes: &mut Changes) -> Action {
    match answer {
        Answer::Allow => Action::Allow,
        Answer::Confirm => {
            changes.changed(
                line,
                "`confirm` is `ask` with the factor `fido2`, every time: what cannot ask for that factor refuses",
            );
            Action::Ask(Approval::always(&["fido2"]))
        }
        Answer::Deny => Action::Deny,
    }
}

/// The default is about keys alone: it becomes the last rule, and whatever else is asked is denied.
fn fallback(entry: &Entry, names: &mut Names, changes: &mut Changes) -> Result<Option<Rule>, Refusal> {
    let answer = answer(entry)?;
    if answer == Answer::Deny {
        return Ok(None);
    }
    changes.changed(
        entry.line(),
        format!(
            "`default_action` is the last rule, over `{SIGN}` alone: any other operation, and any command, is denied"
        ),
    );
    let action = action(answer, entry.line(), changes);
    let name = names.take("default-action", "default-action");
    Ok(Some(Rule { name, line: entry.line(), action, ..over_keys() }))
}

fn over_keys() -> Rule {
    Rule {
        name: String::new(),
        line: 0,
        operation: SIGN.to_owned(),
        action: Action::Deny,
        why: None,
        conditions: Vec::new(),
        sandbox: Vec::new(),
    }
}

fn rule(node: &Node, names: &mut Names, changes: &mut Changes) -> Result<Option<Rule>, Refusal> {
    let table = node.table(&["name", "match", "action"])?;
    let written = match table.get("name") {
        Some(entry) => entry.value.text()?,
        None => "",
    };
    let name = names.take(written, "rule");
    if written.is_empty() {
        changes.changed(node.line(), format!("the rule without a name is called `{name}`"));
    } else if name != written {
        changes.changed(node.line(), format!("the rule `{written}` is called `{name}`"));
    }
    let stated = table.require("action")?;
    let answer = answer(stated)?;
    let purpose = if answer == Answer::Allow { Use::Permits } else { Use::Restricts };
    let mut said = Vec::new();
    if let Some(matched) = table.get("match") {
        matched.value.table(&CONDITIONS)?;
        for entry in matched.value.entries()? {
            said.push(condition(entry, purpose, changes)?);
        }
    }
    let total = said.len();
    let mut missing = Vec::new();
    let mut conditions = Vec::new();
    for Said { key, grade, value } in said {
        match value {
            Ok(value) => conditions.push(Condition { key, value, grade }),
            Err(reason) => missing.push(reason),
        }
    }
    let line = node.line();
    let reasons = missing.join("; ");
    let answer = match (answer, missing.is_empty()) {
        (answer, true) => answer,
        (Answer::Allow, false) => {
            changes.left(line, format!("the rule `{name}`, which allows: {reasons}"));
            return Ok(None);
        }
        // INVARIANT: a rule that matches more than it did may only deny.
        (Answer::Confirm | Answer::Deny, false) if missing.len() == total => {
            let refusal =
                node.refuse(format!("the rule `{name}` restricts on nothing that can be said here: {reasons}"));
            return Err(
                refusal.hint("restrict on something else in the source, such as `process_name`, and import again")
            );
        }
        (Answer::Confirm, false) => {
            changes.left(line, format!("a condition of the rule `{name}`, which denies now without it: {reasons}"));
            Answer::Deny
        }
        (Answer::Deny, false) => {
            changes.left(line, format!("a condition of the rule `{name}`, which denies more without it: {reasons}"));
            Answer::Deny
        }
    };
    let action = action(answer, stated.line(), changes);
    Ok(Some(Rule { name, line, action, conditions, ..over_keys() }))
}

/// There any one of an agent's marks is enough; here all of its variables have to be there. Each gets an entry.
fn coding_agents(agents: &Entry) -> Result<Vec<(String, Keys)>, Refusal> {
    let mut found = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for agent in agents.value.entries()? {
        let table = agent.value.table(&["env", "ancestors"])?;
        let ancestors = table.get("ancestors").map(|entry| entry.value.one_or_many()).transpose()?;
        let env = match table.get("env") {
            Some(entry) => entry.value.entries()?,
            None => &[],
        };
        if ancestors.is_none() && env.is_empty() {
            return Err(agent.refuse(format!("nothing tells the coding agent `{}` from anything else", agent.key)));
        }
        if env.len() > MOST_MARKS {
            return Err(agent.refuse(format!("more than {MOST_MARKS} variables tell the coding agent `{}`", agent.key)));
        }
        let mut marks: Keys = Vec::new();
        marks.extend(ancestors.map(|ancestors| ("ancestors".to_owned(), Value::texts(ancestors))));
        let mut entries = Vec::new();
        for variable in env {
            let pair = (variable.key.clone(), Value::text(variable.value.text()?));
            marks.push(("env".to_owned(), Value::Table(vec![pair])));
            entries.push(std::mem::take(&mut marks));
        }
        if !marks.is_empty() {
            entries.push(marks);
        }
        for marks in entries {
            let numbered = (2..).map(|number| format!("{}-{number}", agent.key));
            let free = std::iter::once(agent.key.clone()).chain(numbered).find(|name| !names.contains(name));
            let name = free.unwrap_or_default();
            names.insert(name.clone());
            found.push((name, marks));
        }
    }
    Ok(found)
}

/// What has no counterpart: read as strictly as the rest, and listed.
fn left_out(table: &super::source::Table<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    if let Some(entry) = table.get("path") {
        entry.value.one_or_many()?;
        changes.left(entry.line(), "`path`: no helper programs are looked for");
    }
    if let Some(entry) = table.get("capture_extra_env_vars") {
        entry.value.one_or_many()?;
        changes.left(entry.line(), "`capture_extra_env_vars`: no variable is recorded that no rule reads");
    }
    let Some(confirm) = table.get("confirm") else { return Ok(()) };
    confirm.value.table(&["max_pending", "touch", "pin"])?;
    for entry in confirm.value.entries()? {
        let text = match entry.key.as_str() {
            "max_pending" => {
                entry.value.text()?;
                "`confirm.max_pending`: how many requests may wait is not said in a policy"
            }
            "touch" => {
                entry.value.table(&["challenge", "slot", "timeout"])?;
                "`confirm.touch`: how a factor is asked for is not said in a policy"
            }
            _ => {
                entry.value.table(&["slot", "timeout"])?;
                "`confirm.pin`: how a factor is asked for is not said in a policy"
            }
        };
        changes.left(entry.line(), text);
    }
    Ok(())
}
