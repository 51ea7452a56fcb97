//! Holds the tables of the reference against the descriptions that the loader reads through. With `WRITE_TABLES=1` in the
//! environment it writes them instead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::class::{CLASSES, Class};
use crate::document::list;
use crate::shape::Words;

const END: &str = "<!-- end -->\n";

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md")
}

/// The tables of a kind, under their names in the reference: `<!-- keys: rule -->`.
fn blocks() -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::from([("classes".to_owned(), classes()), ("texts".to_owned(), texts())]);
    for format in Format::ALL {
        let tables = tables(format).into_iter().filter(|(_, keys)| !is_limit(keys));
        blocks.extend(tables.map(|(name, keys)| (format!("keys: {name}"), keys_of(keys))));
    }
    blocks
}

fn keys_of(keys: &Keys) -> String {
    let mut text = "| key | value | |\n|---|---|---|\n".to_owned();
    for key in keys.known {
        let must = if key.presence == Presence::Required { " (required)" } else { "" };
        text.push_str(&format!("| `{}`{must} | {} | {} |\n", key.name, shown(&key.shape), key.purpose));
    }
    text
}

fn classes() -> String {
    let rows = Class::ALL.map(|class| format!("| `{}` | {} |\n", class.as_str(), class.meaning()));
    format!("| class | what the command does |\n|---|---|\n{}", rows.concat())
}

/// Every kind of text that a value of either format may be.
fn texts() -> String {
    fn walk(shape: &Shape, found: &mut BTreeSet<(&'static str, &'static str)>) {
        match shape {
            Shape::Text(grammar) => {
                found.insert((grammar.name, grammar.meaning));
            }
            Shape::Named(name, one) => {
                found.insert((name.name, name.meaning));
                walk(one, found);
            }
            Shape::List(one) | Shape::FullList(one) | Shape::OneOrMany(one) => walk(one, found),
            Shape::Either(several) => several.iter().for_each(|one| walk(one, found)),
            Shape::Table(_) | Shape::Word(_) | Shape::Number { .. } | Shape::Boolean => {}
        }
    }
    let mut found = BTreeSet::new();
    for format in Format::ALL {
        tables(format).values().flat_map(|keys| keys.known).for_each(|key| walk(&key.shape, &mut found));
    }
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), found.len(), "two kinds of text have one name");
    let rows = found
        .iter()
        .filter(|(name, meaning)| name != meaning)
        .map(|(name, meaning)| format!("| {name} | {meaning} |\n"));
    format!("| text | what is written |\n|---|---|\n{}", rows.collect::<String>())
}

/// `{ max, required }`, which the reference tells once.
fn is_limit(keys: &Keys) -> bool {
    keys.names().eq(["max", "required"])
}

/// What a value may be, in a few words.
fn shown(shape: &Shape) -> String {
    match shape {
        Shape::Text(grammar) => grammar.name.to_owned(),
        Shape::Word(words) if words.words() == CLASSES.words() => "class".to_owned(),
        Shape::Word(words) => list(&words.words()),
        Shape::Number { least, most } if least == most => format!("`{least}`"),
        Shape::Number { least: 0, most: u64::MAX } => "number".to_owned(),
        Shape::Number { least: 0, most } if *most >= u64::from(u32::MAX) - 1 => "number".to_owned(),
        Shape::Number { least, most } if *most >= u64::from(u32::MAX) => format!("number from {least}"),
        Shape::Number { least, most } => format!("{least} to {most}"),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::List(one) | Shape::FullList(one) if matches!(one, Shape::Table(_)) => "tables".to_owned(),
        Shape::List(one) | Shape::FullList(one) => format!("list of {}", several(one)),
        Shape::OneOrMany(one) => format!("{}, or a list", shown(one)),
        // Those that are written between braces, with few keys.
        Shape::Table(keys) if matches!(keys.name, "any_or_all" | "number" | "path") || is_limit(keys) => {
            format!("`{{ {} }}`", keys.names().collect::<Vec<_>>().join(", "))
        }
        Shape::Table(_) => "table".to_owned(),
        Shape::Named(_, Shape::Table(_)) => "tables, each with its name".to_owned(),
        Shape::Named(_, one) => format!("table of {}", several(one)),
        Shape::Either(forms) => {
            let mut shown: Vec<String> = forms.iter().map(shown).collect();
            shown.dedup();
            shown.join(", or ")
        }
    }
}

/// Several of such values.
fn several(shape: &Shape) -> String {
    match shape {
        Shape::Text(grammar) if grammar.name == "way out" => "ways out".to_owned(),
        Shape::Text(grammar) => format!("{}s", grammar.name),
        Shape::OneOrMany(one) => several(one),
        Shape::Either(forms) => {
            let mut shown: Vec<String> = forms.iter().map(several).collect();
            shown.dedup();
            shown.join(" and ")
        }
        Shape::Table(_) => "tables".to_owned(),
        Shape::Word(_)
        | Shape::Number { .. }
        | Shape::Boolean
        | Shape::List(_)
        | Shape::FullList(_)
        | Shape::Named(..) => shown(shape),
    }
}

/// The reference with every table as it should be, and the names of the tables in it.
fn written(text: &str) -> (String, Vec<String>) {
    let blocks = blocks();
    let mut out = String::new();
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- ") {
        let (name, after) = after.split_once(" -->\n").expect("a marker ends its line");
        let (_, after) = after.split_once(END).unwrap_or_else(|| panic!("`{name}` has no end"));
        let block = blocks.get(name).unwrap_or_else(|| panic!("there is no table `{name}`"));
        out.push_str(&format!("{before}<!-- {name} -->\n{block}{END}"));
        names.push(name.to_owned());
        rest = after;
    }
    (out + rest, names)
}

#[test]
fn the_tables_of_the_reference_are_what_the_loader_reads_through() {
    let text = std::fs::read_to_string(reference()).unwrap();
    let (wanted, mut names) = written(&text);
    if std::env::var_os("WRITE_TABLES").is_some() {
        std::fs::write(reference(), &wanted).unwrap();
    }
    let text = std::fs::read_to_string(reference()).unwrap();
    let wrong: Vec<String> = wanted
        .lines()
        .zip(text.lines())
        .filter(|(wanted, written)| wanted != written)
        .map(|(wanted, written)| format!("-{written}\n+{wanted}"))
        .collect();
    let hint = "hint: `WRITE_TABLES=1 cargo test -p opaque-policy reference` writes the tables";
    assert!(
        wrong.is_empty() && text == wanted,
        "docs/policy.md says otherwise than the loader\n{}\n{hint}",
        wrong.join("\n")
    );
    // Each table has its place, and one only.
    names.sort();
    assert_eq!(names, blocks().into_keys().collect::<Vec<_>>());
}
