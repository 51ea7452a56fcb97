//! The files that a policy is made of, as the edge read them.

use sha2::{Digest, Sha256};

use crate::document::SourceFile;
use crate::layer::LayerName;
use crate::path::AbsPath;
use crate::plan::hex;

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
