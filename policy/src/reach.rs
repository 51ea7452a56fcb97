//! The places that a ceiling allows, to be held against where the paths of flags really lead.
//!
//! A decision sees a path as it is named. A link on the way may lead out of the ceiling, and what
//! runs confined can make links in its workspace; so the real path is judged as well.

use crate::decision::Excess;
use crate::facts::{HostFacts, PathFact};
use crate::grants::{Grant, Origin, Place};
use crate::path::AbsPath;
use crate::plan::Access;

/// The places that the ceiling of one rule allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The rule, `layer:name`.
    pub(crate) rule: String,
    /// Readable places.
    pub(crate) read: Vec<AbsPath>,
    /// Writable places, which are readable too.
    pub(crate) write: Vec<AbsPath>,
}

impl Reach {
    /// What of this access lies beyond the ceiling.
    pub(crate) fn excess(&self, path: &AbsPath, access: Access) -> Option<Excess> {
        let is_in = |places: &[AbsPath]| places.iter().any(|place| path.is_within(place));
        match access {
            Access::ReadOnly => (!is_in(&self.read) && !is_in(&self.write)).then(|| Excess::Read(path.clone())),
            Access::ReadWrite => (!is_in(&self.write)).then(|| Excess::Write(path.clone())),
        }
    }

    /// What lies beyond the ceiling once the links on the way to these grants of flags are followed.
    pub(crate) fn excess_of_links(&self, grants: &[Grant], access: Access, facts: &HostFacts) -> Vec<Excess> {
        let real = |grant: &Grant| match (&grant.origin, &grant.place) {
            (Origin::Flag, Place::Absolute(path)) => match facts.at(path) {
                Some(PathFact::Link { real: Some(real), .. }) => Some(real.clone()),
                // What is not there is refused by lowering, and so is what nobody looked at.
                Some(
                    PathFact::Link { real: None, .. }
                    | PathFact::Absent
                    | PathFact::Directory(_)
                    | PathFact::File(_)
                    | PathFact::Special(_),
                )
                | None => None,
            },
            (Origin::Flag, Place::Home(_)) | (Origin::Profile, _) => None,
        };
        grants.iter().filter_map(real).filter_map(|path| self.excess(&path, access)).collect()
    }
}
