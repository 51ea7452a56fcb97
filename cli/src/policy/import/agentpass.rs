//! Imports the policy of AgentPass, in the format of its draft: clients that are named once, and rules that each allow
//! one operation on some targets with some approval. There is no rule that denies.

use opaque_policy::document::nearest;
use opaque_policy::path::AbsPath;
use opaque_policy::units;

use super::canonical::{Action, Approval, Condition, Grade, Keys, Names, Policy, Rule, Value};
use super::changes::Changes;
use super::pattern::{escape, literal};
use super::source::{Entry, Node, Refusal, Table};

/// The longest lease that a policy of ours may give, in seconds.
const LONGEST_LEASE: u64 = 3600;

/// Where a client of the source went.
struct Known<'n> {
    written: &'n str,
    name: String,
    grade: Grade,
}

/// Carries a whole file over.
pub(super) fn import(root: &Node, changes: &mut Changes) -> Result<Policy, Refusal> {
    let table = root.table(&["version", "clients", "rules"])?;
    let version = table.require("version")?;
    if version.value.number()? != 1 {
        return Err(version.value.refuse("this version is not known here").hint("only `version = 1` is read"));
    }
    let mut policy = Policy::default();
    let mut clients: Vec<Known<'_>> = Vec::new();
    let mut names = Names::default();
    if let Some(entry) = table.get("clients") {
        for node in entry.value.list()? {
            let (known, keys) = client(node, &mut names, changes)?;
            if clients.iter().any(|other| other.written == known.written) {
                return Err(node.refuse(format!("there are two clients `{}`", known.written)));
            }
            clients.push(known);
            policy.clients.push(keys);
        }
    }
    let mut names = Names::default();
    if let Some(entry) = table.get("rules") {
        for node in entry.value.list()? {
            let rule = rule(node, &clients, &mut names, changes)?;
            if policy.rules.iter().any(|other| other.operation == rule.operation) {
                changes.changed(
                    rule.line,
                    format!(
                        "of several rules for `{}` the first that matches counts; the draft does not say which",
                        rule.operation
                    ),
                );
            }
            policy.rules.push(rule);
        }
    }
    Ok(policy)
}

fn client<'n>(node: &'n Node, names: &mut Names, changes: &mut Changes) -> Result<(Known<'n>, Keys), Refusal> {
    let table = node.table(&["name", "fingerprint", "match"])?;
    let stated = table.require("name")?;
    let written = stated.value.string()?;
    let name = names.take(written, "client");
    if name != written {
        changes.changed(stated.line(), format!("the client `{written}` is called `{name}`"));
    }
    let mut facts: Vec<(&'static str, Value, &Node)> = Vec::new();
    if let Some(entry) = table.get("fingerprint") {
        fingerprint(entry, &mut facts)?;
    }
    if let Some(entry) = table.get("match") {
        let matched = entry.value.table(&["uid", "exe_path", "exe_sha256", "codesign_team_id"])?;
        if let Some(entry) = matched.get("uid") {
            // Root is zero.
            let uid = entry.value.digits().and_then(|uid| u32::try_from(uid).ok()).filter(|uid| *uid != u32::MAX);
            let uid = uid.ok_or_else(|| entry.value.refuse("this is not a uid"))?;
            facts.push(("uid", Value::Number(uid.into()), &entry.value));
        }
        if let Some(entry) = matched.get("exe_path") {
            facts.push(("exe_path", Value::Text(program(entry)?), &entry.value));
        }
        if let Some(entry) = matched.get("exe_sha256") {
            facts.push(("exe_sha256", Value::Text(sha256(entry.value.string()?, &entry.value)?), &entry.value));
        }
        if let Some(entry) = matched.get("codesign_team_id") {
            facts.push(("codesign_team_id", Value::Text(team(entry.value.string()?, &entry.value)?), &entry.value));
        }
    }
    let mut keys = vec![("name".to_owned(), Value::text(&name))];
    for (key, value, at) in facts {
        match keys.iter().find(|(known, _)| known == key) {
            Some((_, same)) if *same == value => {}
            Some(_) => return Err(at.refuse(format!("`{key}` contradicts the fingerprint"))),
            None => keys.push((key.to_owned(), value)),
        }
    }
    let is_uid_alone = keys.iter().all(|(key, _)| key == "name" || key == "uid");
    if keys.len() == 1 {
        let refusal = node.refuse(format!("the client `{written}` would be anybody"));
        return Err(refusal.hint("say `match.uid`, `match.exe_path` or `match.exe_sha256`"));
    }
    let grade = if is_uid_alone { Grade::Verified } else { Grade::Derived };
    Ok((Known { written, name, grade }, keys))
}

/// `uid:<uid>:sha256:<hash>`, and a team behind it.
fn fingerprint<'n>(entry: &'n Entry, facts: &mut Vec<(&'static str, Value, &'n Node)>) -> Result<(), Refusal> {
    let wrong = || {
        let refusal = entry.value.refuse("this is no fingerprint");
        refusal.hint("write `uid:<uid>:sha256:<digest>`, and `:codesign_team_id:<team>` behind it if there is one")
    };
    let parts: Vec<&str> = entry.value.string()?.split(':').collect();
    let (uid, digest, signer) = match parts.as_slice() {
        ["uid", uid, "sha256", digest] => (uid, digest, None),
        ["uid", uid, "sha256", digest, "codesign_team_id", signer] => (uid, digest, Some(signer)),
        _ => return Err(wrong()),
    };
    let uid = uid.parse::<u32>().ok().filter(|uid| *uid != u32::MAX).ok_or_else(wrong)?;
    facts.push(("uid", Value::Number(uid.into()), &entry.value));
    facts.push(("exe_sha256", Value::Text(sha256(digest, &entry.value)?), &entry.value));
    if let Some(signer) = signer {
        facts.push(("codesign_team_id", Value::Text(team(signer, &entry.value)?), &entry.value));
    }
    Ok(())
}

