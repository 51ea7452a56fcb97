//! Profiles: named sets of grants, the built-in ones and a person's own, and how `extends` joins
//! them. A name means one profile: redefining one is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::document::{At, SourceFile, list, nearest};
use crate::grants::{Grant, Grants, Place, Visibility, WorkspaceAccess};
use crate::layer::LayerName;
use crate::limits::Limits;
use crate::load::{LoadError, parse_profile};
use crate::network_grants::NetworkGrants;
use crate::output::OwnOutput;
use crate::path::AbsPath;
use crate::plan::{Tier, hex};
use crate::secret::SecretGrant;
use crate::text::Text;

/// The profile of a run that names none.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// The built-in profiles, by name; parsed only when they are used.
const BUILT_IN: [(&str, &str); 11] = [
    ("default", include_str!("../../profiles/default.toml")),
    ("agent", include_str!("../../profiles/agent.toml")),
    ("ci", include_str!("../../profiles/ci.toml")),
    ("cargo", include_str!("../../profiles/cargo.toml")),
    ("cargo-offline", include_str!("../../profiles/cargo-offline.toml")),
    ("npm", include_str!("../../profiles/npm.toml")),
    ("pip", include_str!("../../profiles/pip.toml")),
    ("go", include_str!("../../profiles/go.toml")),
    ("make", include_str!("../../profiles/make.toml")),
    ("git", include_str!("../../profiles/git.toml")),
    ("offline-read", include_str!("../../profiles/offline-read.toml")),
];

/// The most documents that one profile may be made of; one that is reached twice counts twice.
const MAX_DOCUMENTS: u32 = 64;

/// One profile document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) extends: Vec<Parent>,
    pub(crate) suggest_for: Vec<String>,
    pub(crate) own: OwnGrants,
    pub(crate) examples: Vec<Example>,
    /// SHA-256 of the document's bytes.
    pub(crate) digest: [u8; 32],
}

/// A profile that another one extends, and where that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) name: String,
    pub(crate) at: At,
}

/// What one document says itself; `None` is left to the profiles that it extends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OwnGrants {
    pub(crate) min_tier: Option<Tier>,
    pub(crate) system: Option<Visibility>,
    pub(crate) toolchains: Option<Visibility>,
    pub(crate) workspace: Option<WorkspaceAccess>,
    pub(crate) read: Vec<Grant>,
    pub(crate) write: Vec<Grant>,
    pub(crate) hide: Vec<Place>,
    pub(crate) protect: Vec<AbsPath>,
    pub(crate) env_pass: Vec<Text>,
    pub(crate) env_set: BTreeMap<Text, Text>,
    pub(crate) env_volatile: Vec<Text>,
    pub(crate) network: NetworkGrants,
    pub(crate) secrets: Vec<SecretGrant>,
    pub(crate) limits: Limits,
    pub(crate) output: OwnOutput,
}

/// A command that shows what a profile is for, run by the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it shows, as a sentence.
    pub shows: String,
    /// Shell text that makes an empty workspace ready, run outside.
    pub setup: Option<String>,
    /// The command, run inside.
    pub run: Vec<String>,
    /// Its exit code.
    pub exit: i32,
    /// Its whole standard output, when that is part of the example.
    pub stdout: Option<String>,
}

impl Profile {
    /// Parses one document.
    ///
    /// # Errors
    /// The first thing that is wrong in it.
    pub fn parse(source: &SourceFile) -> Result<Self, LoadError> {
        parse_profile(&source.file, &source.bytes)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in a line.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The names of the profiles that it extends.
    pub fn extends(&self) -> impl Iterator<Item = &str> {
        self.extends.iter().map(|parent| parent.name.as_str())
    }

    /// Programs for which messages may suggest it.
    #[must_use]
    pub fn suggest_for(&self) -> &[String] {
        &self.suggest_for
    }

    /// Commands that show what it is for.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }
}

/// Every profile that a run may name.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    // INVARIANT: every parent exists, is visible from its child, and no chain comes back to itself.
    own: BTreeMap<String, OwnProfile>,
}

#[derive(Debug, Clone)]
struct OwnProfile {
    layer: LayerName,
    profile: Profile,
}

impl Profiles {
    /// The built-in profiles alone.
    #[must_use]
    pub fn built_in() -> Self {
        Self::default()
    }

