//! Reads `[rules.context]`.

use crate::destination::DestinationPattern;
use crate::document::Item;
use crate::grammar;
use crate::load::LoadError;
use crate::load::matchers::{PATTERNS, by_name, full, one_or_many, path_glob, pattern};
use crate::matcher::surroundings::{DestinationField, Flag, SurroundingsMatcher, TextField};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::surroundings::{Origin, Provenance};
use crate::text::Text;

pub(crate) const CONTEXT: Keys = Keys {
    name: "context",
    known: &[
        Key::optional("process_name", PATTERNS, "The name of that process's executable, never `argv[0]`"),
        Key::optional("parent_process_name", PATTERNS, "The name of its parent's executable"),
        Key::optional("ancestor", PATTERNS, "Any executable among that process and all above it"),
        Key::optional("command", PATTERNS, "Any element of that process's argument vector"),
        Key::optional("cwd", Shape::OneOrMany(&Shape::Text(&grammar::PATH_GLOB)), "The working directory of the run"),
        Key::optional("cgroup", PATTERNS, "The path of that process's cgroup"),
        Key::optional(
            "tmux_window",
            PATTERNS,
            "`session:window`, which the caller's tmux says; absent outside of tmux",
        ),
        Key::optional(
            "is_in_container",
            Shape::Boolean,
            "Other namespaces than the machine's first ones, or a container manager's mark",
        ),
        Key::optional(
            "is_coding_agent",
            Shape::Boolean,
            "A coding agent among the ancestors, or its mark in the environment",
        ),
        Key::optional("coding_agent_name", PATTERNS, "Which coding agent it is"),
        Key::optional("env", Shape::Named(&grammar::TEXT, &PATTERNS), "Variables, each by its patterns"),
        Key::optional("ssh_dest", DESTINATIONS, "`[user@]host` that an ssh connection goes to; absent in a direct run"),
        Key::optional(
            "is_in_known_hosts",
            Shape::Boolean,
            "Whether that host's key is a known one; absent in a direct run",
        ),
        Key::optional(
            "is_forwarded",
            Shape::Boolean,
            "Whether the request came over a forwarded agent; absent in a direct run",
        ),
        Key::optional("forwarded_via", DESTINATIONS, "`[user@]host` that it was forwarded by; absent in a direct run"),
        Key::optional("key", PATTERNS, "The fingerprint of the key that is asked for; absent in a direct run"),
        Key::optional("origin", Shape::OneOrMany(&Shape::Word(&ORIGINS)), "By which road the request came"),
        Key::optional(
            "provenance",
            Shape::OneOrMany(&Shape::Word(&PROVENANCES)),
            "How far the broker trusts the socket that it came in on; absent in a direct run",
        ),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

const DESTINATIONS: Shape = Shape::OneOrMany(&Shape::Text(&grammar::DESTINATION));

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
    let mut found = Vec::with_capacity(table.len());
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
