//! Reads the policy files of one layer into one layer.

use crate::alike::Alike;
use crate::audit::{Audit, AuditSync};
use crate::ceiling::Ceiling;
use crate::coding_agent::CodingAgent;
use crate::document::{Document, Item, SourceFile, Table};
use crate::grammar;
use crate::layer::{Fallback, Layer, LayerName};
use crate::load::LoadError;
use crate::load::approval::{APPROVAL, implied, obligation};
use crate::load::clients::{CLIENT, Clients};
use crate::load::coding_agents::{AGENT, coding_agents};
use crate::load::rule::{LoadedRule, RULE, rule};
use crate::load::{examples, shadow, v1};
use crate::rule::{Action, Rule};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::sources::Sight;

pub(crate) const POLICY: Keys = Keys {
    name: "policy",
    known: &[
        Key::required("version", Shape::Number { least: 1, most: 1 }, "The version of the format"),
        Key::optional(
            "default",
            Shape::Word(&DEFAULTS),
            "What is answered where no rule matches; once a layer, in its first file",
        ),
        Key::optional(
            "default_approval",
            Shape::Table(&APPROVAL),
            "What has to be approved where no rule matches; with `default = \"ask\"` and only there",
        ),
        Key::optional(
            "audit_retention_days",
            Shape::Number { least: 1, most: MAX_RETENTION_DAYS },
            "How many days the journal is kept at least",
        ),
        Key::optional("audit", Shape::Table(&AUDIT), "How the journal is kept"),
        Key::optional(
            "coding_agents",
            Shape::Named(&grammar::TEXT, &Shape::Table(&AGENT)),
            "Coding agents beyond the built-in ones, each by its name",
        ),
        Key::optional(
            "clients",
            Shape::List(&Shape::Table(&CLIENT)),
            "Programs that ask, named once for the rules of the layer",
        ),
        Key::optional(
            "rules",
            Shape::List(&Shape::Table(&RULE)),
            "The rules, in order: the first that matches answers",
        ),
    ],
    later: &[],
    holds: Holds::Any,
};

const AUDIT: Keys = Keys {
    name: "audit",
    known: &[Key::required(
        "sync",
        Shape::Word(&SYNC),
        "What a record survives: the end of this process, or of the machine",
    )],
    later: &[],
    holds: Holds::Any,
};

const SYNC: [(&str, AuditSync); 2] = [("process", AuditSync::Process), ("disk", AuditSync::Disk)];

const DEFAULTS: [(&str, DefaultWord); 4] = [
    ("allow", DefaultWord::Answer(Action::Allow)),
    ("ask", DefaultWord::Answer(Action::Ask)),
    ("deny", DefaultWord::Answer(Action::Deny)),
    ("pass", DefaultWord::Pass),
];

/// Keys of other files, and where each belongs.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    (
        "approved",
        "approvals beforehand have a file of their own",
        "move them to /etc/opaque/approved.toml: an intent covers this file, so it cannot name it",
    ),
    ("request", "a policy grants and does not ask", "a `[request]` belongs into a repository's `.opaque.toml`"),
];

/// The longest that records can be asked to be kept: a hundred years.
pub(crate) const MAX_RETENTION_DAYS: u64 = 36_500;

/// The words that a layer's default may be.
#[derive(Clone, Copy)]
enum DefaultWord {
    Answer(Action),
    Pass,
}

/// A layer and what its files say beside the rules.
pub(crate) struct LoadedLayer {
    pub(crate) layer: Layer,
    pub(crate) audit: Audit,
    pub(crate) coding_agents: Vec<CodingAgent>,
}

/// Joins files, in order, into one layer.
pub(crate) fn load_layer(name: LayerName, files: &[SourceFile], sight: Sight) -> Result<LoadedLayer, LoadError> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let mut fallback: Option<Fallback> = None;
    let mut audit = Audit::UNSTATED;
    let documents =
        files.iter().map(|source| Document::parse(&source.file, &source.bytes)).collect::<Result<Vec<_>, _>>()?;
    let mut tables = Vec::with_capacity(documents.len());
    let mut clients = Clients::default();
    let mut coding_agents = Vec::new();
    for document in &documents {
        let written = Written::open(document)?;
        if let Written::Canonical(table) = &written {
            check_version(table)?;
            clients.add(table)?;
            coding_agents.extend(self::coding_agents(table)?);
        }
        tables.push(written);
    }
    let mut alike = None;
    for (source, table) in files.iter().zip(&tables) {
        let file = read(table, &clients, sight)?;
        match sight {
            Sight::First => alike = Some(check(&file.rules, source)?),
            Sight::Again => {}
        }
        rules.reserve(file.rules.len());
        for loaded in file.rules {
            if !names.insert(loaded.rule.name.clone()) {
                let message = format!("the {name} layer already has a rule `{}`", loaded.rule.name);
                return Err(loaded.at.error(source, message).hint("give this one another name"));
            }
            rules.push(loaded.rule);
        }
        if let Some((stated, at)) = file.fallback
            && fallback.replace(stated).is_some()
        {
            let message = format!("the {name} layer already has a default");
            return Err(at.error(source, message).hint("write `default` once a layer, in the first file"));
        }
        audit = audit.joined_with(file.audit);
    }
    let is_first = tables.iter().any(|written| matches!(written, Written::First(_)));
    // What matches no rule of Policy v1 is denied.
    let first = is_first.then(|| Fallback::Answer(Action::Deny, implied(Action::Deny)));
    if let (Some(stated), Some(first)) = (&fallback, &first)
        && stated != first
    {
        return Err(contradiction(name, files));
    }
    let fallback = fallback.or(first).ok_or_else(|| missing_default(name, files))?;
    // What was found out for the only file holds for the layer.
    let alike = alike.filter(|_| files.len() == 1).unwrap_or_else(|| Alike::among(&rules));
    let layer = Layer { name, rules, alike, fallback, fallback_ceiling: Ceiling::default_profile() };
    Ok(LoadedLayer { layer, audit, coding_agents })
}

