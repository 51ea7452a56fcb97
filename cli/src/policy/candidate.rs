//! What a file would say with another text: loaded with every check, as a run would load it, beside the other files of
//! its layer when it is one of those in force, else by itself. Writes nothing.

use std::path::Path;

use opaque_policy::document::SourceFile;
use opaque_policy::load::approved;
use opaque_policy::order::Order;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::{Profile, Profiles};
use opaque_policy::sources::{PolicySources, Sight};
use opaque_runner::account::Accounts;
use opaque_runner::invocation::{self, describe};
use opaque_runner::policy_files::{self, PolicyFiles};
use toml_edit::Document;

use crate::Wrong;

/// A default for a drop-in that is looked at by itself: the file that it belongs to has one.
const COMPANION: &str = "version = 1\ndefault = \"pass\"\n";

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A policy.
    Policy,
    /// A policy of the format without `version`.
    PolicyV1,
    /// A profile.
    Profile,
    /// A repository's own file.
    Repository,
    /// Approvals given beforehand.
    Approvals,
}

impl Kind {
    /// By the keys at its top; what cannot be parsed is a policy, and refused as one.
    pub(super) fn of(text: &str) -> Self {
        let Ok(document) = Document::parse(text) else { return Self::Policy };
        let has = |keys: &[&str]| keys.iter().any(|key| document.as_table().contains_key(key));
        if has(&["request"]) {
            Self::Repository
        } else if has(&["approved"]) {
            Self::Approvals
        } else if has(&["version", "default", "clients", "coding_agents", "audit"]) {
            Self::Policy
        } else if has(&["rules", "known_human_clients"]) {
            Self::PolicyV1
        } else if has(&["name"]) {
            Self::Profile
        } else {
            Self::Policy
        }
    }

    /// In which order its keys are best written.
    pub(super) fn order(self) -> Order {
        match self {
            Self::Policy => Order::of_policy(),
            Self::PolicyV1 => Order::of_policy_v1(),
            Self::Profile => Order::of_profile(),
            Self::Repository => Order::of_repository(),
            Self::Approvals => Order::of_approvals(),
        }
    }
}

/// What a file says.
pub(super) enum Meaning {
    /// All policies, with this one among them.
    Policy(PolicySet),
    /// A profile or approvals: what the text says is all that it means.
    Text,
}

impl Meaning {
    /// True when both say the same.
    pub(super) fn is_what(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Policy(one), Self::Policy(other)) => one.means_what(other),
            (Self::Text, Self::Text) => true,
            (Self::Policy(_), Self::Text) | (Self::Text, Self::Policy(_)) => false,
        }
    }
}

/// The files in force, for whatever text one of them is to have.
pub(super) struct Force(PolicyFiles);

impl Force {
    /// Reads all of them as a run does.
    pub(super) fn read() -> Result<Self, Wrong> {
        let account = Accounts::read().current().map_err(|error| Wrong(describe(&error)))?;
        let files = policy_files::read(None, &account, &invocation::environment(), None).map_err(|error| {
            let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            Wrong(format!("{}{hint}", describe(&error)))
        })?;
        Ok(Self(files))
    }

    /// The person's own files.
    pub(super) fn own(&self) -> impl Iterator<Item = &SourceFile> {
        self.0.policies.user.iter().chain(&self.0.user_profiles)
    }

    /// What would be said if this file had this text.
    pub(super) fn meaning(&self, file: &Path, text: &str) -> Result<Meaning, Wrong> {
        match Kind::of(text) {
            Kind::Policy | Kind::PolicyV1 => {
                Ok(Meaning::Policy(PolicySet::load(&self.policies(file, text), Sight::First)?))
            }
            Kind::Profile => {
                let mut system = self.0.system_profiles.clone();
                let mut user = self.0.user_profiles.clone();
                if put(&mut system, file, text) || put(&mut user, file, text) {
                    Profiles::load(&system, &user)?;
                } else {
                    Profile::parse(&source(file, text))?;
                }
                Ok(Meaning::Text)
            }
            Kind::Repository => {
                let none = PolicySources { system: Vec::new(), user: Vec::new(), ..self.0.policies.clone() };
                let sources = PolicySources { repo: Some(source(file, text)), ..none };
                Ok(Meaning::Policy(PolicySet::load(&sources, Sight::First)?))
            }
            Kind::Approvals => {
                approved(&source(file, text))?;
                Ok(Meaning::Text)
            }
        }
    }

    fn policies(&self, file: &Path, text: &str) -> PolicySources {
        let mut policies = self.0.policies.clone();
        if put(&mut policies.system, file, text) || put(&mut policies.user, file, text) {
            return policies;
        }
        let mut user = vec![source(file, text)];
        let has_default = Document::parse(text).is_ok_and(|document| document.as_table().contains_key("default"));
        if Kind::of(text) == Kind::Policy && !has_default {
            user.insert(0, SourceFile { file: "the layer".to_owned(), bytes: COMPANION.as_bytes().to_vec() });
        }
        PolicySources { system: Vec::new(), user, ..policies }
    }
}

fn source(file: &Path, text: &str) -> SourceFile {
    SourceFile { file: file.display().to_string(), bytes: text.as_bytes().to_vec() }
}

/// Gives one of these files another text; false when it is none of them.
fn put(files: &mut [SourceFile], file: &Path, text: &str) -> bool {
    let Ok(place) = file.canonicalize() else { return false };
    let found = files.iter_mut().find(|one| Path::new(&one.file).canonicalize().is_ok_and(|other| other == place));
    let is_found = found.is_some();
    if let Some(one) = found {
        one.bytes = text.as_bytes().to_vec();
    }
    is_found
}
