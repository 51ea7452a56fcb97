//! `opaque policy`: checks the policies that are in force here, explains what they answer, tests them, holds them against
//! what was asked before, and makes them of other systems'.

mod candidate;
mod check;
mod edit;
mod explain;
mod fmt;
mod import;
mod layout;
mod loaded;
mod preset;
mod schema;
mod simulate;
mod splice;
mod test;

use clap::Subcommand;

use crate::policy::check::Check;
use crate::policy::edit::Edit;
use crate::policy::explain::Explain;
use crate::policy::fmt::Fmt;
use crate::policy::import::Import;
use crate::policy::preset::Presets;
use crate::policy::schema::Schema;
use crate::policy::simulate::Simulate;
use crate::policy::test::Test;
use crate::{Said, Wrong};

/// What a person asks about policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Load every policy and profile of this machine and of yours, and say what leans on less than verified facts
    Check(Check),
    /// Say what a command or a request would be answered, and why
    Explain(Explain),
    /// Hold the policies against a directory of requests and their expected answers
    Test(Test),
    /// Say which of the journal's requests would be answered otherwise under another policy
    Simulate(Simulate),
    /// Turn the policy of another system into one of ours
    Import(Import),
    /// Policies to begin with
    #[command(subcommand)]
    Preset(Presets),
    /// Print the format as JSON Schema, for editors
    Schema(Schema),
    /// Lay files out, without a change of what they mean
    Fmt(Fmt),
    /// Change one rule of a file, and nothing else in it
    Edit(Edit),
}

impl Policy {
    pub(super) fn carry_out(self) -> Result<Said, Wrong> {
        let text = match self {
            Self::Simulate(simulate) => return simulate.carry_out(),
            Self::Check(check) => check.carry_out(),
            Self::Explain(explain) => explain.carry_out(),
            Self::Test(test) => test.carry_out(),
            Self::Import(import) => import.carry_out(),
            Self::Preset(presets) => presets.carry_out(),
            Self::Schema(schema) => schema.carry_out(),
            Self::Fmt(fmt) => fmt.carry_out(),
            Self::Edit(edit) => edit.carry_out(),
        };
        text.map(Said::well)
    }
}