    /// The built-in profiles, the machine's and the caller's.
    ///
    /// # Errors
    /// The first thing that is wrong in a document; a name that is taken; an unknown parent; a cycle.
    pub fn load(system: &[SourceFile], user: &[SourceFile]) -> Result<Self, LoadError> {
        let mut profiles = Self::default();
        for (layer, sources) in [(LayerName::System, system), (LayerName::User, user)] {
            let names = sources.iter().map(|source| profiles.add(layer, source)).collect::<Result<Vec<_>, _>>()?;
            for (name, source) in names.iter().zip(sources) {
                profiles.check_ancestry(name, source)?;
            }
        }
        Ok(profiles)
    }

    /// The names of all profiles, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let built_in = BUILT_IN.iter().map(|(name, _)| (*name).to_owned());
        let mut names: Vec<String> = built_in.chain(self.own.keys().cloned()).collect();
        names.sort();
        names
    }

    /// One profile document by name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Profile> {
        match self.own.get(name) {
            Some(own) => Some(own.profile.clone()),
            None => built_in(name).cloned(),
        }
    }

    /// What a profile grants, joined with all that it extends.
    #[must_use]
    pub fn grants(&self, name: &str) -> Option<Grants> {
        let mut digest = Sha256::new();
        let joined = self.joined(name, &mut { MAX_DOCUMENTS }, &mut digest)?;
        Some(joined.into_grants(name, hex(&digest.finalize())))
    }

    /// Every secret that a profile declares itself, by the profile's name.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretGrant)> {
        self.own
            .iter()
            .flat_map(|(name, own)| own.profile.own.secrets.iter().map(move |secret| (name.as_str(), secret)))
    }

    /// True when one of these secrets, wherever it is declared, goes with the content of a program.
    #[must_use]
    pub fn couple_content(&self, names: &[String]) -> bool {
        let is_coupled = |secret: &SecretGrant| secret.only_with.as_ref().is_some_and(|with| with.sha256.is_some());
        self.secrets()
            .any(|(_, secret)| is_coupled(secret) && names.iter().any(|name| name.as_bytes() == secret.name.as_bytes()))
    }

    /// A profile whose `suggest_for` names this program: a hint for messages, never a choice.
    #[must_use]
    pub fn suggestion(&self, program: &str) -> Option<String> {
        self.names().into_iter().find(|name| {
            self.find(name).is_some_and(|profile| profile.suggest_for.iter().any(|suggested| suggested == program))
        })
    }

    /// A name resolves in the layer that wrote it: the machine's policy never means a profile that
    /// the caller defines.
    pub(crate) fn is_visible_from(&self, name: &str, layer: LayerName) -> bool {
        match self.own.get(name) {
            Some(own) => own.layer <= layer,
            None => built_in_text(name).is_some(),
        }
    }

    fn add(&mut self, layer: LayerName, source: &SourceFile) -> Result<String, LoadError> {
        let profile = Profile::parse(source)?;
        let taken = |by: &str| {
            let text = String::from_utf8_lossy(&source.bytes);
            LoadError::new(&source.file, &text, 0, 0, format!("the profile `{}` is already {by}", profile.name))
                .hint("give this one another name, and `extends` the other")
        };
        if built_in_text(&profile.name).is_some() {
            return Err(taken("built in"));
        }
        if let Some(other) = self.own.get(&profile.name) {
            return Err(taken(&format!("defined in the {} layer", other.layer)));
        }
        let name = profile.name.clone();
        self.own.insert(name.clone(), OwnProfile { layer, profile });
        Ok(name)
    }

    fn check_ancestry(&self, name: &str, source: &SourceFile) -> Result<(), LoadError> {
        let Some(OwnProfile { layer, profile }) = self.own.get(name) else { return Ok(()) };
        for parent in &profile.extends {
            if !self.is_visible_from(&parent.name, *layer) {
                return Err(self.unknown_parent(parent, source));
            }
            if self.reaches(&parent.name, name) {
                let message = format!("`{name}` extends itself through `{}`", parent.name);
                return Err(parent.at.error(source, message));
            }
        }
        match (self.grants(name), profile.extends.first()) {
            (None, Some(parent)) => {
                Err(parent.at.error(source, format!("`{name}` is made of more than {MAX_DOCUMENTS} documents")))
            }
            (Some(_), _) | (None, None) => Ok(()),
        }
    }

    fn unknown_parent(&self, parent: &Parent, source: &SourceFile) -> LoadError {
        let names = self.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = parent.at.error(source, format!("there is no profile `{}`", parent.name));
        match nearest(&parent.name, names.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the profiles here are {}", list(&names))),
        }
    }

    /// True when `from` is `target` or extends it, however far up.
    fn reaches(&self, from: &str, target: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            if name == target {
                return true;
            }
            if let Some(own) = self.own.get(name).filter(|_| seen.insert(name)) {
                open.extend(own.profile.extends());
            }
        }
        false
    }

    /// Joins a profile with all that it extends; `None` when one of them does not exist or when
    /// there are more of them than `left`.
    fn joined(&self, name: &str, left: &mut u32, digest: &mut Sha256) -> Option<OwnGrants> {
        *left = left.checked_sub(1)?;
        let profile = self.find(name)?;
        digest.update(profile.digest);
        let mut inherited: Option<OwnGrants> = None;
        for parent in &profile.extends {
            let grants = self.joined(&parent.name, left, digest)?;
            inherited = Some(match inherited {
                Some(earlier) => earlier.beside(grants),
                None => grants,
            });
        }
        Some(match inherited {
            Some(inherited) => inherited.overridden_by(profile.own),
            None => profile.own,
        })
    }
}

