//! `opaque policy preset`: policies to begin with.

use clap::Subcommand;
use opaque_policy::preset::PRESETS;

use crate::Wrong;

/// What a person asks about policies to begin with.
#[derive(Debug, Subcommand)]
pub(crate) enum Presets {
    /// Say which there are, and what each is for
    List,
    /// Print one: write it to ~/.config/opaque/policy.toml to use it
    Show {
        /// Its name
        name: String,
    },
}

impl Presets {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
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
