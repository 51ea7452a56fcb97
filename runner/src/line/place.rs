//! Where a run happens: caller, environment, working directory, workspace. Looked at once, before anything is read there.

use opaque_policy::facts::Account;
use opaque_policy::path::AbsPath;

use crate::account::{AccountError, Accounts};
use crate::host;
use crate::invocation::{self, Environment, describe};
use crate::outcome::Refusal;
use crate::workspace::{self, Cwd, Found};

pub(super) struct Place {
    pub(super) environment: Environment,
    pub(super) account: Account,
    /// Where journal, marks and trust are kept.
    pub(super) state: AbsPath,
    pub(super) cwd: Cwd,
    pub(super) found: Found,
}

impl Place {
    /// Looks.
    pub(super) fn find() -> Result<Self, Refusal> {
        let environment = invocation::environment();
        let accounts = Accounts::read();
        let account = accounts.current().map_err(|error: AccountError| {
            let hint = error.hint();
            Refusal::cannot_build(describe(&error)).hint(hint)
        })?;
        let state = host::state_directory(&account.home, &environment);
        let cwd = Cwd::open()
            .map_err(|error| Refusal::cannot_build(describe(&error)).hint("change to a directory that exists"))?;
        let found =
            workspace::find(&cwd, &account, &accounts).map_err(|error| Refusal::cannot_build(describe(&error)))?;
        Ok(Self { environment, account, state, cwd, found })
    }
}
