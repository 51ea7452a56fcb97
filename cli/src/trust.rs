//! `opaque trust`: lets a repository's `[request]` count as if the person had typed it. Shows the whole file first, and
//! takes the word of nobody but the person at the terminal.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::sources::{PolicySources, Sight};
use opaque_policy::text::Text;
use opaque_runner::account::{Accounts, coding_agent};
use opaque_runner::confirmation;
use opaque_runner::host;
use opaque_runner::invocation::{self, describe};
use opaque_runner::trust::{self, Trusted};
use opaque_runner::workspace::{self, Cwd};

use crate::Wrong;
use crate::file::at;

#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Directory of the repository instead of the one around the working directory
    #[arg(value_name = "DIRECTORY", conflicts_with = "list")]
    directory: Option<PathBuf>,
    /// Take it back
    #[arg(long)]
    revoke: bool,
    /// Say what is trusted
    #[arg(long, conflicts_with = "revoke")]
    list: bool,
}

impl Trust {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let environment = invocation::environment();
        let accounts = Accounts::read();
        let account = accounts.current().map_err(|error| Wrong(describe(&error)))?;
        let state = host::state_directory(&account.home, &environment);
        let trust = trust::Trust::below(&state)?;
        if self.list {
            return list(&trust);
        }
        if let Some(directory) = &self.directory {
            std::env::set_current_dir(directory).map_err(|error| at(directory, error))?;
        }
        let cwd = Cwd::open().map_err(|error| Wrong(describe(&error)))?;
        let found = workspace::find(&cwd, &account, &accounts).map_err(|error| Wrong(describe(&error)))?;
        let Some(repository) = found.repository() else {
            let notes = found.notes.join("; ");
            return Err(Wrong(format!("there is no workspace here, so no `.opaque.toml`: {notes}")));
        };
        let path = repository.file();
        if self.revoke {
            let was = trust.forget(&path).map_err(|errno| Wrong(format!("cannot forget `{path}`: {errno}")))?;
            return Ok(if was {
                format!("`{path}` is not trusted any more\n")
            } else {
                format!("`{path}` was not trusted\n")
            });
        }
        let source = repository.read().map_err(|error| Wrong(describe(&error)))?;
        let Some(source) = source else { return Err(Wrong(format!("there is no `{path}`"))) };
        let trusted = Trusted::new(path, &source.bytes);
        let text = String::from_utf8_lossy(&source.bytes).into_owned();
        let home = account.home.clone();
        let sources = PolicySources { home, system: Vec::new(), user: Vec::new(), repo: Some(source) };
        let policies = PolicySet::load(&sources, Sight::First)?;
        if policies.repo_request().is_none() {
            return Ok(format!(
                "`{}` has no `[request]`: there is nothing to trust, and its rules hold without it\n",
                trusted.path
            ));
        }
        if trust.has(&trusted).map_err(|error| Wrong(describe(&error)))? {
            return Ok(format!("`{}` is trusted as it is\n", trusted.path));
        }
        let agent = coding_agent(&environment, &[]);
        let _confirmed = confirmation::confirm(&question(&trusted, &text), "trust it", agent.as_ref(), &state)
            .map_err(|unconfirmed| Wrong(format!("not trusted: {unconfirmed}")))?;
        trust.remember(&trusted).map_err(|errno| Wrong(format!("cannot remember it: {errno}")))?;
        Ok(format!("`{}` is trusted until it changes\n", trusted.path))
    }
}

fn list(trust: &trust::Trust) -> Result<String, Wrong> {
    let all = trust.all().map_err(|error| Wrong(describe(&error)))?;
    let state = |trusted: &Trusted| match std::fs::read(trusted.path.as_path()) {
        Ok(bytes) if Trusted::new(trusted.path.clone(), &bytes) == *trusted => "trusted",
        Ok(_) => "changed since, so not trusted",
        Err(_) => "cannot be read",
    };
    Ok(all.values().map(|trusted| format!("{}: {}\n", trusted.path, state(trusted))).collect())
}

/// The whole file, each line as text that cannot drive the terminal.
fn question(trusted: &Trusted, text: &str) -> String {
    let mut question = format!("\nopaque: `{}` (sha256 {}) says:\n\n", trusted.path, trusted.sha256);
    for line in text.lines() {
        let _ = writeln!(question, "  {}", Text::from(line));
    }
    question + "\nIts `[request]` would count in each run here as if you had typed it, until the file changes.\n"
}
