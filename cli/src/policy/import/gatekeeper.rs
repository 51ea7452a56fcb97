//! Imports the policy of Foreman's Gatekeeper: commands that need approval, where commands may write, which variables
//! and how much they may have. Its classes are sets of ours. What a command may have is said in a profile beside it.

use opaque_policy::class::Class;
use opaque_policy::environment::is_loader_variable;
use opaque_policy::path::AbsPath;
use opaque_policy::profile::Profiles;
use opaque_policy::request::RUN;

use super::canonical::{Action, Approval, Condition, Grade, Names, Policy, Rule, Value};
use super::changes::Changes;
use super::pattern::literal;
use super::source::{Entry, Node, Refusal, Table};

const POLICY: [&str; 6] =
    ["protect_paths", "write_whitelist", "require_approval", "env_allowlist", "limits", "log_redactions"];

/// The name of the profile that the policy's rules name.
pub(super) const PROFILE: &str = "gatekeeper";

/// "Read-only actions".
const SAFE: [Class; 1] = [Class::ReadOnly];

/// "`sudo`, system-level changes, deletes outside whitelisted paths, firewall/network changes".
const BLOCKED: [Class; 4] = [Class::NetConfig, Class::SystemChange, Class::Privilege, Class::Destructive];

/// Variables that the sandbox makes itself.
const MADE: [&str; 5] = ["HOME", "LOGNAME", "PATH", "SHELL", "USER"];

/// The tool that applies patches, and the operation that it is.
const PATCH: (&str, &str) = ("apply_patch", "patch.apply");

/// A policy, and the profile that it names.
pub(super) struct Imported {
    pub(super) policy: Policy,
    pub(super) profile: String,
}

/// Carries a whole file over.
pub(super) fn import(root: &Node, home: &AbsPath, changes: &mut Changes) -> Result<Imported, Refusal> {
    let table = root.table(&POLICY)?;
    let variables = variables(&table, changes)?;
    let writable = writable(&table, home, changes)?;
    let limits = limits(&table)?;
    redactions(&table, changes)?;
    let sandbox = |writable: &[String]| {
        vec![
            ("profile".to_owned(), Value::text(PROFILE)),
            ("write".to_owned(), Value::texts(writable)),
            ("env".to_owned(), Value::texts(&variables)),
        ]
    };
    let mut policy = Policy::default();
    let mut names = Names::default();
    if let Some(entry) = table.get("require_approval") {
        for node in entry.value.list()? {
            approved(node, &mut names, &mut policy.rules, changes)?;
        }
    }
    for rule in &mut policy.rules {
        rule.sandbox = sandbox(&writable);
    }
    let classes = |listed: &[Class]| Condition {
        key: "command.class",
        value: Value::texts(listed.iter().map(|class| class.as_str())),
        grade: Grade::Derived,
    };
    let over_runs = |name: &str, action, why, conditions, sandbox| Rule {
        name: name.to_owned(),
        line: 0,
        operation: RUN.to_owned(),
        action,
        why,
        conditions,
        sandbox,
    };
    let blocked = classes(&BLOCKED);
    let why = Some("Blocked by default: rights, the system, deleting, the network.");
    policy.rules.push(over_runs(&names.take("blocked", ""), Action::Deny, why, vec![blocked], Vec::new()));
    let safe = classes(&SAFE);
    policy.rules.push(over_runs(&names.take("safe", ""), Action::Allow, None, vec![safe], sandbox(&[])));
    let ask = Action::Ask(person());
    policy.rules.push(over_runs(&names.take("held", ""), ask, None, Vec::new(), sandbox(&writable)));
    classified(changes);
    Ok(Imported { policy, profile: profile(&variables, &limits) })
}

/// What holds for every file of this format.
fn classified(changes: &mut Changes) {
    for text in [
        "Safe is the class `read-only`, Block-by-default is `net-config`, `system-change`, `privilege` and `destructive`; anything else is held for approval",
        "Block-by-default denies, unless `require_approval` names the command: nobody is asked, and a whitelisted path is no exception",
        "an approval is `tty` or `broker`, every time",
        "commands run with the profile `gatekeeper`, which has no network; print it with `--profile` and save it beside your policy as `profiles/gatekeeper.toml`; until then commands are denied",
        "the workspace is read-only: what `write_whitelist` lets a command write is asked for with `--write`",
        "limits are required: where a machine cannot keep one, nothing runs; `mem_mb` counts millions of bytes",
        "the person's toolchains are not shown: they would bring variables that `env_allowlist` does not name",
        "operations beside commands are denied: the format speaks of none but the tools that `require_approval` names",
    ] {
        changes.changed(0, text);
    }
}

