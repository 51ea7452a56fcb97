//! The intent of a run: what stays the same when the same is done again, on another day or another machine. An approval
//! given beforehand names it.
//!
//! INVARIANT: whatever a rule, a profile or a flag can give a run is part of it; only the checkout's place on this machine,
//! identities of files and the variables that a profile calls volatile are not.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::decision::Permission;
use crate::fact::Fact;
use crate::limits::Limits;
use crate::network::Network;
use crate::output::Output;
use crate::path::AbsPath;
use crate::plan::{Plan, Tier, Variable, hex};
use crate::remote::Remote;
use crate::request::Request;
use crate::secret::SecretGrant;
use crate::text::Text;

/// The version of the form that is hashed.
const VERSION: u32 = 1;

/// SHA-256 over the canonical JSON of an intent, lower-case hex.
///
/// Made only by [`Intent::of`] and, for comparison, from a file of approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Intent(String);

/// Why a run has no intent that could be told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoIntent {
    /// Not all content is known.
    #[error("the content of the program is not known")]
    Content,
    /// Where the repository comes from is not known.
    #[error("the repository's remote is not known")]
    Remote,
}

#[derive(Serialize)]
struct Form<'a> {
    version: u32,
    sha256: &'a str,
    /// Of a script: what runs it, each with its own arguments.
    interpreters: Vec<(&'a str, &'a [Text])>,
    argv: &'a [Text],
    remote: Option<String>,
    cwd: Text,
    env: Vec<&'a Variable>,
    secrets: &'a [SecretGrant],
    read: &'a [AbsPath],
    write: &'a [AbsPath],
    network: &'a Network,
    limits: &'a Limits,
    output: &'a Output,
    min_tier: Tier,
    uid: u32,
    profile: &'a str,
    profile_digest: &'a str,
    policy_digest: &'a str,
    rule: &'a str,
}

impl Intent {
    /// The intent of a plan that was made from this permission for this request.
    ///
    /// # Errors
    /// See [`NoIntent`].
    pub fn of(plan: &Plan, permission: &Permission, request: &Request) -> Result<Self, NoIntent> {
        let interpreters =
            plan.program.interpreters.iter().map(|one| Some((one.sha256.as_deref()?, one.argv.as_slice())));
        let volatile = &permission.grants().env_volatile;
        let form = Form {
            version: VERSION,
            sha256: plan.program.sha256.as_deref().ok_or(NoIntent::Content)?,
            interpreters: interpreters.collect::<Option<_>>().ok_or(NoIntent::Content)?,
            argv: &plan.argv,
            remote: remote(request)?,
            cwd: relative(&plan.cwd, plan.workspace.as_ref()),
            env: plan.env.iter().filter(|variable| !volatile.contains(&variable.name)).collect(),
            secrets: &plan.secrets,
            read: &request.asked.read,
            write: &request.asked.write,
            network: &plan.network,
            limits: &plan.limits,
            output: &plan.output,
            min_tier: plan.tier,
            uid: plan.identity.uid,
            profile: &plan.authority.profile,
            profile_digest: &plan.authority.profile_digest,
            policy_digest: &plan.authority.policy_digest,
            rule: &plan.authority.rule,
        };
        Ok(Self(hex(&Sha256::digest(serde_json::to_vec(&form).unwrap_or_default()))))
    }

    /// An intent that a file names; `None` when that is no SHA-256 in lower-case hex.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One spelling for a remote of another machine; what only this machine knows is kept as it is written.
fn remote(request: &Request) -> Result<Option<String>, NoIntent> {
    match &request.repository.remote_url {
        Fact::Unknown => Err(NoIntent::Remote),
        Fact::Absent => Ok(None),
        Fact::Known(url) => {
            Ok(Some(Remote::new(url).map_or_else(|| format!("local:{url}"), |remote| remote.to_string())))
        }
    }
}

/// The directory below the workspace's root; the whole path where it is not below.
fn relative(cwd: &AbsPath, workspace: Option<&AbsPath>) -> Text {
    let below = workspace.and_then(|root| cwd.as_bytes().strip_prefix(root.as_bytes()));
    match below {
        Some(below) if below.is_empty() || below.starts_with(b"/") => {
            Text::new([b".", below].concat()).unwrap_or_else(|| Text::from("."))
        }
        Some(_) | None => Text::new(cwd.as_bytes()).unwrap_or_else(|| Text::from("/")),
    }
}
