//! Holds the schema against the loader: over every document that there is, and over each of them with one thing changed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use toml::de::{DeTable, DeValue};

use super::*;
use crate::document::SourceFile;
use crate::load::{LoadError, approved, repository};
use crate::path::AbsPath;
use crate::policy_set::PolicySet;
use crate::preset::PRESETS;
use crate::profile::Profile;
use crate::sources::{PolicySources, Sight};

static POLICIES: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&schema(Format::Policy)).unwrap());
static PROFILES: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&schema(Format::Profile)).unwrap());
static REPOSITORIES: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&schema(Format::Repository)).unwrap());
static APPROVALS: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&schema(Format::Approvals)).unwrap());

fn validator(format: Format) -> &'static Validator {
    match format {
        Format::Policy => &POLICIES,
        Format::Profile => &PROFILES,
        Format::Repository => &REPOSITORIES,
        Format::Approvals => &APPROVALS,
    }
}

/// Fails where the schema refuses a document that the loader takes. Policy v1 is another grammar.
#[track_caller]
pub(crate) fn takes(format: Format, text: &str) {
    let document = parsed(text);
    if format == Format::Policy && document.get("version").is_none() {
        return;
    }
    let wrong: Vec<String> =
        validator(format).iter_errors(&document).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
}

fn parsed(text: &str) -> Value {
    table_to_json(DeTable::parse(text).unwrap().get_ref())
}

fn table_to_json(table: &DeTable<'_>) -> Value {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref()))).collect::<Map<_, _>>().into()
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(i64::from_str_radix(number.as_str(), number.radix()).unwrap()),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(is) => json!(is),
        // A value of no key.
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(list) => list.iter().map(|one| to_json(one.get_ref())).collect(),
        DeValue::Table(table) => table_to_json(table),
    }
}

/// The document as TOML, each value in one line.
fn written(document: &Value) -> String {
    fn inline(value: &Value) -> String {
        match value {
            // A date, which no document holds: this is no TOML.
            Value::Null => "null".to_owned(),
            Value::Bool(is) => is.to_string(),
            Value::Number(number) => number.to_string(),
            // Strings of JSON are strings of TOML but for DEL, which none here has.
            Value::String(_) => value.to_string(),
            Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
            Value::Object(table) => format!("{{{}}}", entries(table).join(", ")),
        }
    }
    fn entries(table: &Map<String, Value>) -> Vec<String> {
        table.iter().map(|(key, value)| format!("{} = {}", json!(key), inline(value))).collect()
    }
    entries(document.as_object().unwrap()).join("\n")
}

fn load(format: Format, text: &str) -> Result<(), LoadError> {
    let source = SourceFile { file: "document.toml".to_owned(), bytes: text.as_bytes().to_vec() };
    match format {
        Format::Policy => {
            let home = AbsPath::new("/home/ann").unwrap();
            let sources = PolicySources { home, system: Vec::new(), user: vec![source], repo: None };
            PolicySet::load(&sources, Sight::First).map(drop)
        }
        Format::Profile => Profile::parse(&source).map(drop),
        Format::Repository => repository(&source, Sight::First).map(drop),
        Format::Approvals => approved(&source).map(drop),
    }
}

/// Every document of the project in one of the formats.
fn documents() -> Vec<(Format, String)> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = |directory: &str, extension: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(checkout.join(directory)).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|found| found == extension));
        files.sort();
        files
    };
    let read = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
    let mut documents: Vec<(Format, String)> =
        PRESETS.iter().map(|preset| (Format::Policy, preset.text.to_owned())).collect();
    documents.extend(files("profiles", "toml").iter().map(|file| (Format::Profile, read(file))));
    for file in files("docs", "md").iter().chain([&checkout.join("README.md")]) {
        for block in read(file).split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            if block.contains("default = ") {
                documents.push((Format::Policy, block.to_owned()));
            } else if block.contains("[request]") {
                documents.push((Format::Repository, block.to_owned()));
            } else if block.contains("[[approved]]") {
                documents.push((Format::Approvals, block.to_owned()));
            } else if block.starts_with("name = ") {
                documents.push((Format::Profile, block.to_owned()));
            }
        }
    }
    documents.extend([
        (Format::Policy, crate::load::tests::WHOLE.to_owned()),
        (Format::Profile, crate::load::tests::WHOLE_PROFILE.to_owned()),
    ]);
    documents
}

