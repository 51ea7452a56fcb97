//! Reads a profile document.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::document::{Document, Item, Keys, Table};
use crate::environment::is_loader_variable;
use crate::grants::{Grant, Origin, Place, Visibility, WorkspaceAccess};
use crate::limits::Limits;
use crate::load::LoadError;
use crate::load::network::network;
use crate::path::AbsPath;
use crate::plan::Tier;
use crate::profile::{Example, OwnGrants, Parent, Profile};
use crate::text::Text;

const PROFILE: Keys = Keys {
    known: &["name", "description", "extends", "suggest_for", "min_tier", "fs", "net", "env", "limits", "examples"],
    later: &["secrets", "output", "lifecycle", "cache"],
};

const FS: Keys =
    Keys { known: &["system", "toolchains", "read", "write", "workspace", "hide", "protect"], later: &["cache"] };

const ENV: Keys = Keys { known: &["pass", "set", "volatile"], later: &[] };

const LIMITS: Keys = Keys { known: &Limits::NAMES, later: &[] };

const LIMIT: Keys = Keys { known: &["max", "required"], later: &[] };

const EXAMPLE: Keys = Keys { known: &["shows", "setup", "run", "exit", "stdout"], later: &[] };

const VISIBILITY: [(&str, Visibility); 2] = [("ro", Visibility::ReadOnly), ("none", Visibility::None)];

const WORKSPACE: [(&str, WorkspaceAccess); 3] =
    [("rw", WorkspaceAccess::ReadWrite), ("ro", WorkspaceAccess::ReadOnly), ("none", WorkspaceAccess::None)];

const TIERS: [(&str, Tier); 1] = [("namespaces", Tier::Namespaces)];

/// Parses one document.
pub(crate) fn parse_profile(file: &str, bytes: &[u8]) -> Result<Profile, LoadError> {
    let document = Document::parse(file, bytes)?;
    let table = document.root(&PROFILE)?;
    Ok(Profile {
        name: name(&table.require("name")?)?,
        description: table.get("description").map(|item| line(&item)).transpose()?,
        extends: optional_list(&table, "extends", |item| Ok(Parent { name: name(item)?, at: item.at() }))?,
        suggest_for: optional_list(&table, "suggest_for", line)?,
        own: own_grants(&table)?,
        examples: optional_list(&table, "examples", example)?,
        digest: Sha256::digest(bytes).into(),
    })
}

/// Reads a tier's name.
pub(crate) fn tier(item: &Item<'_>) -> Result<Tier, LoadError> {
    match item.string()? {
        later @ ("landlock" | "vm") => Err(item.error(format!("the tier `{later}` is not supported yet"))),
        _ => item.word(&TIERS),
    }
}

/// Reads a table of limits, each a bound or `{ max = …, required = true }`.
pub(crate) fn limits(item: &Item<'_>) -> Result<Limits, LoadError> {
    let table = item.table(&LIMITS)?;
    let mut limits = Limits::default();
    for limit in table.entries() {
        if limit.is_table() {
            let detailed = limit.table(&LIMIT)?;
            let required = detailed.get("required").map(|item| item.boolean()).transpose()?.unwrap_or(false);
            set_limit(&mut limits, limit.key(), &detailed.require("max")?, required)?;
        } else {
            set_limit(&mut limits, limit.key(), &limit, false)?;
        }
    }
    Ok(limits)
}

/// Reads a place: `/x`, `~` or `~/x`.
pub(crate) fn place(item: &Item<'_>) -> Result<Place, LoadError> {
    let text = item.string()?;
    if text.contains('*') {
        return Err(item
            .error("a place is a path, not a pattern")
            .hint("name the directory: everything below it is meant"));
    }
    Place::new(text).map_err(|error| {
        item.error(format!("`{text}` is no place: {error}")).hint("write `/an/absolute/path` or `~/below/the/home`")
    })
}

/// Reads a name of ours: letters, digits, `-`, `_` and `.`.
pub(crate) fn name(item: &Item<'_>) -> Result<String, LoadError> {
    let text = item.string()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(is_plain) {
        let error = item.error(format!("`{text}` is not a name"));
        return Err(error.hint("a name has 1 to 64 letters, digits, `-`, `_` and `.`"));
    }
    Ok(text.to_owned())
}

/// Reads one line of text for a person.
pub(crate) fn line(item: &Item<'_>) -> Result<String, LoadError> {
    let text = item.string()?;
    if text.trim().is_empty() || text.len() > 500 || text.chars().any(char::is_control) {
        return Err(item.error(format!("`{}` must be one line of 1 to 500 characters", item.key())));
    }
    Ok(text.to_owned())
}

fn own_grants(table: &Table<'_>) -> Result<OwnGrants, LoadError> {
    let min_tier = table.get("min_tier").map(|item| tier(&item)).transpose()?;
    let mut own = OwnGrants { min_tier, ..OwnGrants::default() };
    if let Some(item) = table.get("fs") {
        read_files(&item.table(&FS)?, &mut own)?;
    }
    if let Some(item) = table.get("net") {
        own.network = network(&item)?;
    }
    if let Some(item) = table.get("env") {
        read_environment(&item.table(&ENV)?, &mut own)?;
    }
    if let Some(item) = table.get("limits") {
        own.limits = limits(&item)?;
    }
    Ok(own)
}

