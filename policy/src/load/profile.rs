//! Reads a profile document.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::document::{Document, Item, Table};
use crate::environment::is_loader_variable;
use crate::grammar;
use crate::grants::{Grant, Origin, Place, Visibility, WorkspaceAccess};
use crate::limits::Limits;
use crate::load::LoadError;
use crate::load::network::{NET, network};
use crate::load::secrets::{OUTPUT, SECRET, output, secrets};
use crate::path::AbsPath;
use crate::plan::Tier;
use crate::profile::{Example, OwnGrants, Parent, Profile};
use crate::secret::variable_name;
use crate::shape::{Holds, Key, Keys, Shape};
use crate::text::Text;

pub(crate) const PROFILE: Keys = Keys {
    name: "profile",
    known: &[
        Key::required("name", Shape::Text(&grammar::NAME), "What the profile is called"),
        Key::optional("description", Shape::Text(&grammar::LINE), "What it is for"),
        Key::optional(
            "extends",
            Shape::List(&Shape::Text(&grammar::NAME)),
            "Profiles that it builds on: lists add up; single values and limits of the child hold",
        ),
        Key::optional(
            "suggest_for",
            Shape::List(&Shape::Text(&grammar::LINE)),
            "Programs for which messages hint at it; never a choice",
        ),
        Key::optional("min_tier", Shape::Word(&TIERS), "The weakest tier that will do"),
        Key::optional("fs", Shape::Table(&FS), "Files and directories"),
        Key::optional("net", Shape::Table(&NET), "The network"),
        Key::optional("env", Shape::Table(&ENV), "The environment"),
        Key::optional(
            "secrets",
            Shape::Named(&grammar::VARIABLE, &Shape::Table(&SECRET)),
            "Secrets that a run may ask for, by the names of the variables through which it gets them",
        ),
        Key::optional("limits", Shape::Table(&LIMITS), "Resources"),
        Key::optional("output", Shape::Table(&OUTPUT), "What becomes of output"),
        Key::optional("examples", Shape::List(&Shape::Table(&EXAMPLE)), "Runs under this profile that are its tests"),
    ],
    later: &["lifecycle", "cache"],
    holds: Holds::Any,
};

const FS: Keys = Keys {
    name: "fs",
    known: &[
        Key::optional("system", Shape::Word(&VISIBILITY), "The system's programs and libraries"),
        Key::optional("toolchains", Shape::Word(&VISIBILITY), "Toolchains in the home directory"),
        Key::optional("workspace", Shape::Word(&WORKSPACE), "The workspace"),
        Key::optional("read", PLACES, "Places that are read"),
        Key::optional("write", PLACES, "Places that are written"),
        Key::optional("hide", PLACES, "Places that are not there"),
        Key::optional(
            "protect",
            Shape::List(&Shape::Text(&grammar::PROTECTED)),
            "Paths below the workspace that stay read-only, also where they do not exist",
        ),
    ],
    later: &["cache"],
    holds: Holds::Any,
};

const PLACES: Shape = Shape::List(&Shape::Text(&grammar::PLACE));

const ENV: Keys = Keys {
    name: "env",
    known: &[
        Key::optional(
            "pass",
            Shape::List(&Shape::Text(&grammar::VARIABLE)),
            "Variables that are passed, by their exact names",
        ),
        Key::optional(
            "set",
            Shape::Named(&grammar::VARIABLE, &Shape::Text(&grammar::VALUE)),
            "Variables that have a fixed value",
        ),
        Key::optional(
            "volatile",
            Shape::List(&Shape::Text(&grammar::VARIABLE)),
            "Variables with another value in each run: approvals beforehand do not name them",
        ),
    ],
    later: &[],
    holds: Holds::Any,
};

pub(crate) const LIMITS: Keys = Keys {
    name: "limits",
    known: &[
        Key::optional(
            "wall",
            Shape::Either(&[Shape::Text(&grammar::DURATION), Shape::Table(&LIMIT_OF_TIME)]),
            "Wall time from the start of the command",
        ),
        Key::optional(
            "cpu",
            Shape::Either(&[Shape::Text(&grammar::PERCENT), Shape::Table(&LIMIT_OF_SHARE)]),
            "Processor time at once, in percent of one core",
        ),
        Key::optional("memory", SIZE, "Memory of the whole run, swap included"),
        Key::optional("pids", COUNT, "Processes and threads at once"),
        Key::optional("files", COUNT, "Open files of each process"),
        Key::optional("tmp", SIZE, "What the private directories of the run hold"),
        Key::optional("inodes", COUNT, "Files and directories in the private directories of the run"),
        Key::optional("output", SIZE, "What is written to standard output and standard error together"),
    ],
    later: &[],
    holds: Holds::Any,
};

