//! Decides what a request may do. Total: every request gets an answer, never an error. Reads no
//! disk, clock or environment.
//!
//! In a layer the first rule that matches wins; across layers the strictest answer wins. Where two
//! layers permit, both ceilings hold and the stricter approval is needed.

use std::sync::Arc;

use crate::approval::{Approval, Obligation};
use crate::ceiling::Run;
use crate::decision::{Decision, Denial, Excess, Permission, Reason, Trace};
use crate::document::nearest;
use crate::environment::is_loader_variable;
use crate::grants::{Grant, Grants, Origin, Place};
use crate::layer::{By, Layer, LayerName, Vote};
use crate::limits::Limits;
use crate::matcher::question::Question;
use crate::path::AbsPath;
use crate::policy_set::PolicySet;
use crate::profile::{DEFAULT_PROFILE, Profiles};
use crate::reach::Reach;
use crate::redacted::hidden_flags;
use crate::request::{Asked, Request};
use crate::rule::Action;
use crate::secret::SecretGrant;

impl PolicySet {
    /// Decides what a request may do.
    pub fn decide(&self, request: &Request, profiles: &Profiles) -> Decision {
        let question = Question::new(request);
        self.settle(self.layers.iter().map(|layer| layer.vote(&question)).collect(), request, profiles)
    }

    /// What these votes, one of each layer, come to.
    pub(crate) fn settle(&self, votes: Vec<Vote>, request: &Request, profiles: &Profiles) -> Decision {
        let outcome = self.conclude(&Cast::new(&self.layers, &votes), request, profiles);
        let trace = Trace { layers: Arc::clone(&self.layers), votes, request: Box::new(request.clone()) };
        match outcome {
            Ok(Granted { grants, reaches, obligations, rule, why }) => {
                let policy_digest = self.digest.clone();
                let permission = Permission { grants, reaches, rule, why, obligations, policy_digest, trace };
                match permission.approval() {
                    Approval::Never => Decision::Allow(permission),
                    Approval::FirstUse | Approval::Always => Decision::Ask(permission),
                }
            }
            Err(Refused { rule, why, reason }) => Decision::Deny(Denial { rule, why, reason, trace }),
        }
    }

    fn conclude(&self, cast: &Cast<'_>, request: &Request, profiles: &Profiles) -> Result<Granted, Refused> {
        let strictest = cast
            .strictest()
            .filter(|answer| answer.action == Action::Deny || cast.is_permitted())
            .ok_or_else(|| Refused {
                rule: self.layers.first().map_or_else(String::new, |layer| layer.label(By::Default)),
                why: None,
                reason: Reason::NoOpinion,
            })?;
        let rule = strictest.layer.label(strictest.by);
        let why = strictest.layer.rule(strictest.by).and_then(|rule| rule.why.clone());
        if strictest.action == Action::Deny {
            let reason = match strictest.by {
                By::Rule(_) => Reason::Rule,
                By::Default => Reason::Default,
            };
            return Err(Refused { rule, why, reason });
        }
        let hidden = hidden_flags(&request.redacted);
        if !hidden.is_empty() {
            return Err(Refused { rule, why: None, reason: Reason::Redacted(hidden) });
        }
        floor_allows(&request.asked)?;
        let (grants, reaches) = self.grants(cast, request, profiles, &rule)?;
        // INVARIANT: `allow` goes with `never` and `ask` with anything else, so the strictest approval is the answer.
        Ok(Granted { grants, reaches, obligations: cast.obligations(), rule, why })
    }

    /// The grants of the run's profile with the flags that every ceiling accepts, and where those may lead.
    fn grants(
        &self,
        cast: &Cast<'_>,
        request: &Request,
        profiles: &Profiles,
        rule: &str,
    ) -> Result<(Grants, Vec<Reach>), Refused> {
        let asked = &request.asked;
        let name = asked.profile.as_deref().unwrap_or_else(|| cast.preferred_profile());
        let profile = profiles.grants(name).ok_or_else(|| unknown_profile(name, profiles, rule))?;
        let run = Run { profile: &profile, asked, secrets: &request.operation.secrets, profiles, home: &self.home };
        let mut limits = profile.limits.clone();
        let mut network = profile.network.clone();
        let mut min_tier = profile.min_tier;
        let mut reaches = Vec::new();
        for answer in &cast.answers {
            if let Some(bounds) = answer.layer.ceiling(answer.by).bounds() {
                let excess = bounds.excess(&run, answer.layer.name);
                if !excess.is_empty() {
                    return Err(beyond(answer, excess));
                }
                if !asked.read.is_empty() || !asked.write.is_empty() {
                    reaches.push(bounds.reach(&run, answer.layer.name, answer.layer.label(answer.by)));
                }
                limits = limits.tightened_by(&bounds.limits);
                network.egress.extend(bounds.network.exceptions().cloned());
                min_tier = bounds.min_tier.map_or(min_tier, |tier| tier.max(min_tier));
            }
        }
        let secrets = granted_secrets(&profile.secrets, request);
        Ok((with_flags(Grants { limits, min_tier, network, secrets, ..profile }, asked), reaches))
    }
}

