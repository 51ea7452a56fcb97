//! A source as a tree of values, each with its place, whichever text it was read from; and a strict cursor over it.
//! A key that nobody states is refused. Never turns a missing key into a default.

use std::fmt;

use opaque_policy::document::nearest;
use opaque_policy::text::Text;

/// Where something stands: line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Why a source cannot be carried over, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    place: Place,
    message: String,
    hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    /// The same with advice on its own line.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `line:column: what is wrong`, and the advice on its own line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "{line}:{column}: {}", Text::from(self.message.as_str()))?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {}", Text::from(hint.as_str())))
    }
}

/// The most entries of a list or table: each may be held against each.
const MOST: usize = 2000;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    /// Text that can be nothing else.
    Text(String),
    /// A number, `true`, a date: its text.
    Word(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) value: Node,
}

impl Entry {
    /// A refusal of the key.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(self.place, message)
    }

    pub(super) fn line(&self) -> usize {
        self.place.line
    }
}

impl Node {
    /// A refusal of the value.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(self.place, message)
    }

    pub(super) fn line(&self) -> usize {
        self.place.line
    }

    /// Text that is not empty; a word counts as its text.
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match &self.kind {
            Kind::Text(text) | Kind::Word(text) if !text.is_empty() => Ok(text),
            Kind::Text(_) | Kind::Word(_) => Err(self.refuse("this is empty").hint("leave the key out to say nothing")),
            Kind::Nothing | Kind::List(_) | Kind::Table(_) => Err(self.expected("text")),
        }
    }

    /// Text that is not empty, and no number or the like.
    pub(super) fn string(&self) -> Result<&str, Refusal> {
        match &self.kind {
            Kind::Text(_) => self.text(),
            Kind::Nothing | Kind::Word(_) | Kind::List(_) | Kind::Table(_) => Err(self.expected("text")),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Refusal> {
        match &self.kind {
            Kind::Word(word) if matches!(word.as_str(), "true" | "True" | "TRUE") => Ok(true),
            Kind::Word(word) if matches!(word.as_str(), "false" | "False" | "FALSE") => Ok(false),
            Kind::Nothing | Kind::Text(_) | Kind::Word(_) | Kind::List(_) | Kind::Table(_) => {
                Err(self.expected("true or false"))
            }
        }
    }

    /// A whole number above zero.
    pub(super) fn number(&self) -> Result<u64, Refusal> {
        self.digits().filter(|number| *number > 0).ok_or_else(|| self.expected("a whole number above zero"))
    }

    /// A number of plain digits. With a zero in front it may be octal to others.
    pub(super) fn digits(&self) -> Option<u64> {
        match &self.kind {
            Kind::Word(word) if word.starts_with('0') && word.len() > 1 => None,
            Kind::Word(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => word.parse().ok(),
            Kind::Nothing | Kind::Text(_) | Kind::Word(_) | Kind::List(_) | Kind::Table(_) => None,
        }
    }

    pub(super) fn list(&self) -> Result<&[Self], Refusal> {
        match &self.kind {
            Kind::List(values) if values.len() > MOST => {
                Err(self.refuse(format!("this list has more than {MOST} entries")))
            }
            Kind::List(values) => Ok(values),
            Kind::Nothing | Kind::Text(_) | Kind::Word(_) | Kind::Table(_) => Err(self.expected("a list")),
        }
    }

    /// One text, or a list of at least one.
    pub(super) fn one_or_many(&self) -> Result<Vec<&str>, Refusal> {
        match &self.kind {
            Kind::List(values) if values.is_empty() => Err(self.refuse("this list is empty")),
            Kind::List(_) => self.list()?.iter().map(Self::text).collect(),
            Kind::Nothing | Kind::Text(_) | Kind::Word(_) | Kind::Table(_) => Ok(vec![self.text()?]),
        }
    }

    /// A table whose keys are the writer's own.
    pub(super) fn entries(&self) -> Result<&[Entry], Refusal> {
        match &self.kind {
            Kind::Table(entries) if entries.len() > MOST => {
                Err(self.refuse(format!("this table has more than {MOST} keys")))
            }
            Kind::Table(entries) => Ok(entries),
            Kind::Nothing | Kind::Text(_) | Kind::Word(_) | Kind::List(_) => Err(self.expected("a table")),
        }
    }

    /// A table that has no keys but these.
    pub(super) fn table(&self, known: &[&str]) -> Result<Table<'_>, Refusal> {
        let entries = self.entries()?;
        if let Some(entry) = entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            let refusal = entry.refuse(format!("unknown key `{}`", entry.key));
            return Err(match nearest(&entry.key, known.iter().copied()) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal.hint(format!("the keys here are `{}`", known.join("`, `"))),
            });
        }
        Ok(Table { place: self.place, entries })
    }

    fn expected(&self, what: &str) -> Refusal {
        let found = match &self.kind {
            Kind::Nothing => "nothing",
            Kind::Text(_) => "text",
            Kind::Word(_) => "a bare word or number",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        };
        self.refuse(format!("this is {found}, and has to be {what}"))
    }
}

/// A table whose keys are all known.
pub(super) struct Table<'n> {
    place: Place,
    entries: &'n [Entry],
}

impl<'n> Table<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn require(&self, key: &str) -> Result<&'n Entry, Refusal> {
        self.get(key).ok_or_else(|| Refusal::new(self.place, format!("`{key}` is missing")))
    }
}

/// Text that a policy can hold: one line, without control characters.
pub(super) fn checked(place: Place, text: &str) -> Result<(), Refusal> {
    if text.chars().any(char::is_control) {
        let refusal = Refusal::new(place, "this holds a line break or another control character");
        return Err(refusal.hint("write it on one line"));
    }
    Ok(())
}
