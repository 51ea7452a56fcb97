//! `opaque policy schema`: the format of policies and profiles for editors and validators.

use clap::Args;
use opaque_policy::schema::{Format, schema};

use crate::Wrong;

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The format of profiles, instead of policies
    #[arg(long)]
    profile: bool,
}

impl Schema {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let format = if self.profile { Format::Profile } else { Format::Policy };
        Ok(format!("{:#}\n", schema(format)))
    }
}