fn person() -> Approval {
    Approval::always(&["tty", "broker"])
}

/// An entry of `require_approval`: a part of the command line there; here a program, and its first arguments.
fn approved(node: &Node, names: &mut Names, rules: &mut Vec<Rule>, changes: &mut Changes) -> Result<(), Refusal> {
    let written = node.text()?;
    let words: Vec<&str> = written.split_whitespace().collect();
    let Some((program, arguments)) = words.split_first() else {
        return Err(node.refuse("this is empty"));
    };
    if program.contains('/') {
        let refusal = node.refuse(format!("`{written}` begins with a path"));
        return Err(refusal.hint("write the name of the program"));
    }
    let line = node.line();
    let rule = |name: String, operation: &str, conditions| Rule {
        name,
        line,
        operation: operation.to_owned(),
        action: Action::Ask(person()),
        why: None,
        conditions,
        sandbox: Vec::new(),
    };
    if PATCH.0 == written || PATCH.1 == written {
        rules.push(rule(names.take(PATCH.1, "approve"), PATCH.1, Vec::new()));
    }
    let verified = |key, value| Condition { key, value, grade: Grade::Verified };
    let mut conditions = Vec::new();
    match arguments.split_last() {
        None => conditions.push(verified("command.path", Value::text(format!("/**/*{}*", literal(program))))),
        Some((last, between)) => {
            conditions.push(verified("command.path", Value::text(format!("/**/*{}", literal(program)))));
            let mut argv: Vec<String> = between.iter().map(|word| literal(word)).collect();
            argv.extend([format!("{}*", literal(last)), "**".to_owned()]);
            conditions.push(verified("command.argv", Value::texts(argv)));
        }
    }
    changes.changed(
        line,
        "an entry of `require_approval` is the program whose name it is part of, and its first arguments",
    );
    changes.left(
        line,
        "an entry of `require_approval` anywhere else in the command line: in scripts, behind other programs and among arguments the class decides, and what only looks is allowed",
    );
    rules.push(rule(names.take(&format!("approve-{written}"), "approve"), RUN, conditions));
    Ok(())
}

/// The names of `env_allowlist` that can be passed.
fn variables(table: &Table<'_>, changes: &mut Changes) -> Result<Vec<String>, Refusal> {
    let mut variables = Vec::new();
    let Some(entry) = table.get("env_allowlist") else { return Ok(variables) };
    for node in entry.value.list()? {
        let name = node.text()?;
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.len() > 255 {
            return Err(node.refuse(format!("`{name}` is not the name of a variable")));
        }
        if is_loader_variable(&name.into()) {
            changes.left(node.line(), format!("`{name}`: it makes programs load other code and is never passed"));
        } else if !variables.iter().any(|known| known == name) {
            variables.push(name.to_owned());
        }
        if MADE.contains(&name) {
            changes.changed(node.line(), format!("`{name}` is made by the sandbox and not taken from the caller"));
        }
    }
    Ok(variables)
}

/// The places of `write_whitelist` in which nothing is protected. There is no word for a place without a part of it.
fn writable(table: &Table<'_>, home: &AbsPath, changes: &mut Changes) -> Result<Vec<String>, Refusal> {
    let protected = places(table.get("protect_paths"), home)?;
    if let Some(entry) = table.get("protect_paths") {
        changes.changed(
            entry.line(),
            "`protect_paths`: what is not in `write_whitelist` cannot be written at all, so this only takes places out of it",
        );
    }
    let mut writable = Vec::new();
    for place in places(table.get("write_whitelist"), home)? {
        match protected.iter().find(|protected| protected.path.is_within(&place.path)) {
            Some(inner) => changes.left(
                place.line,
                format!(
                    "`{}` in `write_whitelist`: `{}` in it is protected, so none of it can be written",
                    place.written, inner.written
                ),
            ),
            None if writable.contains(&place.written) => {}
            None => writable.push(place.written),
        }
    }
    Ok(writable)
}

