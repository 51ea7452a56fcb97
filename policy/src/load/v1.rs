//! Reads Policy v1: a file without `version`, in the words of its time. What it says is carried out; what it cannot
//! say has its strictest value, and a key that it does not know is still an error.

use std::collections::BTreeMap;

use crate::approval::{Approval, Obligation};
use crate::audit::{Audit, AuditSync};
use crate::ceiling::Ceiling;
use crate::document::{Item, Table};
use crate::glob::TextGlob;
use crate::grammar;
use crate::load::LoadError;
use crate::load::approval::{FACTORS, LEASE_TTL, ONE_TIME, REQUIRE, details};
use crate::load::clients::{KINDS, UID, sha256, team, uid};
use crate::load::matchers::{bad_glob, pattern, remote, text_glob};
use crate::load::policy::{MAX_RETENTION_DAYS, retention};
use crate::load::profile::line;
use crate::load::rule::LoadedRule;
use crate::matcher::Matcher;
use crate::matcher::client::{Client, ExePath, Kinds};
use crate::principal::ClientKind;
use crate::rule::{Action, Rule};
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const POLICY: Keys = Keys {
    name: "policy_v1",
    known: &[
        Key::optional(
            "audit_retention_days",
            Shape::Number { least: 1, most: MAX_RETENTION_DAYS },
            "How many days the journal is kept at least",
        ),
        Key::optional("known_human_clients", Shape::List(&Shape::Table(&HUMAN)), "Programs that a human uses"),
        Key::optional(
            "rules",
            Shape::List(&Shape::Table(&RULE)),
            "The rules, in order: the first that matches answers",
        ),
    ],
    later: &[],
    holds: Holds::Any,
};

const HUMAN: Keys = Keys {
    name: "known_human_client_v1",
    known: &[Key::optional("name", Shape::Text(&grammar::LINE), "What it is called"), EXE_PATH, EXE_SHA256, TEAM],
    later: &[],
    holds: Holds::AtLeastOne,
};

const RULE: Keys = Keys {
    name: "rule_v1",
    known: &[
        Key::required("name", Shape::Text(&grammar::LINE), "What the rule is called"),
        Key::required("operation_pattern", Shape::Text(&grammar::GLOB), "The operation that the rule is about"),
        Key::required("allow", Shape::Boolean, "Whether it permits; it asks where an approval is required"),
        Key::optional("client_types", Shape::List(&Shape::Word(&KINDS)), "What kind of principal asks; any when empty"),
        Key::optional("client", Shape::Table(&CLIENT), "Who asks"),
        Key::optional("target", Shape::Table(&TARGET), "What the operation is about"),
        Key::optional("workspace", Shape::Table(&WORKSPACE), "Which repository it happens in"),
        Key::optional("secret_names", Shape::Table(&SECRET_NAMES), "Which secrets are asked for"),
        Key::optional("approval", Shape::Table(&APPROVAL), "Who has to approve"),
    ],
    later: &[],
    holds: Holds::Any,
};

const CLIENT: Keys = Keys {
    name: "client_v1",
    known: &[Key::optional("uid", UID, "The uid that it runs as"), EXE_PATH, EXE_SHA256, TEAM],
    later: &[],
    holds: Holds::Any,
};

const EXE_PATH: Key =
    Key::optional("exe_path", Shape::Text(&grammar::GLOB), "The path of its executable; `*` crosses `/`");
const EXE_SHA256: Key = Key::optional("exe_sha256", Shape::Text(&grammar::SHA256), "The digest of its executable");
const TEAM: Key = Key::optional("codesign_team_id", Shape::Text(&grammar::TEAM), "Who signed it, on macOS");

const TARGET: Keys = Keys {
    name: "target_v1",
    known: &[Key::optional(
        "fields",
        Shape::Named(&grammar::TEXT, &Shape::Text(&grammar::PATTERN)),
        "The fields of the operation, each by a pattern",
    )],
    later: &[],
    holds: Holds::Any,
};

