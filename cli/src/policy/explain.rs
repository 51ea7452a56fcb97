//! `opaque policy explain`: what a command or a request would be answered, each rule with each mismatch.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use opaque_policy::request_file::RequestFile;
use opaque_runner::explain;
use opaque_runner::flags::{self, Form, Parsed};
use opaque_runner::line::{self, Came};

use crate::Wrong;
use crate::file::{at, read};
use crate::policy::loaded::Loaded;

#[derive(Debug, Args)]
pub(crate) struct Explain {
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

impl Explain {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let Some(request) = &self.request else { return self.explain_command() };
        let request = RequestFile::parse(&read(request)?).map_err(|error| at(request, &error))?;
        let Loaded { policies, profiles, .. } = Loaded::load(self.policy.as_deref())?;
        let decision = policies.decide(&request, &profiles);
        let form = if self.json { Form::Json } else { Form::Text };
        Ok(explain::decision(&decision, None, form))
    }

    /// As `opaque-run --explain` does, with the same facts.
    fn explain_command(self) -> Result<String, Wrong> {
        let mut words = vec![OsString::from("opaque-run"), OsString::from("--explain")];
        words.extend(self.json.then(|| OsString::from("--json")));
        if let Some(policy) = self.policy {
            words.extend([OsString::from("--policy"), policy.into_os_string()]);
        }
        // Options of `opaque-run` bring their own `--`, and what they are not is refused.
        if self.command.first().is_none_or(|first| !first.as_encoded_bytes().starts_with(b"-")) {
            words.push(OsString::from("--"));
        }
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
