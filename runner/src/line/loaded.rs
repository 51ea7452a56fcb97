//! The policies and profiles that hold at a place. Checks everything on the first sight of a content, and remembers that.

use opaque_policy::document::SourceFile;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::Profiles;
use opaque_policy::sources::Sight;

use super::place::Place;
use crate::flags::Flags;
use crate::invocation::describe;
use crate::outcome::Refusal;
use crate::policy_files::checked::Checked;
use crate::policy_files::{self, PolicyFiles};

/// Bytes of policy from which on memory is made ready at once.
const LARGE: usize = 16 * 1024;
/// A parsed rule takes some seven times the memory of its text, and eight on first sight.
const PARSED: usize = 8;

pub(super) struct Loaded {
    pub(super) policies: PolicySet,
    pub(super) profiles: Profiles,
    /// The repository's own file, as it was read.
    pub(super) repo: Option<SourceFile>,
}

impl Loaded {
    /// Reads and loads.
    pub(super) fn at(place: &Place, flags: &Flags) -> Result<Self, Refusal> {
        let files = if flags.asks_no_policy {
            PolicyFiles::none(&place.account)
        } else {
            let repository = place.found.repository();
            policy_files::read(flags.policy.as_deref(), &place.account, &place.environment, repository)
                .map_err(|error| Refusal::cannot_build(describe(&error)).with_hint(error.hint()))?
        };
        let wrong = |error: opaque_policy::load::LoadError| Refusal::cannot_build(error.to_string());
        let checked = Checked::of(&files.policies, &place.state);
        let sight = checked.sight();
        let text: usize = files.policies.files().map(|(_, file)| file.bytes.len()).sum();
        if text > LARGE {
            opaque_sys::arena::populate(text * PARSED);
        }
        let policies = PolicySet::load_known(&files.policies, checked.digest().to_owned(), sight).map_err(wrong)?;
        if sight == Sight::First {
            checked.remember();
        }
        let profiles = Profiles::load(&files.system_profiles, &files.user_profiles).map_err(wrong)?;
        Ok(Self { policies, profiles, repo: files.policies.repo })
    }
}
