use std::path::Path;

use opaque_policy::document::SourceFile;
use opaque_policy::load::approved;
use opaque_policy::path::AbsPath;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::preset::PRESETS;
use opaque_policy::profile::Profile;
use opaque_policy::sources::{PolicySources, Sight};
use proptest::prelude::*;

use super::*;
use crate::policy::candidate::Kind;
use crate::policy::fmt::{has_same_values, is_same};

fn formatted(text: &str) -> String {
    laid_out(text, Kind::of(text).order()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Every document of the project.
fn documents() -> Vec<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = |directory: &str, extension: &str| -> Vec<String> {
        let entries = std::fs::read_dir(checkout.join(directory)).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|file| file.extension().is_some_and(|found| found == extension));
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
    };
    let mut documents: Vec<String> = PRESETS.iter().map(|preset| preset.text.to_owned()).collect();
    documents.extend(files("profiles", "toml"));
    documents.extend(files("policy/src/load/tests", "toml"));
    let blocks = |text: &String| -> Vec<String> {
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
    };
    documents.extend(files("docs", "md").iter().flat_map(blocks));
    documents.push(
        "[[rules]]\nname = \"a\"\noperation_pattern = \"*\"\nallow = true\nclient_types = [\"human\"]\n".to_owned(),
    );
    // Those of endpoints are neither.
    documents.retain(|text| !["npm-registry = ", "pip-index = "].iter().any(|key| text.contains(key)));
    documents
}

/// What a document says, or that it says nothing.
fn load(text: &str) -> Result<Option<PolicySet>, String> {
    let source = SourceFile { file: "document.toml".to_owned(), bytes: text.as_bytes().to_vec() };
    let home = AbsPath::new("/home/ann").unwrap();
    let none = PolicySources { home, system: Vec::new(), user: Vec::new(), repo: None };
    let sources = match Kind::of(text) {
        Kind::Profile => return Profile::parse(&source).map(|_| None).map_err(|error| error.to_string()),
        Kind::Approvals => return approved(&source).map(|_| None).map_err(|error| error.to_string()),
        Kind::Repository => PolicySources { repo: Some(source), ..none },
        Kind::Policy | Kind::PolicyV1 => PolicySources { user: vec![source], ..none },
    };
    PolicySet::load(&sources, Sight::First).map(Some).map_err(|error| error.to_string())
}

/// Lays out, and holds what came out against what went in.
fn checked(text: &str) -> String {
    let new = formatted(text);
    assert!(is_same(text, &new), "values or comments differ\n--- from\n{text}\n--- to\n{new}");
    assert_eq!(formatted(&new), new, "not laid out at once\n--- from\n{text}");
    match (load(text), load(&new)) {
        (Ok(Some(before)), Ok(Some(after))) => assert!(before.means_what(&after), "{text}\n---\n{new}"),
        (Ok(None), Ok(None)) => {}
        (before, after) => panic!("{before:?}\n{after:?}\n{new}"),
    }
    for line in new.lines().filter(|line| line.chars().count() > COLUMNS && !line.contains('#')) {
        assert!(!line.trim_end_matches(',').ends_with(']'), "{line}");
    }
    new
}

#[test]
fn keys_and_tables_of_a_rule_have_their_order() {
    let text = "default='deny'\nversion=1\n[[rules]]\n  action = \"ask\"\nname=\"a\"   # who\n[[rules.examples]]\nmatch=[\"x\"]\n[rules.approval]\nlease_ttl=60\nrequire=\"first_use\"\n\n\n[rules.command]\nargv=[ \"a\",\"b\" ]\n\npath='/x'\n[[rules]]\naction=\"deny\"\nname=\"b\"\n";
    let wanted = "version = 1\ndefault = 'deny'\n\n[[rules]]\nname = \"a\" # who\naction = \"ask\"\n[rules.command]\npath = '/x'\nargv = [\"a\", \"b\"]\n[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 60\n[[rules.examples]]\nmatch = [\"x\"]\n\n[[rules]]\nname = \"b\"\naction = \"deny\"\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let text = "\n# about the file\ndefault = \"deny\" # d\nversion = 1\n# end of the top\n\n\n# about a\n[[rules]] # head\n# the answer\naction = \"deny\"\nname = \"a\"     # n\nuid = [1, # one\n  2 # two\n  , # two again\n # three\n 3]   # uids\n# end of a\n\n# about b\n\n[[rules]]\nname = \"b\"\naction = \"deny\"\nuid = [\n# none\n]\n# end\n";
    let wanted = "# about the file\nversion = 1\ndefault = \"deny\" # d\n# end of the top\n\n# about a\n[[rules]] # head\nname = \"a\"     # n\n# the answer\naction = \"deny\"\nuid = [\n    1, # one\n    2, # two\n    # two again\n    # three\n    3,\n] # uids\n# end of a\n\n# about b\n\n[[rules]]\nname = \"b\"\naction = \"deny\"\nuid = [\n    # none\n]\n# end\n";
    assert_eq!(formatted(text), wanted);
    assert_eq!(formatted(wanted), wanted);
}

