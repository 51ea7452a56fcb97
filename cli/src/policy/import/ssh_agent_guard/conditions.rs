//! The conditions of one rule, each as what may permit and as what must restrict. What permits matches no more than the
//! source did, what restricts no less; where the two differ, or one cannot be said, there is a reason to tell.

use super::destinations::{destination, is_anchored, whole};
use super::directories::directory;
use crate::policy::import::canonical::{Grade, Value};
use crate::policy::import::changes::Changes;
use crate::policy::import::expression::{Part, carried_over};
use crate::policy::import::pattern::{glob, literal};
use crate::policy::import::source::{Entry, Refusal};

/// The keys of `match`.
pub(super) const KEYS: [&str; 15] = [
    "process_name",
    "parent_process_name",
    "ancestor",
    "command",
    "ssh_dest",
    "is_in_known_hosts",
    "forwarded_via",
    "is_forwarded",
    "key",
    "cwd",
    "cgroup",
    "tmux_window",
    "is_in_container",
    "is_coding_agent",
    "env",
];

/// What patterns of theirs become; any of them may match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// Under `allow`. `None`: it cannot be said.
    pub(super) permitting: Option<Vec<String>>,
    /// Under `confirm` and `deny`. `None`: it cannot be said.
    pub(super) restricting: Option<Vec<String>>,
    /// Why the two are not what was written.
    reason: Option<String>,
}

impl Carried {
    /// It means the same.
    pub(super) fn exactly(patterns: Vec<String>) -> Self {
        Self { permitting: Some(patterns.clone()), restricting: Some(patterns), reason: None }
    }

    /// What permits matches less.
    pub(super) fn narrowed(patterns: Vec<String>, reason: String) -> Self {
        Self { reason: Some(reason), ..Self::exactly(patterns) }
    }

    /// It cannot be said.
    pub(super) fn not(reason: String) -> Self {
        Self { permitting: None, restricting: None, reason: Some(reason) }
    }

    /// The same, with these patterns where it restricts.
    pub(super) fn restricting(mut self, patterns: Vec<String>) -> Self {
        self.restricting = Some(patterns);
        self
    }
}

/// A regular expression.
pub(super) fn expression(written: &str, part: Part) -> Result<Carried, String> {
    carried_over(written, part)
        .map(|expression| Carried::exactly(vec![expression.pattern]))
        .map_err(|what| format!("the expression `~{written}` has {what}, which is not carried over"))
}

/// What a rule answers, as far as its conditions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Permits,
    Restricts,
}

/// One condition, ready for a rule.
pub(super) struct Said {
    pub(super) key: &'static str,
    pub(super) grade: Grade,
    /// `Err`: why it cannot be said.
    pub(super) value: Result<Value, String>,
}

/// Carries one key of `match` over.
pub(super) fn condition(entry: &Entry, purpose: Use, changes: &mut Changes) -> Result<Said, Refusal> {
    let line = entry.line();
    let said = |key, value| Ok(Said { key, grade: Grade::Derived, value: Ok(value) });
    match entry.key.as_str() {
        "process_name" => said("context.process_name", names(entry, changes)?),
        "parent_process_name" => said("context.parent_process_name", names(entry, changes)?),
        "ancestor" => said("context.ancestor", names(entry, changes)?),
        "command" => patterns(entry, "context.command", purpose, changes, command),
        "ssh_dest" => {
            let said = patterns(entry, "context.ssh_dest", purpose, changes, destination)?;
            if said.value.as_ref().is_ok_and(names_a_host) {
                changes.changed(line, "hosts are compared in either case, and with or without a final dot");
            }
            Ok(said)
        }
        "forwarded_via" => patterns(entry, "context.forwarded_via", purpose, changes, whole),
        "cgroup" => patterns(entry, "context.cgroup", purpose, changes, text),
        "tmux_window" => patterns(entry, "context.tmux_window", purpose, changes, text),
        "cwd" => Ok(Said { grade: Grade::Verified, ..patterns(entry, "context.cwd", purpose, changes, directory)? }),
        "key" => said("context.key", Value::text(format!("{}*", literal(entry.value.text()?)))),
        "is_in_known_hosts" => said("context.is_in_known_hosts", Value::Flag(entry.value.flag()?)),
        "is_forwarded" => said("context.is_forwarded", Value::Flag(entry.value.flag()?)),
        "is_in_container" => {
            changes.changed(
                line,
                "`is_in_container` is also true in a user namespace of its own and where a container manager left its mark",
            );
            said("context.is_in_container", Value::Flag(entry.value.flag()?))
        }
        "is_coding_agent" => {
            changes.changed(
                line,
                "`is_coding_agent` knows more agents, by their executables, processes and scripts, never by `argv[0]`",
            );
            said("context.is_coding_agent", Value::Flag(entry.value.flag()?))
        }
        "env" => env(entry, purpose),
        other => Err(entry.refuse(format!("unknown key `{other}`"))),
    }
}

