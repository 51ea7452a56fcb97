use std::collections::BTreeMap;

use super::*;

pub(crate) mod documents;
mod reference;

/// Every kind of table that a format has, by its name.
fn tables(format: Format) -> BTreeMap<&'static str, &'static Keys> {
    fn walk(keys: &'static Keys, found: &mut BTreeMap<&'static str, &'static Keys>) {
        if let Some(same) = found.insert(keys.name, keys) {
            assert!(same.names().eq(keys.names()), "two kinds of table are called `{}`", keys.name);
            return;
        }
        keys.known.iter().for_each(|key| shapes(&key.shape, found));
    }
    fn shapes(shape: &'static Shape, found: &mut BTreeMap<&'static str, &'static Keys>) {
        match shape {
            Shape::Table(keys) => walk(keys, found),
            Shape::List(one) | Shape::FullList(one) | Shape::OneOrMany(one) | Shape::Named(_, one) => {
                shapes(one, found)
            }
            Shape::Either(several) => several.iter().for_each(|one| shapes(one, found)),
            Shape::Text(_) | Shape::Word(_) | Shape::Number { .. } | Shape::Boolean => {}
        }
    }
    let mut found = BTreeMap::new();
    walk(format.keys(), &mut found);
    found
}

#[test]
fn every_key_is_said_once_and_in_one_sentence() {
    for format in Format::ALL {
        for (table, keys) in tables(format) {
            let mut names: Vec<&str> = keys.names().chain(keys.later.iter().copied()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), keys.known.len() + keys.later.len(), "`{table}`");
            for Key { name, purpose, .. } in keys.known {
                let is_sentence = purpose.starts_with(|first: char| first.is_ascii_uppercase() || first == '`');
                assert!(is_sentence && !purpose.ends_with('.') && !purpose.contains(['|', '\n']), "`{table}.{name}`");
            }
        }
    }
}

#[test]
fn every_table_has_its_definition_with_exactly_the_keys_that_the_loader_knows() {
    for format in Format::ALL {
        let schema = schema(format);
        for (name, keys) in tables(format) {
            let table = if name == format.keys().name { &schema } else { &schema["$defs"][name] };
            let described: Vec<&String> = table["properties"].as_object().unwrap().keys().collect();
            let mut known: Vec<&str> = keys.names().collect();
            known.sort_unstable();
            assert_eq!(described, known);
            assert_eq!(table["additionalProperties"], Value::Bool(false), "`{name}`");
        }
    }
}

#[test]
fn the_limits_that_are_described_are_the_limits_that_there_are() {
    let limits = tables(Format::Profile)["limits"];
    assert!(limits.names().eq(crate::limits::Limits::NAMES));
}