#[test]
fn a_list_is_in_one_line_as_long_as_it_fits() {
    let (one, other) = ("1".repeat(50), "2".repeat(50));
    let short = format!("roles = [\n  \"a\",\n  \"{one}\",\n]\n");
    assert_eq!(formatted(&short), format!("roles = [\"a\", \"{one}\"]\n"));
    let long = format!("roles = [\"{one}\", \"{other}\"]\n");
    assert_eq!(formatted(&long), format!("roles = [\n    \"{one}\",\n    \"{other}\",\n]\n"));
}

#[test]
fn a_document_without_anything_stays_empty() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\n\n"), "");
    assert_eq!(formatted("# only this"), "# only this\n");
    assert!(laid_out("a = ", Order::of_policy()).is_err());
}

#[test]
fn every_document_keeps_its_meaning_and_its_comments() {
    let documents = documents();
    assert!(documents.len() > 20, "{}", documents.len());
    for document in documents {
        checked(&document);
    }
}

#[test]
fn what_the_project_ships_is_laid_out() {
    for preset in PRESETS {
        assert_eq!(formatted(preset.text), preset.text);
    }
}

/// A document that says the same in the lines of a careless writer; every comment in it is unique.
fn messy(text: &str, dice: &[u8]) -> String {
    let mut dice = dice.iter().copied().cycle();
    let mut roll = || dice.next().unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().collect();
    let is_entry = |line: &str| !line.starts_with([' ', '[', '#', ']']) && line.contains(" = ") && !line.ends_with('[');
    for index in 1..lines.len() {
        if is_entry(lines[index - 1]) && is_entry(lines[index]) && roll() % 3 == 0 {
            lines.swap(index - 1, index);
        }
    }
    let mut out = String::new();
    let mut count = 0;
    let mut comment = || {
        count += 1;
        format!("# comment {count} \" ' [ =")
    };
    for line in lines {
        let chance = roll();
        if chance & 1 != 0 {
            out.push_str(&format!("{}{}\n", if chance & 2 != 0 { "  " } else { "" }, comment()));
        }
        if chance & 12 == 12 {
            out.push_str("\n\n");
        }
        let chance = roll();
        let line = match chance % 3 {
            0 if is_entry(line) => line.replacen(" = ", "=", 1),
            1 if is_entry(line) => line.replacen(" = ", "\t =  ", 1),
            _ => line.replace("[\"", "[ \"").replace("\", \"", "\",\"").replace("\"]", "\" , ]"),
        };
        out.push_str(if chance & 8 != 0 { " \t" } else { "" });
        out.push_str(&line);
        if chance & 16 != 0 && !line.contains('#') {
            out.push_str(&format!(" {}", comment()));
        }
        out.push('\n');
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_careless_document_keeps_its_meaning_and_its_comments(which in any::<usize>(), dice in proptest::collection::vec(any::<u8>(), 40..200)) {
        let mut documents = documents();
        // A mess inside a string of several lines would be another value.
        documents.retain(|document| !document.contains("\"\"\""));
        let document = &documents[which % documents.len()];
        let messy = messy(&formatted(document), &dice);
        prop_assert!(has_same_values(&messy, document), "{messy}");
        checked(&messy);
    }
}
