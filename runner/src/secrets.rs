//! Reads the values of secrets from where they are kept, before anything of the run exists. Decides nothing, and shows no value.
//!
//! A value goes from its descriptor into locked memory and nowhere else. Whatever is missing, unknown, empty or too long is
//! refused, with the secret's name, the reason and the fix. Programs that give values out run apart, in an environment
//! of a few named variables, and are killed with everything in their group when their time is over.

use std::time::Duration;

use opaque_policy::facts::Account;
use opaque_policy::request::Inode;
use opaque_policy::secret::Source;
use opaque_policy::text::Text;
use opaque_sys::locked::Locked;
use rustix::io::Errno;
use rustix::process::DumpableBehavior;

use crate::invocation::Environment;

mod ask;
mod complaint;
mod failure;
mod file;
mod find;
mod started;
mod tool;
mod value;

pub use failure::{SecretFailure, Why};

pub use value::bare;

use value::Part;

/// On whose behalf values are read.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// The person; programs get this home and this name, whatever `HOME` and `USER` say.
    pub account: &'a Account,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The workspace's root: commands write there, so no file below it says what a secret is.
    pub workspace: Option<Inode>,
}

/// A value that was read.
pub struct Value {
    /// Its bytes as they are kept: at least one, at most 64 KiB, and a line end perhaps; no NUL.
    pub bytes: Locked,
    /// What the person should know about how it is kept, a sentence each.
    pub notes: Vec<String>,
}

/// Keeps the memory of this process from other programs of the same account, and from core files. Done before any value is read.
///
/// # Errors
/// What `prctl` answers.
pub fn keep_memory_private() -> Result<(), Errno> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Reads one value. `timeout` is for the programs that give some of them out.
///
/// # Errors
/// The value cannot be had, or is none; see [`Why`].
pub fn read(name: &Text, source: &Source, timeout: Duration, owner: Owner<'_>) -> Result<Value, SecretFailure> {
    let value = match source {
        Source::Env(variable) => variable_value(variable, owner),
        Source::File(place) => file::read(place, owner),
        Source::Command(argv) => ask::command(argv, timeout, owner),
        Source::Keyring { .. }
        | Source::Age { .. }
        | Source::OnePassword(_)
        | Source::Vault { .. }
        | Source::Pass(_) => tool::read(name, source, timeout, owner),
    };
    value.map_err(|failed| failed.of(name, source))
}

fn variable_value(variable: &Text, owner: Owner<'_>) -> Result<Value, failure::Failed> {
    let Some(text) = owner.environment.get(variable) else {
        return Err(Why::Unset { variable: variable.clone() }.into());
    };
    let mut bytes = Locked::with_capacity(text.as_bytes().len().min(value::MOST)).map_err(Why::Memory)?;
    bytes.extend(text.as_bytes()).map_err(|_| Why::Long)?;
    Ok(Value { bytes: value::checked(bytes, Part::Whole)?, notes: Vec::new() })
}

#[cfg(test)]
mod tests;