#[test]
fn every_document_is_taken() {
    let documents = documents();
    let count = |wanted| documents.iter().filter(|(format, _)| *format == wanted).count();
    assert!(count(Format::Policy) >= PRESETS.len() + 2 && count(Format::Profile) >= 12);
    assert!(count(Format::Repository) >= 1 && count(Format::Approvals) >= 1);
    for (format, text) in documents {
        load(format, &text).unwrap_or_else(|error| panic!("{error}"));
        takes(format, &text);
    }
}

/// Where in a document something is changed: the keys and indexes that lead there.
fn places(value: &Value, here: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, child) in children {
        here.push(name);
        found.push(here.clone());
        places(child, here, found);
        here.pop();
    }
}

fn is_first_or_last(document: &Value, place: &[String]) -> bool {
    let mut value = document;
    place.iter().all(|step| {
        let length = value.as_array().map_or(0, Vec::len);
        value = below(value, step);
        length == 0 || step == "0" || *step == (length - 1).to_string() || value.is_object() && length < 12
    })
}

fn at<'v>(document: &'v mut Value, place: &[String]) -> &'v mut Value {
    place.iter().fold(document, |value, step| {
        if value.is_array() { &mut value[step.parse::<usize>().unwrap()] } else { &mut value[step.as_str()] }
    })
}

fn below<'v>(value: &'v Value, step: &str) -> &'v Value {
    if value.is_array() { &value[step.parse::<usize>().unwrap()] } else { &value[step] }
}

/// The document with each of the changes that one place can have.
fn changed(document: &Value, place: &[String]) -> Vec<Value> {
    let values = [
        json!(true),
        json!(7),
        json!(1.5),
        json!("zzz"),
        json!("deny"),
        json!([]),
        json!([1]),
        json!(["zzz"]),
        json!([{}]),
        json!({}),
        json!({ "zzz": 1 }),
    ];
    let mut changed: Vec<Value> = values
        .into_iter()
        .map(|value| {
            let mut document = document.clone();
            *at(&mut document, place) = value;
            document
        })
        .collect();
    let (last, above) = place.split_last().unwrap();
    let mut without = document.clone();
    if let Value::Object(table) = at(&mut without, above) {
        let value = table.remove(last).unwrap();
        changed.push(without.clone());
        for name in [format!("{last}s"), format!("{last}_"), "lease_ttl".to_owned(), "require_clear".to_owned()] {
            let mut renamed = without.clone();
            at(&mut renamed, above).as_object_mut().unwrap().insert(name, value.clone());
            changed.push(renamed);
        }
    }
    changed
}

/// True when the loader refuses a document for its form: a key, a type or a word.
fn is_about_form(error: &LoadError) -> bool {
    let message = error.message();
    let forms =
        ["unknown key", "not supported yet", "is missing", "is not a value of", "needs a unit", "is of one kind"];
    let types = ["a string", "a whole number", "true or false", "a list", "a table"];
    forms.iter().any(|form| message.contains(form))
        || types.iter().any(|kind| message.contains(&format!("must be {kind}")))
}

#[test]
fn the_schema_refuses_every_key_type_and_word_that_the_loader_refuses_and_nothing_that_it_takes() {
    let (mut refused, mut taken) = (0, 0);
    let mut wrong = Vec::new();
    for (format, text) in documents() {
        let document = parsed(&text);
        load(format, &written(&document)).unwrap_or_else(|error| panic!("{error}"));
        let mut found = Vec::new();
        places(&document, &mut Vec::new(), &mut found);
        // The second and later elements of a list are in kind what the first is, but for the last one.
        found.retain(|place| is_first_or_last(&document, place));
        for changed in found.iter().flat_map(|place| changed(&document, place)) {
            // Without its version it is another grammar.
            if format == Format::Policy && changed.get("version").is_none() {
                continue;
            }
            let says = load(format, &written(&changed));
            let is_taken = validator(format).is_valid(&changed);
            match says {
                Ok(()) if !is_taken => wrong.push(format!("the loader takes\n{}", written(&changed))),
                Err(error) if is_about_form(&error) && is_taken => wrong.push(format!("the schema takes\n{error}")),
                Ok(()) => taken += 1,
                Err(error) => refused += usize::from(is_about_form(&error)),
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(10)].join("\n\n"));
    assert!(refused > 5_000 && taken > 500, "{refused} refused, {taken} taken");
}
