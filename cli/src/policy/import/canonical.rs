//! A policy as it is to be printed: the canonical format as values, and as TOML. Says nothing about what it was made of.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use opaque_policy::text::is_visible;

/// A value of the canonical format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Value>),
    Table(Keys),
}

/// Keys with their values, in order.
pub(super) type Keys = Vec<(String, Value)>;

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// One value by itself, several as a list.
    pub(super) fn one_or_many(mut texts: Vec<String>) -> Self {
        match (texts.pop(), texts.is_empty()) {
            (Some(only), true) => Self::Text(only),
            (last, _) => Self::texts(texts.into_iter().chain(last)),
        }
    }
}

/// How far a condition's fact can be trusted; `allow` needs a word for what is derived, and never stands on claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    Verified,
    Derived,
    Claimed,
}

/// One condition of a rule, under its dotted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) key: &'static str,
    pub(super) value: Value,
    pub(super) grade: Grade,
}

/// What has to be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Approval {
    pub(super) require: &'static str,
    pub(super) factors: Value,
    /// Seconds.
    pub(super) lease_ttl: Option<u64>,
    pub(super) is_one_time: bool,
}

impl Approval {
    /// Every time, by any of these.
    pub(super) fn always(factors: &[&str]) -> Self {
        let factors = Value::texts(factors.iter().copied());
        Self { require: "always", factors, lease_ttl: None, is_one_time: false }
    }
}

/// What a rule answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Ask(Approval),
    Deny,
}

/// One rule, and the line of the source that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) operation: String,
    pub(super) action: Action,
    pub(super) why: Option<&'static str>,
    pub(super) conditions: Vec<Condition>,
    pub(super) sandbox: Keys,
}

impl Rule {
    /// The keys of derived facts that it permits on.
    pub(super) fn leans_on(&self) -> Vec<&'static str> {
        match self.action {
            Action::Allow => {
                let derived = self.conditions.iter().filter(|condition| condition.grade == Grade::Derived);
                derived.map(|condition| condition.key).collect()
            }
            Action::Ask(_) | Action::Deny => Vec::new(),
        }
    }
}

/// A whole policy. What matches no rule is denied: a source speaks of its own requests, and of no others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) clients: Vec<Keys>,
    pub(super) coding_agents: Vec<(String, Keys)>,
    pub(super) rules: Vec<Rule>,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("version = 1\ndefault = \"deny\"\n")?;
        for client in &self.clients {
            f.write_str("\n[[clients]]\n")?;
            client.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))?;
        }
        for (name, agent) in &self.coding_agents {
            writeln!(f, "\n[coding_agents.{}]", Key(name))?;
            agent.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))?;
        }
        self.rules.iter().try_for_each(|rule| write!(f, "\n{rule}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Allow => "allow",
            Action::Ask(_) => "ask",
            Action::Deny => "deny",
        };
        writeln!(f, "[[rules]]\nname = {}", Quoted(&self.name))?;
        writeln!(f, "operation = {}\naction = \"{action}\"", Quoted(&self.operation))?;
        if !self.leans_on().is_empty() {
            f.write_str("trust = \"derived\"\n")?;
        }
        if let Some(why) = self.why {
            writeln!(f, "why = {}", Quoted(why))?;
        }
        for Condition { key, value, .. } in &self.conditions {
            writeln!(f, "{key} = {value}")?;
        }
        for (key, value) in &self.sandbox {
            writeln!(f, "sandbox.{key} = {value}")?;
        }
        if let Action::Ask(Approval { require, factors, lease_ttl, is_one_time }) = &self.action {
            writeln!(f, "approval.require = \"{require}\"\napproval.factors = {factors}")?;
            if let Some(seconds) = lease_ttl {
                writeln!(f, "approval.lease_ttl = {seconds}")?;
            }
            if *is_one_time {
                f.write_str("approval.one_time = true\n")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Table(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{} {} = {value}", if index == 0 { "" } else { "," }, Key(key))?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// A key: bare where TOML allows it.
struct Key<'t>(&'t str);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !self.0.is_empty() && self.0.chars().all(is_bare) { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// A string: between single quotes where that spares backslashes.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c != '\'' && is_visible(c);
        if self.0.contains(['\\', '"']) && self.0.chars().all(is_plain) {
            return write!(f, "'{}'", self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                visible if is_visible(visible) => f.write_char(visible)?,
                // What could drive a terminal, or show in another place than it stands.
                other => write!(f, "\\U{:08X}", u32::from(other))?,
            }
        }
        f.write_char('"')
    }
}

/// Gives names of ours to what has names of any kind, each once.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

/// The longest name.
const LONGEST_NAME: usize = 64;

impl Names {
    /// A name that is free, as close to the written one as it can be.
    pub(super) fn take(&mut self, written: &str, otherwise: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        // Room for a number behind it.
        let mut name: String = written.chars().map(plain).take(LONGEST_NAME - 8).collect();
        name = name.trim_matches('-').to_owned();
        if name.is_empty() {
            otherwise.clone_into(&mut name);
        }
        // What a layer's default is called.
        if name == "default" {
            name.push_str("-rule");
        }
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains(name)).unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_means_itself_whatever_it_holds() {
        for text in ["", "plain", "a\"b", "a\\b", "a'b\\c", "é\u{202e}x", "tab\tnew\nline", "'''", "\u{7f}\u{1f}"] {
            let document = format!("key = {}\n{} = 1", Quoted(text), Key(&format!("k{text}")));
            let read = toml::de::DeTable::parse(&document).unwrap_or_else(|error| panic!("{document:?}: {error}"));
            assert_eq!(read.get_ref().get("key").and_then(|value| value.get_ref().as_str()), Some(text), "{document}");
            assert!(!document.contains(['\u{202e}', '\t']), "{document}");
        }
    }

    #[test]
    fn names_are_ours_and_each_is_given_once() {
        let mut names = Names::default();
        let taken = ["git hosts", "git-hosts", "git hosts", "é", "", "default", &"x".repeat(200), &"x".repeat(200)]
            .map(|written| names.take(written, "rule"));
        let [first, second, third, fourth, fifth, sixth, ..] = &taken;
        assert_eq!(
            [first, second, third, fourth, fifth, sixth],
            ["git-hosts", "git-hosts-2", "git-hosts-3", "rule", "rule-2", "default-rule"]
        );
        assert!(taken.iter().all(|name| name.len() <= LONGEST_NAME));
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
    }
}
