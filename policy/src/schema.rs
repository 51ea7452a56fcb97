//! Prints the formats as JSON Schema (2020-12), from the descriptions that the loader reads through. Describes the
//! canonical policy and the profile; never Policy v1, which is another grammar.
//!
//! A schema says less than the loader: what the loader takes the schema takes, and it refuses keys, types and words
//! that the loader refuses. What keys mean beside each other is the loader's alone.

use serde_json::{Map, Value, json};

use crate::load::{APPROVED, POLICY, PROFILE, REPOSITORY};
use crate::shape::{Holds, Key, Keys, Presence, Shape};

/// A format that files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A policy.
    Policy,
    /// A profile.
    Profile,
    /// A repository's own file.
    Repository,
    /// Approvals given beforehand.
    Approvals,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Profile, Self::Repository, Self::Approvals];

    /// The top table.
    pub(crate) fn keys(self) -> &'static Keys {
        match self {
            Self::Policy => &POLICY,
            Self::Profile => &PROFILE,
            Self::Repository => &REPOSITORY,
            Self::Approvals => &APPROVED,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Policy => "Opaque policy",
            Self::Profile => "Opaque profile",
            Self::Repository => "Opaque repository file",
            Self::Approvals => "Opaque approvals",
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Policy => "Which commands may run, and the most that each may have",
            Self::Profile => "A named set of grants",
            Self::Repository => "What a repository refuses, and what it asks for",
            Self::Approvals => "Runs that are approved beforehand, by their intents",
        }
    }
}

/// The schema of a format.
#[must_use]
pub fn schema(format: Format) -> Value {
    let mut definitions = Map::new();
    let mut top = table(format.keys(), &mut definitions);
    top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    top.insert("title".to_owned(), json!(format.title()));
    top.insert("description".to_owned(), json!(format.purpose()));
    top.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(top)
}

type Schema = Map<String, Value>;

fn table(keys: &Keys, definitions: &mut Schema) -> Schema {
    let properties: Schema =
        keys.known.iter().map(|key| (key.name.to_owned(), Value::Object(property(key, definitions)))).collect();
    let required: Vec<&str> =
        keys.known.iter().filter(|key| key.presence == Presence::Required).map(|key| key.name).collect();
    let mut table = object(json!({
        "type": "object",
        "title": keys.name,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }));
    match keys.holds {
        Holds::Any => {}
        Holds::AtLeastOne => table.extend(object(json!({ "minProperties": 1 }))),
        Holds::One => table.extend(object(json!({ "minProperties": 1, "maxProperties": 1 }))),
    }
    table
}

fn property(key: &Key, definitions: &mut Schema) -> Schema {
    let mut property = value(&key.shape, definitions);
    let purpose = match property.get("description").and_then(Value::as_str) {
        Some(meaning) => format!("{}: {meaning}", key.purpose),
        None => key.purpose.to_owned(),
    };
    property.insert("description".to_owned(), Value::String(purpose));
    property
}

fn value(shape: &Shape, definitions: &mut Schema) -> Schema {
    let list = |element: &Shape, definitions: &mut Schema| {
        object(json!({ "type": "array", "items": value(element, definitions) }))
    };
    match shape {
        Shape::Text(grammar) => {
            let mut text = object(json!({ "type": "string", "title": grammar.name, "description": grammar.meaning }));
            text.extend(grammar.pattern.map(|pattern| ("pattern".to_owned(), json!(pattern))));
            text
        }
        Shape::Word(words) => object(json!({ "type": "string", "enum": words.words() })),
        Shape::Number { least, most } => {
            let mut number = object(json!({ "type": "integer", "minimum": least }));
            if *most < u64::MAX {
                number.insert("maximum".to_owned(), json!(most));
            }
            number
        }
        Shape::Boolean => object(json!({ "type": "boolean" })),
        Shape::List(element) => list(element, definitions),
        Shape::FullList(element) => {
            let mut full = list(element, definitions);
            full.insert("minItems".to_owned(), json!(1));
            full
        }
        Shape::OneOrMany(_) | Shape::Either(_) => {
            let forms: Vec<Schema> = shape.forms().iter().map(|form| value(form, definitions)).collect();
            object(json!({ "anyOf": forms }))
        }
        Shape::Table(keys) => {
            if !definitions.contains_key(keys.name) {
                let definition = table(keys, definitions);
                definitions.insert(keys.name.to_owned(), Value::Object(definition));
            }
            object(json!({ "$ref": format!("#/$defs/{}", keys.name) }))
        }
        Shape::Named(name, one) => {
            let mut names = object(json!({ "type": "object", "additionalProperties": value(one, definitions) }));
            let pattern = name.pattern.map(|pattern| ("propertyNames".to_owned(), json!({ "pattern": pattern })));
            names.extend(pattern);
            names
        }
    }
}

fn object(value: Value) -> Schema {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
