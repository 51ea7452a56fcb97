//! What the host looks like, as plain values: gathered by the edge, read by [`crate::lower`].
//!
//! The edge fills everything but [`HostFacts::paths`], asks [`crate::lower::questions`] what else
//! lowering will read, and answers with one look at the disk for each path.

use std::collections::BTreeMap;

use crate::egress::{EndpointName, Opening};
use crate::path::AbsPath;
use crate::request::Inode;
use crate::text::Text;

/// Everything that lowering needs to know about this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The caller's account.
    pub account: Account,
    /// The caller's environment; only names that the grants pass are read.
    pub env: BTreeMap<Text, Text>,
    /// What stands at each path of [`crate::lower::questions`]; see [`HostFacts::answer`]. A path that is
    /// missing here was not asked about, which is an error of ours and refused as such.
    pub paths: BTreeMap<AbsPath, PathFact>,
    /// The workspace around the working directory.
    pub workspace: Workspace,
    /// The person's git settings that may be shown inside: `user.*`, `init.*`, `core.autocrlf`.
    pub git_settings: Vec<(String, String)>,
    /// What each endpoint that the grants name came to.
    pub endpoints: BTreeMap<EndpointName, Endpoint>,
    /// True when the caller is the superuser of this namespace (real uid 0 with its capabilities).
    pub is_root: bool,
    /// Where policy, profiles, trust and journal live: never writable inside. Each stands here as it is named
    /// and, where a link is on the way, once more as it resolves.
    pub guarded: Vec<AbsPath>,
}

impl HostFacts {
    /// Puts the questions to the disk and keeps the answers.
    ///
    /// `questions` come parents first; what lies below a path that is absent is absent and costs no look.
    pub fn answer(&mut self, questions: Vec<AbsPath>, mut look: impl FnMut(&AbsPath) -> PathFact) {
        let mut absent: Option<AbsPath> = None;
        for path in questions {
            if absent.as_ref().is_some_and(|above| path.is_within(above)) {
                continue;
            }
            let fact = look(&path);
            if fact == PathFact::Absent {
                absent = Some(path.clone());
            }
            self.paths.insert(path, fact);
        }
    }

    /// What stands at a path; `None` when nobody asked about it.
    #[must_use]
    pub fn at(&self, path: &AbsPath) -> Option<&PathFact> {
        if let Some(fact) = self.paths.get(path) {
            return Some(fact);
        }
        let mut above = path.parent();
        while let Some(directory) = above {
            match self.paths.get(&directory) {
                Some(PathFact::Absent) => return Some(&PathFact::Absent),
                Some(_) => return None,
                None => above = directory.parent(),
            }
        }
        None
    }
}

/// The caller's account as the system database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Real uid.
    pub uid: u32,
    /// Real gid.
    pub gid: u32,
    /// Login name.
    pub name: String,
    /// Home directory from the system database, never from `HOME`.
    pub home: AbsPath,
}

/// What stands at one path on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFact {
    /// Nothing, or nothing that the caller may see.
    Absent,
    /// A directory.
    Directory(Inode),
    /// A regular file.
    File(Inode),
    /// A character device, FIFO or socket.
    Special(Inode),
    /// A path that is not its own real path: a symbolic link, or something below a linked directory.
    Link {
        /// The link's own text; for something below a linked directory, the real path.
        text: Text,
        /// The path with every link resolved; `None` when it dangles.
        real: Option<AbsPath>,
        /// What stands there.
        leads_to: Leads,
    },
}

/// What a symbolic link finally leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// Nothing.
    Nowhere,
    /// A directory.
    Directory(Inode),
    /// A regular file.
    File(Inode),
    /// Something else.
    Special(Inode),
}

/// The workspace that was found around the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workspace {
    /// A directory that may be granted.
    Root(WorkspaceRoot),
    /// None is granted, and why: `/`, the home directory and the like.
    None {
        /// Shown to the person, e.g. "the home directory is never a workspace".
        why: String,
    },
}

/// A workspace directory and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRoot {
    /// Its path, links resolved.
    pub path: AbsPath,
    /// Its identity.
    pub inode: Inode,
    /// Owner of the directory.
    pub owner_uid: u32,
    /// Group of the directory.
    pub owner_gid: u32,
    /// How git is set up in it.
    pub git: GitLayout,
}

/// How git is set up in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitLayout {
    /// No `.git`.
    None,
    /// `.git` is a directory; `modules` are the git directories of its submodules.
    Directory {
        /// Git directories below `.git/modules`, real paths.
        modules: Vec<AbsPath>,
    },
    /// `.git` is a file that points elsewhere (a worktree or a submodule). The edge reports it only when the
    /// git directory points back to this workspace, as any file could name any directory.
    File {
        /// The git directory that the file names, its real path.
        git_dir: AbsPath,
        /// The common directory (`commondir`), when it is another one, its real path.
        common_dir: Option<AbsPath>,
        /// Git directories below `modules` of the common directory.
        modules: Vec<AbsPath>,
    },
}

/// What an endpoint came to on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The tool's configuration names these hosts.
    Resolved(Resolved),
    /// Nothing says which hosts are meant.
    Unknown {
        /// What was looked at, in a line.
        why: String,
        /// What the person can do.
        hint: String,
    },
}

/// The hosts of an endpoint and the tool's setting that goes with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// What is open. Empty when only the workspace names hosts: that is a request, not a grant.
    pub openings: Vec<Opening>,
    /// Variables that tell the tool inside the same setting.
    pub env: BTreeMap<Text, Text>,
    /// Generated files that do, by absolute path inside; never with credentials.
    pub files: BTreeMap<AbsPath, String>,
    /// What the person should know, one line each.
    pub notes: Vec<String>,
}
