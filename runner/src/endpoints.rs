//! Finds out which hosts an endpoint such as `@npm-registry` means on this machine. Opens nothing: what comes out stands in
//! the plan, and only endpoints that the grants name are looked at.
//!
//! The person's word counts, in this order: what they set for the tool, what the tool itself says, `endpoints.toml`.
//! What only the workspace names is a request: a note says how to allow it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use opaque_policy::egress::{EndpointName, Opening};
use opaque_policy::facts::{Account, Endpoint, GitLayout, Resolved, Workspace};
use opaque_policy::grants::Grants;
use opaque_policy::load::{LoadError, Stated};
use opaque_policy::text::Text;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

mod cargo;
mod git_remote;
mod go;
mod npm;
mod pip;
mod settings;
mod stated;
mod tool;
mod url;

pub use tool::Asking;
pub(crate) use tool::search_path;

use settings::{Settings, Unusable};
use url::Url;

/// The workspace's own settings of npm.
const WORKSPACE_NPM: &str = ".npmrc";
/// The longest that is read.
const WORKSPACE_NPM_LONGEST: usize = 64 * 1024;
/// The most hosts of a workspace that notes name.
const WORKSPACE_HOSTS: usize = 5;

/// Puts a question to a tool: its answer, or why there is none.
type Ask<'a> = &'a dyn Fn(&[&str]) -> Result<String, String>;

/// What is known before anybody looks.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The person.
    pub account: &'a Account,
    /// The caller's environment in a direct run: the caller is the person then, and the tool would obey it
    /// outside all the same. `None` for a request that came through a broker: a client's environment is never the
    /// person's configuration.
    pub environment: Option<&'a BTreeMap<Text, Text>>,
    /// The workspace around the working directory.
    pub workspace: &'a Workspace,
    /// The same, opened.
    pub opened: Option<BorrowedFd<'a>>,
    /// What the run is granted.
    pub grants: &'a Grants,
    /// How a tool is asked.
    pub asking: Asking<'a>,
}

/// Why endpoints cannot be found out at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointsError {
    /// An `endpoints.toml` does not count.
    #[error("the endpoints cannot be read: {why}")]
    Unusable {
        /// Why.
        why: String,
        /// What to do.
        hint: String,
    },
    /// An `endpoints.toml` is wrong.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The root directory cannot be opened.
    #[error("cannot open `/`")]
    Root(#[source] Errno),
}

impl EndpointsError {
    /// What the person can do about it; a loading error says it itself.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unusable { hint, .. } => Some(hint.clone()),
            Self::Load(_) | Self::Root(_) => None,
        }
    }
}

/// What a tool's own configuration came to.
struct Outcome {
    resolved: Resolved,
    /// Why the tool's own default is not known, when that matters.
    lacks: Option<String>,
}

/// What each of these endpoints comes to.
///
/// # Errors
/// An `endpoints.toml` that is malformed or that others may write. An endpoint without hosts is no error but
/// [`Endpoint::Unknown`].
pub fn resolve(
    names: impl Iterator<Item = EndpointName>,
    known: Known<'_>,
) -> Result<BTreeMap<EndpointName, Endpoint>, EndpointsError> {
    let names: Vec<EndpointName> = names.collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open("/", flags, Mode::empty()).map_err(EndpointsError::Root)?;
    let (path, inode, layout) = match known.workspace {
        Workspace::Root(root) => (Some(&root.path), Some(root.inode), &root.git),
        Workspace::None { .. } => (None, None, &GitLayout::None),
    };
    let ask = |command: &[&str]| known.asking.ask(known.environment, path, command);
    let place = Place {
        settings: Settings {
            root: root.as_fd(),
            uid: known.account.uid,
            home: &known.account.home,
            environment: known.environment,
            workspace: inode,
            grants: known.grants,
        },
        opened: known.opened,
        layout,
        ask: &ask,
    };
    place.resolve(&names)
}

/// Where to look and whom to ask; tests look below another root and answer themselves.
struct Place<'a> {
    settings: Settings<'a>,
    opened: Option<BorrowedFd<'a>>,
    layout: &'a GitLayout,
    ask: Ask<'a>,
}

impl Place<'_> {
    fn resolve(&self, names: &[EndpointName]) -> Result<BTreeMap<EndpointName, Endpoint>, EndpointsError> {
        let stated = stated::read(&self.settings)?;
        Ok(names.iter().map(|name| (*name, self.one(*name, &stated))).collect())
    }

    fn one(&self, name: EndpointName, stated: &Stated) -> Endpoint {
        let own = stated.get(&name).map(Vec::as_slice);
        let outcome = match name {
            EndpointName::NpmRegistry => npm::look(&self.settings, self.ask),
            EndpointName::CargoRegistry => cargo::look(&self.settings),
            EndpointName::PipIndex => pip::look(&self.settings),
            EndpointName::GoProxy => go::look(&self.settings, self.ask),
            EndpointName::GitRemote => {
                let resolved = git_remote::look(&self.settings, self.opened, self.layout, own.unwrap_or_default());
                return Endpoint::Resolved(resolved);
            }
        };
        let mut endpoint = settle(name, outcome, own);
        if let (EndpointName::NpmRegistry, Endpoint::Resolved(resolved)) = (name, &mut endpoint) {
            self.note_what_the_workspace_asks(resolved);
        }
        endpoint
    }

    fn note_what_the_workspace_asks(&self, resolved: &mut Resolved) {
        let text = self.opened.and_then(|root| crate::git::regular(root, WORKSPACE_NPM, WORKSPACE_NPM_LONGEST).ok());
        let text = text.and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
        let asked: Vec<Opening> = npm::asked(&text).iter().filter_map(Url::opening).collect();
        for opening in asked.iter().take(WORKSPACE_HOSTS) {
            let note = format!("the workspace's .npmrc names `{opening}`: allow it with `--allow-net {opening}`");
            if !resolved.openings.iter().any(|own| own.covers(opening)) && !resolved.notes.contains(&note) {
                resolved.notes.push(note);
            }
        }
    }
}

/// Fills what the tool's configuration leaves open from what is stated.
fn settle(name: EndpointName, outcome: Result<Outcome, Unusable>, stated: Option<&[Opening]>) -> Endpoint {
    let Outcome { mut resolved, lacks } = match outcome {
        Ok(outcome) => outcome,
        Err(Unusable { why, hint }) => return Endpoint::Unknown { why, hint },
    };
    match (lacks, stated) {
        (None, _) => {}
        (Some(_), Some(stated)) => resolved.openings.extend(stated.iter().cloned()),
        (Some(why), None) => {
            let key = name.as_str();
            let hint = format!("write `{key} = [\"HOST\"]` into ~/.config/opaque/endpoints.toml, below `version = 1`");
            return Endpoint::Unknown { why, hint };
        }
    }
    Endpoint::Resolved(resolved)
}

#[cfg(test)]
mod tests;
