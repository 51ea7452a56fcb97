//! `opaque policy fmt`: lays policy and profile files out, and changes nothing that they mean.

use std::path::{Path, PathBuf};

use clap::Args;
use toml_edit::{Array, Document, Item, Table, Value};

use crate::Wrong;
use crate::file::{at, read};
use crate::policy::candidate::{Force, Kind};
use crate::policy::layout::{comments, laid_out};
use crate::replace::replace;

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files; all of your own that are in force without any
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing, name the files that are laid out otherwise, and end with exit code 1 if there are any
    #[arg(long)]
    check: bool,
}

/// A file that is laid out otherwise.
struct Change {
    file: PathBuf,
    old: String,
    new: String,
}

impl Fmt {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let force = Force::read()?;
        let files = match self.files {
            files if files.is_empty() => force.own().map(|source| PathBuf::from(&source.file)).collect(),
            files => files,
        };
        let mut changes = Vec::new();
        for file in files {
            changes.extend(change(&force, file)?);
        }
        if self.check {
            let names: Vec<String> = changes
                .iter()
                .map(|change| format!("{}: would be laid out otherwise", change.file.display()))
                .collect();
            return if names.is_empty() { Ok(String::new()) } else { Err(Wrong(names.join("\n"))) };
        }
        let mut told = String::new();
        for Change { file, old, new } in changes {
            replace(&file, &old, &new)?;
            told.push_str(&format!("{}: laid out\n", file.display()));
        }
        Ok(told)
    }
}

/// What is to be written, if anything is. A file that does not load is not laid out.
fn change(force: &Force, file: PathBuf) -> Result<Option<Change>, Wrong> {
    let old = read(&file)?;
    let before = force.meaning(&file, &old)?;
    let new = laid_out(&old, Kind::of(&old).order()).map_err(|error| at(&file, &error))?;
    if new == old {
        return Ok(None);
    }
    let says_the_same = force.meaning(&file, &new).is_ok_and(|after| before.is_what(&after)) && is_same(&old, &new);
    if says_the_same { Ok(Some(Change { file, old, new })) } else { Err(mistake(&file)) }
}

/// The last line of defence against a mistake of ours.
fn mistake(file: &Path) -> Wrong {
    at(
        file,
        "laid out it would not say the same; it is left as it is\nhint: this is a mistake of opaque's, please report it",
    )
}

/// True when two documents have the same values and the same comments.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut comments: Vec<String> = comments(text).into_iter().map(str::to_owned).collect();
        comments.sort();
        comments
    };
    has_same_values(one, other) && sorted(one) == sorted(other)
}

/// True when two documents have the same values, in whatever order their keys are.
pub(super) fn has_same_values(one: &str, other: &str) -> bool {
    values(one).is_some_and(|values_of_one| Some(values_of_one) == values(other))
}

/// What a document says, without how it is written.
pub(super) fn values(text: &str) -> Option<serde_json::Value> {
    Document::parse(text).map(|document| table(document.as_table())).ok()
}

fn table(table: &Table) -> serde_json::Value {
    table.iter().map(|(key, item)| (key.to_owned(), item_value(item))).collect::<serde_json::Map<_, _>>().into()
}

fn item_value(item: &Item) -> serde_json::Value {
    match item {
        Item::None => serde_json::Value::Null,
        Item::Value(one) => value(one),
        Item::Table(one) => table(one),
        Item::ArrayOfTables(several) => several.iter().map(table).collect(),
    }
}

fn value(one: &Value) -> serde_json::Value {
    match one {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Boolean(is) => (*is.value()).into(),
        // Of no key.
        Value::Float(number) => number.value().to_string().into(),
        Value::Datetime(date) => date.value().to_string().into(),
        Value::Array(list) => elements(list),
        Value::InlineTable(inline) => {
            inline.iter().map(|(key, one)| (key.to_owned(), value(one))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

fn elements(list: &Array) -> serde_json::Value {
    list.iter().map(value).collect()
}
