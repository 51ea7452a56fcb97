//! Reads one `[[rules]]` table.

use crate::approval::{Factor, Obligation};
use crate::ceiling::Ceiling;
use crate::document::{At, Item, Table};
use crate::grammar;
use crate::load::LoadError;
use crate::load::approval::{APPROVAL, implied, obligation};
use crate::load::ceiling::{SANDBOX, ceiling};
use crate::load::clients::{Clients, KINDS, UID};
use crate::load::examples::{EXAMPLE, Examples, examples};
use crate::load::matchers::{COMMAND, SECRET_NAMES, TARGET, TRUST, WORKSPACE, matchers};
use crate::load::profile::{line, name};
use crate::load::surroundings::CONTEXT;
use crate::rule::{Action, Rule};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::sources::Sight;

pub(crate) const RULE: Keys = Keys {
    name: "rule",
    known: &[
        Key::required("name", Shape::Text(&grammar::NAME), "What the rule is called, once in a layer; not `default`"),
        Key::optional(
            "operation",
            Shape::Text(&grammar::GLOB),
            "The operation that the rule is about; a command run, `sandbox.exec`, without this line",
        ),
        Key::required("action", Shape::Word(&ACTIONS), "What the rule answers"),
        Key::optional("why", Shape::Text(&grammar::LINE), "What is told to the person and kept in the journal"),
        Key::optional(
            "clients",
            Shape::OneOrMany(&Shape::Text(&grammar::NAME)),
            "Who asks: any of these `[[clients]]`",
        ),
        Key::optional("client_types", Shape::FullList(&Shape::Word(&KINDS)), "What kind of principal asks"),
        Key::optional("roles", Shape::OneOrMany(&Shape::Text(&grammar::NAME)), "A role that the broker's session has"),
        Key::optional("uid", Shape::OneOrMany(&UID), "The uid of who asks"),
        Key::optional(
            "trust",
            Shape::Word(&TRUST),
            "The least grade of fact that an `allow` rule stands on; `verified` without this line",
        ),
        Key::optional("command", Shape::Table(&COMMAND), "What is to run"),
        Key::optional("target", Shape::Table(&TARGET), "What another operation is about"),
        Key::optional("workspace", Shape::Table(&WORKSPACE), "Which repository it happens in"),
        Key::optional("context", Shape::Table(&CONTEXT), "What stands around the process that asks"),
        Key::optional("secret_names", Shape::Table(&SECRET_NAMES), "Which secrets are asked for"),
        Key::optional(
            "sandbox",
            Shape::Table(&SANDBOX),
            "The most that a run under this rule may have; the `default` profile without this table",
        ),
        Key::optional("approval", Shape::Table(&APPROVAL), "Who has to approve; with `action = \"ask\"`"),
        Key::optional(
            "examples",
            Shape::FullList(&Shape::Table(&EXAMPLE)),
            "Commands that the rule must and must not match; checked when the policy is first seen",
        ),
    ],
    later: &[],
    holds: Holds::Any,
};

pub(crate) const ACTIONS: [(&str, Action); 3] =
    [("allow", Action::Allow), ("ask", Action::Ask), ("deny", Action::Deny)];

/// A rule, where it is written, and its examples.
pub(crate) struct LoadedRule {
    pub(crate) rule: Rule,
    pub(crate) at: At,
    pub(crate) examples: Examples,
}

/// Reads one rule. Its examples are read on first sight only; the same bytes have the same ones.
pub(crate) fn rule(item: &Item<'_>, clients: &Clients, sight: Sight) -> Result<LoadedRule, LoadError> {
    let table = item.table(&RULE)?;
    let name_item = table.require("name")?;
    let rule_name = name(&name_item)?;
    if rule_name == "default" {
        return Err(name_item
            .error("`default` is what a layer's default is called")
            .hint("give the rule another name"));
    }
    let action = table.require("action")?.word(&ACTIONS)?;
    let rule = Rule {
        name: rule_name,
        matchers: matchers(&table, clients, action)?,
        action,
        why: table.get("why").map(|item| line(&item)).transpose()?,
        obligation: obligation_of(&table, action)?,
        ceiling: ceiling_of(&table, action)?,
    };
    if rule.action == Action::Ask && rule.obligation.factors.are_met_by(&[Factor::Tty]) && rule.is_for_no_human() {
        let message = format!("`{}` asks those who are no humans, at their own terminal", rule.name);
        return Err(name_item
            .error(message)
            .hint("a program can type what a person would: name a factor other than `tty` under `[rules.approval]`"));
    }
    let examples = match (sight, table.get("examples")) {
        (Sight::First, Some(item)) => examples(&item)?,
        (Sight::First, None) | (Sight::Again, _) => Vec::new(),
    };
    Ok(LoadedRule { rule, at: name_item.at(), examples })
}

fn obligation_of(table: &Table<'_>, action: Action) -> Result<Obligation, LoadError> {
    match (table.get("approval"), action) {
        (Some(item), Action::Deny) => Err(item.key_error("a rule that denies takes no approval")),
        (Some(item), Action::Allow | Action::Ask) => obligation(&item, action),
        (None, Action::Allow | Action::Ask | Action::Deny) => Ok(implied(action)),
    }
}

fn ceiling_of(table: &Table<'_>, action: Action) -> Result<Ceiling, LoadError> {
    match (table.get("sandbox"), action) {
        (Some(item), Action::Deny) => Err(item.key_error("a rule that denies grants no sandbox")),
        (Some(item), Action::Allow | Action::Ask) => ceiling(&item),
        (None, Action::Allow | Action::Ask | Action::Deny) => Ok(Ceiling::default_profile()),
    }
}