/// True when it is more than an expression over text.
fn names_a_host(patterns: &Value) -> bool {
    match patterns {
        Value::Text(pattern) => !pattern.starts_with('~'),
        Value::List(patterns) => patterns.iter().any(names_a_host),
        Value::Number(_) | Value::Flag(_) | Value::Table(_) => false,
    }
}

/// Names are compared as they are, there and here.
fn names(entry: &Entry, changes: &mut Changes) -> Result<Value, Refusal> {
    let names = entry.value.one_or_many()?;
    changes.changed(
        entry.line(),
        "names of processes are those of their executables, never `argv[0]`: a script has the name of its interpreter",
    );
    if entry.key == "ancestor" {
        changes.changed(entry.line(), "`ancestor` looks at more than eight generations");
    }
    if names.iter().any(|name| name.contains(['*', '?']) || name.starts_with('~')) {
        changes.look(entry.line(), "names of processes were compared as they are written: they still are no patterns");
    }
    Ok(Value::one_or_many(names.into_iter().map(literal).collect()))
}

fn patterns(
    entry: &Entry,
    key: &'static str,
    purpose: Use,
    changes: &mut Changes,
    carry: impl Fn(&str) -> Result<Carried, String>,
) -> Result<Said, Refusal> {
    let written = entry.value.text()?;
    let carried = carry(written)
        .map_err(|what| entry.value.refuse(what).hint("write it in another way in the source, and import again"))?;
    if purpose == Use::Permits && carried.permitting.is_some() && !is_anchored(written) {
        changes.look(
            entry.line(),
            format!("`{written}` matches anywhere in the text, as it did: `^` and `$` would anchor it"),
        );
    }
    let value = match (purpose, carried.permitting, carried.restricting) {
        (Use::Permits, Some(value), _) => {
            if let Some(reason) = carried.reason {
                changes.changed(entry.line(), format!("`{}`: {reason}", entry.key));
            }
            Ok(Value::one_or_many(value))
        }
        (Use::Restricts, _, Some(value)) => Ok(Value::one_or_many(value)),
        (Use::Permits, None, _) | (Use::Restricts, _, None) => Err(carried.reason.unwrap_or_default()),
    };
    Ok(Said { key, grade: Grade::Derived, value })
}

fn text(written: &str) -> Result<Carried, String> {
    match written.strip_prefix('~') {
        Some(written) => expression(written, Part::Whole),
        None => Ok(Carried::exactly(vec![glob(written)])),
    }
}

/// There the arguments are joined by spaces; here each is held against the pattern by itself. Both agree on a text
/// without spaces that stands anywhere.
fn command(written: &str) -> Result<Carried, String> {
    let is_one_word = |word: &str| !word.is_empty() && !word.contains([' ', '*', '?']);
    let anywhere = written.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
    let is_plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':'));
    let plain = written.strip_prefix('~').filter(|expression| is_plain(expression));
    match anywhere.or(plain).filter(|word| is_one_word(word)) {
        Some(word) => Ok(Carried::exactly(vec![format!("*{}*", literal(word))])),
        None => Ok(Carried::not(format!(
            "`command = {written}` is held against all arguments in one text, and arguments are never joined here"
        ))),
    }
}

/// What the caller says of itself never permits.
fn env(entry: &Entry, purpose: Use) -> Result<Said, Refusal> {
    let entries = entry.value.entries()?;
    if entries.is_empty() {
        return Err(entry.value.refuse("this is empty").hint("leave the key out to say nothing"));
    }
    let variable = |variable: &Entry| Ok((variable.key.clone(), Value::text(literal(variable.value.text()?))));
    let variables = Value::Table(entries.iter().map(variable).collect::<Result<_, Refusal>>()?);
    let value = match purpose {
        Use::Restricts => Ok(variables),
        Use::Permits => Err("`env` is what the caller says of itself, and nothing is allowed on that".to_owned()),
    };
    Ok(Said { key: "context.env", grade: Grade::Claimed, value })
}
