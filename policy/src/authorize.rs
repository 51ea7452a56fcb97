//! The step from a plan to leave to run it: this plan, by this digest, and no other.

use crate::decision::{Decision, Denial};
use crate::plan::Plan;

/// A plan that may be carried out.
///
/// Made only by [`authorize`]:
///
/// ```compile_fail
/// fn forge(plan: opaque_policy::plan::Plan) -> opaque_policy::authorize::Authorized {
///     opaque_policy::authorize::Authorized { plan }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Authorized {
    plan: Plan,
}

impl Authorized {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
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
    /// The plan was not made from this decision: our own error, refused as such.
    Foreign,
}

/// Authorizes a plan under the decision that it was made from.
///
/// # Errors
/// See [`Unauthorized`]; an `ask` needs an approver, and this version has none.
pub fn authorize(decision: &Decision, plan: Plan) -> Result<Authorized, Unauthorized> {
    match decision {
        Decision::Allow(permission) => {
            let is_of_this_decision = plan.authority.rule == permission.rule()
                && plan.authority.policy_digest == permission.policy_digest()
                && plan.authority.profile_digest == permission.grants().profile_digest;
            if !is_of_this_decision {
                return Err(Unauthorized::Foreign);
            }
            Ok(Authorized { plan })
        }
        Decision::Ask(permission) => Err(Unauthorized::NotApproved {
            digest: plan.digest(),
            rule: permission.rule().to_owned(),
            why: permission.why().map(str::to_owned),
        }),
        Decision::Deny(denial) => Err(Unauthorized::Denied(Box::new(denial.clone()))),
    }
}