/// A path there, so no pattern here.
fn program(entry: &Entry) -> Result<String, Refusal> {
    let written = entry.value.string()?;
    let is_normal = AbsPath::new(written).is_ok_and(|path| path.as_bytes() == written.as_bytes());
    if !is_normal || written == "/" || written.contains(['*', '?']) {
        let refusal = entry.value.refuse(format!("`{written}` is not the path of a program"));
        return Err(refusal.hint("write the whole path, without `*`, `..` and doubled slashes"));
    }
    Ok(literal(written))
}

fn sha256(text: &str, at: &Node) -> Result<String, Refusal> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(at.refuse("a SHA-256 digest has 64 hexadecimal digits"));
    }
    Ok(text.to_ascii_lowercase())
}

fn team(text: &str, at: &Node) -> Result<String, Refusal> {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(at.refuse("a team has 10 capital letters and digits"));
    }
    Ok(text.to_owned())
}

fn rule(node: &Node, clients: &[Known<'_>], names: &mut Names, changes: &mut Changes) -> Result<Rule, Refusal> {
    let table = node.table(&["clients", "operation", "targets", "approval"])?;
    let stated = table.require("operation")?;
    let operation = stated.value.string()?;
    if operation.contains(['*', '?']) {
        let refusal =
            stated.value.refuse(format!("`{operation}` is a pattern, and an operation is a name in this format"));
        return Err(refusal.hint("write a rule for each operation"));
    }
    let mut conditions = vec![asking(table.require("clients")?, clients)?];
    if let Some(entry) = table.get("targets") {
        conditions.push(targets(entry, changes)?);
    }
    if operation == "sandbox.exec" {
        changes.changed(stated.line(), "a command runs with the profile `default`, and with no more than that");
    }
    let action = action(&table, changes)?;
    let name = names.take(operation, "rule");
    let operation = literal(operation);
    Ok(Rule { name, line: node.line(), operation, action, why: None, conditions, sandbox: Vec::new() })
}

fn asking(entry: &Entry, clients: &[Known<'_>]) -> Result<Condition, Refusal> {
    let mut grade = Grade::Verified;
    let mut listed = Vec::new();
    for node in entry.value.list()? {
        let written = node.string()?;
        let Some(known) = clients.iter().find(|known| known.written == written) else {
            let refusal = node.refuse(format!("there is no client `{written}`"));
            let near = nearest(written, clients.iter().map(|known| known.written));
            return Err(refusal.hint(
                near.map_or("describe it under `[[clients]]`".to_owned(), |near| format!("did you mean `{near}`?")),
            ));
        };
        if known.grade == Grade::Derived {
            grade = Grade::Derived;
        }
        listed.push(known.name.clone());
    }
    if listed.is_empty() {
        return Err(entry.value.refuse("this list is empty").hint("name the clients that the rule is for"));
    }
    Ok(Condition { key: "clients", value: Value::texts(listed), grade })
}

fn targets(entry: &Entry, changes: &mut Changes) -> Result<Condition, Refusal> {
    let mut fields = Vec::new();
    for field in entry.value.entries()? {
        let mut patterns = Vec::new();
        for written in field.value.one_or_many()? {
            if written.contains(['*', '?']) && written.contains('/') {
                changes.changed(
                    field.line(),
                    "in targets, `*` stays between two slashes and `**` crosses them; the draft does not say which",
                );
            }
            patterns.push(target(written, &field.value)?);
        }
        fields.push((field.key.clone(), Value::one_or_many(patterns)));
    }
    if fields.is_empty() {
        return Err(entry.value.refuse("this is empty").hint("leave the key out to match any target"));
    }
    Ok(Condition { key: "target.fields", value: Value::Table(fields), grade: Grade::Verified })
}

/// A glob whose star does not cross a slash, as an expression where it has one.
fn target(written: &str, at: &Node) -> Result<String, Refusal> {
    if let Some(sign) = written.chars().find(|c| matches!(c, '[' | ']' | '{' | '}' | '\\')) {
        let refusal = at.refuse(format!("`{sign}` may mean several things in `{written}`"));
        return Err(refusal.hint("write a list of patterns with `*` instead"));
    }
    if !written.contains(['*', '?']) {
        return Ok(literal(written));
    }
    let mut expression = String::from("~");
    let mut rest = written.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' => {
                let crosses = std::iter::from_fn(|| rest.next_if_eq(&'*')).count() > 0;
                expression.push_str(if crosses { "(?s-u:.*)" } else { "(?-u:[^/]*)" });
            }
            '?' => expression.push_str("[^/]"),
            other => escape(other, &mut expression),
        }
    }
    Ok(expression)
}

