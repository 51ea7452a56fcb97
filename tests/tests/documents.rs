//! Holds the documents against the code: what they name exists. Says nothing about whether they are well written.

use std::fs;
use std::path::{Path, PathBuf};

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let directories = ["", "docs", "docs/decisions", "tests"].map(|directory| checkout().join(directory));
    let files = directories.iter().flat_map(|directory| fs::read_dir(directory).unwrap().flatten());
    let documents: Vec<_> =
        files.map(|file| file.path()).filter(|path| path.extension() == Some("md".as_ref())).collect();
    assert!(documents.len() > 10, "{documents:?}");
    documents
}

/// What stands between backticks, outside of fenced blocks.
fn quoted(text: &str) -> Vec<String> {
    let unfenced: String = text.split("\n```").step_by(2).collect();
    unfenced.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut named = 0;
    let mut missing = Vec::new();
    for document in documents() {
        for reference in quoted(&read(&document)) {
            let Some((file, test)) = reference.split_once(".rs::") else { continue };
            let directory = if file.contains('/') { checkout() } else { checkout().join("tests/tests") };
            let source = fs::read_to_string(directory.join(format!("{file}.rs"))).unwrap_or_default();
            // A test is a function, in a macro's list a name and its act.
            if !source.contains(&format!("fn {test}(")) && !source.contains(&format!("    {test}: [")) {
                missing.push(format!("{} names `{reference}`", document.display()));
            }
            named += 1;
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 100, "only {named} tests are named");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for document in documents() {
        let text = read(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to `{link}`", document.display());
        }
    }
}

#[test]
fn every_path_in_the_code_map_exists() {
    let map = quoted(&read(checkout().join("ARCHITECTURE.md")));
    let paths: Vec<_> = map
        .iter()
        .filter(|quoted| ["policy/", "runner/", "tests/", "docs/"].iter().any(|top| quoted.starts_with(top)))
        .collect();
    assert!(paths.len() > 40, "{paths:?}");
    for path in paths {
        assert!(checkout().join(path).exists(), "ARCHITECTURE.md names `{path}`");
    }
}

#[test]
fn every_decision_and_every_profile_is_listed() {
    for (directory, extension, list) in
        [("docs/decisions", "md", "docs/decisions/README.md"), ("profiles", "toml", "README.md")]
    {
        let list = read(checkout().join(list));
        for entry in fs::read_dir(checkout().join(directory)).unwrap().flatten() {
            let path = entry.path();
            if path.extension() != Some(extension.as_ref()) || path.file_stem() == Some("README".as_ref()) {
                continue;
            }
            let name = path.file_stem().unwrap().to_str().unwrap();
            let is_listed = list.contains(&format!("({name}.{extension})")) || list.contains(&format!("| `{name}` |"));
            assert!(is_listed, "{} is not listed", path.display());
        }
    }
}
