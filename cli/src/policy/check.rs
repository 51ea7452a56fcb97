//! `opaque policy check`: loads everything as a run would, and says what is worth a look.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use opaque_runner::held;

use crate::Wrong;
use crate::policy::loaded::Loaded;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Policy file used instead of your own
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Count what is only worth a note as an error
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let Loaded { policies, profiles, files } = Loaded::load(self.policy.as_deref())?;
        let mut text = String::new();
        for (layer, rules) in policies.sizes() {
            let _ = writeln!(text, "{layer}: {rules} {}", if rules == 1 { "rule" } else { "rules" });
        }
        for file in files {
            let _ = writeln!(text, "  {file}");
        }
        let names = profiles.names();
        let _ = writeln!(text, "profiles: {}", names.join(", "));
        for (name, grants) in names.iter().filter_map(|name| Some((name, profiles.grants(name)?))) {
            if !grants.output.patterns.is_empty() {
                held::check_expressions(&grants.output)
                    .map_err(|error| Wrong(format!("the profile `{name}` cannot be used: {error}")))?;
            }
        }
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
