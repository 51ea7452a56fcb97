//! Facts that a record of a request left out on purpose. Each is as unknown as one that nobody gathered, and is
//! remembered by its name, so that nobody takes what was hidden for what was looked for and not found.

use std::collections::BTreeSet;

use crate::text::Text;

/// Everything that a record left out.
pub type RedactedFacts = BTreeSet<Redacted>;

/// One thing that a record left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redacted {
    /// One element of the argument vector.
    Argument(usize),
    /// The value of a variable of the caller's environment, which is there.
    Variable(Text),
    /// The value that a flag gives a variable. No rule reads it.
    AskedValue(Text),
    /// A whole fact.
    Whole(Whole),
}

/// A fact that is left out as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whole {
    /// The name of the operation.
    Operation,
    /// The fields of its target.
    Target,
    /// The names of its secrets.
    Secrets,
    /// How the program was named and found, and what runs it.
    Program,
    /// Everything after the program's name.
    Arguments,
    /// The program that asks.
    Executable,
    /// The roles of the session.
    Roles,
    /// The URL of `origin`.
    RemoteUrl,
    /// The branch.
    Branch,
    /// The names of the requester and all above it.
    Ancestors,
    /// The requester's own argument vector.
    RequesterCommand,
    /// Its environment.
    Env,
    /// The path of its cgroup.
    Cgroup,
    /// The profile that a flag names.
    AskedProfile,
    /// The paths of `--read`.
    AskedRead,
    /// The paths of `--write`.
    AskedWrite,
    /// The variables of `--env`.
    AskedEnv,
    /// The secrets of `--secret NAME=SOURCE`.
    AskedSecrets,
    /// What flags ask of the network.
    AskedNetwork,
}

impl Whole {
    /// All of them, those that decide least first: in this order they make room in a record.
    pub const ALL: [Self; 19] = [
        Self::Program,
        Self::RequesterCommand,
        Self::Ancestors,
        Self::Cgroup,
        Self::Env,
        Self::AskedEnv,
        Self::AskedSecrets,
        Self::AskedNetwork,
        Self::AskedRead,
        Self::AskedWrite,
        Self::AskedProfile,
        Self::Secrets,
        Self::Target,
        Self::RemoteUrl,
        Self::Branch,
        Self::Roles,
        Self::Executable,
        Self::Arguments,
        Self::Operation,
    ];

    /// Its place in a request's file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Target => "target",
            Self::Secrets => "secrets",
            Self::Program => "command.program",
            Self::Arguments => "command.argv",
            Self::Executable => "principal.executable",
            Self::Roles => "principal.roles",
            Self::RemoteUrl => "repository.remote_url",
            Self::Branch => "repository.branch",
            Self::Ancestors => "context.ancestors",
            Self::RequesterCommand => "context.command",
            Self::Env => "context.env",
            Self::Cgroup => "context.cgroup",
            Self::AskedProfile => "asked.profile",
            Self::AskedRead => "asked.read",
            Self::AskedWrite => "asked.write",
            Self::AskedEnv => "asked.env",
            Self::AskedSecrets => "asked.secrets",
            Self::AskedNetwork => "asked.network",
        }
    }

    /// True for what the flags ask: without it nobody can tell whether a run stays below its ceiling.
    #[must_use]
    pub fn is_asked(self) -> bool {
        match self {
            Self::AskedProfile
            | Self::AskedRead
            | Self::AskedWrite
            | Self::AskedEnv
            | Self::AskedSecrets
            | Self::AskedNetwork => true,
            Self::Operation
            | Self::Target
            | Self::Secrets
            | Self::Program
            | Self::Arguments
            | Self::Executable
            | Self::Roles
            | Self::RemoteUrl
            | Self::Branch
            | Self::Ancestors
            | Self::RequesterCommand
            | Self::Env
            | Self::Cgroup => false,
        }
    }
}

/// The name of a variable's place in a request's file, before the variable's own name.
const VARIABLE: &str = "context.env.";
/// The same of a variable that a flag gives.
const ASKED_VALUE: &str = "asked.env.";
/// The same of an argument, before its number.
const ARGUMENT: &str = "command.argv.";

impl Redacted {
    /// Its place in a request's file.
    #[must_use]
    pub fn name(&self) -> Text {
        let below = |place: &str, name: &[u8]| Text::new([place.as_bytes(), name].concat());
        let name = match self {
            Self::Argument(index) => below(ARGUMENT, index.to_string().as_bytes()),
            Self::Variable(name) => below(VARIABLE, name.as_bytes()),
            Self::AskedValue(name) => below(ASKED_VALUE, name.as_bytes()),
            Self::Whole(whole) => below(whole.name(), b""),
        };
        // INVARIANT: neither half holds a NUL.
        name.unwrap_or_else(|| Text::from(""))
    }

    /// The one that is listed by this name: a whole fact or a variable. The others are marked where they stand.
    #[must_use]
    pub(crate) fn listed(name: &Text) -> Option<Self> {
        if let Some(variable) = name.as_bytes().strip_prefix(VARIABLE.as_bytes()) {
            return Text::new(variable).filter(|name| !name.as_bytes().is_empty()).map(Self::Variable);
        }
        Whole::ALL.into_iter().find(|whole| whole.name().as_bytes() == name.as_bytes()).map(Self::Whole)
    }
}

/// Whether a whole fact is among those that were left out.
pub(crate) fn hides(redacted: &RedactedFacts, whole: Whole) -> bool {
    // Nearly no request was ever a record.
    !redacted.is_empty() && redacted.contains(&Redacted::Whole(whole))
}

/// The names of what the flags ask and the record left out.
pub(crate) fn hidden_flags(redacted: &RedactedFacts) -> Vec<&'static str> {
    let asked = Whole::ALL.into_iter().filter(|whole| whole.is_asked());
    asked.filter(|whole| hides(redacted, *whole)).map(Whole::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_whole_fact_is_listed_once_and_found_by_its_name() {
        let names: BTreeSet<&str> = Whole::ALL.into_iter().map(Whole::name).collect();
        assert_eq!(names.len(), Whole::ALL.len());
        for whole in Whole::ALL {
            assert_eq!(Redacted::listed(&Text::from(whole.name())), Some(Redacted::Whole(whole)));
        }
        let variable = Redacted::Variable(Text::from("A.B"));
        assert_eq!(Redacted::listed(&variable.name()), Some(variable));
        for unknown in ["context.env.", "context", "principal.uid", "command.argv.1", "asked.env.A", ""] {
            assert_eq!(Redacted::listed(&Text::from(unknown)), None, "{unknown}");
        }
    }
}