struct Written {
    written: String,
    path: AbsPath,
    line: usize,
}

fn places(entry: Option<&Entry>, home: &AbsPath) -> Result<Vec<Written>, Refusal> {
    let Some(entry) = entry else { return Ok(Vec::new()) };
    entry.value.list()?.iter().map(|node| place(node, home)).collect()
}

fn place(node: &Node, home: &AbsPath) -> Result<Written, Refusal> {
    let text = node.text()?;
    let wrong = || {
        let refusal = node.refuse(format!("`{text}` is no place"));
        refusal.hint("write `/an/absolute/path` or `~/below/the/home`, without `..` and `*`")
    };
    if text.contains(['*', '?']) {
        return Err(wrong());
    }
    let (written, path) = if text == "~" {
        ("~".to_owned(), home.clone())
    } else if let Some(below) = text.strip_prefix("~/") {
        let path = if below.trim_matches('/').is_empty() { Ok(home.clone()) } else { home.join(below) };
        let path = path.map_err(|_| wrong())?;
        let below = path.relative_to(home).and_then(|below| std::str::from_utf8(below).ok()).unwrap_or_default();
        (if below.is_empty() { "~".to_owned() } else { format!("~/{below}") }, path)
    } else {
        let path = AbsPath::new(text).map_err(|_| wrong())?;
        (std::str::from_utf8(path.as_bytes()).map_err(|_| wrong())?.to_owned(), path)
    };
    Ok(Written { written, path, line: node.line() })
}

/// Limits as a profile says them. What the source demands is required: it never goes missing quietly.
fn limits(table: &Table<'_>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let Some(entry) = table.get("limits") else { return Ok(Vec::new()) };
    let table = entry.value.table(&["wall_time_sec", "cpu_percent", "mem_mb"])?;
    let mut limits = Vec::new();
    for (key, limit, unit, most) in [
        ("wall_time_sec", "wall", "s", 1_000_000_000),
        ("cpu_percent", "cpu", "%", 1_000_000),
        // The smaller of the two that it may mean.
        ("mem_mb", "memory", "MB", 1_000_000_000),
    ] {
        if let Some(entry) = table.get(key) {
            let number = entry.value.number()?;
            if number > most {
                return Err(entry.value.refuse(format!("`{key}` is at most {most}")));
            }
            limits.push((limit, format!("{number}{unit}")));
        }
    }
    Ok(limits)
}

fn redactions(table: &Table<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let Some(entry) = table.get("log_redactions") else { return Ok(()) };
    for node in entry.value.list()? {
        let redaction = node.table(&["pattern", "replace"])?;
        let pattern = redaction.require("pattern")?.value.text()?;
        redaction.require("replace")?;
        changes.left(node.line(), format!("`log_redactions`: nothing is masked yet, so `{pattern}` is not either"));
    }
    Ok(())
}

/// The profile that the rules name.
fn profile(variables: &[String], limits: &[(&str, String)]) -> String {
    let passed = variables.iter().filter(|name| !MADE.contains(&name.as_str()));
    let protected = Profiles::built_in().grants("default").map(|grants| grants.protect).unwrap_or_default();
    let protected = protected.iter().filter_map(|path| path.relative_to(&AbsPath::root()));
    let protected = protected.filter_map(|path| std::str::from_utf8(path).ok());
    let mut text = format!(
        "name = \"{PROFILE}\"\ndescription = \"What a Gatekeeper policy lets a command have\"\nmin_tier = \"namespaces\"\n\n\
         [fs]\nsystem = \"ro\"\ntoolchains = \"none\"\nworkspace = \"ro\"\nprotect = {}\n\n[env]\npass = {}\n",
        Value::texts(protected),
        Value::texts(passed)
    );
    if !limits.is_empty() {
        text.push_str("\n[limits]\n");
    }
    for (name, most) in limits {
        text.push_str(&format!("{name} = {{ max = \"{most}\", required = true }}\n"));
    }
    text
}
