//! What the documents that the policy language grew from say of deciding: a row for each sentence, named by document
//! and section, in `rows`. Sentences about a prompt, a daemon or a user interface are not decisions and have no row.
//!
//! A row changes the request of an ordinary person at a terminal (`rows/ordinary.json`), of which everything is known
//! that can be absent; what stands under `unknown` is left out. The end-to-end tests take the same rows through the
//! programs.

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::answer::Answer;
use crate::request_file::RequestFile;

const ORDINARY: &str = include_str!("rows/ordinary.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    section: String,
    sentence: String,
    policy: Vec<String>,
    #[serde(default)]
    change: Value,
    #[serde(default)]
    unknown: Vec<String>,
    expect: Answer,
    rule: String,
}

impl Row {
    fn request(&self) -> Request {
        let mut file: Value = serde_json::from_str(ORDINARY).unwrap();
        for (part, change) in self.change.as_object().into_iter().flatten() {
            match (file.get_mut(part).and_then(Value::as_object_mut), change) {
                (Some(part), Value::Object(change)) => part.extend(change.clone()),
                _ => file[part] = change.clone(),
            }
        }
        for name in &self.unknown {
            let (part, key) = name.split_once('.').unwrap();
            assert!(file[part].as_object_mut().unwrap().remove(key).is_some(), "{name}");
        }
        RequestFile::parse(&file.to_string()).unwrap_or_else(|error| panic!("{}: {error}", self.sentence))
    }
}

/// Holds every row of a document, so many of them.
fn check(rows: &str, count: usize) {
    let rows: Vec<Row> = serde_json::from_str(rows).unwrap();
    assert_eq!(rows.len(), count);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let policy = row.policy.join("\n");
            let decision = decide(&self::policy("", &policy), &row.request());
            let is_right = decision.answer() == row.expect && decision.rule() == row.rule;
            let (section, sentence) = (&row.section, &row.sentence);
            (!is_right)
                .then(|| format!("{section}: {sentence}: {} by {}\n{policy}", decision.answer(), decision.rule()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_policy_guide() {
    check(include_str!("rows/policy-guide.json"), 59);
}

#[test]
fn the_policy_model() {
    check(include_str!("rows/policy-model.json"), 19);
}

#[test]
fn the_specification_of_security() {
    check(include_str!("rows/security-specification.json"), 9);
}