const WORKSPACE: Keys = Keys {
    name: "workspace_v1",
    known: &[
        Key::optional("remote_url_pattern", Shape::Text(&grammar::REMOTE), "Where the repository comes from"),
        Key::optional("branch_pattern", Shape::Text(&grammar::PATTERN), "The branch that is checked out"),
        Key::optional("require_clean", Shape::Boolean, "Whether nothing may be uncommitted"),
    ],
    later: &[],
    holds: Holds::Any,
};

const SECRET_NAMES: Keys = Keys {
    name: "secret_names_v1",
    known: &[Key::optional("patterns", Shape::List(&Shape::Text(&grammar::GLOB)), "Names of secrets; any when empty")],
    later: &[],
    holds: Holds::Any,
};

const APPROVAL: Keys = Keys {
    name: "approval_v1",
    known: &[
        Key::optional("require", Shape::Word(&REQUIRE), "When somebody has to approve; `never` without this line"),
        FACTORS,
        LEASE_TTL,
        ONE_TIME,
    ],
    later: &[],
    holds: Holds::Any,
};

/// Rules and audit of one file.
pub(crate) fn read(table: &Table<'_>) -> Result<(Vec<LoadedRule>, Audit), LoadError> {
    let humans = list_of(table, "known_human_clients", human)?;
    let rules = list_of(table, "rules", |item| rule(item, &humans))?;
    let retention_days = table.get("audit_retention_days").map(|item| retention(&item)).transpose()?;
    Ok((rules, Audit { sync: AuditSync::Process, retention_days }))
}

