//! The most that a run may have under a rule, and what of a run lies beyond it.

use std::sync::{Arc, LazyLock};

use crate::decision::Excess;
use crate::glob::TextGlob;
use crate::grants::{Grant, Grants, Place};
use crate::layer::LayerName;
use crate::limits::Limits;
use crate::network_grants::{NetworkBounds, NetworkGrants};
use crate::path::AbsPath;
use crate::plan::{Access, Tier};
use crate::profile::{DEFAULT_PROFILE, Profiles};
use crate::reach::Reach;
use crate::request::{Asked, AskedVariable};
use crate::text::Text;

static DEFAULT: LazyLock<Arc<Bounds>> = LazyLock::new(|| {
    Arc::new(Bounds {
        preferred: None,
        profiles: vec![DEFAULT_PROFILE.to_owned()],
        read: None,
        write: None,
        env: None,
        network: NetworkBounds { egress: None, loopback: None, publish: None },
        secrets: None,
        limits: Limits::default(),
        min_tier: None,
    })
});

/// The most that a run may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// Whatever the caller asks for: a direct run without policy.
    Unbounded,
    /// What is written here. Shared: most rules have none of their own.
    Bounded(Arc<Bounds>),
}

/// A stated ceiling. An absent part means what the named profiles grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Used when the request names no profile.
    pub(crate) preferred: Option<String>,
    /// The profiles that a run may use.
    pub(crate) profiles: Vec<String>,
    /// The only places that a run may read.
    pub(crate) read: Option<Vec<Place>>,
    /// The only places that a run may write.
    pub(crate) write: Option<Vec<Place>>,
    /// The only variables that a run may have.
    pub(crate) env: Option<Vec<TextGlob>>,
    /// The most of the network that a run may have.
    pub(crate) network: NetworkBounds,
    /// The only secrets that a run may use, by name.
    pub(crate) secrets: Option<Vec<TextGlob>>,
    /// The highest limits.
    pub(crate) limits: Limits,
    /// The weakest tier.
    pub(crate) min_tier: Option<Tier>,
}

impl Ceiling {
    /// What a rule without a `[rules.sandbox]` table allows: the `default` profile.
    pub(crate) fn default_profile() -> Self {
        Self::Bounded(Arc::clone(&DEFAULT))
    }

    /// The stated ceiling, if there is one.
    pub(crate) fn bounds(&self) -> Option<&Bounds> {
        match self {
            Self::Unbounded => None,
            Self::Bounded(bounds) => Some(bounds),
        }
    }
}

/// A run that is about to be permitted, seen against a ceiling.
pub(crate) struct Run<'r> {
    /// What its profile grants by itself.
    pub(crate) profile: &'r Grants,
    /// What the flags ask for on top.
    pub(crate) asked: &'r Asked,
    /// The names of the secrets that it is to use.
    pub(crate) secrets: &'r [String],
    /// All profiles, for the other names of a ceiling.
    pub(crate) profiles: &'r Profiles,
    /// The caller's home directory.
    pub(crate) home: &'r AbsPath,
}

impl Bounds {
    /// Everything of a run that this ceiling, written in `layer`, does not allow.
    pub(crate) fn excess(&self, run: &Run<'_>, layer: LayerName) -> Vec<Excess> {
        let name = &run.profile.profile;
        let visible = self.profiles.iter().filter(|name| run.profiles.is_visible_from(name, layer));
        let allowed: Vec<String> = visible.cloned().collect();
        if !allowed.contains(name) {
            return vec![Excess::Profile { name: name.clone(), allowed }];
        }
        let named = Named { bounds: self, run, layer };
        let mut excess = named.places_beyond();
        excess.extend(named.variables_beyond());
        excess.extend(named.network_beyond());
        excess.extend(self.secrets_beyond(run));
        let highest = run.profile.limits.overridden_by(&self.limits);
        excess.extend(run.asked.limits.beyond(&highest).into_iter().map(Excess::Limit));
        excess
    }

    /// Without a list, what the run's profile declares is allowed and nothing that is named on the spot.
    fn secrets_beyond(&self, run: &Run<'_>) -> Vec<Excess> {
        let is_allowed = |name: &String| match &self.secrets {
            Some(globs) => globs.iter().any(|glob| glob.matches(name.as_bytes())),
            None => run.asked.secrets.iter().all(|asked| asked.name.as_bytes() != name.as_bytes()),
        };
        run.secrets.iter().filter(|name| !is_allowed(name)).cloned().map(Excess::Secret).collect()
    }

