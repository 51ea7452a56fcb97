//! Policies that are replaced while somebody serves: as a whole, and only by others that load. Until then the last good
//! ones stay in force, and what is wrong with the others can be told. Reads no file; whoever does says when.

use std::sync::Arc;

use crate::load::LoadError;
use crate::policy_set::PolicySet;
use crate::sources::{PolicySources, Sight};

/// The policies in force.
#[derive(Debug, Clone)]
pub struct InForce {
    good: Arc<PolicySet>,
    refused: Option<Refused>,
}

/// Sources that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Their digest.
    pub digest: String,
    /// Why.
    pub error: LoadError,
}

/// What became of sources that were offered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Offered {
    /// They are those in force.
    Same,
    /// They are in force from now on. What was approved under the others is approved no more: their digest is another.
    Taken,
    /// They do not load; the last good ones stay in force.
    Refused,
}

impl InForce {
    /// The first policies. There is nothing to fall back to: what does not load serves nobody.
    ///
    /// # Errors
    /// The first thing that is wrong in any file.
    pub fn begin(sources: &PolicySources) -> Result<Self, LoadError> {
        Ok(Self { good: Arc::new(PolicySet::load(sources, Sight::First)?), refused: None })
    }

    /// Offers the sources as they are now. Equal bytes are loaded once, whether they were taken or refused.
    pub fn offer(&mut self, sources: &PolicySources) -> Offered {
        let digest = sources.digest();
        if digest == self.good.digest() {
            self.refused = None;
            return Offered::Same;
        }
        if self.refused.as_ref().is_some_and(|refused| refused.digest == digest) {
            return Offered::Refused;
        }
        match PolicySet::load_known(sources, digest.clone(), Sight::First) {
            Ok(policies) => {
                *self = Self { good: Arc::new(policies), refused: None };
                Offered::Taken
            }
            Err(error) => {
                self.refused = Some(Refused { digest, error });
                Offered::Refused
            }
        }
    }

    /// Those that decide. A decision under way keeps its own.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.good)
    }

    /// The sources that were offered last and are not in force, if they are not.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::SourceFile;
    use crate::path::AbsPath;

    fn sources(text: &str) -> PolicySources {
        let user = vec![SourceFile { file: "policy.toml".to_owned(), bytes: text.into() }];
        PolicySources { home: AbsPath::root(), system: Vec::new(), user, repo: None }
    }

    const OPEN: &str = "version = 1\ndefault = \"allow\"\n";
    const SHUT: &str = "version = 1\ndefault = \"deny\"\n";
    const WRONG: &str = "version = 1\ndefault = \"dney\"\n";

    #[test]
    fn what_does_not_load_at_first_serves_nobody() {
        for wrong in [WRONG, "", "version = 1\n"] {
            assert!(InForce::begin(&sources(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_good_policies_stay_until_others_load() {
        let mut force = InForce::begin(&sources(OPEN)).unwrap();
        let first = force.policies();
        assert_eq!(force.offer(&sources(OPEN)), Offered::Same);
        assert_eq!(force.offer(&sources(WRONG)), Offered::Refused);
        assert_eq!(force.policies().digest(), first.digest());
        let refused = force.refused().unwrap();
        assert!(refused.error.to_string().contains("policy.toml:2:11"), "{}", refused.error);
        assert_eq!(refused.digest, sources(WRONG).digest());
        assert_eq!(force.offer(&sources(WRONG)), Offered::Refused);
        assert_eq!(force.offer(&sources(SHUT)), Offered::Taken);
        assert_eq!(force.policies().digest(), sources(SHUT).digest());
        assert_eq!(force.refused(), None);
        // Whoever decides under the first ones goes on under them.
        assert_eq!(first.digest(), sources(OPEN).digest());
    }

    #[test]
    fn going_back_to_what_is_in_force_forgets_what_was_refused() {
        let mut force = InForce::begin(&sources(OPEN)).unwrap();
        assert_eq!(force.offer(&sources(WRONG)), Offered::Refused);
        assert_eq!(force.offer(&sources(OPEN)), Offered::Same);
        assert_eq!(force.refused(), None);
    }
}
