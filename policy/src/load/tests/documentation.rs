//! Every TOML block of the documentation is loaded as what it is.

use super::*;

fn blocks(text: &str) -> Vec<&str> {
    text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_toml_block_loads() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut files: Vec<_> = std::fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
    let mut loaded = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        for block in blocks(&std::fs::read_to_string(file).unwrap()) {
            let shown = file.display();
            let found = if block.contains("default = ") || block.contains("operation_pattern") {
                policy(block).map(drop)
            } else if block.contains("[[approved]]") {
                approved(&source(block)).map(drop)
            } else if block.contains("[request]") {
                repository(&source(block), Sight::First).map(drop)
            } else if block.starts_with("name = ") {
                profile(block).map(drop)
            } else {
                endpoints(&source(block)).map(drop)
            };
            found.unwrap_or_else(|error| {
                panic!(
                    "{shown}
{block}
{error}"
                )
            });
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "{loaded}");
}

#[test]
fn every_json_block_is_a_request_with_its_answer() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let blocks: Vec<&str> = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let case: serde_json::Value = serde_json::from_str(block).unwrap();
        crate::request_file::RequestFile::parse(&case["request"].to_string()).unwrap_or_else(|error| panic!("{error}"));
    }
}
