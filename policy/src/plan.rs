//! What the kernel will be told: plain, serialisable data, walked by the runner.
//!
//! A plan is made by [`crate::lower`] from a decision that permits; there is no other maker. Its
//! digest is SHA-256 over its canonical JSON (struct order, no spaces), so what is shown, approved,
//! recorded and carried out is one value.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::limits::Limits;
use crate::network::Network;
use crate::output::Output;
use crate::path::AbsPath;
use crate::principal::Principal;
use crate::request::{Inode, Program};
use crate::secret::SecretGrant;
use crate::text::Text;

/// Everything that one run is given, and nothing that it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Plan {
    /// Format version of this value.
    pub version: u32,
    /// Who asked.
    pub principal: Principal,
    /// The file that runs.
    pub program: Program,
    /// Its arguments, the first as typed.
    pub argv: Vec<Text>,
    /// Working directory inside; the same path as outside.
    pub cwd: AbsPath,
    /// The whole environment, sorted by name, but for secrets that are delivered in it.
    pub env: Vec<Variable>,
    /// The ids that the command has, inside and outside.
    pub identity: Identity,
    /// Private home directory, at the same path as the caller's.
    pub home: AbsPath,
    /// Isolation tier.
    pub tier: Tier,
    /// The sandbox's file tree, parents before children, every directory on the way named. Nothing else
    /// exists inside.
    pub mounts: Vec<Mount>,
    /// Workspace paths that stay read-only, also when they do not exist yet.
    pub protected: Vec<Protected>,
    /// The workspace root, when one is granted.
    pub workspace: Option<AbsPath>,
    /// What the network looks like from inside.
    pub network: Network,
    /// The secrets that the command gets; never a value.
    pub secrets: Vec<SecretGrant>,
    /// Resource limits.
    pub limits: Limits,
    /// What becomes of what it prints.
    pub output: Output,
    /// The profile and policy that this plan was made under.
    pub authority: Authority,
    /// Things that the person should know, one line each.
    pub notes: Vec<String>,
}

impl Plan {
    /// SHA-256 over the canonical JSON of the whole plan, lower-case hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(&json))
    }

    /// Mounts and protections in the one order in which they can be carried out: each path, then all below it,
    /// so that a grant below a protected directory, or a mask below a pinned one, stays in sight.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mounts = self.mounts.iter().map(Step::Mount);
        let mut steps: Vec<Step<'_>> = mounts.chain(self.protected.iter().map(Step::Protect)).collect();
        // INVARIANT: a path comes right before everything below it, so a walk can keep a stack of what is open.
        // The sort is stable, so a protection follows a mount at the same path.
        steps.sort_by(|a, b| a.target().cmp(b.target()));
        steps
    }
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Text,
}

/// The ids of the command. Namespaces map them onto themselves: they are the same outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Which ids exist inside.
    pub map: IdMap,
}

/// Which ids exist inside the user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdMap {
    /// Only the caller's own uid and gid (a plain user).
    Single,
    /// Every id that exists outside, each onto itself (the superuser; capabilities are dropped).
    Full,
}

/// How a run is isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// User, mount, pid, net, ipc, uts and cgroup namespaces with an own root, Landlock, seccomp.
    Namespaces,
}

/// One entry of the sandbox's file tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Absolute path inside.
    pub target: AbsPath,
    /// What is there.
    pub content: Content,
}

/// What stands at a path inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Content {
    /// A host file or directory with everything below it. Always nosuid and nodev.
    Bind {
        /// Host path, links resolved.
        source: AbsPath,
        /// Identity at the time of judging; compared again inside.
        inode: Inode,
        /// Directory or file.
        shape: Shape,
        /// Read-only or writable.
        access: Access,
    },
    /// A host device node.
    Device {
        /// Host path.
        source: AbsPath,
    },
    /// An empty directory of the run's own tmpfs, writable, gone afterwards. Over a bind it covers the
    /// directory that the host has there.
    Private {
        /// Permission bits.
        mode: u32,
    },
    /// An empty directory, or one that only holds other entries; read-only. Over a bind it is a mask.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its text.
        text: Text,
    },
    /// A small generated file; read-only unless it lies in a private directory. Over a bind it is a mask.
    File {
        /// Its content.
        text: String,
    },
    /// The value of a secret, for the command alone; read-only.
    Secret {
        /// The secret's name.
        name: Text,
    },
    /// A new procfs of the run's own pid namespace, read-only.
    Proc,
    /// A new devpts instance.
    Pts,
}

/// Directory or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A directory.
    Directory,
    /// Anything that is not a directory.
    File,
}

/// Read-only or writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read and execute.
    ReadOnly,
    /// Read, execute and write.
    ReadWrite,
}

/// A path below a writable grant that stays read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Protected {
    /// Absolute path, the same outside and inside.
    pub path: AbsPath,
    /// How it is kept.
    pub by: Protection,
}

/// How a protected path is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Protection {
    /// It exists: bound onto itself, read-only.
    ReadOnly {
        /// Identity at the time of judging.
        inode: Inode,
        /// Directory or file.
        shape: Shape,
    },
    /// It is on the way to a protected path: bound onto itself, writable, so that it cannot be renamed.
    Pinned {
        /// Identity at the time of judging.
        inode: Inode,
    },
    /// It does not exist: something empty and read-only stands there for the time of the run.
    Placeholder,
    /// It does not exist inside a git directory, where git would take anything but a file for a broken one: a
    /// read-only file with this text, which means the same to git as no file, stands there for the run.
    PlaceholderFile {
        /// Its content.
        text: String,
    },
}

/// One step of building the file tree; see [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Put this entry there.
    Mount(&'a Mount),
    /// Protect this path.
    Protect(&'a Protected),
}

impl<'a> Step<'a> {
    /// The path inside that the step is about.
    #[must_use]
    pub fn target(self) -> &'a AbsPath {
        match self {
            Self::Mount(mount) => &mount.target,
            Self::Protect(protected) => &protected.path,
        }
    }
}

/// Under which profile and policy a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// The profile's name.
    pub profile: String,
    /// SHA-256 over the profile files that it is made of.
    pub profile_digest: String,
    /// SHA-256 over every policy input.
    pub policy_digest: String,
    /// The rule that permitted it, `layer:name`.
    pub rule: String,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