fn list_of<T>(
    table: &Table<'_>,
    key: &'static str,
    parse: impl Fn(&Item<'_>) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    table.get(key).map_or(Ok(Vec::new()), |item| item.each(parse))
}

fn human(item: &Item<'_>) -> Result<Client, LoadError> {
    let table = item.table(&HUMAN)?;
    let human = Client {
        name: table.get("name").map_or(Ok(String::new()), |item| line(&item))?,
        uid: None,
        kind: None,
        exe_path: exe_path(&table)?,
        exe_sha256: table.get("exe_sha256").map(|item| sha256(&item)).transpose()?,
        codesign_team_id: table.get("codesign_team_id").map(|item| team(&item)).transpose()?,
    };
    if human.is_anybody() {
        let error = item.error("a known human client that could be anything would make every client a human");
        return Err(error.hint("say `exe_path`, `exe_sha256` or `codesign_team_id`"));
    }
    Ok(human)
}

fn rule(item: &Item<'_>, humans: &[Client]) -> Result<LoadedRule, LoadError> {
    let table = item.table(&RULE)?;
    let name = table.require("name")?;
    let (action, obligation) = answer(&table)?;
    let mut matchers = vec![Matcher::Operation(text_glob(&table.require("operation_pattern").map_err(as_first)?)?)];
    if let Some(kinds) = kinds(&table, humans)? {
        matchers.push(Matcher::Kind(kinds));
    }
    if let Some(item) = table.get("client") {
        client(&item, &mut matchers)?;
    }
    if let Some(fields) = inside(&table, "target", &TARGET, "fields")? {
        let fields = fields.open_table()?;
        let fields: BTreeMap<_, _> = fields
            .entries()
            .map(|field| Ok((field.key().to_owned(), vec![pattern(&field)?])))
            .collect::<Result<_, LoadError>>()?;
        if !fields.is_empty() {
            matchers.push(Matcher::Target(fields));
        }
    }
    if let Some(item) = table.get("workspace") {
        workspace(&item, &mut matchers)?;
    }
    if let Some(patterns) = inside(&table, "secret_names", &SECRET_NAMES, "patterns")? {
        let patterns = patterns.each(text_glob)?;
        if !patterns.is_empty() {
            matchers.push(Matcher::Secrets(patterns));
        }
    }
    let rule =
        Rule { name: line(&name)?, matchers, action, why: None, obligation, ceiling: Ceiling::default_profile() };
    Ok(LoadedRule { rule, at: name.at(), examples: Vec::new() })
}

/// Who forgets `version` is told that another format is read.
fn as_first(error: LoadError) -> LoadError {
    error.hint("a file without `version` is read as Policy v1: begin it with `version = 1` to use the keys of today")
}

/// `allow = true` asks where an approval is required; `allow = false` denies.
fn answer(table: &Table<'_>) -> Result<(Action, Obligation), LoadError> {
    let allow = table.require("allow")?.boolean()?;
    let obligation = match table.get("approval") {
        Some(item) => {
            let table = item.table(&APPROVAL)?;
            let require = table.get("require").map_or(Ok(Approval::Never), |item| item.word(&REQUIRE))?;
            if require != Approval::Never && table.get("factors").is_none() {
                let error = item.key_error("an approval without a factor would be nobody's");
                return Err(error.hint("add `factors = [\"local_bio\"]`"));
            }
            details(&table, require)?
        }
        None => Obligation::none(),
    };
    Ok(match (allow, obligation.require) {
        (false, Approval::Never | Approval::FirstUse | Approval::Always) => {
            (Action::Deny, Obligation::once(Approval::Always))
        }
        (true, Approval::Never) => (Action::Allow, obligation),
        (true, Approval::FirstUse | Approval::Always) => (Action::Ask, obligation),
    })
}

/// Empty means all. A human is who is listed as one; everybody else is an agent.
fn kinds(table: &Table<'_>, humans: &[Client]) -> Result<Option<Kinds>, LoadError> {
    let Some(item) = table.get("client_types") else { return Ok(None) };
    let listed: Vec<ClientKind> = item.each(|kind| {
        let word = kind.word(&KINDS)?;
        if word == ClientKind::Ci {
            return Err(kind.error("Policy v1 knows `human` and `agent`").hint("a CI job is an agent there"));
        }
        Ok(word)
    })?;
    Ok((!listed.is_empty()).then(|| Kinds { listed, humans: Some(humans.to_vec()) }))
}

fn client(item: &Item<'_>, matchers: &mut Vec<Matcher>) -> Result<(), LoadError> {
    let table = item.table(&CLIENT)?;
    let client = Client {
        name: "client".to_owned(),
        uid: table.get("uid").map(|item| uid(&item)).transpose()?,
        kind: None,
        exe_path: exe_path(&table)?,
        exe_sha256: table.get("exe_sha256").map(|item| sha256(&item)).transpose()?,
        codesign_team_id: table.get("codesign_team_id").map(|item| team(&item)).transpose()?,
    };
    if !table.is_empty() {
        matchers.push(Matcher::Client(vec![client]));
    }
    Ok(())
}

fn workspace(item: &Item<'_>, matchers: &mut Vec<Matcher>) -> Result<(), LoadError> {
    let table = item.table(&WORKSPACE)?;
    if let Some(item) = table.get("remote_url_pattern") {
        matchers.push(Matcher::Remote(vec![remote(&item)?]));
    }
    if let Some(item) = table.get("branch_pattern") {
        matchers.push(Matcher::Branch(vec![pattern(&item)?]));
    }
    if let Some(item) = table.get("require_clean")
        && item.boolean()?
    {
        matchers.push(Matcher::Clean);
    }
    Ok(())
}

/// The one value inside a table that may be empty or left out.
fn inside<'d>(
    table: &Table<'d>,
    key: &'static str,
    keys: &'static Keys,
    value: &'static str,
) -> Result<Option<Item<'d>>, LoadError> {
    table.get(key).map_or(Ok(None), |item| Ok(item.table(keys)?.get(value)))
}

/// `*` crosses `/`, so that `*/target/release/opaque` means what it seems to.
fn exe_path(table: &Table<'_>) -> Result<Option<ExePath>, LoadError> {
    let Some(item) = table.get("exe_path") else { return Ok(None) };
    let glob = TextGlob::new(item.string()?).map_err(|error| bad_glob(&item, &error))?;
    Ok(Some(ExePath::Text(glob)))
}
