//! `opaque policy test`: holds the policies against requests with their expected answers.

use std::path::PathBuf;

use clap::Args;
use opaque_policy::answer::Answer;
use opaque_policy::distinct::distinct_keys;
use opaque_policy::request_file::RequestFile;
use serde::Deserialize;

use crate::Wrong;
use crate::file::{at, read};
use crate::policy::loaded::Loaded;

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Policy file used instead of your own
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Directory of JSON files, each with `request`, `expect` and, if you like, `rule`
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// A request and what it must come to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    request: RequestFile,
    expect: Answer,
    /// `layer:name` of the rule that must decide.
    #[serde(default)]
    rule: Option<String>,
}

impl Test {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let Loaded { policies, profiles, .. } = Loaded::load(self.policy.as_deref())?;
        let listed = std::fs::read_dir(&self.directory).map_err(|error| at(&self.directory, &error))?;
        let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        if files.is_empty() {
            return Err(at(&self.directory, "there is no `.json` file in it, so nothing was tested"));
        }
        let mut wrong = Vec::new();
        for file in &files {
            let text = read(file)?;
            distinct_keys(&text).map_err(|error| at(file, &error))?;
            let case: Case = serde_json::from_str(&text).map_err(|error| at(file, &error))?;
            let decision = policies.decide(&case.request.into_request(), &profiles);
            let (answer, rule) = (decision.answer(), decision.rule());
            let is_that_rule = case.rule.as_deref().is_none_or(|wanted| wanted == rule);
            if answer != case.expect || !is_that_rule {
                let wanted = case.rule.map_or(String::new(), |rule| format!(" by `{rule}`"));
                let trace = decision.trace();
                wrong.push(format!(
                    "{}: {answer:?} by `{rule}`, expected {:?}{wanted}\n{trace}",
                    file.display(),
                    case.expect
                ));
            }
        }
        if wrong.is_empty() {
            Ok(format!("{} requests are answered as expected\n", files.len()))
        } else {
            Err(Wrong(wrong.join("\n")))
        }
    }
}