struct Granted {
    grants: Grants,
    reaches: Vec<Reach>,
    obligations: Vec<Obligation>,
    rule: String,
    why: Option<String>,
}

struct Refused {
    rule: String,
    why: Option<String>,
    reason: Reason,
}

/// The answers of the layers that have an opinion, strongest authority first.
struct Cast<'l> {
    answers: Vec<Answer<'l>>,
}

struct Answer<'l> {
    layer: &'l Layer,
    by: By,
    action: Action,
    obligation: &'l Obligation,
}

impl<'l> Cast<'l> {
    fn new(layers: &'l [Layer], votes: &[Vote]) -> Self {
        let answers = layers.iter().zip(votes).filter_map(|(layer, vote)| {
            let (action, obligation) = layer.answer(vote.by)?;
            Some(Answer { layer, by: vote.by, action, obligation })
        });
        Self { answers: answers.collect() }
    }

    /// The strictest answer; among equals that of the strongest authority.
    fn strictest(&self) -> Option<&Answer<'l>> {
        let action = self.answers.iter().map(|answer| answer.action).max()?;
        self.answers.iter().filter(|answer| answer.action == action).min_by_key(|answer| answer.layer.name)
    }

    /// True when a layer that may permit has an opinion: a repository's `ask` is none by itself.
    fn is_permitted(&self) -> bool {
        self.answers.iter().any(|answer| answer.layer.name != LayerName::Repo)
    }

    /// What any layer wants approved; every one of them has to be met.
    fn obligations(&self) -> Vec<Obligation> {
        let obligations = self.answers.iter().map(|answer| answer.obligation);
        obligations.filter(|obligation| obligation.require != Approval::Never).cloned().collect()
    }

    /// The profile of a request that names none: the caller's own layer is the closest to the
    /// command, then the machine's. Every ceiling judges it all the same.
    fn preferred_profile(&self) -> &'l str {
        let mut preferences: Vec<(LayerName, &'l str)> = self
            .answers
            .iter()
            .filter_map(|answer| {
                let preferred = answer.layer.ceiling(answer.by).bounds()?.preferred.as_deref()?;
                Some((answer.layer.name, preferred))
            })
            .collect();
        preferences.sort();
        preferences.pop().map_or(DEFAULT_PROFILE, |(_, name)| name)
    }
}

fn floor_allows(asked: &Asked) -> Result<(), Refused> {
    match asked.env.iter().find(|variable| is_loader_variable(&variable.name)) {
        Some(variable) => Err(Refused {
            rule: "floor:loader-variables".to_owned(),
            why: None,
            reason: Reason::LoaderVariable(variable.name.clone()),
        }),
        None => Ok(()),
    }
}

fn unknown_profile(name: &str, profiles: &Profiles, rule: &str) -> Refused {
    let known = profiles.names();
    let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Refused {
        rule: rule.to_owned(),
        why: None,
        reason: Reason::UnknownProfile { name: name.to_owned(), nearest, known },
    }
}

fn beyond(answer: &Answer<'_>, excess: Vec<Excess>) -> Refused {
    Refused { rule: answer.layer.label(answer.by), why: None, reason: Reason::Excess(excess) }
}

/// The secrets that the run asks for: as the flags say on the spot, else as the profile declares them. One that neither
/// says is refused when the plan is made.
fn granted_secrets(declared: &[SecretGrant], request: &Request) -> Vec<SecretGrant> {
    let grant = |name: &String| {
        let asked = request.asked.secrets.iter().find(|asked| asked.name.as_bytes() == name.as_bytes());
        let declared = || declared.iter().find(|secret| secret.name.as_bytes() == name.as_bytes()).cloned();
        asked.map(SecretGrant::on_the_spot).or_else(declared)
    };
    request.operation.secrets.iter().filter_map(grant).collect()
}

/// Adds what the flags ask for; every ceiling has accepted it by now.
fn with_flags(mut grants: Grants, asked: &Asked) -> Grants {
    let flag = |path: &AbsPath| Grant { place: Place::Absolute(path.clone()), origin: Origin::Flag };
    grants.read.extend(asked.read.iter().map(flag));
    grants.write.extend(asked.write.iter().map(flag));
    for variable in &asked.env {
        match &variable.value {
            Some(value) => {
                grants.env_pass.retain(|name| *name != variable.name);
                grants.env_set.insert(variable.name.clone(), value.clone());
            }
            None => {
                grants.env_set.remove(&variable.name);
                if !grants.env_pass.contains(&variable.name) {
                    grants.env_pass.push(variable.name.clone());
                }
            }
        }
    }
    let limits: Limits = grants.limits.overridden_by(&asked.limits);
    let network = grants.network.joined(&asked.network);
    Grants { limits, network, ..grants }
}

#[cfg(test)]
mod tests;