const LIMIT_OF_TIME: Keys =
    limit("limit_of_time", &[Key::required("max", Shape::Text(&grammar::DURATION), MAX), REQUIRED]);
const LIMIT_OF_SHARE: Keys =
    limit("limit_of_share", &[Key::required("max", Shape::Text(&grammar::PERCENT), MAX), REQUIRED]);
const LIMIT_OF_SIZE: Keys = limit("limit_of_size", &[Key::required("max", Shape::Text(&grammar::SIZE), MAX), REQUIRED]);
const LIMIT_OF_COUNT: Keys = limit("limit_of_count", &[Key::required("max", ABOVE_ZERO, MAX), REQUIRED]);

const MAX: &str = "The bound";
const REQUIRED: Key =
    Key::optional("required", Shape::Boolean, "Whether a machine that cannot keep it refuses the run");

const SIZE: Shape = Shape::Either(&[Shape::Text(&grammar::SIZE), Shape::Table(&LIMIT_OF_SIZE)]);
const COUNT: Shape = Shape::Either(&[ABOVE_ZERO, Shape::Table(&LIMIT_OF_COUNT)]);
const ABOVE_ZERO: Shape = Shape::Number { least: 1, most: u64::MAX };

const fn limit(name: &'static str, known: &'static [Key]) -> Keys {
    Keys { name, known, later: &[], holds: Holds::Any }
}

pub(crate) const EXAMPLE: Keys = Keys {
    name: "profile_example",
    known: &[
        Key::required("shows", Shape::Text(&grammar::LINE), "What it shows"),
        Key::optional(
            "setup",
            Shape::Text(&grammar::TEXT),
            "A shell script that runs outside before, in an empty workspace",
        ),
        Key::required("run", Shape::FullList(&Shape::Text(&grammar::TEXT)), "The command, word by word"),
        Key::optional(
            "exit",
            Shape::Number { least: 0, most: 255 },
            "The exit code that it has to have; 0 without this line",
        ),
        Key::optional("stdout", Shape::Text(&grammar::TEXT), "The output that it has to have"),
    ],
    later: &[],
    holds: Holds::Any,
};

const VISIBILITY: [(&str, Visibility); 2] = [("ro", Visibility::ReadOnly), ("none", Visibility::None)];

const WORKSPACE: [(&str, WorkspaceAccess); 3] =
    [("rw", WorkspaceAccess::ReadWrite), ("ro", WorkspaceAccess::ReadOnly), ("none", WorkspaceAccess::None)];

pub(crate) const TIERS: [(&str, Tier); 1] = [("namespaces", Tier::Namespaces)];

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
        later @ ("landlock" | "vm") => {
            Err(item.error(format!("the tier `{later}` is not supported yet")).hint("write `namespaces`"))
        }
        _ => item.word(&TIERS),
    }
}

/// Reads a table of limits, each a bound or `{ max = …, required = true }`.
pub(crate) fn limits(item: &Item<'_>) -> Result<Limits, LoadError> {
    let table = item.table(&LIMITS)?;
    let mut limits = Limits::default();
    for limit in table.entries() {
        if limit.is_table() {
            let detailed = limit.table(keys_of_limit(limit.key()))?;
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
    if let Some(item) = table.get("secrets") {
        own.secrets = secrets(&item)?;
    }
    if let Some(item) = table.get("limits") {
        own.limits = limits(&item)?;
    }
    if let Some(item) = table.get("output") {
        own.output = output(&item)?;
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

pub(super) fn not_a_variable(error: LoadError) -> LoadError {
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

fn keys_of_limit(name: &str) -> &'static Keys {
    match name {
        "wall" => &LIMIT_OF_TIME,
        "cpu" => &LIMIT_OF_SHARE,
        "pids" | "files" | "inodes" => &LIMIT_OF_COUNT,
        _ => &LIMIT_OF_SIZE,
    }
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
        run: table.require("run")?.non_empty_list()?.each(|word| word.string().map(str::to_owned))?,
        exit,
        stdout: table.get("stdout").map(text).transpose()?,
    })
}

pub(super) fn optional_list<T>(
    table: &Table<'_>,
    key: &'static str,
    parse: impl Fn(&Item<'_>) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    table.get(key).map_or_else(|| Ok(Vec::new()), |item| item.each(parse))
}
