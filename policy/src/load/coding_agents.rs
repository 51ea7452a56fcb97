//! Reads `[coding_agents.NAME]`.

use std::collections::BTreeMap;

use crate::coding_agent::CodingAgent;
use crate::document::{Item, Table};
use crate::grammar;
use crate::load::LoadError;
use crate::load::matchers::one_or_many;
use crate::load::profile::line;
use crate::shape::{Holds, Key, Keys, Shape};
use crate::text::Text;

pub(crate) const AGENT: Keys = Keys {
    name: "coding_agent",
    known: &[
        Key::optional(
            "ancestors",
            Shape::OneOrMany(&Shape::Text(&grammar::LINE)),
            "Names of its executables, any of which stands among the ancestors",
        ),
        Key::optional(
            "env",
            Shape::Named(&grammar::TEXT, &Shape::Text(&grammar::TEXT)),
            "Variables that it sets, with their values; all of them have to be there",
        ),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

/// The agents of one file.
pub(crate) fn coding_agents(table: &Table<'_>) -> Result<Vec<CodingAgent>, LoadError> {
    let Some(item) = table.get("coding_agents") else { return Ok(Vec::new()) };
    item.open_table()?.entries().map(|agent| coding_agent(&agent)).collect()
}

fn coding_agent(item: &Item<'_>) -> Result<CodingAgent, LoadError> {
    let table = item.table(&AGENT)?;
    let mut env = BTreeMap::new();
    if let Some(item) = table.get("env") {
        for variable in item.open_table()?.entries() {
            env.insert(Text::from(variable.key()), Text::from(variable.string()?));
        }
    }
    let name = |item: &Item<'_>| line(item).map(|name| Text::from(name.as_str()));
    let ancestors = table.get("ancestors").map_or(Ok(Vec::new()), |item| one_or_many(&item, name))?;
    if env.is_empty() && ancestors.is_empty() {
        let error = item.error(format!("nothing tells the coding agent `{}` from anything else", item.key()));
        return Err(error.hint("say `ancestors = [\"its-executable\"]`, or `env = { ITS_VARIABLE = \"1\" }`"));
    }
    Ok(CodingAgent { name: item.key().to_owned(), env, ancestors })
}
