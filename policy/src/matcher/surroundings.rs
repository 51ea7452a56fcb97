//! Conditions on what stands around the process that asks.

use std::collections::BTreeMap;
use std::fmt;

use crate::destination::DestinationPattern;
use crate::fact::Fact;
use crate::matcher::verdict::{Match, yes};
use crate::matcher::{Grade, write_list};
use crate::path_glob::PathGlob;
use crate::pattern::TextPattern;
use crate::redacted::Redacted;
use crate::request::Request;
use crate::surroundings::{Origin, Provenance, Surroundings};
use crate::text::Text;

/// One key of `[rules.context]` and what it must be; of a list any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SurroundingsMatcher {
    Text(TextField, Vec<TextPattern>),
    Destination(DestinationField, Vec<DestinationPattern>),
    Flag(Flag, bool),
    Cwd(Vec<PathGlob>),
    /// Each of these variables, by any of its patterns.
    Env(BTreeMap<Text, Vec<TextPattern>>),
    Origin(Vec<Origin>),
    Provenance(Vec<Provenance>),
}

/// A key whose value is text, or several texts of which any may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextField {
    ProcessName,
    ParentProcessName,
    Ancestor,
    Command,
    Cgroup,
    TmuxWindow,
    CodingAgentName,
    Key,
}

/// A key whose value is `[user@]host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DestinationField {
    SshDest,
    ForwardedVia,
}

/// A key whose value is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flag {
    InContainer,
    CodingAgent,
    InKnownHosts,
    Forwarded,
}

impl TextField {
    pub(crate) const ALL: [Self; 8] = [
        Self::ProcessName,
        Self::ParentProcessName,
        Self::Ancestor,
        Self::Command,
        Self::Cgroup,
        Self::TmuxWindow,
        Self::CodingAgentName,
        Self::Key,
    ];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::ProcessName => "process_name",
            Self::ParentProcessName => "parent_process_name",
            Self::Ancestor => "ancestor",
            Self::Command => "command",
            Self::Cgroup => "cgroup",
            Self::TmuxWindow => "tmux_window",
            Self::CodingAgentName => "coding_agent_name",
            Self::Key => "key",
        }
    }

    fn judge(self, context: &Surroundings, patterns: &[TextPattern]) -> Match {
        let one = |fact: &Fact<Text>| Match::of(fact, |text| any(patterns, text));
        let several = |fact: &Fact<Vec<Text>>| Match::of(fact, |texts| texts.iter().any(|text| any(patterns, text)));
        match self {
            Self::ProcessName => one(&context.process_name),
            Self::ParentProcessName => one(&context.parent_process_name),
            Self::Ancestor => several(&context.ancestors),
            Self::Command => several(&context.command),
            Self::Cgroup => one(&context.cgroup),
            Self::TmuxWindow => one(&context.tmux_window),
            Self::CodingAgentName => one(&context.coding_agent_name),
            Self::Key => one(&context.key),
        }
    }
}

impl DestinationField {
    pub(crate) const ALL: [Self; 2] = [Self::SshDest, Self::ForwardedVia];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::SshDest => "ssh_dest",
            Self::ForwardedVia => "forwarded_via",
        }
    }

    fn of(self, context: &Surroundings) -> &Fact<Text> {
        match self {
            Self::SshDest => &context.ssh_dest,
            Self::ForwardedVia => &context.forwarded_via,
        }
    }
}

impl Flag {
    pub(crate) const ALL: [Self; 4] = [Self::InContainer, Self::CodingAgent, Self::InKnownHosts, Self::Forwarded];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::InContainer => "is_in_container",
            Self::CodingAgent => "is_coding_agent",
            Self::InKnownHosts => "is_in_known_hosts",
            Self::Forwarded => "is_forwarded",
        }
    }

    /// What is absent is not so.
    fn judge(self, context: &Surroundings, wanted: bool) -> Match {
        let flag = |fact: &Fact<bool>| match fact {
            Fact::Known(found) => yes(*found == wanted),
            Fact::Absent => yes(!wanted),
            Fact::Unknown => Match::Unknown,
        };
        match self {
            Self::InContainer => flag(&context.is_in_container),
            Self::InKnownHosts => flag(&context.is_in_known_hosts),
            Self::Forwarded => flag(&context.is_forwarded),
            Self::CodingAgent => match &context.coding_agent_name {
                Fact::Known(_) => yes(wanted),
                Fact::Absent => yes(!wanted),
                Fact::Unknown => Match::Unknown,
            },
        }
    }
}