/// A built-in profile, parsed when it is first meant. The tests parse every one; one that did not parse would not exist.
fn built_in(name: &str) -> Option<&'static Profile> {
    static PARSED: [OnceLock<Option<Profile>>; BUILT_IN.len()] = [const { OnceLock::new() }; BUILT_IN.len()];
    let index = BUILT_IN.iter().position(|(built_in, _)| *built_in == name)?;
    let (_, text) = BUILT_IN.get(index)?;
    PARSED.get(index)?.get_or_init(|| parse_profile(name, text.as_bytes()).ok()).as_ref()
}

fn built_in_text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text)
}

impl OwnGrants {
    /// Joins two parents of one child: lists add up, and of two single values the stricter holds.
    fn beside(self, other: Self) -> Self {
        let limits = self.limits.tightened_by(&other.limits);
        let system = stricter(self.system, other.system);
        let toolchains = stricter(self.toolchains, other.toolchains);
        let workspace = stricter(self.workspace, other.workspace);
        let output = self.output.clone().beside(other.output.clone());
        Self { limits, system, toolchains, workspace, output, ..self.added_to(other) }
    }

    /// Joins what is inherited with the child's own: lists add up, the child's single values hold.
    fn overridden_by(self, child: Self) -> Self {
        let limits = self.limits.overridden_by(&child.limits);
        let system = child.system.or(self.system);
        let toolchains = child.toolchains.or(self.toolchains);
        let workspace = child.workspace.or(self.workspace);
        let output = self.output.clone().overridden_by(child.output.clone());
        Self { limits, system, toolchains, workspace, output, ..self.added_to(child) }
    }

    fn added_to(self, other: Self) -> Self {
        let mut env_set = self.env_set;
        env_set.extend(other.env_set);
        Self {
            // A tier can only be raised on the way.
            min_tier: self.min_tier.max(other.min_tier),
            read: both(self.read, other.read),
            write: both(self.write, other.write),
            hide: both(self.hide, other.hide),
            protect: both(self.protect, other.protect),
            env_pass: both(self.env_pass, other.env_pass),
            env_set,
            env_volatile: both(self.env_volatile, other.env_volatile),
            network: self.network.joined(&other.network),
            secrets: latest(self.secrets, other.secrets),
            system: None,
            toolchains: None,
            workspace: None,
            limits: Limits::default(),
            output: OwnOutput::default(),
        }
    }

    /// The grants as a run gets them: what nobody grants does not exist inside.
    fn into_grants(self, name: &str, profile_digest: String) -> Grants {
        Grants {
            profile: name.to_owned(),
            profile_digest,
            system: self.system.unwrap_or(Visibility::None),
            toolchains: self.toolchains.unwrap_or(Visibility::None),
            read: self.read,
            write: self.write,
            workspace: self.workspace.unwrap_or(WorkspaceAccess::None),
            hide: self.hide,
            protect: self.protect,
            env_pass: self.env_pass,
            env_set: self.env_set,
            env_volatile: self.env_volatile,
            network: self.network,
            declared: self.secrets.iter().map(|secret| secret.name.clone()).collect(),
            secrets: self.secrets,
            limits: self.limits,
            output: self.output.into_output(),
            min_tier: self.min_tier.unwrap_or(Tier::Namespaces),
        }
    }
}

fn stricter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A secret that is declared again is what the later declaration says.
fn latest(earlier: Vec<SecretGrant>, later: Vec<SecretGrant>) -> Vec<SecretGrant> {
    let is_kept = |secret: &SecretGrant| later.iter().all(|other| other.name != secret.name);
    earlier.into_iter().filter(is_kept).chain(later.clone()).collect()
}

fn both<T: PartialEq>(mut one: Vec<T>, other: Vec<T>) -> Vec<T> {
    for value in other {
        if !one.contains(&value) {
            one.push(value);
        }
    }
    one
}

#[cfg(test)]
mod tests;
