//! Reads `[rules.context]`.

use crate::destination::DestinationPattern;
use crate::document::{Item, Keys};
use crate::load::LoadError;
use crate::load::matchers::{by_name, full, one_or_many, path_glob, pattern};
use crate::matcher::surroundings::{DestinationField, Flag, SurroundingsMatcher, TextField};
use crate::surroundings::{Origin, Provenance};
use crate::text::Text;

const CONTEXT: Keys = Keys {
    known: &[
        "process_name",
        "parent_process_name",
        "ancestor",
        "command",
        "cwd",
        "cgroup",
        "tmux_window",
        "is_in_container",
        "is_coding_agent",
        "coding_agent_name",
        "env",
        "ssh_dest",
        "is_in_known_hosts",
        "is_forwarded",
        "forwarded_via",
        "key",
        "origin",
        "provenance",
    ],
    later: &[],
};

const ORIGINS: [(&str, Origin); 5] = [
    ("tty", Origin::Tty),
    ("ssh", Origin::Ssh),
    ("ci", Origin::Ci),
    ("mcp", Origin::Mcp),
    ("container", Origin::Container),
];

const PROVENANCES: [(&str, Provenance); 3] =
    [("trusted", Provenance::Trusted), ("untrusted", Provenance::Untrusted), ("system", Provenance::System)];

/// Reads the table: one condition for each key, with the key for complaints.
pub(crate) fn surroundings<'d>(item: &Item<'d>) -> Result<Vec<(Item<'d>, SurroundingsMatcher)>, LoadError> {
    let table = full(item, &CONTEXT)?;
    let mut found = Vec::new();
    for field in TextField::ALL {
        if let Some(item) = table.get(field.key()) {
            let matcher = SurroundingsMatcher::Text(field, one_or_many(&item, pattern)?);
            found.push((item, matcher));
        }
    }
    for field in DestinationField::ALL {
        if let Some(item) = table.get(field.key()) {
            let matcher = SurroundingsMatcher::Destination(field, one_or_many(&item, destination)?);
            found.push((item, matcher));
        }
    }
    for flag in Flag::ALL {
        if let Some(item) = table.get(flag.key()) {
            let matcher = SurroundingsMatcher::Flag(flag, item.boolean()?);
            found.push((item, matcher));
        }
    }
    if let Some(item) = table.get("cwd") {
        let matcher = SurroundingsMatcher::Cwd(one_or_many(&item, path_glob)?);
        found.push((item, matcher));
    }
    if let Some(item) = table.get("env") {
        let matcher = SurroundingsMatcher::Env(by_name(&item, |name| Text::from(name.key()))?);
        found.push((item, matcher));
    }
    if let Some(item) = table.get("origin") {
        let matcher = SurroundingsMatcher::Origin(one_or_many(&item, |item| item.word(&ORIGINS))?);
        found.push((item, matcher));
    }
    if let Some(item) = table.get("provenance") {
        let matcher = SurroundingsMatcher::Provenance(one_or_many(&item, |item| item.word(&PROVENANCES))?);
        found.push((item, matcher));
    }
    Ok(found)
}

fn destination(item: &Item<'_>) -> Result<DestinationPattern, LoadError> {
    DestinationPattern::new(item.string()?).map_err(|error| {
        item.error(error.to_string()).hint("write `host`, `*.host`, `user@host`, or a regular expression after `~`")
    })
}