impl SurroundingsMatcher {
    pub(crate) fn judge(&self, request: &Request) -> Match {
        let context = &request.surroundings;
        match self {
            Self::Text(field, patterns) => field.judge(context, patterns),
            Self::Destination(field, patterns) => {
                Match::of(field.of(context), |found| patterns.iter().any(|pattern| pattern.matches(found)))
            }
            Self::Flag(flag, wanted) => flag.judge(context, *wanted),
            Self::Cwd(globs) => yes(globs.iter().any(|glob| glob.matches(&request.command.cwd))),
            Self::Env(wanted) => Match::all(wanted.iter().map(|(name, patterns)| variable(request, name, patterns))),
            Self::Origin(wanted) => Match::of(&context.origin, |found| wanted.contains(found)),
            Self::Provenance(wanted) => Match::of(&context.provenance, |found| wanted.contains(found)),
        }
    }

    pub(crate) fn grade(&self) -> Grade {
        match self {
            // The directory is open, and the socket assigns the provenance.
            Self::Cwd(_) | Self::Provenance(_) => Grade::Verified,
            Self::Env(_) => Grade::Claimed,
            Self::Text(..) | Self::Destination(..) | Self::Flag(..) | Self::Origin(_) => Grade::Derived,
        }
    }

    /// The key in `[rules.context]`.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Text(field, _) => field.key(),
            Self::Destination(field, _) => field.key(),
            Self::Flag(flag, _) => flag.key(),
            Self::Cwd(_) => "cwd",
            Self::Env(_) => "env",
            Self::Origin(_) => "origin",
            Self::Provenance(_) => "provenance",
        }
    }

    /// True when it is certain that whatever satisfies `narrow` satisfies this.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Text(field, wide), Self::Text(other, narrow)) => {
                field == other && narrow.iter().all(|one| wide.iter().any(|wide| wide.covers(one)))
            }
            (Self::Destination(field, wide), Self::Destination(other, narrow)) => {
                field == other && narrow.iter().all(|one| wide.iter().any(|wide| wide.covers(one)))
            }
            (Self::Cwd(wide), Self::Cwd(narrow)) => narrow.iter().all(|one| wide.iter().any(|wide| wide.covers(one))),
            (Self::Origin(wide), Self::Origin(narrow)) => narrow.iter().all(|one| wide.contains(one)),
            (Self::Provenance(wide), Self::Provenance(narrow)) => narrow.iter().all(|one| wide.contains(one)),
            (wide, narrow) => wide == narrow,
        }
    }
}

/// Whether a variable of the environment matches any of these.
pub(crate) fn variable(request: &Request, name: &Text, patterns: &[TextPattern]) -> Match {
    let context = &request.surroundings;
    let Fact::Known(env) = &context.env else { return Match::of(&context.env, |_| false) };
    let is_unread = || context.env_read.as_ref().is_some_and(|read| !read.contains(name));
    match env.get(name) {
        Some(value) => yes(any(patterns, value)),
        None if !request.redacted.is_empty() && request.redacted.contains(&Redacted::Variable(name.clone())) => {
            // It is there, with one value or another.
            if patterns.iter().any(TextPattern::is_any) { Match::Yes } else { Match::Unknown }
        }
        None if is_unread() => Match::Unknown,
        None => Match::No,
    }
}

fn any(patterns: &[TextPattern], text: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text.as_bytes()))
}

/// Shows what is wanted, without the key.
impl fmt::Display for SurroundingsMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_, patterns) => write_list(f, patterns),
            Self::Destination(_, patterns) => write_list(f, patterns),
            Self::Flag(_, wanted) => write!(f, "{wanted}"),
            Self::Cwd(globs) => write_list(f, globs),
            Self::Env(variables) => {
                for (index, (name, patterns)) in variables.iter().enumerate() {
                    write!(f, "{}{name}: ", if index == 0 { "" } else { ", " })?;
                    write_list(f, patterns)?;
                }
                Ok(())
            }
            Self::Origin(origins) => write_list(f, origins.iter().map(|origin| origin.as_str())),
            Self::Provenance(provenances) => write_list(f, provenances.iter().map(|one| one.as_str())),
        }
    }
}
