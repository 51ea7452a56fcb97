//! All layers of policy, loaded and ready, and what has to be known to decide by them. Decides nothing itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::alike::Alike;
use crate::approval::{Approval, Obligation};
use crate::audit::Audit;
use crate::ceiling::Ceiling;
use crate::coding_agent::CodingAgent;
use crate::layer::{Fallback, Layer, LayerName};
use crate::load::{LoadError, load_layer, repository};
use crate::path::AbsPath;
use crate::request::Asked;
use crate::rule::{Action, Rule};
use crate::sources::{PolicySources, Sight};
use crate::text::Text;

/// All layers of policy, ready to decide.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub(crate) layers: Arc<[Layer]>,
    pub(crate) home: AbsPath,
    pub(crate) digest: String,
    audit: Audit,
    coding_agents: Vec<CodingAgent>,
    repo_request: Option<Box<Asked>>,
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
    /// The window of tmux that it sits in.
    TmuxWindow,
    /// A variable of the caller's environment.
    Variable(Text),
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

    /// The layers, strongest authority first.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }
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
