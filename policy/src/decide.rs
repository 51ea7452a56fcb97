//! Decides what a request may do. Total: every request gets an answer, never an error. Reads no
//! disk, clock or environment.
//!
//! In a layer the first rule that matches wins; across layers the strictest answer wins. Where two
//! layers permit, both ceilings hold and the stricter approval is needed.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::alike::Alike;
use crate::approval::{Approval, Obligation};
use crate::ceiling::{Ceiling, Run};
use crate::coding_agent::CodingAgent;
use crate::decision::{Decision, Denial, Excess, Permission, Reason, Trace};
use crate::document::{SourceFile, nearest};
use crate::environment::is_loader_variable;
use crate::grants::{Grant, Grants, Origin, Place};
use crate::layer::{By, Fallback, Layer, LayerName, Vote};
use crate::limits::Limits;
use crate::load::{LoadError, load_layer, repository};
use crate::matcher::question::Question;
use crate::path::AbsPath;
use crate::plan::hex;
use crate::profile::{DEFAULT_PROFILE, Profiles};
use crate::reach::Reach;
use crate::redacted::hidden_flags;
use crate::request::{Asked, Request};
use crate::rule::{Action, Rule};
use crate::shadow::shadowed;
use crate::text::Text;

/// The files that a policy is made of, as the edge read them, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySources {
    /// The caller's home directory from the system database: what `~` means in a ceiling.
    pub home: AbsPath,
    /// The machine's policy and its drop-ins in byte order of their names; empty when there is none.
    pub system: Vec<SourceFile>,
    /// The caller's policy and its drop-ins.
    pub user: Vec<SourceFile>,
    /// The repository's own file.
    pub repo: Option<SourceFile>,
}

impl PolicySources {
    /// SHA-256 over every input's bytes, each with its layer and length, lower-case hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (layer, source) in self.files() {
            digest.update(format!("{layer} {}\n", source.bytes.len()));
            digest.update(&source.bytes);
        }
        hex(&digest.finalize())
    }

    /// Every file with its layer, in order.
    pub fn files(&self) -> impl Iterator<Item = (LayerName, &SourceFile)> {
        let system = self.system.iter().map(|source| (LayerName::System, source));
        let user = self.user.iter().map(|source| (LayerName::User, source));
        system.chain(user).chain(self.repo.iter().map(|source| (LayerName::Repo, source)))
    }
}

/// Whether this digest has been loaded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Examples and shadowed rules are checked too.
    First,
    /// They were checked when the same digest was first seen.
    Again,
}

/// How durable a record must be before a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditSync {
    // INVARIANT: from the weakest to the strongest.
    /// It survives the end of our process.
    Process,
    /// It survives the end of the machine.
    Disk,
}

/// What the policy says about the journal: the strictest of all layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// How durable a record must be.
    pub sync: AuditSync,
    /// How long records are kept at least.
    pub retention_days: Option<u32>,
}

impl Audit {
    pub(crate) const UNSTATED: Self = Self { sync: AuditSync::Process, retention_days: None };

    pub(crate) fn joined_with(self, other: Self) -> Self {
        Self { sync: self.sync.max(other.sync), retention_days: self.retention_days.max(other.retention_days) }
    }
}

/// A fact that costs something to find out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The digest of the program.
    ProgramContent,
    /// What the command does, as far as its words tell.
    Classes,
    /// The program that asks.
    Client,
    /// The digest of the program that asks.
    ClientContent,
    /// Where the repository stands.
    Repository,
    /// Whether everything in the repository is committed.
    Clean,
    /// What stands around the process that asks.
    Surroundings,
    /// A variable of the caller's environment.
    Variable(Text),
}

/// A rule that is never reached, as one before it in its layer matches all that it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The layer of both.
    pub layer: LayerName,
    /// The name of the rule that is never reached.
    pub rule: String,
    /// The name of the one before it.
    pub by: String,
}

/// All layers of policy, ready to decide.
#[derive(Debug, Clone)]
pub struct PolicySet {
    layers: Arc<[Layer]>,
    home: AbsPath,
    digest: String,
    audit: Audit,
    coding_agents: Vec<CodingAgent>,
    repo_request: Option<Box<Asked>>,
}

impl PolicySet {
    /// Loads every layer; without any file, the built-in policy.
    ///
    /// # Errors
    /// The first thing that is wrong in any file.
    pub fn load(sources: &PolicySources, sight: Sight) -> Result<Self, LoadError> {
        Self::load_known(sources, sources.digest(), sight)
    }

