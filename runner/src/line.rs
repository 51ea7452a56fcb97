//! The line, on one screen: invocation, request, decision, plan, authorization, run, outcome.
//!
//! Each value can only be made from the one before it. What goes wrong on the way is a [`Refusal`],
//! which ends the run before the command has started.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::authorize::{self, Unauthorized};
use opaque_policy::decide::{AuditSync, Need, PolicySet, Sight};
use opaque_policy::decision::{Decision, Trace};
use opaque_policy::egress::EndpointName;
use opaque_policy::facts::{Endpoint, HostFacts};
use opaque_policy::lower::{self, RefusalClass};
use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Authority, Plan};
use opaque_policy::principal::Principal;
use opaque_policy::profile::Profiles;
use opaque_policy::request::Request;
use opaque_sys::step::Step;
use serde::Serialize;

use crate::account::{AccountError, Accounts};
use crate::approver;
use crate::bounds;
use crate::digest::Cache;
use crate::endpoints;
use crate::explain;
use crate::flags::Flags;
use crate::host::{self, Known, Look};
use crate::invocation::{self, Invocation, describe};
use crate::journal::{self, Journal};
use crate::launch::{self, Ended, Launch};
use crate::outcome::{Class, Refusal};
use crate::policy_files::checked::Checked;
use crate::policy_files::{self, PolicyFiles};
use crate::prepare;
use crate::process::Process;
use crate::program::Content;
use crate::protect::placeholder::Placeholder;
use crate::protect::quarantine::Quarantine;
use crate::protect::registry::{Registry, Stood};
use crate::report::Destination;
use crate::repository;
use crate::requester;
use crate::workspace::{self, Cwd};

/// Bytes of policy from which on memory is made ready at once.
const LARGE: usize = 16 * 1024;
/// How often a plan is made again when its protected paths change in the meantime.
const ATTEMPTS: u32 = 20;

/// What the line came to.
pub enum Came {
    /// `--plan` or `--explain`: this text goes to standard output.
    Shown(String),
    /// The command ran.
    Ran(Box<Ended>),
}

