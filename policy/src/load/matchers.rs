//! Reads the conditions of a rule.

use std::collections::BTreeMap;

use crate::class::CLASSES;
use crate::document::{Item, Table};
use crate::glob::{GlobError, TextGlob};
use crate::grammar;
use crate::load::LoadError;
use crate::load::arguments::{ARGV, arguments};
use crate::load::clients::{Clients, KINDS, sha256, uid};
use crate::load::profile::name;
use crate::load::surroundings::surroundings;
use crate::matcher::client::Kinds;
use crate::matcher::{Classes, Grade, Interpreters, Matcher, Reach};
use crate::path_glob::PathGlob;
use crate::pattern::{PatternError, TextPattern};
use crate::remote::RemotePattern;
use crate::request::RUN;
use crate::rule::Action;
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const COMMAND: Keys = Keys {
    name: "command",
    known: &[
        Key::optional("path", Shape::Text(&grammar::PATH_GLOB), "The resolved program"),
        Key::optional(
            "sha256",
            Shape::OneOrMany(&Shape::Text(&grammar::SHA256)),
            "The content of the program: one digest, or any of a list",
        ),
        Key::optional(
            "interpreter",
            Shape::OneOrMany(&Shape::Text(&grammar::PATH_GLOB)),
            "What runs a script, by its resolved path: one, or any of a list; a program that is no script has none",
        ),
        Key::optional(
            "argv",
            ARGV,
            "The whole argument vector after the program's name, one element for each argument",
        ),
        Key::optional(
            "class",
            Shape::OneOrMany(&Shape::Word(&CLASSES)),
            "What the command does, as far as its words tell",
        ),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

pub(crate) const TARGET: Keys = Keys {
    name: "target",
    known: &[Key::required(
        "fields",
        Shape::Named(&grammar::TEXT, &PATTERNS),
        "The fields of the operation, each by its patterns",
    )],
    later: &[],
    holds: Holds::AtLeastOne,
};

pub(crate) const WORKSPACE: Keys = Keys {
    name: "workspace",
    known: &[
        Key::optional(
            "remote_url_pattern",
            Shape::OneOrMany(&Shape::Text(&grammar::REMOTE)),
            "Where the repository comes from, whichever way its URL is written",
        ),
        Key::optional("branch_pattern", PATTERNS, "The branch that is checked out"),
        Key::optional(
            "require_clean",
            Shape::Boolean,
            "That everything is committed; `false` says nothing and is refused",
        ),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

pub(crate) const SECRET_NAMES: Keys = Keys {
    name: "secret_names",
    known: &[Key::required("patterns", Shape::OneOrMany(&Shape::Text(&grammar::GLOB)), "Names of secrets")],
    later: &[],
    holds: Holds::AtLeastOne,
};

/// Patterns of which any may match.
pub(crate) const PATTERNS: Shape = Shape::OneOrMany(&Shape::Text(&grammar::PATTERN));

pub(crate) const TRUST: [(&str, Grade); 2] = [("verified", Grade::Verified), ("derived", Grade::Derived)];

/// Reads every condition of a rule and holds each against what the rule answers.
pub(crate) fn matchers(table: &Table<'_>, clients: &Clients, action: Action) -> Result<Vec<Matcher>, LoadError> {
    let trust = table.get("trust").map(|item| item.word(&TRUST)).transpose()?.unwrap_or(Grade::Verified);
    let mut found = Found { matchers: Vec::with_capacity(8), action, trust };
    let operation = match table.get("operation") {
        Some(item) => text_glob(&item)?,
        None => TextGlob::literal(RUN.as_bytes()),
    };
    found.matchers.push(Matcher::Operation(operation));
    if let Some(item) = table.get("command") {
        command(&item, &mut found)?;
    }
    if let Some(item) = table.get("uid") {
        found.add(&item, Matcher::Uid(one_or_many(&item, uid)?))?;
    }
    if let Some(item) = table.get("clients") {
        let named = one_or_many(&item, |item| clients.named(item))?;
        found.add(&item, Matcher::Client(named))?;
    }
    if let Some(item) = table.get("client_types") {
        let listed = item.non_empty_list()?.each(|kind| kind.word(&KINDS))?;
        found.add(&item, Matcher::Kind(Kinds { listed, humans: None }))?;
    }
    if let Some(item) = table.get("roles") {
        found.add(&item, Matcher::Roles(one_or_many(&item, name)?))?;
    }
    if let Some(item) = table.get("target") {
        let fields = full(&item, &TARGET)?.require("fields")?;
        found.add(&fields, Matcher::Target(by_name(&fields, |name| name.key().to_owned())?))?;
    }
    if let Some(item) = table.get("workspace") {
        workspace(&item, &mut found)?;
    }
    if let Some(item) = table.get("secret_names") {
        let patterns = full(&item, &SECRET_NAMES)?.require("patterns")?;
        found.add(&patterns, Matcher::Secrets(one_or_many(&patterns, text_glob)?))?;
    }
    if let Some(item) = table.get("context") {
        for (item, matcher) in surroundings(&item)? {
            found.add(&item, Matcher::Surroundings(matcher))?;
        }
    }
    Ok(found.matchers)
}

/// The conditions so far, and what they have to be good enough for.
struct Found {
    matchers: Vec<Matcher>,
    action: Action,
    trust: Grade,
}

impl Found {
    /// A permitting match stands on verified facts, unless the rule says that derived ones will do; never on what the
    /// caller claims.
    fn add(&mut self, item: &Item<'_>, matcher: Matcher) -> Result<(), LoadError> {
        let permits = self.action == Action::Allow;
        match matcher.grade() {
            Grade::Claimed if permits => {
                let message = format!("`{}` is what the caller says, and this rule allows on it", matcher.key());
                return Err(item.key_error(message).hint("use it in rules that ask or deny"));
            }
            Grade::Derived if permits && self.trust == Grade::Verified => {
                let message = format!("`{}` is a derived fact, and this rule allows on it", matcher.key());
                return Err(item.key_error(message).hint(
                    "add `trust = \"derived\"` to accept a fact that the caller's uid can influence, or use `ask`",
                ));
            }
            Grade::Claimed | Grade::Derived | Grade::Verified => {}
        }
        self.matchers.push(matcher);
        Ok(())
    }
}

fn command(item: &Item<'_>, found: &mut Found) -> Result<(), LoadError> {
    let table = item.table(&COMMAND)?;
    if table.is_empty() {
        return Err(item.key_error("`command` is empty").hint("leave it out to match any command"));
    }
    if let Some(item) = table.get("path") {
        found.add(&item, Matcher::Path(path_glob(&item)?))?;
    }
    if let Some(item) = table.get("interpreter") {
        found.add(&item, Matcher::Interpreter(Interpreters::Listed(one_or_many(&item, path_glob)?)))?;
    } else if found.action != Action::Deny && (table.get("path").is_some() || table.get("sha256").is_some()) {
        found.matchers.push(Matcher::Interpreter(Interpreters::NotTheCallers));
    }
    if let Some(item) = table.get("argv") {
        found.add(&item, Matcher::Arguments(Box::new(arguments(&item)?)))?;
    }
    if let Some(item) = table.get("class") {
        let listed = one_or_many(&item, |item| item.word(&CLASSES))?;
        let reach = if found.action == Action::Allow { Reach::All } else { Reach::Any };
        found.add(&item, Matcher::Class(Classes { listed, reach }))?;
    }
    if let Some(item) = table.get("sha256") {
        found.add(&item, Matcher::Content(one_or_many(&item, sha256)?))?;
    }
    Ok(())
}

fn workspace(item: &Item<'_>, found: &mut Found) -> Result<(), LoadError> {
    let table = full(item, &WORKSPACE)?;
    if let Some(item) = table.get("remote_url_pattern") {
        found.add(&item, Matcher::Remote(one_or_many(&item, remote)?))?;
    }
    if let Some(item) = table.get("branch_pattern") {
        found.add(&item, Matcher::Branch(one_or_many(&item, pattern)?))?;
    }
    if let Some(item) = table.get("require_clean") {
        if !item.boolean()? {
            let error = item.error("`require_clean = false` would match anything");
            return Err(error.hint("leave the key out: whether anything is uncommitted then does not matter"));
        }
        found.add(&item, Matcher::Clean)?;
    }
    Ok(())
}

pub(crate) fn remote(item: &Item<'_>) -> Result<RemotePattern, LoadError> {
    RemotePattern::new(item.string()?)
        .map_err(|error| item.error(error.to_string()).hint("write `host/path`: `git.example/team/*`, `*.example/**`"))
}

/// A table that says something: an empty one would match anything, which nobody would see.
pub(crate) fn full<'d>(item: &Item<'d>, keys: &'static Keys) -> Result<Table<'d>, LoadError> {
    let table = item.table(keys)?;
    if table.is_empty() {
        let message = format!("`{}` is empty", item.key());
        return Err(item.key_error(message).hint("leave it out to match anything"));
    }
    Ok(table)
}

/// A table of the writer's own names, each with patterns of which any may match.
pub(crate) fn by_name<K: Ord>(
    item: &Item<'_>,
    key: impl Fn(&Item<'_>) -> K,
) -> Result<BTreeMap<K, Vec<TextPattern>>, LoadError> {
    let table = item.open_table()?;
    if table.is_empty() {
        let message = format!("`{}` is empty", item.key());
        return Err(item.key_error(message).hint("leave it out to match anything"));
    }
    table.entries().map(|entry| Ok((key(&entry), one_or_many(&entry, pattern)?))).collect()
}

pub(crate) fn pattern(item: &Item<'_>) -> Result<TextPattern, LoadError> {
    TextPattern::new(item.string()?).map_err(|error| bad_pattern(item, &error))
}

pub(crate) fn path_glob(item: &Item<'_>) -> Result<PathGlob, LoadError> {
    PathGlob::new(item.string()?).map_err(|error| bad_glob(item, &error))
}

pub(crate) fn text_glob(item: &Item<'_>) -> Result<TextGlob, LoadError> {
    TextGlob::new(item.string()?).map_err(|error| bad_glob(item, &error))
}

pub(crate) fn bad_glob(item: &Item<'_>, error: &GlobError) -> LoadError {
    item.error(error.to_string()).hint(error.hint())
}

pub(crate) fn bad_pattern(item: &Item<'_>, error: &PatternError) -> LoadError {
    item.error(error.to_string()).hint(error.hint())
}

pub(crate) fn one_or_many<T>(
    item: &Item<'_>,
    parse: impl Fn(&Item<'_>) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    if item.is_list() { item.non_empty_list()?.each(parse) } else { Ok(vec![parse(item)?]) }
}