    /// Loads every layer of sources whose digest the caller has computed already.
    ///
    /// # Errors
    /// As [`PolicySet::load`].
    pub fn load_known(sources: &PolicySources, digest: String, sight: Sight) -> Result<Self, LoadError> {
        let mut layers = Vec::new();
        let mut audit = Audit::UNSTATED;
        let mut coding_agents = Vec::new();
        for (name, files) in [(LayerName::System, &sources.system), (LayerName::User, &sources.user)] {
            if !files.is_empty() {
                let loaded = load_layer(name, files, sight)?;
                layers.push(loaded.layer);
                audit = audit.joined_with(loaded.audit);
                coding_agents.extend(loaded.coding_agents);
            }
        }
        if layers.is_empty() {
            layers.push(built_in_layer());
        }
        let mut repo_request = None;
        if let Some(source) = &sources.repo {
            let loaded = repository(source, sight)?;
            layers.push(loaded.layer);
            repo_request = loaded.request.map(Box::new);
        }
        let (layers, home) = (layers.into(), sources.home.clone());
        Ok(Self { layers, home, digest, audit, coding_agents, repo_request })
    }

    /// SHA-256 over every policy input, lower-case hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// True when the other says the same in every layer, however it is written.
    #[must_use]
    pub fn means_what(&self, other: &Self) -> bool {
        let meaning = |set: &Self| (set.layers.clone(), set.home.clone(), set.audit, set.coding_agents.clone());
        meaning(self) == meaning(other) && self.repo_request == other.repo_request
    }

    /// What the policy says about the journal.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.audit
    }

    /// True when neither the machine nor the caller has a policy.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.layers.iter().any(|layer| layer.name == LayerName::BuiltIn)
    }

    /// What the repository's file asks for. It counts for nothing until the person trusts that file.
    #[must_use]
    pub fn repo_request(&self) -> Option<&Asked> {
        self.repo_request.as_deref()
    }

    /// What rules read, so that a request carries it and nothing else is looked at.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        self.layers
            .iter()
            .flat_map(|layer| &layer.rules)
            .flat_map(|rule| &rule.matchers)
            .for_each(|one| one.ask(&mut needs));
        // A person may take their time: what runs then has to have the content that was shown.
        if self.layers.iter().flat_map(Layer::obligations).next().is_some() {
            needs.insert(Need::ProgramContent);
        }
        // An approval that was given beforehand names the repository too.
        if self.layers.iter().flat_map(Layer::obligations).any(Obligation::may_be_met_beforehand) {
            needs.insert(Need::Repository);
        }
        needs
    }

    /// Coding agents that the policies know beyond the built-in ones.
    #[must_use]
    pub fn coding_agents(&self) -> &[CodingAgent] {
        &self.coding_agents
    }

    /// How many rules each layer has.
    #[must_use]
    pub fn sizes(&self) -> Vec<(LayerName, usize)> {
        self.layers.iter().map(|layer| (layer.name, layer.rules.len())).collect()
    }

    /// Every rule that permits on less than verified facts, a sentence each.
    #[must_use]
    pub fn leanings(&self) -> Vec<String> {
        let mut leanings = Vec::new();
        for layer in self.layers.iter() {
            for rule in layer.rules.iter().filter(|rule| rule.action == Action::Allow) {
                let leans = rule.matchers.iter().filter(|matcher| matcher.leans());
                leanings.extend(leans.map(|matcher| format!("`{}:{}` allows on {matcher}", layer.name, rule.name)));
            }
        }
        leanings
    }

    /// Every rule that an earlier one of another file shadows, a sentence each; in one file that is an error.
    #[must_use]
    pub fn shadows(&self) -> Vec<String> {
        let sentence = |shadow: Shadow| {
            let Shadow { layer, rule, by } = shadow;
            format!("`{layer}:{rule}` is never reached: `{by}` before it matches all that it does")
        };
        self.shadowed().into_iter().map(sentence).collect()
    }

    /// Every rule that an earlier one of its layer shadows.
    #[must_use]
    pub fn shadowed(&self) -> Vec<Shadow> {
        let mut shadows = Vec::new();
        for layer in self.layers.iter() {
            let rules: Vec<&Rule> = layer.rules.iter().collect();
            shadows.extend(shadowed(&rules).into_iter().map(|found| Shadow {
                layer: layer.name,
                rule: found.later.name.clone(),
                by: found.earlier.name.clone(),
            }));
        }
        shadows
    }

    /// Decides what a request may do.
    pub fn decide(&self, request: &Request, profiles: &Profiles) -> Decision {
        let question = Question::new(request);
        self.settle(self.layers.iter().map(|layer| layer.vote(&question)).collect(), request, profiles)
    }

    /// The layers, strongest authority first.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
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
        Ok((with_flags(Grants { limits, min_tier, network, ..profile }, asked), reaches))
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

/// Any command, the `default` profile unless a flag names another, no approval.
fn built_in_layer() -> Layer {
    let rule = Rule {
        name: "any-command".to_owned(),
        matchers: Vec::new(),
        action: Action::Allow,
        why: None,
        obligation: Obligation::none(),
        ceiling: Ceiling::Unbounded,
    };
    let rules = vec![rule];
    Layer {
        name: LayerName::BuiltIn,
        alike: Alike::among(&rules),
        rules,
        fallback: Fallback::Answer(Action::Deny, Obligation::once(Approval::Always)),
        fallback_ceiling: Ceiling::default_profile(),
    }
}

#[cfg(test)]
mod tests;