fn action(rule: &Table<'_>, changes: &mut Changes) -> Result<Action, Refusal> {
    let entry = rule.require("approval")?;
    let table = entry.value.table(&["require", "factors", "lease_ttl", "one_time"])?;
    let stated = table.require("require")?;
    let require = match stated.value.string()? {
        "always" => "always",
        "first_use" => "first_use",
        "never" => return never(&table),
        other => {
            let refusal = stated.value.refuse(format!("`{other}` is no approval"));
            return Err(refusal.hint("write `always`, `first_use` or `never`"));
        }
    };
    let factors = factors(table.require("factors")?, changes)?;
    let is_one_time = table.get("one_time").map(|entry| entry.value.flag()).transpose()?.unwrap_or(false);
    let lease_ttl = match table.get("lease_ttl") {
        Some(entry) => lease(entry, require == "first_use" && !is_one_time, changes)?,
        None => None,
    };
    Ok(Action::Ask(Approval { require, factors, lease_ttl, is_one_time }))
}

/// Without an approval there is nothing that could have a factor or a lease.
fn never(table: &Table<'_>) -> Result<Action, Refusal> {
    match ["factors", "lease_ttl", "one_time"].iter().find_map(|key| table.get(key)) {
        Some(entry) => Err(entry
            .refuse(format!("`{}` contradicts `require = \"never\"`", entry.key))
            .hint("remove it, or write `always` or `first_use`")),
        None => Ok(Action::Allow),
    }
}

fn factors(entry: &Entry, changes: &mut Changes) -> Result<Value, Refusal> {
    let mut factors: Vec<&'static str> = Vec::new();
    for node in entry.value.list()? {
        let factor = match node.string()? {
            "local_bio" => "local_bio",
            "fido2" => "fido2",
            "ios_faceid" => "ios_faceid",
            "ios" => {
                changes.changed(node.line(), "the factor `ios` is `ios_faceid`");
                "ios_faceid"
            }
            other => {
                let refusal = node.refuse(format!("`{other}` is no factor"));
                return Err(refusal.hint("the factors are `local_bio`, `fido2` and `ios_faceid`"));
            }
        };
        if !factors.contains(&factor) {
            factors.push(factor);
        }
    }
    match factors.len() {
        0 => {
            Err(entry.value.refuse("an approval without a factor would be nobody's").hint("name one, such as `fido2`"))
        }
        1 => Ok(Value::texts(factors)),
        _ => {
            changes
                .changed(entry.line(), "several factors are all needed; the draft does not say whether one would do");
            Ok(Value::Table(vec![("all".to_owned(), Value::texts(factors))]))
        }
    }
}

/// Seconds; nothing where no lease can remain.
fn lease(entry: &Entry, can_remain: bool, changes: &mut Changes) -> Result<Option<u64>, Refusal> {
    let written = entry.value.text()?;
    let seconds = match entry.value.digits() {
        Some(seconds) => seconds,
        None => {
            let lease = units::duration(written);
            let lease = lease.map_err(|error| entry.value.refuse(error.to_string()).hint(error.hint()))?;
            if lease.subsec_millis() != 0 {
                return Err(entry.value.refuse("a lease is whole seconds"));
            }
            lease.as_secs()
        }
    };
    if seconds == 0 {
        return Err(entry.value.refuse("a lease of nothing"));
    }
    if !can_remain {
        changes.changed(entry.line(), "`lease_ttl` is left out: where every use is approved, no lease remains");
        return Ok(None);
    }
    if seconds > LONGEST_LEASE {
        changes.changed(entry.line(), format!("a lease of `{written}` is one of an hour, the longest there is"));
    }
    Ok(Some(seconds.min(LONGEST_LEASE)))
}