    /// The places that this ceiling, of the rule that is labelled so, allows the run.
    pub(crate) fn reach(&self, run: &Run<'_>, layer: LayerName, rule: String) -> Reach {
        Named { bounds: self, run, layer }.reach(rule)
    }
}

/// A ceiling together with the run, to look the named profiles up only when something widens.
struct Named<'r> {
    bounds: &'r Bounds,
    run: &'r Run<'r>,
    layer: LayerName,
}

impl Named<'_> {
    fn places_beyond(&self) -> Vec<Excess> {
        let Run { profile, asked, home, .. } = self.run;
        let mut read: Vec<AbsPath> = asked.read.clone();
        let mut write: Vec<AbsPath> = asked.write.clone();
        if self.bounds.read.is_some() {
            read.extend(resolved(&profile.read, home));
        }
        if self.bounds.write.is_some() {
            write.extend(resolved(&profile.write, home));
        }
        if read.is_empty() && write.is_empty() {
            return Vec::new();
        }
        let reach = self.reach(String::new());
        let read = read.iter().filter_map(|path| reach.excess(path, Access::ReadOnly));
        read.chain(write.iter().filter_map(|path| reach.excess(path, Access::ReadWrite))).collect()
    }

    fn reach(&self, rule: String) -> Reach {
        Reach {
            rule,
            read: self.places(self.bounds.read.as_deref(), |grants| &grants.read),
            write: self.places(self.bounds.write.as_deref(), |grants| &grants.write),
        }
    }

    fn places(&self, stated: Option<&[Place]>, of: impl Fn(&Grants) -> &Vec<Grant>) -> Vec<AbsPath> {
        match stated {
            Some(places) => places.iter().filter_map(|place| place.resolve(self.run.home).ok()).collect(),
            None => self.named_grants().iter().flat_map(|grants| resolved(of(grants), self.run.home)).collect(),
        }
    }

    fn variables_beyond(&self) -> Vec<Excess> {
        let Run { profile, asked, .. } = self.run;
        let asked = asked.env.iter();
        match &self.bounds.env {
            Some(globs) => {
                let allowed = |name: &Text| globs.iter().any(|glob| glob.matches(name.as_bytes()));
                let own = profile.env_pass.iter().chain(profile.env_set.keys());
                let beyond: std::collections::BTreeSet<&Text> =
                    own.chain(asked.map(|variable| &variable.name)).filter(|name| !allowed(name)).collect();
                beyond.into_iter().cloned().map(Excess::Variable).collect()
            }
            None => {
                let mut widening = asked.filter(|variable| !passes(profile, variable)).peekable();
                if widening.peek().is_none() {
                    return Vec::new();
                }
                let named = self.named_grants();
                widening
                    .filter(|variable| !named.iter().any(|grants| passes(grants, variable)))
                    .map(|variable| Excess::Variable(variable.name.clone()))
                    .collect()
            }
        }
    }

    fn network_beyond(&self) -> Vec<Excess> {
        let named =
            || self.named_grants().iter().fold(NetworkGrants::default(), |all, grants| all.joined(&grants.network));
        self.bounds.network.excess(&self.run.profile.network, &self.run.asked.network, named)
    }

    /// What each profile that the ceiling names grants, as far as its layer can see it.
    fn named_grants(&self) -> Vec<Grants> {
        let visible = self.bounds.profiles.iter().filter(|name| self.run.profiles.is_visible_from(name, self.layer));
        visible.filter_map(|name| self.run.profiles.grants(name)).collect()
    }
}

/// The granted places as paths. One that is too long to be a path allows nothing here, and lowering refuses it.
fn resolved(grants: &[Grant], home: &AbsPath) -> Vec<AbsPath> {
    grants.iter().filter_map(|grant| grant.place.resolve(home).ok()).collect()
}

/// A variable that a profile passes has the value that the caller chooses; one that it sets does not.
fn passes(grants: &Grants, variable: &AskedVariable) -> bool {
    grants.env_pass.contains(&variable.name) && !grants.env_set.contains_key(&variable.name)
}
