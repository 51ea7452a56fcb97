//! `opaque policy`: checks the policies that are in force here, explains what they answer, and tests them.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use opaque_policy::decide::{PolicySet, Sight};
use opaque_policy::decision::Decision;
use opaque_policy::document::SourceFile;
use opaque_policy::preset::PRESETS;
use opaque_policy::profile::Profiles;
use opaque_policy::request_file::RequestFile;
use serde::Deserialize;

use crate::account::Accounts;
use crate::explain;
use crate::flags::{self, Parsed};
use crate::invocation::{self, describe};
use crate::line::{self, Came};
use crate::policy_files;
use crate::tool::Wrong;

/// Largest file of a request.
const LONGEST: u64 = 1 << 20;

/// What a person asks about policies.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Load every policy and profile of this machine and of yours, and say what leans on less than verified facts
    Check(Check),
    /// Say what a command or a request would be answered, and why
    Explain(Explain),
    /// Hold the policies against a directory of requests and their expected answers
    Test(Test),
    /// Policies to begin with
    #[command(subcommand)]
    Preset(Presets),
}

/// What a person asks about policies to begin with.
#[derive(Debug, Subcommand)]
pub(super) enum Presets {
    /// Say which there are, and what each is for
    List,
    /// Print one: write it to ~/.config/opaque/policy.toml to use it
    Show {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Policy file used instead of your own
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Count what is only worth a note as an error
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Policy file used instead of your own
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Take this process for the one who asks, instead of the one that started this
    #[arg(long, value_name = "PID", conflicts_with = "request")]
    pid: Option<i32>,
    /// A request in JSON, instead of a command
    #[arg(long, value_name = "FILE", conflicts_with = "command", required_unless_present = "command")]
    request: Option<PathBuf>,
    /// The command and its arguments, with any options of `opaque-run` before it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(super) struct Test {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Allow,
    Ask,
    Deny,
}

impl Policy {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        match self {
            Self::Check(check) => check.carry_out(),
            Self::Explain(explain) => explain.carry_out(),
            Self::Test(test) => test.carry_out(),
            Self::Preset(presets) => presets.carry_out(),
        }
    }
}

impl Presets {
    fn carry_out(self) -> Result<String, Wrong> {
        match self {
            Self::List => {
                Ok(PRESETS.iter().map(|preset| format!("{:<15} {}\n", preset.name, preset.purpose())).collect())
            }
            Self::Show { name } => {
                let names = PRESETS.map(|preset| preset.name).join(", ");
                let found = PRESETS.iter().find(|preset| preset.name == name);
                let missing = || Wrong(format!("there is no preset `{name}`\nhint: there are {names}"));
                found.map(|preset| preset.text.to_owned()).ok_or_else(missing)
            }
        }
    }
}

impl Check {
    fn carry_out(self) -> Result<String, Wrong> {
        let Loaded { policies, profiles, files } = load(self.policy.as_deref())?;
        let mut text = String::new();
        for (layer, rules) in policies.sizes() {
            let _ = writeln!(text, "{layer}: {rules} rules");
        }
        for file in files {
            let _ = writeln!(text, "  {file}");
        }
        let _ = writeln!(text, "profiles: {}", profiles.names().join(", "));
        let notes = [policies.leanings(), policies.shadows()].concat();
        if self.strict && !notes.is_empty() {
            return Err(Wrong(notes.join("\n")));
        }
        for note in notes {
            let _ = writeln!(text, "note: {note}");
        }
        Ok(text)
    }
}

impl Explain {
    fn carry_out(self) -> Result<String, Wrong> {
        let Some(request) = &self.request else { return self.explain_command() };
        let request = RequestFile::parse(&read(request)?).map_err(|error| at(request, &error))?;
        let Loaded { policies, profiles, .. } = load(self.policy.as_deref())?;
        let decision = policies.decide(&request, &profiles);
        Ok(if self.json { explain::decision_json(&decision, None) } else { explain::decision_text(&decision, None) })
    }

    /// As `opaque-run --explain` does, with the same facts.
    fn explain_command(self) -> Result<String, Wrong> {
        let mut words = vec![OsString::from("opaque-run"), OsString::from("--explain")];
        words.extend(self.json.then(|| OsString::from("--json")));
        if let Some(policy) = self.policy {
            words.extend([OsString::from("--policy"), policy.into_os_string()]);
        }
        words.push(OsString::from("--"));
        words.extend(self.command);
        match flags::parse(&words) {
            Parsed::Flags(mut flags) => {
                flags.requester = self.pid;
                match line::walk(&flags, None) {
                    Ok(Came::Shown(text)) => Ok(text),
                    // INVARIANT: with `--explain` nothing runs.
                    Ok(Came::Ran(_)) => Err(Wrong("a command ran that was only to be explained".to_owned())),
                    Err(refusal) => Err(Wrong(refusal.message)),
                }
            }
            Parsed::Text(text) => Ok(text),
            Parsed::Wrong(message) => Err(Wrong(message)),
        }
    }
}

impl Test {
    fn carry_out(self) -> Result<String, Wrong> {
        let Loaded { policies, profiles, .. } = load(self.policy.as_deref())?;
        let listed = std::fs::read_dir(&self.directory).map_err(|error| at(&self.directory, &error))?;
        let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        if files.is_empty() {
            return Err(at(&self.directory, "there is no `.json` file in it, so nothing was tested"));
        }
        let mut wrong = Vec::new();
        for file in &files {
            let case: Case = serde_json::from_str(&read(file)?).map_err(|error| at(file, &error))?;
            let decision = policies.decide(&case.request.into_request(), &profiles);
            let (answer, rule) = match &decision {
                Decision::Allow(permission) => (Answer::Allow, permission.rule()),
                Decision::Ask(permission) => (Answer::Ask, permission.rule()),
                Decision::Deny(denial) => (Answer::Deny, denial.rule()),
            };
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

/// The policies in force, their profiles, and the files that they come from.
struct Loaded {
    policies: PolicySet,
    profiles: Profiles,
    files: Vec<String>,
}

/// Loads everything as a run would, every check included.
fn load(policy: Option<&Path>) -> Result<Loaded, Wrong> {
    let environment = invocation::environment();
    let account = Accounts::read().current().map_err(|error| Wrong(describe(&error)))?;
    let files = policy_files::read(policy, &account, &environment, None).map_err(|error| {
        let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        Wrong(format!("{}{hint}", describe(&error)))
    })?;
    let policies = PolicySet::load(&files.policies, Sight::First)?;
    let profiles = Profiles::load(&files.system_profiles, &files.user_profiles)?;
    let names = |files: &[SourceFile]| files.iter().map(|file| file.file.clone()).collect::<Vec<_>>();
    let files = [names(&files.policies.system), names(&files.policies.user)].concat();
    Ok(Loaded { policies, profiles, files })
}

fn read(file: &Path) -> Result<String, Wrong> {
    let length = std::fs::metadata(file).map_err(|error| at(file, &error))?;
    if !length.is_file() || length.len() > LONGEST {
        return Err(at(file, "this is no file of at most 1 MiB"));
    }
    std::fs::read_to_string(file).map_err(|error| at(file, &error))
}

fn at(file: &Path, what: impl std::fmt::Display) -> Wrong {
    Wrong(format!("{}: {what}", file.display()))
}
