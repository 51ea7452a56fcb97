//! Refusals by policy go on record with the request, the answer and its whole trace. A refusal that cannot be recorded is
//! still one.

use opaque_policy::audit::AuditSync;
use opaque_policy::authorize::Unauthorized;
use opaque_policy::decision::{Decision, Trace};
use opaque_policy::path::AbsPath;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::principal::Principal;
use opaque_policy::request::Request;
use serde::Serialize;

use crate::flags::Flags;
use crate::invocation::{self, describe};
use crate::journal::{self, Decided, Journal};
use crate::launch;
use crate::outcome::{Class, Refusal};

/// What every record about one request says.
pub(super) struct Recording<'a> {
    pub(super) flags: &'a Flags,
    pub(super) state: &'a AbsPath,
    pub(super) policies: &'a PolicySet,
    pub(super) request: &'a Request,
    pub(super) decision: &'a Decision,
    pub(super) decided: &'a Decided,
}

#[derive(Serialize)]
struct Refused<'a> {
    class: Class,
    principal: &'a Principal,
    program: &'a AbsPath,
    arguments: usize,
    cwd: &'a AbsPath,
    message: &'a str,
    trace: &'a Trace,
}

impl Recording<'_> {
    /// Opens the journal.
    pub(super) fn journal(&self) -> Result<Journal, Refusal> {
        let path = match &self.flags.journal {
            Some(given) => invocation::absolute("--journal", given, &self.request.command.cwd)?,
            None => self.state.join("journal").map_err(|error| Refusal::cannot_build(describe(&error)))?,
        };
        let sync = match self.policies.audit().sync {
            AuditSync::Process => journal::Sync::Process,
            AuditSync::Disk => journal::Sync::Disk,
        };
        Journal::open(path, sync).map_err(|error| launch::journal_refusal(&error))
    }

    /// Records a refusal in a journal that is opened for it; without one, that is the refusal.
    pub(super) fn refused(&self, refusal: Refusal) -> Refusal {
        match self.journal() {
            Ok(journal) => self.refuse(&journal, refusal),
            Err(unopened) => unopened,
        }
    }

    /// Records a refusal.
    pub(super) fn refuse(&self, journal: &Journal, refusal: Refusal) -> Refusal {
        let refused = Refused {
            class: refusal.class,
            principal: &self.request.principal,
            program: &self.request.command.program.path,
            arguments: self.request.command.argv.len(),
            cwd: &self.request.command.cwd,
            message: &refusal.message,
            trace: self.decision.trace(),
        };
        match journal.refuse(&refused, self.decided) {
            Ok(_) => refusal,
            Err(error) => {
                let hint = format!("this refusal is not recorded: {}", describe(&error));
                refusal.hint(hint)
            }
        }
    }
}

/// What is said of a decision that denies.
pub(super) fn denied(decision: &Decision) -> Refusal {
    match decision {
        Decision::Deny(denial) => Refusal::new(Class::Denied, denial.to_string()).with_hint(denial.hint()),
        Decision::Allow(_) | Decision::Ask(_) => Refusal::new(Class::Denied, "the decision carries no grants"),
    }
}

/// What is said of a plan that got no leave.
pub(super) fn unauthorized(unauthorized: Unauthorized) -> Refusal {
    match unauthorized {
        Unauthorized::Denied(denial) => Refusal::new(Class::Denied, denial.to_string()),
        Unauthorized::NotApproved { digest, rule, why } => {
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            Refusal::new(Class::NotApproved, format!("`{rule}` asks for an approval, which nobody gave{why}"))
                .hint(format!("the plan that would have to be approved is {digest}; see it with --plan"))
        }
        Unauthorized::Changed { approved, now } => {
            Refusal::new(Class::NotApproved, "what would run is not what was approved any more")
                .hint(format!("the approved plan was {approved}, it is {now} now: run the command again"))
        }
        Unauthorized::AnotherIntent { approved, now } => {
            let now = now.map_or_else(|why| why.to_string(), |now| format!("it is {now} now"));
            Refusal::new(Class::NotApproved, "what would run is not what was approved beforehand any more")
                .hint(format!("the approved intent was {approved}; {now}"))
        }
        Unauthorized::Foreign => Refusal::cannot_build("the plan was not made from this decision"),
    }
}
