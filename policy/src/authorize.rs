//! The step from a plan to leave to run it: this plan, by this digest, and no other.

use serde::Serialize;

use crate::approval::{Factor, Obligation};
use crate::decision::{Decision, Denial};
use crate::plan::Plan;

/// A plan that may be carried out.
///
/// Made only by [`authorize`]:
///
/// ```compile_fail
/// fn forge(plan: opaque_policy::plan::Plan) -> opaque_policy::authorize::Authorized {
///     opaque_policy::authorize::Authorized { plan, confirmation: None }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Authorized {
    plan: Plan,
    confirmation: Option<Confirmation>,
}

/// A person's approval of one plan, by its digest. What asked for it, the approver, is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The digest of the plan that was shown.
    pub digest: String,
    /// By which factors the person was told from anybody else.
    pub factors: Vec<Factor>,
}

impl Authorized {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The approval that it took, if any.
    #[must_use]
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
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
    /// The plan was not made from this decision: our own error, refused as such.
    Foreign,
}

/// Authorizes a plan under the decision that it was made from.
///
/// # Errors
/// See [`Unauthorized`]; an `ask` needs a confirmation of exactly this plan, by the factors that it names.
pub fn authorize(
    decision: &Decision,
    plan: Plan,
    confirmation: Option<Confirmation>,
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
    match (decision, confirmation) {
        (Decision::Allow(_), confirmation) => Ok(Authorized { plan, confirmation }),
        (Decision::Ask(permission), Some(confirmation)) if meets(permission.obligations(), &confirmation) => {
            let now = plan.digest();
            if confirmation.digest != now {
                return Err(Unauthorized::Changed { approved: confirmation.digest, now });
            }
            Ok(Authorized { plan, confirmation: Some(confirmation) })
        }
        (Decision::Ask(_) | Decision::Deny(_), _) => Err(Unauthorized::NotApproved {
            digest: plan.digest(),
            rule: permission.rule().to_owned(),
            why: permission.why().map(str::to_owned),
        }),
    }
}

fn meets(obligations: &[Obligation], confirmation: &Confirmation) -> bool {
    obligations.iter().all(|obligation| obligation.factors.are_met_by(&confirmation.factors))
}
