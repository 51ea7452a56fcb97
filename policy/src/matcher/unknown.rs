//! Names what a condition would have to know, in the words of a request's file, and tells what a record hid from what
//! nobody found out.

use std::collections::BTreeSet;

use crate::fact::Fact;
use crate::matcher::Matcher;
use crate::matcher::surroundings::{SurroundingsMatcher, TextField};
use crate::redacted::{Redacted, Whole, hides};
use crate::request::Request;
use crate::text::Text;

impl Matcher {
    /// True when what this condition does not know is something that a record hid.
    pub(crate) fn is_hidden_in(&self, request: &Request) -> bool {
        if request.redacted.is_empty() {
            return false;
        }
        let hides = |whole| hides(&request.redacted, whole);
        let has_hidden_argument = || request.redacted.iter().any(|fact| matches!(fact, Redacted::Argument(_)));
        match self {
            Self::Operation(_) => hides(Whole::Operation),
            Self::Interpreter(_) => hides(Whole::Program),
            Self::Arguments(_) | Self::Class(_) => hides(Whole::Arguments) || has_hidden_argument(),
            Self::Kind(_) | Self::Client(_) => hides(Whole::Executable),
            Self::Roles(_) => hides(Whole::Roles),
            Self::Target(_) => hides(Whole::Target),
            Self::Secrets(_) => hides(Whole::Secrets),
            Self::Remote(_) => hides(Whole::RemoteUrl),
            Self::Branch(_) => hides(Whole::Branch),
            Self::Surroundings(SurroundingsMatcher::Env(variables)) => {
                hides(Whole::Env)
                    || variables.keys().any(|name| request.redacted.contains(&Redacted::Variable(name.clone())))
            }
            Self::Surroundings(SurroundingsMatcher::Text(field, _)) => match field {
                TextField::Ancestor => hides(Whole::Ancestors),
                TextField::Command => hides(Whole::RequesterCommand),
                TextField::Cgroup => hides(Whole::Cgroup),
                TextField::ProcessName
                | TextField::ParentProcessName
                | TextField::TmuxWindow
                | TextField::CodingAgentName
                | TextField::Key => false,
            },
            // A record never hides these.
            Self::Surroundings(
                SurroundingsMatcher::Destination(..)
                | SurroundingsMatcher::Flag(..)
                | SurroundingsMatcher::Cwd(_)
                | SurroundingsMatcher::Origin(_)
                | SurroundingsMatcher::Provenance(_),
            )
            | Self::Path(_)
            | Self::Content(_)
            | Self::Clean
            | Self::Uid(_) => false,
        }
    }

    /// Adds the names of the facts that this condition reads and does not know.
    pub(crate) fn name_unknown(&self, request: &Request, names: &mut BTreeSet<String>) {
        let arguments = request.redacted.iter().filter(|fact| matches!(fact, Redacted::Argument(_)));
        let name = match self {
            Self::Arguments(_) | Self::Class(_) if !hides(&request.redacted, Whole::Arguments) => {
                names.extend(arguments.map(|argument| argument.name().to_string()));
                return;
            }
            Self::Operation(_) => "operation",
            Self::Path(_) => "command.path",
            Self::Content(_) => "command.sha256",
            Self::Interpreter(_) => "command.program",
            Self::Arguments(_) | Self::Class(_) => "command.argv",
            Self::Uid(_) => "principal.uid",
            Self::Kind(_) | Self::Client(_) => "principal.executable",
            Self::Roles(_) => "principal.roles",
            Self::Target(_) => "target",
            Self::Secrets(_) => "secrets",
            Self::Remote(_) => "repository.remote_url",
            Self::Branch(_) => "repository.branch",
            Self::Clean => "repository.is_clean",
            Self::Surroundings(matcher) => return name_surroundings(matcher, request, names),
        };
        names.insert(name.to_owned());
    }
}

fn name_surroundings(matcher: &SurroundingsMatcher, request: &Request, names: &mut BTreeSet<String>) {
    let context = &request.surroundings;
    if let (SurroundingsMatcher::Env(variables), Fact::Known(_)) = (matcher, &context.env) {
        let is_unread = |name: &&Text| context.env_read.as_ref().is_some_and(|read| !read.contains(*name));
        let is_hidden = |name: &&Text| request.redacted.contains(&Redacted::Variable((*name).clone()));
        let unknown = variables.keys().filter(|name| is_hidden(name) || is_unread(name));
        names.extend(unknown.map(|name| format!("context.env.{name}")));
        return;
    }
    let key = match matcher.key() {
        "ancestor" => "ancestors",
        "is_coding_agent" => "coding_agent_name",
        key => key,
    };
    names.insert(format!("context.{key}"));
}
