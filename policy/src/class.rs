//! What a command does, as far as its words tell. Labels, never the boundary.

use serde::{Deserialize, Serialize};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    // INVARIANT: from the least strict to the strictest.
    /// Lists, shows, searches.
    ReadOnly,
    /// Writes below the workspace.
    WorkspaceWrite,
    /// Writes elsewhere in the home directory.
    HomeWrite,
    /// Changes history or what a version control system points at.
    VcsWrite,
    /// Installs packages.
    PkgInstall,
    /// Changes how the machine reaches the network.
    NetConfig,
    /// Makes something public.
    Publish,
    /// Reads or changes credentials.
    Credential,
    /// Changes the system: services, accounts, devices.
    SystemChange,
    /// Takes another user's rights.
    Privilege,
    /// Deletes or overwrites what cannot be had back.
    Destructive,
    /// Nobody can tell.
    OpaqueScript,
}

impl Class {
    /// All of them, the least strict first.
    pub const ALL: [Self; 12] = [
        Self::ReadOnly,
        Self::WorkspaceWrite,
        Self::HomeWrite,
        Self::VcsWrite,
        Self::PkgInstall,
        Self::NetConfig,
        Self::Publish,
        Self::Credential,
        Self::SystemChange,
        Self::Privilege,
        Self::Destructive,
        Self::OpaqueScript,
    ];

    /// The spelling used in policy files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::HomeWrite => "home-write",
            Self::VcsWrite => "vcs-write",
            Self::PkgInstall => "pkg-install",
            Self::NetConfig => "net-config",
            Self::Publish => "publish",
            Self::Credential => "credential",
            Self::SystemChange => "system-change",
            Self::Privilege => "privilege",
            Self::Destructive => "destructive",
            Self::OpaqueScript => "opaque-script",
        }
    }

    /// What a command of this class does.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ReadOnly => "lists, shows, searches",
            Self::WorkspaceWrite => "writes below the workspace",
            Self::HomeWrite => "writes elsewhere in the home directory",
            Self::VcsWrite => "changes history or what version control points at",
            Self::PkgInstall => "installs packages",
            Self::NetConfig => "changes how the machine reaches the network",
            Self::Publish => "makes something public",
            Self::Credential => "reads or changes credentials",
            Self::SystemChange => "changes the system: services, accounts, devices",
            Self::Privilege => "takes another user's rights",
            Self::Destructive => "deletes or overwrites what cannot be had back",
            Self::OpaqueScript => "nobody can tell",
        }
    }
}

/// Every class as policy files spell it.
pub(crate) const CLASSES: [(&str, Class); 12] = [
    (Class::ReadOnly.as_str(), Class::ReadOnly),
    (Class::WorkspaceWrite.as_str(), Class::WorkspaceWrite),
    (Class::HomeWrite.as_str(), Class::HomeWrite),
    (Class::VcsWrite.as_str(), Class::VcsWrite),
    (Class::PkgInstall.as_str(), Class::PkgInstall),
    (Class::NetConfig.as_str(), Class::NetConfig),
    (Class::Publish.as_str(), Class::Publish),
    (Class::Credential.as_str(), Class::Credential),
    (Class::SystemChange.as_str(), Class::SystemChange),
    (Class::Privilege.as_str(), Class::Privilege),
    (Class::Destructive.as_str(), Class::Destructive),
    (Class::OpaqueScript.as_str(), Class::OpaqueScript),
];
