//! Reads one `[[rules]]` table.

use crate::approval::{Factor, Obligation};
use crate::ceiling::Ceiling;
use crate::decide::Sight;
use crate::document::{At, Item, Keys, Table};
use crate::load::LoadError;
use crate::load::approval::{implied, obligation};
use crate::load::ceiling::ceiling;
use crate::load::clients::Clients;
use crate::load::examples::{Examples, examples};
use crate::load::matchers::matchers;
use crate::load::profile::{line, name};
use crate::rule::{Action, Rule};

const RULE: Keys = Keys {
    known: &[
        "name",
        "operation",
        "action",
        "why",
        "clients",
        "client_types",
        "roles",
        "uid",
        "trust",
        "command",
        "target",
        "workspace",
        "context",
        "secret_names",
        "sandbox",
        "approval",
        "examples",
    ],
    later: &["lease_ttl", "budget"],
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
