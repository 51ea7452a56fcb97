//! Reads one `[[rules]]` table.

use crate::ceiling::Ceiling;
use crate::decide::Sight;
use crate::document::{At, Item, Keys, Table};
use crate::glob::{GlobError, TextGlob};
use crate::load::LoadError;
use crate::load::ceiling::ceiling;
use crate::load::examples::{Examples, examples};
use crate::load::profile::{line, name};
use crate::path_glob::PathGlob;
use crate::principal::ClientKind;
use crate::rule::{Action, Approval, ArgumentsGlob, Grade, Matcher, Rest, Rule};

const RULE: Keys = Keys {
    known: &[
        "name",
        "operation",
        "action",
        "why",
        "client_types",
        "uid",
        "trust",
        "command",
        "sandbox",
        "approval",
        "examples",
    ],
    later: &["clients", "roles", "target", "workspace", "context", "secret_names", "lease_ttl", "budget"],
};

const COMMAND: Keys = Keys { known: &["path", "sha256", "argv"], later: &["class"] };

const APPROVAL: Keys = Keys { known: &["require"], later: &["factors", "lease_ttl", "budget", "one_time"] };

pub(crate) const ACTIONS: [(&str, Action); 3] =
    [("allow", Action::Allow), ("ask", Action::Ask), ("deny", Action::Deny)];

const REQUIRE: [(&str, Approval); 3] =
    [("always", Approval::Always), ("first_use", Approval::FirstUse), ("never", Approval::Never)];

const CLIENTS: [(&str, ClientKind); 3] =
    [("human", ClientKind::Human), ("agent", ClientKind::Agent), ("ci", ClientKind::Ci)];

const TRUST: [(&str, Grade); 2] = [("verified", Grade::Verified), ("derived", Grade::Derived)];

/// The only operation that is carried out; what a rule without `operation` is about.
const RUN: &str = "sandbox.exec";

/// A rule, where it is written, and its examples.
pub(crate) struct LoadedRule {
    pub(crate) rule: Rule,
    pub(crate) at: At,
    pub(crate) examples: Examples,
}

/// Reads one rule. Its examples are read on first sight only; the same bytes have the same ones.
pub(crate) fn rule(item: &Item<'_>, sight: Sight) -> Result<LoadedRule, LoadError> {
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
        matchers: matchers(&table, action)?,
        action,
        why: table.get("why").map(|item| line(&item)).transpose()?,
        approval: approval_of(&table, action)?,
        ceiling: ceiling_of(&table, action)?,
    };
    let examples = match (sight, table.get("examples")) {
        (Sight::First, Some(item)) => examples(&item)?,
        (Sight::First, None) | (Sight::Again, _) => Vec::new(),
    };
    Ok(LoadedRule { rule, at: name_item.at(), examples })
}

/// Reads `[rules.approval]` or `[default_approval]` and holds it against the action.
pub(crate) fn approval(item: &Item<'_>, action: Action) -> Result<Approval, LoadError> {
    let table = item.table(&APPROVAL)?;
    let require = table.require("require")?;
    match (action, require.word(&REQUIRE)?) {
        (Action::Allow, asked @ (Approval::Always | Approval::FirstUse)) => {
            let error = require.error(format!("`require = \"{}\"` contradicts `action = \"allow\"`", asked.as_str()));
            Err(error.hint("write `action = \"ask\"`, or leave the approval out"))
        }
        (Action::Ask, Approval::Never) => {
            let error = require.error("`require = \"never\"` contradicts `action = \"ask\"`");
            Err(error.hint("write `action = \"allow\"`, or `always` or `first_use` here"))
        }
        (Action::Allow | Action::Ask | Action::Deny, approval) => Ok(approval),
    }
}

/// What an action needs when no approval is written.
pub(crate) fn implied_approval(action: Action) -> Approval {
    match action {
        Action::Allow => Approval::Never,
        Action::Ask | Action::Deny => Approval::Always,
    }
}

fn approval_of(table: &Table<'_>, action: Action) -> Result<Approval, LoadError> {
    match (table.get("approval"), action) {
        (Some(item), Action::Deny) => Err(item.key_error("a rule that denies takes no approval")),
        (Some(item), Action::Allow | Action::Ask) => approval(&item, action),
        (None, Action::Allow | Action::Ask | Action::Deny) => Ok(implied_approval(action)),
    }
}

fn ceiling_of(table: &Table<'_>, action: Action) -> Result<Ceiling, LoadError> {
    match (table.get("sandbox"), action) {
        (Some(item), Action::Deny) => Err(item.key_error("a rule that denies grants no sandbox")),
        (Some(item), Action::Allow | Action::Ask) => ceiling(&item),
        (None, Action::Allow | Action::Ask | Action::Deny) => Ok(Ceiling::default_profile()),
    }
}

