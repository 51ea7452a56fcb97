//! One condition of a rule: what it looks at, how far that can be trusted, and whether it holds.

pub(crate) mod arguments;
pub(crate) mod client;
pub(crate) mod question;
pub(crate) mod surroundings;
mod unknown;
pub(crate) mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::class::Class;
use crate::fact::Fact;
use crate::glob::TextGlob;
use crate::matcher::arguments::Arguments;
use crate::matcher::client::{Client, Kinds};
use crate::matcher::question::Question;
use crate::matcher::surroundings::{SurroundingsMatcher, TextField};
use crate::matcher::verdict::{Match, yes};
use crate::path_glob::PathGlob;
use crate::pattern::TextPattern;
use crate::policy_set::Need;
use crate::redacted::{Whole, hides};
use crate::remote::{RemotePattern, is_ambiguous};
use crate::request::{Chooser, Interpreter, Request};

/// How far a fact can be trusted. Only a rule that says so may permit on derived facts, and none on claimed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// The caller says so.
    Claimed,
    /// The caller's uid can influence where it was read.
    Derived,
    /// The kernel says so now.
    Verified,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Matcher {
    /// The kind of operation.
    Operation(TextGlob),
    /// The resolved program.
    Path(PathGlob),
    /// The program's content, any of these digests.
    Content(Vec<String>),
    /// What runs a script.
    Interpreter(Interpreters),
    /// The arguments after the program's name.
    Arguments(Box<Arguments>),
    /// What the command does, as far as its words tell.
    Class(Classes),
    /// The real uid, any of these.
    Uid(Vec<u32>),
    /// The kind of client.
    Kind(Kinds),
    /// The program that asks, any of these.
    Client(Vec<Client>),
    /// A role of the session, any of these.
    Roles(Vec<String>),
    /// Fields of the operation's target, each with any of its patterns.
    Target(BTreeMap<String, Vec<TextPattern>>),
    /// Every secret that is asked for, and at least one is.
    Secrets(Vec<TextGlob>),
    /// Where the repository comes from, any of these.
    Remote(Vec<RemotePattern>),
    /// The branch, any of these.
    Branch(Vec<TextPattern>),
    /// Everything in the repository is committed.
    Clean,
    /// Something around the process that asks.
    Surroundings(SurroundingsMatcher),
}

/// A condition on what runs a script whose first line leaves that to `PATH`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Interpreters {
    /// None that the caller chose: what the path or the content of a script permits, it permits to no other program.
    NotTheCallers,
    /// The last one, and each that the caller chose, by any of these.
    Listed(Vec<PathGlob>),
}

impl Interpreters {
    fn judge(&self, request: &Request) -> Match {
        let interpreters = &request.command.program.interpreters;
        match self {
            Self::NotTheCallers if interpreters.iter().any(|one| one.chosen_by == Chooser::Caller) => Match::Unknown,
            Self::NotTheCallers => Match::Yes,
            Self::Listed(globs) => {
                let chosen = interpreters.iter().filter(|one| one.chosen_by == Chooser::Caller);
                let mut looked_at = chosen.chain(interpreters.last());
                let is_listed = |one: &Interpreter| globs.iter().any(|glob| glob.matches(&one.path));
                yes(!interpreters.is_empty() && looked_at.all(is_listed))
            }
        }
    }
}

/// A condition on command classes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Classes {
    pub(crate) listed: Vec<Class>,
    pub(crate) reach: Reach,
}

/// How many of a command's classes have to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Every one: under `allow`.
    All,
    /// Any.
    Any,
}

impl Classes {
    pub(crate) fn holds_for(&self, found: &[Class]) -> bool {
        match self.reach {
            Reach::All => found.iter().all(|class| self.listed.contains(class)),
            Reach::Any => found.iter().any(|class| self.listed.contains(class)),
        }
    }
}

