//! `opaque policy`: checks the policies that are in force here, explains what they answer, tests them, and makes them of
//! other systems'.

mod check;
mod explain;
mod import;
mod loaded;
mod preset;
mod test;

use clap::Subcommand;

use crate::Wrong;
use crate::policy::check::Check;
use crate::policy::explain::Explain;
use crate::policy::import::Import;
use crate::policy::preset::Presets;
use crate::policy::test::Test;

/// What a person asks about policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Load every policy and profile of this machine and of yours, and say what leans on less than verified facts
    Check(Check),
    /// Say what a command or a request would be answered, and why
    Explain(Explain),
    /// Hold the policies against a directory of requests and their expected answers
    Test(Test),
    /// Turn the policy of another system into one of ours
    Import(Import),
    /// Policies to begin with
    #[command(subcommand)]
    Preset(Presets),
}

impl Policy {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        match self {
            Self::Check(check) => check.carry_out(),
            Self::Explain(explain) => explain.carry_out(),
            Self::Test(test) => test.carry_out(),
            Self::Import(import) => import.carry_out(),
            Self::Preset(presets) => presets.carry_out(),
        }
    }
}