fn matchers(table: &Table<'_>, action: Action) -> Result<Vec<Matcher>, LoadError> {
    let operation = match table.get("operation") {
        Some(item) => text_glob(&item)?,
        None => TextGlob::literal(RUN.as_bytes()),
    };
    let mut matchers = vec![Matcher::Operation(operation)];
    if let Some(item) = table.get("command") {
        command_matchers(&item, &mut matchers)?;
    }
    if let Some(item) = table.get("uid") {
        matchers.push(Matcher::Uid(one_or_many(&item, uid)?));
    }
    if let Some(item) = table.get("client_types") {
        let matcher =
            Matcher::Client(item.non_empty_list()?.iter().map(|kind| kind.word(&CLIENTS)).collect::<Result<_, _>>()?);
        check_grade(table, action, &item, &matcher)?;
        matchers.push(matcher);
    } else if let Some(item) = table.get("trust") {
        item.word(&TRUST)?;
    }
    Ok(matchers)
}

/// A permitting match stands on verified facts, unless the rule says that derived ones will do.
fn check_grade(table: &Table<'_>, action: Action, item: &Item<'_>, matcher: &Matcher) -> Result<(), LoadError> {
    let trust = table.get("trust").map(|item| item.word(&TRUST)).transpose()?.unwrap_or(Grade::Verified);
    match (action, matcher.grade() < trust) {
        (Action::Allow, true) => Err(item
            .key_error(format!("`{}` is a derived fact, and this rule allows on it", matcher.key()))
            .hint("add `trust = \"derived\"` to accept a fact that the caller's uid can influence, or use `ask`")),
        (Action::Allow, false) | (Action::Ask | Action::Deny, _) => Ok(()),
    }
}

fn command_matchers(item: &Item<'_>, matchers: &mut Vec<Matcher>) -> Result<(), LoadError> {
    let table = item.table(&COMMAND)?;
    if table.is_empty() {
        return Err(item.key_error("`command` is empty").hint("leave it out to match any command"));
    }
    if let Some(item) = table.get("path") {
        let text = item.string()?;
        matchers.push(Matcher::Path(PathGlob::new(text).map_err(|error| bad_glob(&item, error))?));
    }
    if let Some(item) = table.get("argv") {
        matchers.push(Matcher::Arguments(arguments(&item)?));
    }
    if let Some(item) = table.get("sha256") {
        matchers.push(Matcher::Content(one_or_many(&item, sha256)?));
    }
    Ok(())
}

/// One pattern for each argument after the program's name. The last may be `**`: any further
/// arguments, none included.
fn arguments(item: &Item<'_>) -> Result<ArgumentsGlob, LoadError> {
    let elements = item.non_empty_list()?;
    let (patterns, rest) = match elements.split_last() {
        Some((last, before)) if last.string().is_ok_and(|text| text == "**") => (before, Rest::Anything),
        Some(_) | None => (elements.as_slice(), Rest::Nothing),
    };
    let each = patterns.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    Ok(ArgumentsGlob { each, rest })
}

fn argument(item: &Item<'_>) -> Result<TextGlob, LoadError> {
    if item.is_table() {
        return Err(item.error("a table in `argv` is not supported yet").hint("write a literal or a glob"));
    }
    match item.string()? {
        "**" => Err(item.error("`**` must be the last element").hint("before the end, write `*` for one argument")),
        // An empty argument is a value of its own, unlike an empty pattern elsewhere.
        "" => Ok(TextGlob::literal(b"")),
        _ => text_glob(item),
    }
}

fn text_glob(item: &Item<'_>) -> Result<TextGlob, LoadError> {
    TextGlob::new(item.string()?).map_err(|error| bad_glob(item, error))
}

fn bad_glob(item: &Item<'_>, error: GlobError) -> LoadError {
    item.error(error.to_string()).hint(error.hint())
}

fn sha256(item: &Item<'_>) -> Result<String, LoadError> {
    let text = item.string()?;
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(item.error("a SHA-256 digest has 64 hexadecimal digits").hint("`sha256sum FILE` prints it"));
    }
    Ok(text.to_ascii_lowercase())
}

fn uid(item: &Item<'_>) -> Result<u32, LoadError> {
    // The last one is no user: it is how system calls say "unchanged".
    u32::try_from(item.number()?).ok().filter(|uid| *uid != u32::MAX).ok_or_else(|| item.error("this is not a uid"))
}

fn one_or_many<T>(item: &Item<'_>, parse: impl Fn(&Item<'_>) -> Result<T, LoadError>) -> Result<Vec<T>, LoadError> {
    if item.is_list() { item.non_empty_list()?.iter().map(parse).collect() } else { Ok(vec![parse(item)?]) }
}
