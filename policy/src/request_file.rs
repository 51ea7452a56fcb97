//! A request as a file: what `explain`, `test` and `simulate` are asked about without running anything, and what the
//! journal keeps of every decision. Strict: what it does not understand it refuses.

mod asked;
mod fields;
mod recorded;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::redacted::{Redacted, RedactedFacts, Whole};
use crate::request::{Command, Inode, Operation, Program, RUN, Request};
use crate::surroundings::{Repository, Surroundings};
use crate::text::Text;

pub use recorded::recorded;

use asked::AskedFile;
use fields::{Argument, CommandFile, PrincipalFile};

/// The format of a request's file, in JSON. What is left out is not known; what is `null` is absent; what a record hid
/// is marked where it stood, or listed under `redacted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct RequestFile {
    /// Who asks.
    principal: PrincipalFile,
    /// The name of the operation; a command run without it.
    #[serde(skip_serializing_if = "is_run")]
    operation: String,
    /// Fields of the operation's target.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    target: BTreeMap<String, Text>,
    /// The names of the secrets that it is to use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
    /// What is to run.
    command: CommandFile,
    /// Where the repository stands.
    #[serde(skip_serializing_if = "is_default")]
    repository: Repository,
    /// What stands around the one who asks.
    #[serde(skip_serializing_if = "is_default")]
    context: Surroundings,
    /// What the flags ask for.
    #[serde(skip_serializing_if = "is_default")]
    asked: AskedFile,
    /// What a record left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<Text>,
}

/// A request's file as it is written, before anybody looked whether it makes sense.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    principal: PrincipalFile,
    #[serde(default = "run")]
    operation: String,
    #[serde(default, deserialize_with = "crate::once::map")]
    target: BTreeMap<String, Text>,
    #[serde(default)]
    secrets: Vec<String>,
    command: CommandFile,
    #[serde(default)]
    repository: Repository,
    #[serde(default)]
    context: Surroundings,
    #[serde(default)]
    asked: AskedFile,
    #[serde(default)]
    redacted: Vec<Text>,
}

impl TryFrom<Written> for RequestFile {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { principal, operation, target, secrets, command, repository, context, asked, redacted } = written;
        let file = Self { principal, operation, target, secrets, command, repository, context, asked, redacted };
        if file.command.argv.is_empty() {
            return Err("`argv` is empty: a command has a name at least".to_owned());
        }
        file.asked.check()?;
        for name in &file.redacted {
            let is_stated = match Redacted::listed(name) {
                Some(Redacted::Whole(whole)) => file.states(whole),
                Some(Redacted::Variable(name)) => {
                    let known =
                        file.context.env.known().ok_or("a variable is redacted and `context.env` is not there")?;
                    known.contains_key(&name)
                }
                Some(Redacted::Argument(_) | Redacted::AskedValue(_)) | None => {
                    return Err(format!("`{name}` under `redacted` is no fact that a record leaves out"));
                }
            };
            if is_stated {
                return Err(format!("`{name}` is redacted and stated as well"));
            }
        }
        Ok(file)
    }
}

fn run() -> String {
    RUN.to_owned()
}

fn is_run(operation: &str) -> bool {
    operation == RUN
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl RequestFile {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn parse(text: &str) -> Result<Request, String> {
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(file.into_request())
    }

    /// The request. Nothing of it was opened, so it can be decided and not be run.
    #[must_use]
    pub fn into_request(self) -> Request {
        let mut redacted: RedactedFacts = self.redacted.iter().filter_map(Redacted::listed).collect();
        let CommandFile { path, argv, cwd, sha256, named, inode, interpreters } = self.command;
        let program = Program {
            named: named.unwrap_or_else(|| path.clone()),
            path,
            inode: inode.unwrap_or(Inode { device: 0, number: 0 }),
            sha256: sha256.known().map(|digest| digest.to_ascii_lowercase()),
            interpreters,
        };
        let hidden = Argument::hidden(&argv).map(Redacted::Argument);
        redacted.extend(hidden);
        let argv = argv.into_iter().map(Argument::into_text).collect();
        let mut command = Command { program, argv, cwd, classes: Fact::Unknown };
        let is_hidden = |fact: &Redacted| matches!(fact, Redacted::Argument(_) | Redacted::Whole(Whole::Arguments));
        if !redacted.iter().any(is_hidden) {
            command.classify();
        }
        let asked = self.asked.into_asked(&mut redacted);
        Request {
            principal: self.principal.into_principal(),
            operation: Operation { name: self.operation, target: self.target, secrets: self.secrets },
            command,
            repository: self.repository,
            surroundings: self.context,
            asked,
            redacted,
        }
    }
}

#[cfg(test)]
mod tests;
