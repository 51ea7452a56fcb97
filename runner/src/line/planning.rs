//! From a decision to a plan of what this host can give, made again when the host changes under it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::decision::Decision;
use opaque_policy::egress::EndpointName;
use opaque_policy::facts::{Endpoint, HostFacts};
use opaque_policy::lower::{self, RefusalClass};
use opaque_policy::plan::{Authority, Plan};
use opaque_policy::request::{Inode, Request};
use opaque_sys::step::Step;

use super::place::Place;
use crate::endpoints;
use crate::flags::Flags;
use crate::host::{self, Known, Look};
use crate::invocation::describe;
use crate::outcome::{Class, Refusal};
use crate::prepare;
use crate::protect::placeholder::Placeholder;
use crate::protect::registry::{Placeholders, Registry, Stood};

/// How often a plan is made again when its protected paths change in the meantime.
const ATTEMPTS: u32 = 20;

pub(super) struct Planning<'a> {
    decision: &'a Decision,
    request: &'a Request,
    registry: Registry,
    notes: Vec<String>,
    pub(super) facts: HostFacts,
    /// The workspace's root, opened.
    pub(super) root: Option<OwnedFd>,
    pub(super) cwd: Inode,
}

impl<'a> Planning<'a> {
    /// Looks at what every plan under this decision needs.
    pub(super) fn begin(
        place: Place,
        flags: &Flags,
        request: &'a Request,
        decision: &'a Decision,
        untrusted: Option<String>,
    ) -> Result<Self, Refusal> {
        let Place { environment, account, state, cwd, found } = place;
        let registry = Registry::new(&state, &found.workspace);
        let guarded = host::guarded(&account.home, &environment, &state);
        let mut facts = host::facts(Known { account, env: environment, workspace: found.workspace, guarded });
        facts.endpoints = endpoints(flags, decision, &facts, found.root.as_ref())?;
        let notes = untrusted.into_iter().chain(found.notes).collect();
        Ok(Self { decision, request, registry, notes, facts, root: found.root, cwd: cwd.inode })
    }

    /// The plan under a decision that permits; `None` under one that denies.
    pub(super) fn plan(&self) -> Result<Option<Plan>, Refusal> {
        let permission = match self.decision {
            Decision::Allow(permission) | Decision::Ask(permission) => permission,
            Decision::Deny(_) => return Ok(None),
        };
        let grants = permission.grants();
        let standing =
            self.registry.standing().map_err(|error| prepare::failed(Step::Placeholders, &describe(&error)))?;
        let mut facts = self.facts.clone();
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
        let mut plan = lower::lower(grants, authority, self.request, &facts).map_err(|refusal| {
            let class = match refusal.class {
                RefusalClass::Denied => Class::Denied,
                RefusalClass::NotVisible => Class::NotFound,
                RefusalClass::Unbuildable => Class::CannotBuild,
            };
            Refusal::new(class, refusal.what).with_hint(refusal.hint)
        })?;
        plan.notes.splice(0..0, self.notes.iter().cloned());
        Ok(Some(plan))
    }

    /// Puts something in the place of every protected path that does not exist, and gives back the plan that is true then.
    pub(super) fn stand(&self, mut plan: Plan) -> Result<(Plan, Placeholders), Refusal> {
        let mut attempts = 0;
        loop {
            match self.registry.stand(&Placeholder::of(&plan.protected)) {
                Ok(Stood::Ready(placeholders)) => return Ok((plan, placeholders)),
                // Another run or the person changed what was looked at: the plan is made again from what is there now.
                Ok(Stood::Changed(changed)) => {
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        let names = changed.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `");
                        let message = format!("protected paths keep changing on the host: `{names}`");
                        return Err(Refusal::cannot_build(message));
                    }
                    // INVARIANT: there was a plan, so this decision permits.
                    if let Some(again) = self.plan()? {
                        plan = again;
                    }
                }
                Err(error) => return Err(prepare::failed(Step::Placeholders, &describe(&error))),
            }
        }
    }
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