fn read_files(table: &Table<'_>, own: &mut OwnGrants) -> Result<(), LoadError> {
    let grant = |item: &Item<'_>| Ok(Grant { place: place(item)?, origin: Origin::Profile });
    own.system = table.get("system").map(|item| item.word(&VISIBILITY)).transpose()?;
    own.toolchains = table.get("toolchains").map(|item| item.word(&VISIBILITY)).transpose()?;
    own.workspace = table.get("workspace").map(|item| workspace(&item)).transpose()?;
    own.read = optional_list(table, "read", grant)?;
    own.write = optional_list(table, "write", grant)?;
    own.hide = optional_list(table, "hide", place)?;
    own.protect = optional_list(table, "protect", protected)?;
    Ok(())
}

fn workspace(item: &Item<'_>) -> Result<WorkspaceAccess, LoadError> {
    match item.string()? {
        "cow" => Err(item.error("the workspace access `cow` is not supported yet")),
        _ => item.word(&WORKSPACE),
    }
}

fn protected(item: &Item<'_>) -> Result<AbsPath, LoadError> {
    let text = item.string()?;
    let is_relative = !text.starts_with(['/', '~']) && !text.contains('*');
    let path = AbsPath::root().join(text).ok().filter(|path| is_relative && !path.is_root());
    path.ok_or_else(|| {
        let error = item.error(format!("`{text}` is not a path below the workspace"));
        error.hint("write it relative to the workspace root, e.g. `.git/hooks`")
    })
}

fn read_environment(table: &Table<'_>, own: &mut OwnGrants) -> Result<(), LoadError> {
    own.env_pass = optional_list(table, "pass", passed_variable)?;
    own.env_volatile = optional_list(table, "volatile", passed_variable)?;
    if let Some(item) = table.get("set") {
        own.env_set =
            item.open_table()?.entries().map(|entry| set_variable(&entry)).collect::<Result<BTreeMap<_, _>, _>>()?;
    }
    Ok(())
}

fn passed_variable(item: &Item<'_>) -> Result<Text, LoadError> {
    let name = item.string()?;
    let text = variable_name(name)
        .ok_or_else(|| not_a_variable(item.error(format!("`{name}` is not the name of a variable"))))?;
    if is_loader_variable(&text) {
        let error = item.error(format!("`{name}` makes programs load other code and is never passed"));
        return Err(error.hint("give it a fixed value in `[env] set`, if it must be set"));
    }
    Ok(text)
}

fn set_variable(entry: &Item<'_>) -> Result<(Text, Text), LoadError> {
    let name = entry.key();
    let key = variable_name(name)
        .ok_or_else(|| not_a_variable(entry.key_error(format!("`{name}` is not the name of a variable"))))?;
    let value =
        Text::new(entry.string()?).ok_or_else(|| entry.error(format!("the value of `{name}` contains a NUL byte")))?;
    Ok((key, value))
}

fn variable_name(name: &str) -> Option<Text> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty() && starts_well && name.chars().all(is_plain)).then(|| Text::from(name))
}

fn not_a_variable(error: LoadError) -> LoadError {
    error.hint("variables are named exactly, with letters, digits and `_`; there are no patterns")
}

fn set_limit(limits: &mut Limits, name: &str, item: &Item<'_>, required: bool) -> Result<(), LoadError> {
    let is_count = matches!(name, "pids" | "files" | "inodes");
    let text = match (is_count, item.is_number()) {
        (true, _) => item.number()?.to_string(),
        (false, true) => return Err(item.error(format!("`{name}` needs a unit")).hint(unit_of(name))),
        (false, false) => item.string()?.to_owned(),
    };
    limits.set(name, &text, required).map_err(|error| item.error(error.to_string()).hint(error.hint()))
}

fn unit_of(name: &str) -> &'static str {
    match name {
        "wall" => "write a string such as `\"90s\"` or `\"10m\"`",
        "cpu" => "write a string such as `\"200%\"` for two cores",
        _ => "write a string such as `\"512MiB\"` or `\"2GiB\"`",
    }
}

fn example(item: &Item<'_>) -> Result<Example, LoadError> {
    let table = item.table(&EXAMPLE)?;
    let exit = match table.get("exit") {
        Some(exit) => i32::try_from(exit.number()?)
            .ok()
            .filter(|code| *code < 256)
            .ok_or_else(|| exit.error("an exit code is 0 to 255"))?,
        None => 0,
    };
    let text = |item: Item<'_>| item.string().map(str::to_owned);
    Ok(Example {
        shows: line(&table.require("shows")?)?,
        setup: table.get("setup").map(text).transpose()?,
        run: table
            .require("run")?
            .non_empty_list()?
            .iter()
            .map(|word| word.string().map(str::to_owned))
            .collect::<Result<_, _>>()?,
        exit,
        stdout: table.get("stdout").map(text).transpose()?,
    })
}

fn optional_list<T>(
    table: &Table<'_>,
    key: &'static str,
    parse: impl Fn(&Item<'_>) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    table.get(key).map_or_else(|| Ok(Vec::new()), |item| item.each(parse))
}
