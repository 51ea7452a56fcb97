//! What is asked: a command, where it runs, and the flags that came with it.
//!
//! A request is a value made by the edge (`opaque-run`'s invocation, later the broker). Files have
//! been opened and resolved by then; nothing here looks at the disk again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::classify::classify;
use crate::fact::Fact;
use crate::limits::LimitRequest;
use crate::network_grants::NetworkGrants;
use crate::path::AbsPath;
use crate::principal::Principal;
use crate::redacted::RedactedFacts;
use crate::secret::{Delivery, Source};
use crate::surroundings::{Repository, Surroundings};
use crate::text::Text;

/// One request to run one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// What is asked for, by name.
    pub operation: Operation,
    /// What is to run.
    pub command: Command,
    /// Where the repository around the working directory stands.
    pub repository: Repository,
    /// What stands around the process that asks.
    pub surroundings: Surroundings,
    /// Flags: grants in a direct run without policy, otherwise requests under the rule's ceiling.
    pub asked: Asked,
    /// What the record left out that it was read from; nothing of a request that is made now.
    pub redacted: RedactedFacts,
}

impl Request {
    /// A request to run a command, of which no more is known.
    #[must_use]
    pub fn to_run(principal: Principal, command: Command, asked: Asked) -> Self {
        let (repository, surroundings) = (Repository::default(), Surroundings::default());
        let redacted = RedactedFacts::new();
        Self { principal, operation: Operation::default(), command, repository, surroundings, asked, redacted }
    }
}

/// The only operation that is carried out; every other one is decided only.
pub const RUN: &str = "sandbox.exec";

/// An operation by its name, with what it is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// Fields that mean something to the operation.
    pub target: BTreeMap<String, Text>,
    /// The names of the secrets that it is to use.
    pub secrets: Vec<String>,
}

impl Default for Operation {
    fn default() -> Self {
        Self { name: RUN.to_owned(), target: BTreeMap::new(), secrets: Vec::new() }
    }
}

/// A command: the program that was opened and the argument vector as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program whose file was opened and judged.
    pub program: Program,
    /// The argument vector; the first element is the name as typed.
    pub argv: Vec<Text>,
    /// Working directory, with symbolic links resolved.
    pub cwd: AbsPath,
    /// What it does, as far as its words tell; found out only when a rule reads it.
    pub classes: Fact<Vec<Class>>,
}

impl Command {
    /// Finds out what it does.
    pub fn classify(&mut self) {
        self.classes = Fact::Known(classify(&self.program.path, &self.argv));
    }

    /// The arguments after the program's name.
    #[must_use]
    pub fn arguments(&self) -> &[Text] {
        self.argv.get(1..).unwrap_or_default()
    }
}

/// The file that will be executed, as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Absolute path with symbolic links resolved; rules match on this.
    pub path: AbsPath,
    /// Absolute path before links were resolved: what `PATH` lookup or the caller named. Inside the
    /// sandbox this is the path that is looked up, so that shims that look at their own path work.
    pub named: AbsPath,
    /// Device and inode at the time of judging.
    pub inode: Inode,
    /// SHA-256 of the content, lower-case hex; present only when something depends on the content.
    pub sha256: Option<String>,
    /// For a `#!` script, the interpreter chain from the outermost inwards; empty for a binary.
    pub interpreters: Vec<Interpreter>,
}

/// One step of a `#!` chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpreter {
    /// Resolved path of the interpreter.
    pub path: AbsPath,
    /// Path as the script names it.
    pub named: AbsPath,
    /// Device and inode at the time of judging.
    pub inode: Inode,
    /// SHA-256 of the content, when something depends on it.
    pub sha256: Option<String>,
    /// Arguments between the interpreter and the script; `argv[0]` first.
    pub argv: Vec<Text>,
    /// Who said that it is this file.
    #[serde(default)]
    pub chosen_by: Chooser,
}

/// Who said which file an interpreter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chooser {
    /// The script, by a path.
    Script,
    /// The machine: the name was found in a directory of `PATH` that root alone can write.
    Machine,
    /// The caller: the name was found in another directory of `PATH`.
    #[default]
    Caller,
}

/// The identity of a file on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inode {
    /// Device number, as `st_dev`.
    pub device: u64,
    /// Inode number, as `st_ino`.
    pub number: u64,
}

/// What the flags ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// `--profile NAME`.
    pub profile: Option<String>,
    /// `--read PATH`: visible, read-only.
    pub read: Vec<AbsPath>,
    /// `--write PATH`: visible, writable.
    pub write: Vec<AbsPath>,
    /// `--env NAME` (pass the caller's value) and `--env NAME=VALUE`.
    pub env: Vec<AskedVariable>,
    /// `--secret NAME=SOURCE`: where secrets are kept that no profile declares.
    pub secrets: Vec<AskedSecret>,
    /// `--allow-net`, `--loopback` and `--publish`.
    pub network: NetworkGrants,
    /// `--limit NAME=VALUE` and `--timeout`.
    pub limits: LimitRequest,
    /// `--tier`.
    pub tier: AskedTier,
}

impl Asked {
    /// With what a trusted repository asks for besides; what was typed goes first.
    pub fn add(&mut self, request: &Self) {
        self.profile = self.profile.take().or_else(|| request.profile.clone());
        self.network = std::mem::take(&mut self.network).joined(&request.network);
        self.limits = request.limits.overridden_by(&self.limits);
    }
}

/// A variable asked for with `--env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedVariable {
    /// Its name.
    pub name: Text,
    /// `None` passes the caller's value.
    pub value: Option<Text>,
}

/// A secret that was named on the spot, with `--secret NAME=SOURCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedSecret {
    /// Its name; [`Operation::secrets`] has it as well.
    pub name: Text,
    /// Where it is kept.
    pub source: Source,
    /// How the command gets it.
    pub deliver: Delivery,
}

/// The isolation that the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedTier {
    /// The strongest tier that satisfies the profile.
    #[default]
    Auto,
    /// The namespaces tier, by name.
    Namespaces,
}
