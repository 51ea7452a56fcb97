//! The step from a plan to leave to run it: this plan, by this digest, and no other.

use serde::Serialize;

use crate::approval::{Approval, Factor, Obligation};
use crate::decision::{Decision, Denial, Permission};
use crate::intent::{Intent, NoIntent};
use crate::plan::Plan;
use crate::request::Request;

/// A plan that may be carried out.
///
/// Made only by [`authorize`]:
///
/// ```compile_fail
/// fn forge(plan: opaque_policy::plan::Plan) -> opaque_policy::authorize::Authorized {
///     opaque_policy::authorize::Authorized { plan, consent: None }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Authorized {
    plan: Plan,
    consent: Option<Consent>,
}

/// How a plan came to be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// A person approved this very plan.
    Confirmed(Confirmation),
    /// The machine's owner approved it before it was asked for.
    Beforehand(Beforehand),
}

/// A person's approval of one plan, by its digest. What asked for it, the approver, is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The digest of the plan that was shown.
    pub digest: String,
    /// By which factors the person was told from anybody else.
    pub factors: Vec<Factor>,
}

/// An approval of everything with one intent, until a time. Where it was read from, the machine's own files, is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beforehand {
    /// What is approved.
    pub intent: Intent,
    /// Until when: `YYYY-MM-DDTHH:MM:SSZ`.
    pub expires: String,
}

impl Beforehand {
    /// True for an approval of this that has not expired at this time, which is written in the same form.
    #[must_use]
    pub fn approves(&self, intent: &Intent, now: &str) -> bool {
        self.intent == *intent && now < self.expires.as_str()
    }

    /// What this permission wants that no approval beforehand gives: each single run approved, or runs counted.
    #[must_use]
    pub fn falls_short_of(permission: &Permission) -> Option<&'static str> {
        let obligations = permission.obligations();
        if obligations.iter().any(|obligation| obligation.require == Approval::Always) {
            return Some("it asks every time (`require = \"always\"`)");
        }
        obligations.iter().any(|obligation| obligation.budget.is_some()).then_some("it counts its runs (`budget`)")
    }
}

impl Authorized {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The approval that it took, if any.
    #[must_use]
    pub fn consent(&self) -> Option<&Consent> {
        self.consent.as_ref()
    }

    /// The digest that was authorized and that the journal records; computed from the plan at each call.
    #[must_use]
    pub fn digest(&self) -> String {
        self.plan.digest()
    }
}

/// Why a plan may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Unauthorized {
    /// Policy denies the request.
    Denied(Box<Denial>),
    /// Policy asks for an approval of the plan with this digest, and nobody gave it.
    NotApproved {
        /// The digest that an approver would have to name.
        digest: String,
        /// The rule that asks.
        rule: String,
        /// What that rule's author wants the person to read.
        why: Option<String>,
    },
    /// The plan is not the one that was approved any more.
    Changed {
        /// The digest that was approved.
        approved: String,
        /// The digest of the plan as it is now.
        now: String,
    },
    /// The run does not have the intent that was approved beforehand.
    AnotherIntent {
        /// The intent that was approved.
        approved: Intent,
        /// The run's own.
        now: Result<Intent, NoIntent>,
    },
    /// The plan was not made from this decision: our own error, refused as such.
    Foreign,
}

/// Authorizes a plan under the decision that it was made from, for the request that it answers.
///
/// # Errors
/// See [`Unauthorized`]; an `ask` needs a confirmation of exactly this plan by the factors that it names, or an approval
/// beforehand of exactly its intent.
pub fn authorize(
    decision: &Decision,
    request: &Request,
    plan: Plan,
    consent: Option<Consent>,
) -> Result<Authorized, Unauthorized> {
    let permission = match decision {
        Decision::Allow(permission) | Decision::Ask(permission) => permission,
        Decision::Deny(denial) => return Err(Unauthorized::Denied(Box::new(denial.clone()))),
    };
    let is_of_this_decision = plan.authority.rule == permission.rule()
        && plan.authority.policy_digest == permission.policy_digest()
        && plan.authority.profile_digest == permission.grants().profile_digest;
    if !is_of_this_decision {
        return Err(Unauthorized::Foreign);
    }
    match (decision, &consent) {
        (Decision::Allow(_), _) => {}
        (Decision::Ask(permission), Some(Consent::Confirmed(confirmation)))
            if meets(permission.obligations(), confirmation) =>
        {
            let now = plan.digest();
            if confirmation.digest != now {
                return Err(Unauthorized::Changed { approved: confirmation.digest.clone(), now });
            }
        }
        (Decision::Ask(permission), Some(Consent::Beforehand(beforehand)))
            if Beforehand::falls_short_of(permission).is_none() =>
        {
            let now = Intent::of(&plan, permission, request);
            if now.as_ref() != Ok(&beforehand.intent) {
                return Err(Unauthorized::AnotherIntent { approved: beforehand.intent.clone(), now });
            }
        }
        (Decision::Ask(_) | Decision::Deny(_), _) => {
            return Err(Unauthorized::NotApproved {
                digest: plan.digest(),
                rule: permission.rule().to_owned(),
                why: permission.why().map(str::to_owned),
            });
        }
    }
    Ok(Authorized { plan, consent })
}

fn meets(obligations: &[Obligation], confirmation: &Confirmation) -> bool {
    obligations.iter().all(|obligation| obligation.factors.are_met_by(&confirmation.factors))
}
