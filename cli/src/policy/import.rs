//! `opaque policy import`: turns the policy of another system into one of ours, and says what changed its meaning and
//! what is not carried over. Writes no file.

mod agentpass;
mod canonical;
mod changes;
mod expression;
mod gatekeeper;
mod pattern;
mod source;
mod ssh_agent_guard;
mod toml_text;
mod yaml_text;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opaque_policy::document::{MAX_BYTES, SourceFile};
use opaque_policy::load::LoadError;
use opaque_policy::path::AbsPath;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::Profiles;
use opaque_policy::sources::{PolicySources, Sight};
use opaque_runner::account::Accounts;
use opaque_runner::invocation::describe;

use crate::Wrong;
use crate::file::{at, bytes};
use crate::policy::import::canonical::Policy;
use crate::policy::import::changes::Changes;
use crate::policy::import::source::{Place, Refusal};

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The system that the file belongs to
    #[arg(long, value_name = "SYSTEM")]
    from: System,
    /// Count what is not carried over as an error
    #[arg(long)]
    strict: bool,
    /// Print the profile that the policy names, instead of the policy (gatekeeper)
    #[arg(long)]
    profile: bool,
    /// Its policy
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A system whose policies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    #[value(name = "agentpass")]
    AgentPass,
    #[value(name = "gatekeeper")]
    Gatekeeper,
    #[value(name = "ssh-agent-guard")]
    SshAgentGuard,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::AgentPass => "AgentPass",
            Self::Gatekeeper => "Gatekeeper",
            Self::SshAgentGuard => "ssh-agent-guard",
        }
    }
}

impl Import {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let account = Accounts::read().current().map_err(|error| Wrong(describe(&error)))?;
        let converted = convert(self.from, &bytes(&self.file)?, &account.home);
        let Converted { policy, profile, changes } = converted.map_err(|failure| match failure {
            Failure::Source(refusal) => Wrong(format!("{}:{refusal}", self.file.display())),
            Failure::Ours(what) => at(&self.file, what),
        })?;
        if self.strict && changes.leaves_something() {
            return Err(at(&self.file, format!("not everything can be carried over\n{changes}")));
        }
        let printed = match (self.profile, profile) {
            (false, _) => policy,
            (true, Some(profile)) => profile,
            (true, None) => {
                return Err(Wrong(format!(
                    "a policy of {} names no profile\nhint: leave `--profile` out",
                    self.from.name()
                )));
            }
        };
        let said: String = changes.to_string().lines().map(|line| format!("opaque: {line}\n")).collect();
        std::io::stderr().write_all(said.as_bytes()).map_err(|error| format!("cannot say what changed: {error}"))?;
        let comments: String = changes.to_string().lines().map(|line| format!("# {line}\n")).collect();
        Ok(format!("# Imported from {} by `opaque policy import`.\n#\n{comments}\n{printed}", self.from.name()))
    }
}

/// What a source became.
#[derive(Debug)]
struct Converted {
    policy: String,
    profile: Option<String>,
    changes: Changes,
}

/// Why a source became nothing.
#[derive(Debug)]
enum Failure {
    /// It cannot be read, or cannot be carried over.
    Source(Refusal),
    /// What we made of it is wrong: a mistake of this program.
    Ours(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Source(refusal)
    }
}

/// Reads a source and writes it in our terms; `home` is what `~` means in it.
fn convert(system: System, bytes: &[u8], home: &AbsPath) -> Result<Converted, Failure> {
    let text = text(bytes)?;
    let mut changes = Changes::default();
    let (policy, profile) = match system {
        System::AgentPass => (agentpass::import(&toml_text::read(text)?, &mut changes)?, None),
        System::Gatekeeper => {
            let imported = gatekeeper::import(&yaml_text::read(text)?, home, &mut changes)?;
            (imported.policy, Some(imported.profile))
        }
        System::SshAgentGuard => (ssh_agent_guard::import(&yaml_text::read(text)?, &mut changes)?, None),
    };
    let policy = reachable(policy, home, &mut changes)?;
    for rule in &policy.rules {
        let leans = rule.leans_on();
        if !leans.is_empty() {
            let facts = leans.join("`, `");
            changes.look(
                rule.line,
                format!("`{}` allows on derived facts, with `trust = \"derived\"`: `{facts}`", rule.name),
            );
        }
    }
    let printed = policy.to_string();
    load(&printed, home, Sight::First).map_err(|error| ours(&error))?;
    if let Some(profile) = &profile {
        Profiles::load(&[], &[file(profile)]).map_err(|error| ours(&error))?;
    }
    Ok(Converted { policy: printed, profile, changes })
}

/// UTF-8 of at most 1 MiB.
fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
        Refusal::new(Place { line, column }, "this is not UTF-8 text")
    })
}

/// Leaves out what can never be reached: here that is an error, and what the rules before it answer holds without it.
fn reachable(mut policy: Policy, home: &AbsPath, changes: &mut Changes) -> Result<Policy, Failure> {
    loop {
        let printed = policy.to_string();
        if printed.len() > MAX_BYTES {
            let start = Place { line: 1, column: 1 };
            return Err(Refusal::new(start, format!("as a policy it would have more than {MAX_BYTES} bytes")).into());
        }
        let shadowed = load(&printed, home, Sight::Again).map_err(|error| ours(&error))?.shadowed();
        if shadowed.is_empty() {
            return Ok(policy);
        }
        for shadow in shadowed {
            let found = policy.rules.iter().position(|rule| rule.name == shadow.rule);
            let Some(rule) = found.map(|index| policy.rules.remove(index)) else {
                return Err(Failure::Ours(format!("a mistake of this program: there is no rule `{}`", shadow.rule)));
            };
            changes.changed(
                rule.line,
                format!("the rule `{}` is left out: `{}` before it matches all that it does", shadow.rule, shadow.by),
            );
        }
    }
}

fn load(printed: &str, home: &AbsPath, sight: Sight) -> Result<PolicySet, LoadError> {
    PolicySet::load(
        &PolicySources { home: home.clone(), system: Vec::new(), user: vec![file(printed)], repo: None },
        sight,
    )
}

fn file(printed: &str) -> SourceFile {
    SourceFile { file: "imported".to_owned(), bytes: printed.as_bytes().to_vec() }
}

fn ours(error: &LoadError) -> Failure {
    Failure::Ours(format!("what was made of it does not load, which is a mistake of this program\n{error}"))
}
