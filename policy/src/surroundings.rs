//! The circumstances of a request: what stands around the process that asks. All of it can be influenced by the
//! caller's own uid, and most by the caller.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::text::Text;

/// What stands around the process that asks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Surroundings {
    /// The name of its executable.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub process_name: Fact<Text>,
    /// The name of its parent's executable.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub parent_process_name: Fact<Text>,
    /// The names of the executables of it and all above it.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub ancestors: Fact<Vec<Text>>,
    /// Its own argument vector.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub command: Fact<Vec<Text>>,
    /// The path of its cgroup.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub cgroup: Fact<Text>,
    /// `session:window` of tmux.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub tmux_window: Fact<Text>,
    /// Whether it lives in other namespaces than the machine's first process.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub is_in_container: Fact<bool>,
    /// The coding agent that it belongs to.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub coding_agent_name: Fact<Text>,
    /// Its environment, as far as rules read it.
    #[serde(skip_serializing_if = "Fact::is_unknown", deserialize_with = "crate::once::fact")]
    pub env: Fact<BTreeMap<Text, Text>>,
    /// The variables that were looked at, found or not; without it, all of them were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_read: Option<BTreeSet<Text>>,
    /// `[user@]host` that an ssh connection goes to.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub ssh_dest: Fact<Text>,
    /// Whether that host's key is a known one.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub is_in_known_hosts: Fact<bool>,
    /// Whether the request came over a forwarded agent.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub is_forwarded: Fact<bool>,
    /// `[user@]host` that it was forwarded by.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub forwarded_via: Fact<Text>,
    /// The fingerprint of the key that is asked for.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub key: Fact<Text>,
    /// By which road the request came.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub origin: Fact<Origin>,
    /// How far the broker trusts the socket that it came in on.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub provenance: Fact<Provenance>,
}

/// By which road a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From a terminal of this machine.
    Tty,
    /// From a terminal over ssh.
    Ssh,
    /// From a CI job.
    Ci,
    /// From an MCP client.
    Mcp,
    /// From inside a container.
    Container,
}

impl Origin {
    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tty => "tty",
            Self::Ssh => "ssh",
            Self::Ci => "ci",
            Self::Mcp => "mcp",
            Self::Container => "container",
        }
    }
}

/// How far the broker trusts a socket. Never said by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// The person's own programs.
    Trusted,
    /// Anything else.
    Untrusted,
    /// The machine's services.
    System,
}

impl Provenance {
    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::System => "system",
        }
    }
}

/// Where the run's repository stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repository {
    /// The URL of its `origin`.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub remote_url: Fact<String>,
    /// The branch that is checked out; absent for a detached head.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub branch: Fact<String>,
    /// Whether everything in it is committed and nothing is there besides but what it ignores.
    #[serde(skip_serializing_if = "Fact::is_unknown")]
    pub is_clean: Fact<bool>,
}
