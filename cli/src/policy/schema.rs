//! `opaque policy schema`: the format of policies and profiles for editors and validators.

use clap::Args;
use opaque_policy::schema::{Format, schema};

use crate::Wrong;

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The format of profiles, instead of policies
    #[arg(long)]
    profile: bool,
    /// The format of a repository's `.opaque.toml`
    #[arg(long, conflicts_with = "profile")]
    repository: bool,
    /// The format of approvals given beforehand
    #[arg(long, conflicts_with_all = ["profile", "repository"])]
    approvals: bool,
}

impl Schema {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let format = match (self.profile, self.repository, self.approvals) {
            (true, ..) => Format::Profile,
            (_, true, _) => Format::Repository,
            (.., true) => Format::Approvals,
            (false, false, false) => Format::Policy,
        };
        Ok(format!("{:#}\n", schema(format)))
    }
}
