//! What a decision gives: a profile's grants joined with the flags that the decision accepted.
//!
//! Still in the person's terms (`~`, profile words); [`crate::lower`] turns them into a plan.

use std::collections::BTreeMap;
use std::fmt;

use crate::limits::Limits;
use crate::network_grants::NetworkGrants;
use crate::output::Output;
use crate::path::{AbsPath, PathError};
use crate::plan::Tier;
use crate::secret::SecretGrant;
use crate::text::Text;

/// Everything that one run may have. Made by [`crate::decide`], consumed by [`crate::lower`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The profile's name.
    pub profile: String,
    /// SHA-256 over the profile documents that it is made of.
    pub profile_digest: String,
    /// The curated system directories, read-only.
    pub system: Visibility,
    /// The well-known per-user toolchain directories, read-only, without credentials.
    pub toolchains: Visibility,
    /// Visible read-only.
    pub read: Vec<Grant>,
    /// Visible and writable.
    pub write: Vec<Grant>,
    /// How the workspace is granted.
    pub workspace: WorkspaceAccess,
    /// Masked even below a granted path.
    pub hide: Vec<Place>,
    /// Paths below the workspace root that stay read-only, also when absent (relative, as absolute
    /// paths below `/`: `.git/hooks` is `/.git/hooks`).
    pub protect: Vec<AbsPath>,
    /// Variables passed from the caller's environment, exact names.
    pub env_pass: Vec<Text>,
    /// Variables set to a fixed value.
    pub env_set: BTreeMap<Text, Text>,
    /// Variables whose values are others in each run: an approval given beforehand does not name them.
    pub env_volatile: Vec<Text>,
    /// Ways out to the network.
    pub network: NetworkGrants,
    /// The secrets of a profile; of a decision, those that the run asks for.
    pub secrets: Vec<SecretGrant>,
    /// The names of all that the profile declares, for messages.
    pub declared: Vec<Text>,
    /// Resource limits.
    pub limits: Limits,
    /// What becomes of output.
    pub output: Output,
    /// The weakest acceptable tier.
    pub min_tier: Tier,
}

/// Whether a curated set of directories exists inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// It does not exist inside.
    None,
    /// It is there, read-only.
    ReadOnly,
}

/// How the workspace is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkspaceAccess {
    /// It does not exist inside.
    None,
    /// Read-only.
    ReadOnly,
    /// Writable, except for what is protected.
    ReadWrite,
}

/// A granted place and where the grant comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The place.
    pub place: Place,
    /// A flag names a place that must exist; a profile names places that may be absent.
    pub origin: Origin,
}

/// Where a grant was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A profile: skipped when the place does not exist.
    Profile,
    /// A flag: refused when the place does not exist.
    Flag,
}

/// A place as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An absolute path.
    Absolute(AbsPath),
    /// Below the caller's home directory (`~/x`), kept as an absolute path below `/`.
    Home(AbsPath),
}

impl Place {
    /// Parses `/x`, `~` or `~/x`.
    ///
    /// # Errors
    /// When the path is not absolute or climbs.
    pub fn new(text: &str) -> Result<Self, PathError> {
        match text.strip_prefix('~') {
            Some("") => Ok(Self::Home(AbsPath::root())),
            Some(below) => AbsPath::new(below).map(Self::Home),
            None => AbsPath::new(text).map(Self::Absolute),
        }
    }

    /// The absolute path for a caller with this home directory.
    ///
    /// # Errors
    /// When the joined path is longer than the kernel takes.
    pub fn resolve(&self, home: &AbsPath) -> Result<AbsPath, PathError> {
        match self {
            Self::Absolute(path) => Ok(path.clone()),
            Self::Home(below) => home.join(below.as_bytes()),
        }
    }
}

/// As a person writes it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(path) => path.fmt(f),
            Self::Home(below) if below.is_root() => f.write_str("~"),
            Self::Home(below) => write!(f, "~{below}"),
        }
    }
}