impl Matcher {
    /// Judges a request by this one condition.
    pub(crate) fn judge(&self, question: &Question<'_>) -> Match {
        let request = question.request();
        let program = &request.command.program;
        let hides = |whole| hides(&request.redacted, whole);
        match self {
            Self::Operation(_) if hides(Whole::Operation) => Match::Unknown,
            Self::Interpreter(_) if hides(Whole::Program) => Match::Unknown,
            Self::Target(_) if hides(Whole::Target) => Match::Unknown,
            Self::Secrets(_) if hides(Whole::Secrets) => Match::Unknown,
            Self::Operation(glob) => yes(glob.matches(request.operation.name.as_bytes())),
            Self::Path(glob) => yes(glob.matches(&program.path)),
            Self::Content(digests) => match &program.sha256 {
                Some(digest) => yes(digests.contains(digest)),
                None => Match::Unknown,
            },
            Self::Arguments(arguments) => arguments.judge(&request.command, &request.redacted),
            Self::Class(classes) => Match::of(&request.command.classes, |found| classes.holds_for(found)),
            Self::Interpreter(interpreters) => interpreters.judge(request),
            Self::Uid(uids) => yes(uids.contains(&request.principal.uid)),
            Self::Kind(kinds) => kinds.judge(&request.principal),
            Self::Client(clients) => Match::any(clients.iter().map(|client| client.judge(&request.principal))),
            Self::Roles(roles) => {
                Match::of(&request.principal.roles, |held| held.iter().any(|role| roles.contains(role)))
            }
            Self::Target(fields) => yes(fields.iter().all(|(name, patterns)| {
                let value = request.operation.target.get(name);
                value.is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(value.as_bytes())))
            })),
            Self::Secrets(globs) => {
                let secrets = &request.operation.secrets;
                let is_listed = |name: &String| globs.iter().any(|glob| glob.matches(name.as_bytes()));
                yes(!secrets.is_empty() && secrets.iter().all(is_listed))
            }
            Self::Remote(_) if request.repository.remote_url.known().is_some_and(|url| is_ambiguous(url)) => {
                Match::Unknown
            }
            Self::Remote(patterns) => Match::of(&request.repository.remote_url, |url| {
                question.remote(url).is_some_and(|remote| patterns.iter().any(|pattern| pattern.matches(remote)))
            }),
            Self::Branch(patterns) => Match::of(&request.repository.branch, |branch| {
                patterns.iter().any(|pattern| pattern.matches(branch.as_bytes()))
            }),
            Self::Clean => Match::of(&request.repository.is_clean, |is_clean| *is_clean),
            Self::Surroundings(matcher) => matcher.judge(request),
        }
    }

    /// How far the fact behind this condition can be trusted.
    pub(crate) fn grade(&self) -> Grade {
        match self {
            Self::Operation(_)
            | Self::Path(_)
            | Self::Content(_)
            | Self::Interpreter(_)
            | Self::Arguments(_)
            | Self::Uid(_)
            | Self::Roles(_)
            | Self::Target(_)
            | Self::Secrets(_) => Grade::Verified,
            Self::Class(_) | Self::Remote(_) | Self::Branch(_) | Self::Clean => Grade::Derived,
            Self::Kind(kinds) => kinds.grade(),
            Self::Client(clients) => clients.iter().map(Client::grade).min().unwrap_or(Grade::Verified),
            Self::Surroundings(matcher) => matcher.grade(),
        }
    }

    /// Adds what has to be known for this condition.
    pub(crate) fn ask(&self, needs: &mut BTreeSet<Need>) {
        match self {
            Self::Content(_) => {
                needs.insert(Need::ProgramContent);
            }
            Self::Client(clients) => clients.iter().for_each(|client| client.ask(needs)),
            Self::Kind(kinds) => kinds.humans.iter().flatten().for_each(|human| human.ask(needs)),
            Self::Class(_) => {
                needs.insert(Need::Classes);
            }
            Self::Remote(_) | Self::Branch(_) => {
                needs.insert(Need::Repository);
            }
            Self::Clean => {
                needs.insert(Need::Clean);
            }
            Self::Surroundings(SurroundingsMatcher::Cwd(_)) => {}
            Self::Surroundings(SurroundingsMatcher::Env(variables)) => {
                needs.insert(Need::Surroundings);
                needs.extend(variables.keys().cloned().map(Need::Variable));
            }
            Self::Surroundings(SurroundingsMatcher::Text(TextField::TmuxWindow, _)) => {
                needs.extend([Need::Surroundings, Need::TmuxWindow]);
            }
            Self::Surroundings(_) => {
                needs.insert(Need::Surroundings);
            }
            Self::Operation(_)
            | Self::Path(_)
            | Self::Interpreter(_)
            | Self::Arguments(_)
            | Self::Uid(_)
            | Self::Roles(_)
            | Self::Target(_)
            | Self::Secrets(_) => {}
        }
    }

    /// True when it stands on less than a verified fact, or on a list that Policy v1 believes.
    pub(crate) fn leans(&self) -> bool {
        let is_believed = matches!(self, Self::Kind(kinds) if kinds.humans.is_some());
        is_believed || self.grade() != Grade::Verified
    }

    /// True for a condition that comes with others and is not written.
    pub(crate) fn is_implied(&self) -> bool {
        matches!(self, Self::Interpreter(Interpreters::NotTheCallers))
    }

    /// The key that states it.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Operation(_) => "operation",
            Self::Path(_) => "command.path",
            Self::Content(_) => "command.sha256",
            Self::Interpreter(_) => "command.interpreter",
            Self::Arguments(_) => "command.argv",
            Self::Class(_) => "command.class",
            Self::Uid(_) => "uid",
            Self::Kind(_) => "client_types",
            Self::Client(_) => "clients",
            Self::Roles(_) => "roles",
            Self::Target(_) => "target.fields",
            Self::Secrets(_) => "secret_names.patterns",
            Self::Remote(_) => "workspace.remote_url_pattern",
            Self::Branch(_) => "workspace.branch_pattern",
            Self::Clean => "workspace.require_clean",
            Self::Surroundings(matcher) => matcher.key(),
        }
    }

    /// True when it is certain that whatever satisfies `narrow` satisfies this.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        self == narrow
            || match self {
                Self::Operation(wide) => matches!(narrow, Self::Operation(narrow) if wide.covers(narrow)),
                Self::Path(wide) => matches!(narrow, Self::Path(narrow) if wide.covers(narrow)),
                Self::Content(wide) => matches!(narrow, Self::Content(narrow) if holds_all(wide, narrow)),
                Self::Arguments(wide) => matches!(narrow, Self::Arguments(narrow) if wide.covers(narrow)),
                Self::Uid(wide) => matches!(narrow, Self::Uid(narrow) if holds_all(wide, narrow)),
                Self::Kind(wide) => matches!(narrow, Self::Kind(narrow) if wide.covers(narrow)),
                Self::Client(wide) => matches!(narrow, Self::Client(narrow) if holds_all(wide, narrow)),
                Self::Roles(wide) => matches!(narrow, Self::Roles(narrow) if holds_all(wide, narrow)),
                Self::Surroundings(wide) => matches!(narrow, Self::Surroundings(narrow) if wide.covers(narrow)),
                // Equal or not decided.
                Self::Interpreter(_)
                | Self::Class(_)
                | Self::Target(_)
                | Self::Secrets(_)
                | Self::Remote(_)
                | Self::Branch(_)
                | Self::Clean => false,
            }
    }
}

