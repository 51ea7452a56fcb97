//! What a run shows of its output: whether it has to be carried, and what is done to it then.

use opaque_policy::output::{CiMasks, Sequences, Show};
use opaque_policy::plan::Plan;
use opaque_policy::secret::Masking;
use opaque_redact::Rules;

use crate::held::Held;
use crate::outcome::Refusal;
use crate::relay::Relay;
use crate::streams::Output;
use crate::treatment::Treatment;

/// What is done to the output of one run.
pub struct Shown {
    rules: Rules,
    output: Output,
    sequences: Sequences,
    is_withheld: bool,
}

impl Shown {
    /// What the plan wants, with the values that are masked.
    ///
    /// # Errors
    /// Something cannot be masked.
    pub fn of(plan: &Plan, held: &Held) -> Result<Self, Refusal> {
        if Self::is_carried(plan) {
            // What masks is made of much that is not kept: from here on memory that is given back is used again.
            opaque_sys::arena::retire();
        }
        Ok(Self {
            rules: held.rules(&plan.output)?,
            output: if Self::is_carried(plan) { Output::Carried } else { Output::Direct },
            sequences: plan.output.sequences,
            is_withheld: plan.output.show == Show::Nothing,
        })
    }

    /// True when every byte of output passes the supervisor.
    #[must_use]
    pub fn is_carried(plan: &Plan) -> bool {
        let masks = plan.secrets.iter().any(|secret| secret.masking != Masking::Unmasked);
        let shows = match plan.output.show {
            Show::All => false,
            Show::MaskedSecrets => masks,
            Show::MaskedSecretsAndPatterns | Show::Nothing => true,
        };
        shows
            || plan.limits.output.is_some()
            || plan.output.sequences == Sequences::Filter
            || plan.output.ci != CiMasks::None
    }

    /// Whether output has to be carried.
    #[must_use]
    pub fn needs(&self) -> Output {
        self.output
    }

    /// Has streams of output, from which nothing has come yet, carried as this run shows it.
    pub fn treat(&self, streams: &mut [Relay]) {
        for relay in streams {
            if self.is_withheld {
                relay.cut_off();
            } else {
                relay.treat(Treatment::of(&self.rules, self.sequences, relay.watched_by()));
            }
        }
    }
}