struct File {
    rules: Vec<LoadedRule>,
    fallback: Option<(Fallback, crate::document::At)>,
    audit: Audit,
}

/// A file in one of the two formats.
enum Written<'d> {
    Canonical(Table<'d>),
    /// Policy v1.
    First(Table<'d>),
}

impl<'d> Written<'d> {
    /// A file without `version` is Policy v1 when it says anything that Policy v1 can say, and nothing that it cannot.
    fn open(document: &'d Document<'_>) -> Result<Self, LoadError> {
        for (key, message, hint) in ELSEWHERE {
            if let Some(error) = document.misplaced(key, message) {
                return Err(error.hint(hint));
            }
        }
        let has = |keys: &[&str]| keys.iter().any(|key| document.has(key));
        let is_canonical = has(&["version", "default", "clients", "coding_agents", "audit"])
            || !has(&["rules", "known_human_clients"]);
        if is_canonical {
            document.root(&POLICY).map(Self::Canonical)
        } else {
            document.root(&v1::POLICY).map(Self::First)
        }
    }
}

fn read(written: &Written<'_>, clients: &Clients, sight: Sight) -> Result<File, LoadError> {
    match written {
        Written::Canonical(table) => read_file(table, clients, sight),
        Written::First(table) => {
            let (rules, audit) = v1::read(table)?;
            Ok(File { rules, fallback: None, audit })
        }
    }
}

fn read_file(table: &Table<'_>, clients: &Clients, sight: Sight) -> Result<File, LoadError> {
    Ok(File {
        fallback: fallback(table)?,
        audit: audit(table)?,
        rules: match table.get("rules") {
            Some(item) => item.each(|item| rule(item, clients, sight))?,
            None => Vec::new(),
        },
    })
}

/// Checks the rules of one file among themselves. Returns which of their conditions are alike.
pub(crate) fn check(rules: &[LoadedRule], source: &SourceFile) -> Result<Alike, LoadError> {
    for loaded in rules {
        examples::check(&loaded.rule, &loaded.examples, source)?;
    }
    shadow::check(rules, source)
}

pub(crate) fn check_version(table: &Table<'_>) -> Result<(), LoadError> {
    let Some(item) = table.get("version") else {
        let error = table.error("`version` is missing");
        return Err(error.hint("begin the file with `version = 1`"));
    };
    match item.number()? {
        1 => Ok(()),
        other => Err(item.error(format!("version {other} is not known here")).hint("write `version = 1`")),
    }
}

fn fallback(table: &Table<'_>) -> Result<Option<(Fallback, crate::document::At)>, LoadError> {
    let Some(item) = table.get("default") else {
        return match table.get("default_approval") {
            Some(item) => Err(item.key_error("`default_approval` without `default = \"ask\"` in the same file")),
            None => Ok(None),
        };
    };
    let fallback = match (item.word(&DEFAULTS)?, table.get("default_approval")) {
        (DefaultWord::Answer(Action::Ask), Some(stated)) => {
            Fallback::Answer(Action::Ask, obligation(&stated, Action::Ask)?)
        }
        (DefaultWord::Answer(Action::Ask), None) => {
            let error = item.error("`default = \"ask\"` needs `[default_approval]`");
            return Err(error.hint("add `[default_approval]` with `require = \"always\"` or `\"first_use\"`"));
        }
        (DefaultWord::Answer(Action::Allow | Action::Deny) | DefaultWord::Pass, Some(stated)) => {
            return Err(stated.key_error("`default_approval` is only for `default = \"ask\"`"));
        }
        (DefaultWord::Answer(action), None) => Fallback::Answer(action, implied(action)),
        (DefaultWord::Pass, None) => Fallback::Pass,
    };
    Ok(Some((fallback, item.at())))
}

fn audit(table: &Table<'_>) -> Result<Audit, LoadError> {
    let sync = match table.get("audit") {
        Some(item) => item.table(&AUDIT)?.require("sync")?.word(&SYNC)?,
        None => AuditSync::Process,
    };
    let retention_days = table.get("audit_retention_days").map(|item| retention(&item)).transpose()?;
    Ok(Audit { sync, retention_days })
}

pub(crate) fn retention(item: &Item<'_>) -> Result<u32, LoadError> {
    let days = item.number()?;
    u32::try_from(days)
        .ok()
        .filter(|_| (1..=MAX_RETENTION_DAYS).contains(&days))
        .ok_or_else(|| item.error(format!("`audit_retention_days` is 1 to {MAX_RETENTION_DAYS}")))
}

fn contradiction(name: LayerName, files: &[SourceFile]) -> LoadError {
    let file = files.first().map_or("", |source| source.file.as_str());
    let message =
        format!("a file without `version` in the {name} layer denies by default, and another one says otherwise");
    LoadError::new(file, "", 0, 0, message).hint("add `version = 1` to it, or write `default = \"deny\"`")
}

fn missing_default(name: LayerName, files: &[SourceFile]) -> LoadError {
    let (file, text) = files
        .first()
        .map_or(("", ""), |source| (source.file.as_str(), std::str::from_utf8(&source.bytes).unwrap_or_default()));
    LoadError::new(file, text, 0, 0, format!("the {name} layer has no `default`"))
        .hint("write `default = \"deny\"`, `\"ask\"`, `\"allow\"` or `\"pass\"` once, in the first file")
}
