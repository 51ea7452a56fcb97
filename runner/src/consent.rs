//! How a run that policy asks about comes to be approved: beforehand, for its intent, or by the person at the terminal.
//!
//! Approvals given beforehand come from `/etc/opaque/approved.toml`, or from the file that `--approved` names. INVARIANT:
//! nobody but root can have written them, so no job approves itself.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use opaque_policy::authorize::{Beforehand, Consent};
use opaque_policy::decision::Permission;
use opaque_policy::document::SourceFile;
use opaque_policy::intent::{Intent, NoIntent};
use opaque_policy::load;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::Plan;
use opaque_policy::text::Text;
use rustix::fs::{Mode, OFlags};

use crate::approver;
use crate::bounds::Bounds;
use crate::invocation::describe;
use crate::outcome::Refusal;
use crate::policy_files::error::PolicyFileError;
use crate::policy_files::walk::Walk;

/// Where the machine's owner approves beforehand.
const APPROVED: &str = "/etc/opaque/approved.toml";
/// Longest file.
const LONGEST: usize = 1 << 20;

/// Who may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attended {
    /// The person at the terminal.
    ByPerson,
    /// Nobody.
    ByNobody,
}

/// What an approval is about, and where it may come from.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    /// What policy permits once it is approved.
    pub permission: &'a Permission,
    /// What would run.
    pub plan: &'a Plan,
    /// How its limits would be kept.
    pub bounds: &'a Bounds,
    /// What it would be called in a file of approvals.
    pub intent: &'a Result<Intent, NoIntent>,
    /// The file that `--approved` names.
    pub approved: Option<&'a Path>,
    /// Who may be asked.
    pub attended: Attended,
    /// The coding agent that stands between this run and a person.
    pub coding_agent: Option<Text>,
    /// Where questions take turns.
    pub state: &'a AbsPath,
}

/// Gets the approval.
///
/// # Errors
/// The refusal: nobody approves (exit code 121), or a file of approvals cannot be used (125).
pub fn obtain(asking: &Asking<'_>) -> Result<Consent, Refusal> {
    let permission = asking.permission;
    let short = Beforehand::falls_short_of(permission);
    if let (None, Ok(intent)) = (short, asking.intent)
        && let Some(beforehand) = beforehand(intent, asking.approved)?
    {
        return Ok(Consent::Beforehand(beforehand));
    }
    match asking.attended {
        Attended::ByPerson => approver::ask(asking).map(Consent::Confirmed),
        Attended::ByNobody => Err(approver::unattended(
            permission,
            &match (short, asking.intent) {
                (Some(short), _) => format!("approve it at a terminal: beforehand it cannot be approved, as {short}"),
                (None, Err(why)) => format!("approve it at a terminal: beforehand it cannot be approved, as {why}"),
                (None, Ok(intent)) => {
                    format!("approve it beforehand in {APPROVED}: its intent is {intent}; or run it at a terminal")
                }
            },
        )),
    }
}

fn beforehand(intent: &Intent, named: Option<&Path>) -> Result<Option<Beforehand>, Refusal> {
    let unusable = |error: PolicyFileError| Refusal::cannot_build(describe(&error)).with_hint(hint(&error));
    let path = named.map_or(APPROVED.as_bytes(), |named| named.as_os_str().as_bytes());
    let cwd = rustix::process::getcwd(Vec::with_capacity(256)).unwrap_or_default();
    let path = if path.starts_with(b"/") { path.to_vec() } else { [cwd.as_bytes(), b"/", path].concat() };
    let file = String::from_utf8_lossy(&path).into_owned();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open("/", flags, Mode::empty())
        .map_err(|source| unusable(PolicyFileError::Open { path: "/".to_owned(), source }))?;
    // Root alone: what the caller can write the caller could approve.
    let walk = Walk { root: root.as_fd(), uid: 0, outside: None };
    let Some(bytes) = walk.file(&path, LONGEST).map_err(unusable)? else {
        return match named {
            Some(_) => Err(unusable(PolicyFileError::Missing { path: file })),
            None => Ok(None),
        };
    };
    let given =
        load::approved(&SourceFile { file, bytes }).map_err(|error| Refusal::cannot_build(error.to_string()))?;
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    Ok(given.into_iter().find(|given| given.approves(intent, &now)))
}

fn hint(error: &PolicyFileError) -> Option<String> {
    let PolicyFileError::Owner { path, .. } = error else { return error.hint() };
    Some(format!("approvals count only where root alone can write: chown root {path}, or keep them in {APPROVED}"))
}
