//! The policies and profiles of this machine, of the person and of the repository around the working directory, as a run
//! would load them, every check included.

use std::path::Path;

use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::Profiles;
use opaque_policy::sources::Sight;
use opaque_runner::account::Accounts;
use opaque_runner::invocation::{self, describe};
use opaque_runner::policy_files;
use opaque_runner::workspace::{self, Cwd};

use crate::Wrong;

/// The policies in force, their profiles, and the files that they come from.
pub(super) struct Loaded {
    pub(super) policies: PolicySet,
    pub(super) profiles: Profiles,
    pub(super) files: Vec<String>,
}

impl Loaded {
    /// Loads everything as a run would, every check included.
    pub(super) fn load(policy: Option<&Path>) -> Result<Self, Wrong> {
        let environment = invocation::environment();
        let accounts = Accounts::read();
        let account = accounts.current().map_err(|error| Wrong(describe(&error)))?;
        let cwd = Cwd::open().map_err(|error| Wrong(describe(&error)))?;
        let found = workspace::find(&cwd, &account, &accounts).map_err(|error| Wrong(describe(&error)))?;
        let files = policy_files::read(policy, &account, &environment, found.repository()).map_err(|error| {
            let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            Wrong(format!("{}{hint}", describe(&error)))
        })?;
        let policies = PolicySet::load(&files.policies, Sight::First)?;
        let profiles = Profiles::load(&files.system_profiles, &files.user_profiles)?;
        let files = files.policies.files().map(|(_, source)| source.file.clone()).collect();
        Ok(Self { policies, profiles, files })
    }
}
