//! Takes the time of decisions: one process, every contestant once a round, many decisions in each turn.

use std::hint::black_box;
use std::str::FromStr;
use std::time::Instant;

use cedar_policy::{Authorizer, Entities};
use opaque_policy::decision::Decision;
use opaque_policy::document::SourceFile;
use opaque_policy::path::AbsPath;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::Profiles;
use opaque_policy::request::Request;
use opaque_policy::sources::{PolicySources, Sight};
use opaque_tests::bench::Outcome;

use crate::policies::{self, Shape};

/// One engine with one policy, ready to decide.
pub(crate) enum Engine {
    Opaque {
        policies: PolicySet,
        profiles: Profiles,
        request: Box<Request>,
    },
    Cedar {
        authorizer: Authorizer,
        policies: cedar_policy::PolicySet,
        request: cedar_policy::Request,
        entities: Entities,
    },
}

impl Engine {
    pub(crate) fn opaque(shape: Shape, rules: usize) -> Outcome<Self> {
        let files = policies::canonical(shape, rules).into_iter().enumerate();
        let user = files.map(|(index, text)| SourceFile { file: format!("{index}.toml"), bytes: text.into_bytes() });
        let sources =
            PolicySources { home: AbsPath::new("/home/ann")?, system: Vec::new(), user: user.collect(), repo: None };
        let policies = PolicySet::load(&sources, Sight::First)?;
        Ok(Self::Opaque { policies, profiles: Profiles::built_in(), request: Box::new(policies::request()?) })
    }

    pub(crate) fn cedar(shape: Shape, rules: usize) -> Outcome<Self> {
        let policies = cedar_policy::PolicySet::from_str(&policies::cedar(shape, rules))?;
        let (request, entities) = policies::cedar_request()?;
        Ok(Self::Cedar { authorizer: Authorizer::new(), policies, request, entities })
    }

    /// True when the request may run.
    fn permits(&self) -> bool {
        match self {
            Self::Opaque { policies, profiles, request } => {
                matches!(black_box(policies.decide(black_box(request), profiles)), Decision::Allow(_))
            }
            Self::Cedar { authorizer, policies, request, entities } => {
                let response = black_box(authorizer.is_authorized(black_box(request), policies, entities));
                // Where it errs it leaves the policy out, and would be faster than it is.
                response.decision() == cedar_policy::Decision::Allow && response.diagnostics().errors().next().is_none()
            }
        }
    }

    /// Nanoseconds for one decision, over so many. Each is held against the answer that both engines have to give.
    pub(crate) fn time(&self, decisions: u32) -> Outcome<f64> {
        let start = Instant::now();
        let permitted = (0..decisions).filter(|_| self.permits()).count();
        let elapsed = start.elapsed();
        if permitted != decisions as usize {
            return Err("an engine gave another answer than the one that the policy means".into());
        }
        Ok(elapsed.as_nanos() as f64 / f64::from(decisions))
    }
}
