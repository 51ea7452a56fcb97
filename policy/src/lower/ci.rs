//! What a CI job's own runner keeps for itself: files that steer later steps, and tokens that act for the job.

use super::refusal::Refusal;
use crate::facts::HostFacts;
use crate::grants::{Grants, Place};
use crate::text::Text;

/// Variables of GitHub Actions that name files through which a step steers those after it, and the directory they lie in.
const FILES: [&str; 6] =
    ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"];

/// Variables through which the job's own identity is had.
const TOKENS: [&str; 4] =
    ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNTIME_URL"];

/// Places that are masked inside a job.
pub(super) fn hidden(grants: &Grants, facts: &HostFacts) -> Vec<Place> {
    if !grants.output.ci.is_in_job(&facts.env) {
        return Vec::new();
    }
    let named = FILES.iter().filter_map(|name| facts.env.get(&Text::from(*name))?.as_str());
    named.filter_map(|path| Place::new(path).ok()).collect()
}

/// Refuses to pass what acts for the job.
pub(super) fn refuse_tokens(grants: &Grants, facts: &HostFacts) -> Result<(), Refusal> {
    let is_given = |name: &&&str| {
        let name = Text::from(**name);
        grants.env_pass.contains(&name) || grants.env_set.contains_key(&name)
    };
    match TOKENS.iter().find(is_given).filter(|_| grants.output.ci.is_in_job(&facts.env)) {
        Some(name) => Err(Refusal::denied(
            format!("variable `{name}` cannot be passed: it acts for the whole CI job"),
            "leave it out, or use a profile without `ci` under `[output]`",
        )),
        None => Ok(()),
    }
}