fn holds_all<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    narrow.iter().all(|one| wide.contains(one))
}

/// Shows the condition as `key = value`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = if matches!(self, Self::Surroundings(_)) { "context." } else { "" };
        write!(f, "{table}{} = ", self.key())?;
        match self {
            Self::Operation(glob) => write!(f, "`{glob}`"),
            Self::Path(glob) => write!(f, "`{glob}`"),
            Self::Content(digests) => write_list(f, digests),
            Self::Interpreter(Interpreters::NotTheCallers) => f.write_str("none that `PATH` of the caller chose"),
            Self::Interpreter(Interpreters::Listed(globs)) => write_list(f, globs),
            Self::Arguments(arguments) => write!(f, "{arguments}"),
            Self::Class(classes) => write_list(f, classes.listed.iter().map(|class| class.as_str())),
            Self::Uid(uids) => write_list(f, uids),
            Self::Kind(kinds) => write_list(f, kinds.listed.iter().map(|kind| kind.as_str())),
            Self::Client(clients) => write_list(f, clients.iter().map(|client| &client.name)),
            Self::Roles(roles) => write_list(f, roles),
            Self::Target(fields) => {
                for (index, (name, patterns)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: ", if index == 0 { "" } else { ", " })?;
                    write_list(f, patterns)?;
                }
                Ok(())
            }
            Self::Secrets(globs) => write_list(f, globs),
            Self::Remote(patterns) => write_list(f, patterns),
            Self::Branch(patterns) => write_list(f, patterns),
            Self::Clean => f.write_str("`true`"),
            Self::Surroundings(matcher) => matcher.fmt(f),
        }
    }
}

pub(crate) fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    values: impl IntoIterator<Item = T>,
) -> fmt::Result {
    let words: Vec<String> = values.into_iter().map(|value| format!("`{value}`")).collect();
    f.write_str(&words.join(" or "))
}

/// The verdict of a look at something that may not be known.
impl Match {
    pub(crate) fn of<T>(fact: &Fact<T>, holds: impl FnOnce(&T) -> bool) -> Self {
        match fact {
            Fact::Known(value) => yes(holds(value)),
            Fact::Absent => Self::No,
            Fact::Unknown => Self::Unknown,
        }
    }
}
