//! Imports of what people of the other systems have: what is printed, what it decides, and what is refused.

mod agentpass;
mod gatekeeper;
mod laws;
mod malformed;
mod printed;
mod ssh_agent_guard;

use opaque_policy::decision::Decision;
use opaque_policy::request_file::RequestFile;
use serde_json::{Value, json};

use super::*;

fn home() -> AbsPath {
    AbsPath::new("/home/ann").unwrap()
}

fn converted(system: System, source: &str) -> Converted {
    convert(system, source.as_bytes(), &home()).unwrap_or_else(|failure| panic!("{failure:?}\n{source}"))
}

/// The refusal, as it is told.
fn refusal(system: System, source: &[u8]) -> String {
    match convert(system, source, &home()) {
        Err(Failure::Source(refusal)) => refusal.to_string(),
        Err(Failure::Ours(what)) => panic!("{what}"),
        Ok(converted) => panic!("{}{}", converted.changes, converted.policy),
    }
}

/// A printed policy, with the profile that it names.
struct Loaded(PolicySet, Profiles);

impl Loaded {
    fn new(converted: &Converted) -> Self {
        let profiles = match &converted.profile {
            Some(profile) => Profiles::load(&[], &[file(profile)]).unwrap(),
            None => Profiles::built_in(),
        };
        Self(load(&converted.policy, &home(), Sight::First).unwrap(), profiles)
    }

    fn answer(&self, request: &Value) -> &'static str {
        let request = RequestFile::parse(&request.to_string()).unwrap_or_else(|error| panic!("{error}: {request}"));
        match self.0.decide(&request, &self.1) {
            Decision::Allow(_) => "allow",
            Decision::Ask(_) => "ask",
            Decision::Deny(_) => "deny",
        }
    }
}

/// What a printed policy answers.
fn answer(converted: &Converted, request: &Value) -> &'static str {
    Loaded::new(converted).answer(request)
}

/// One key of a request in place of another.
fn with(mut request: Value, edits: Value) -> Value {
    merge(&mut request, edits);
    request
}

fn merge(into: &mut Value, edits: Value) {
    match (into, edits) {
        (Value::Object(into), Value::Object(edits)) => {
            for (key, edit) in edits {
                merge(into.entry(key).or_insert(Value::Null), edit);
            }
        }
        (into, edit) => *into = edit,
    }
}

/// A sentence of a document: where, in short, the source, what is asked, what they answer, what we answer, and where
/// the two differ, the words of the change list that say so.
struct Row {
    section: &'static str,
    sentence: &'static str,
    source: String,
    request: Value,
    theirs: &'static str,
    ours: &'static str,
    change: Option<&'static str>,
}

fn check(system: System, rows: &[Row]) {
    let mut wrong = Vec::new();
    for Row { section, sentence, source, request, theirs, ours, change } in rows {
        let converted = converted(system, source);
        let found = answer(&converted, request);
        if found != *ours {
            wrong.push(format!("{section}: {sentence}: {found}, not {ours}\n{}", converted.policy));
        }
        let told = converted.changes.to_string();
        if change.is_some_and(|change| !told.contains(change)) || (theirs != ours) != change.is_some() {
            wrong.push(format!("{section}: {sentence}: the change is not told\n{told}"));
        }
        assert!(strictness(ours) >= strictness(theirs), "{section}: {sentence}: more is permitted than was");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn strictness(answer: &str) -> usize {
    ["allow", "ask", "deny"].iter().position(|known| *known == answer).unwrap()
}