/// Walks the line.
///
/// # Errors
/// Everything that stops a run before its command has started.
pub fn walk(flags: &Flags, report: Option<&Destination>) -> Result<Came, Refusal> {
    let environment = invocation::environment();
    let accounts = Accounts::read();
    let account = accounts.current().map_err(|error: AccountError| {
        let hint = error.hint();
        Refusal::cannot_build(describe(&error)).hint(hint)
    })?;
    let state = host::state_directory(&account.home, &environment);
    let cwd = Cwd::open()
        .map_err(|error| Refusal::cannot_build(describe(&error)).hint("change to a directory that exists"))?;
    let found = workspace::find(&cwd, &account, &accounts).map_err(|error| Refusal::cannot_build(describe(&error)))?;

    let files = policy_files::read(flags.policy.as_deref(), &account, &environment, found.root.as_ref())
        .map_err(|error| Refusal::cannot_build(describe(&error)).with_hint(error.hint()))?;
    let (policies, profiles) = load(&files, &state)?;

    let cache = Cache::new(state.clone());
    let needs = policies.needs();
    let content = if needs.contains(&Need::ProgramContent) { Content::Hashed(&cache) } else { Content::Unread };
    let Invocation { mut request, opened } = invocation::read(flags, &account, &cwd, &environment, content)?;
    let known = requester::Known {
        needs: &needs,
        coding_agents: policies.coding_agents(),
        environment: &environment,
        cache: &cache,
    };
    requester::tell(&mut request, &known, flags.requester.map(Process::new));
    if needs.contains(&Need::Classes) {
        request.command.classify();
    }
    if needs.contains(&Need::Repository) {
        request.repository = repository::look(found.root.as_ref().map(AsFd::as_fd), &found.workspace);
    }

    let decision = policies.decide(&request, &profiles);
    let registry = Registry::new(&state, &found.workspace);
    let guarded = host::guarded(&account.home, &environment, &state);
    let mut facts = host::facts(Known { account, env: environment, workspace: found.workspace, guarded });
    facts.endpoints = endpoints(flags, &decision, &facts, found.root.as_ref())?;
    let planned = plan(&decision, &request, &facts, &registry)?;
    let notes = [files.notes, found.notes].concat();

    if flags.explain {
        return Ok(Came::Shown(if flags.json {
            explain::decision_json(&decision, planned.as_ref())
        } else {
            explain::decision_text(&decision, planned.as_ref())
        }));
    }
    let Some(mut planned) = planned else {
        let journal = open_journal(flags, &state, &policies, &request.command.cwd)?;
        return Err(record(&journal, &request, &decision, denied(&decision)));
    };
    planned.notes.splice(0..0, notes.iter().cloned());
    let mut attempts = 0;
    let bounds = bounds::choose(&planned.limits, rustix::process::getuid().is_root())?;
    if flags.plan {
        return Ok(Came::Shown(if flags.json {
            explain::plan_json(&planned, &bounds)
        } else {
            explain::plan_text(&planned, &bounds)
        }));
    }
    if let Some(report) = report {
        report.check_outside(&planned)?;
    }
    let journal = open_journal(flags, &state, &policies, &request.command.cwd)?;
    // Before anything stands on the host for this run: a person may take their time.
    let confirmation = match &decision {
        Decision::Ask(permission) => {
            let asked = if flags.unattended {
                Err(approver::unattended(permission))
            } else {
                approver::ask(permission, &planned, &bounds, &state)
            };
            Some(asked.map_err(|refusal| record(&journal, &request, &decision, refusal))?)
        }
        Decision::Allow(_) | Decision::Deny(_) => None,
    };
    let placeholders = loop {
        match registry.stand(&Placeholder::of(&planned.protected)) {
            Ok(Stood::Ready(placeholders)) => break placeholders,
            // Another run or the person changed what was looked at: the plan is made again from what is there now.
            Ok(Stood::Changed(changed)) => {
                attempts += 1;
                if attempts == ATTEMPTS {
                    let names = changed.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `");
                    return Err(Refusal::cannot_build(format!("protected paths keep changing on the host: `{names}`")));
                }
                planned = plan(&decision, &request, &facts, &registry)?.ok_or_else(|| denied(&decision))?;
                planned.notes.splice(0..0, notes.iter().cloned());
            }
            Err(error) => return Err(prepare::failed(Step::Placeholders, &describe(&error))),
        }
    };
    let quarantine = Quarantine::over(&planned, &facts, found.root);
    let authorized = authorize::authorize(&decision, planned, confirmation)
        .map_err(|unauthorized| record(&journal, &request, &decision, refusal_of(unauthorized)))?;
    let launch = Launch { authorized, bounds, cwd: cwd.inode, placeholders, journal, program: opened, quarantine };
    launch::launch(launch).map(|ended| Came::Ran(Box::new(ended)))
}

fn load(files: &PolicyFiles, state: &AbsPath) -> Result<(PolicySet, Profiles), Refusal> {
    let wrong = |error: opaque_policy::load::LoadError| Refusal::cannot_build(error.to_string());
    let checked = Checked::of(&files.policies, state);
    let sight = checked.sight();
    // A parsed rule takes some twenty times the memory of its text.
    let text: usize = files.policies.system.iter().chain(&files.policies.user).map(|file| file.bytes.len()).sum();
    if text > LARGE {
        opaque_sys::arena::populate(text * 22);
    }
    let policies = PolicySet::load_known(&files.policies, checked.digest().to_owned(), sight).map_err(wrong)?;
    if sight == Sight::First {
        checked.remember();
    }
    let profiles = Profiles::load(&files.system_profiles, &files.user_profiles).map_err(wrong)?;
    Ok((policies, profiles))
}

/// What the endpoints come to that a decision grants.
fn endpoints(
    flags: &Flags,
    decision: &Decision,
    facts: &HostFacts,
    workspace: Option<&OwnedFd>,
) -> Result<BTreeMap<EndpointName, Endpoint>, Refusal> {
    let grants = match decision {
        Decision::Allow(permission) | Decision::Ask(permission) => permission.grants(),
        Decision::Deny(_) => return Ok(BTreeMap::new()),
    };
    let known = endpoints::Known {
        account: &facts.account,
        environment: Some(&facts.env),
        workspace: &facts.workspace,
        opened: workspace.map(AsFd::as_fd),
        grants,
        asking: endpoints::Asking { policy: flags.policy.as_deref(), journal: flags.journal.as_deref() },
    };
    endpoints::resolve(grants.network.endpoints(), known)
        .map_err(|error| Refusal::cannot_build(describe(&error)).with_hint(error.hint()))
}

/// The plan under a decision that permits; `None` under one that denies.
fn plan(
    decision: &Decision,
    request: &Request,
    known: &HostFacts,
    registry: &Registry,
) -> Result<Option<Plan>, Refusal> {
    let permission = match decision {
        Decision::Allow(permission) | Decision::Ask(permission) => permission,
        Decision::Deny(_) => return Ok(None),
    };
    let grants = permission.grants();
    let standing = registry.standing().map_err(|error| prepare::failed(Step::Placeholders, &describe(&error)))?;
    let mut facts = known.clone();
    let mut look = Look::new(standing);
    let questions = lower::questions(grants, &facts);
    facts.answer(questions, |path| look.at(path));
    permission
        .check_links(&facts)
        .map_err(|denial| Refusal::new(Class::Denied, denial.to_string()).with_hint(denial.hint()))?;
    let authority = Authority {
        profile: grants.profile.clone(),
        profile_digest: grants.profile_digest.clone(),
        policy_digest: permission.policy_digest().to_owned(),
        rule: permission.rule().to_owned(),
    };
    lower::lower(grants, authority, request, &facts).map(Some).map_err(|refusal| {
        let class = match refusal.class {
            RefusalClass::Denied => Class::Denied,
            RefusalClass::NotVisible => Class::NotFound,
            RefusalClass::Unbuildable => Class::CannotBuild,
        };
        Refusal::new(class, refusal.what).with_hint(refusal.hint)
    })
}

fn open_journal(flags: &Flags, state: &AbsPath, policies: &PolicySet, cwd: &AbsPath) -> Result<Journal, Refusal> {
    let path = match &flags.journal {
        Some(given) => invocation::absolute("--journal", given, cwd)?,
        None => state.join("journal").map_err(|error| Refusal::cannot_build(describe(&error)))?,
    };
    let sync = match policies.audit().sync {
        AuditSync::Process => journal::Sync::Process,
        AuditSync::Disk => journal::Sync::Disk,
    };
    Journal::open(path, sync).map_err(|error| launch::journal_refusal(&error))
}

/// Records a refusal by policy with its whole trace; a refusal that cannot be recorded is still one.
fn record(journal: &Journal, request: &Request, decision: &Decision, refusal: Refusal) -> Refusal {
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
    let refused = Refused {
        class: refusal.class,
        principal: &request.principal,
        program: &request.command.program.path,
        arguments: request.command.argv.len(),
        cwd: &request.command.cwd,
        message: &refusal.message,
        trace: decision.trace(),
    };
    match journal.refuse(&refused) {
        Ok(_) => refusal,
        Err(error) => {
            let hint = format!("this refusal is not recorded: {}", describe(&error));
            refusal.hint(hint)
        }
    }
}

fn denied(decision: &Decision) -> Refusal {
    match decision {
        Decision::Deny(denial) => Refusal::new(Class::Denied, denial.to_string()).with_hint(denial.hint()),
        Decision::Allow(_) | Decision::Ask(_) => Refusal::new(Class::Denied, "the decision carries no grants"),
    }
}

fn refusal_of(unauthorized: Unauthorized) -> Refusal {
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
        Unauthorized::Foreign => Refusal::cannot_build("the plan was not made from this decision"),
    }
}
