//! `opaque secrets`: which secrets the profiles declare, and whether their values can be had. Never shows a value, nor how
//! long it is.

mod told;

use clap::{Args, Subcommand};
use opaque_policy::document::nearest;
use opaque_policy::facts::{Account, Workspace};
use opaque_policy::profile::Profiles;
use opaque_policy::request::Inode;
use opaque_policy::secret::SecretGrant;
use opaque_runner::account::Accounts;
use opaque_runner::invocation::{self, Environment, describe};
use opaque_runner::policy_files;
use opaque_runner::secrets::{self, Owner, SecretFailure};
use opaque_runner::workspace::{self, Cwd};

use crate::{Said, Wrong};

/// What a person asks about secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Say which secrets the profiles declare, where each is kept and how a command gets it
    List(List),
    /// Read each value as a run would, and say whether it can be had; the value is not shown
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Secrets to check; every one that a profile declares without one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// A secret where it is declared.
struct Declared<'a> {
    profile: &'a str,
    grant: &'a SecretGrant,
}

/// What came of reading a value.
struct Checked<'a> {
    declared: Declared<'a>,
    /// Notes on how it is kept, or why it cannot be had.
    came: Result<Vec<String>, SecretFailure>,
}

/// What a run would know of this place.
struct Here {
    account: Account,
    environment: Environment,
    workspace: Option<Inode>,
    profiles: Profiles,
}

impl Secrets {
    pub(super) fn carry_out(self) -> Result<Said, Wrong> {
        let here = Here::look()?;
        match self {
            Self::List(list) => list.carry_out(&here),
            Self::Check(check) => check.carry_out(&here),
        }
    }
}

impl List {
    fn carry_out(&self, here: &Here) -> Result<Said, Wrong> {
        let declared = here.declared();
        let text = if self.json { told::list_as_json(&declared)? } else { told::list(&declared) };
        Ok(Said::well(text))
    }
}

impl Check {
    fn carry_out(&self, here: &Here) -> Result<Said, Wrong> {
        let mut declared = here.declared();
        for name in &self.names {
            if !declared.iter().any(|secret| secret.is_called(name)) {
                return Err(unknown(name, &declared));
            }
        }
        declared.retain(|secret| self.names.is_empty() || self.names.iter().any(|name| secret.is_called(name)));
        secrets::keep_memory_private().map_err(|errno| Wrong(format!("cannot keep memory private: {errno}")))?;
        let checked: Vec<Checked<'_>> = declared.into_iter().map(|secret| here.check(secret)).collect();
        let text = if self.json { told::check_as_json(&checked)? } else { told::check(&checked) };
        Ok(Said { text, code: u8::from(checked.iter().any(|secret| secret.came.is_err())) })
    }
}

impl Here {
    fn look() -> Result<Self, Wrong> {
        let environment = invocation::environment();
        let accounts = Accounts::read();
        let account = accounts.current().map_err(|error| Wrong(describe(&error)))?;
        let cwd = Cwd::open().map_err(|error| Wrong(describe(&error)))?;
        let found = workspace::find(&cwd, &account, &accounts).map_err(|error| Wrong(describe(&error)))?;
        let workspace = match &found.workspace {
            Workspace::Root(root) => Some(root.inode),
            Workspace::None { .. } => None,
        };
        let files = policy_files::read(None, &account, &environment, None).map_err(|error| {
            let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            Wrong(format!("{}{hint}", describe(&error)))
        })?;
        let profiles = Profiles::load(&files.system_profiles, &files.user_profiles)?;
        Ok(Self { account, environment, workspace, profiles })
    }

    /// Every secret that a profile declares, by name.
    fn declared(&self) -> Vec<Declared<'_>> {
        let mut all: Vec<_> = self.profiles.secrets().map(|(profile, grant)| Declared { profile, grant }).collect();
        all.sort_by_key(|secret| (&secret.grant.name, secret.profile));
        all
    }

    /// Reads a value and forgets it at once.
    fn check<'a>(&'a self, declared: Declared<'a>) -> Checked<'a> {
        let owner = Owner { account: &self.account, environment: &self.environment, workspace: self.workspace };
        let SecretGrant { name, source, timeout, .. } = declared.grant;
        let came = secrets::read(name, source, *timeout, owner).map(|value| value.notes);
        Checked { declared, came }
    }
}

impl Declared<'_> {
    fn is_called(&self, name: &str) -> bool {
        self.grant.name.as_bytes() == name.as_bytes()
    }
}

fn unknown(name: &str, declared: &[Declared<'_>]) -> Wrong {
    let names = declared.iter().filter_map(|secret| secret.grant.name.as_str());
    let hint = match nearest(name, names) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`opaque secrets list` says which there are".to_owned(),
    };
    Wrong(format!("no profile declares a secret `{}`\nhint: {hint}", name.escape_debug()))
}
