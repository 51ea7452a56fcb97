//! A rule: what it matches, what it answers, and the most that it lets a run have.

use std::fmt;

use crate::ceiling::Ceiling;
use crate::glob::TextGlob;
use crate::path::AbsPath;
use crate::path_glob::PathGlob;
use crate::principal::ClientKind;
use crate::request::Request;
use crate::text::Text;

/// The operation that a command run is.
pub(crate) const OPERATION: &[u8] = b"sandbox.exec";

/// What a rule or a default answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    // INVARIANT: from the least strict to the strictest.
    Allow,
    Ask,
    Deny,
}

/// How an approval is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approval {
    // INVARIANT: from the least strict to the strictest.
    /// None is needed.
    Never,
    /// Once for the same command; a lease may then answer.
    FirstUse,
    /// Every time.
    Always,
}

impl Approval {
    /// The spelling used in policy files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::FirstUse => "first_use",
            Self::Always => "always",
        }
    }
}

/// How far a fact can be trusted. Only a rule that says so may permit on derived facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// The caller's uid can influence where it was read.
    Derived,
    /// The kernel says so now.
    Verified,
}

/// One rule of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) action: Action,
    pub(crate) why: Option<String>,
    pub(crate) approval: Approval,
    pub(crate) ceiling: Ceiling,
}

impl Rule {
    /// Judges a request by every matcher, so that a trace can name each one that failed.
    pub(crate) fn judge(&self, request: &Request) -> Judgement {
        let mut judgement = Judgement::default();
        for (index, matcher) in self.matchers.iter().enumerate() {
            match matcher.judge(request) {
                Match::Yes => {}
                Match::No => judgement.no |= bit(index),
                Match::Unknown => judgement.unknown |= bit(index),
            }
        }
        judgement
    }

    /// The only program that it can match, when there is only one.
    pub(crate) fn only_program(&self) -> Option<&AbsPath> {
        self.matchers.iter().find_map(|matcher| match matcher {
            Matcher::Path(glob) => glob.as_literal(),
            Matcher::Operation(_)
            | Matcher::Content(_)
            | Matcher::Arguments(_)
            | Matcher::Uid(_)
            | Matcher::Client(_) => None,
        })
    }

    /// True when it is certain that whatever matches `other` matches here too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.matchers.iter().all(|wide| other.matchers.iter().any(|narrow| wide.covers(narrow)))
    }
}

/// What a rule's matchers said, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Judgement {
    no: u32,
    unknown: u32,
}

impl Judgement {
    /// The judgement as a whole: any refusal refuses, any unknown fact leaves it open.
    pub(crate) fn verdict(self) -> Match {
        match (self.no, self.unknown) {
            (0, 0) => Match::Yes,
            (0, _) => Match::Unknown,
            (_, _) => Match::No,
        }
    }

    /// How the matcher with this index failed, if it did.
    pub(crate) fn mismatch(self, index: usize) -> Option<&'static str> {
        match (self.no & bit(index), self.unknown & bit(index)) {
            (0, 0) => None,
            (0, _) => Some("is not known"),
            (_, _) => Some("does not hold"),
        }
    }
}

// A rule has one matcher of each kind, far fewer than 32.
fn bit(index: usize) -> u32 {
    1_u32.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(1 << 31)
}

/// What one matcher says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// The fact was not gathered.
    Unknown,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// The kind of operation.
    Operation(TextGlob),
    /// The resolved program.
    Path(PathGlob),
    /// The program's content, any of these digests.
    Content(Vec<String>),
    /// The arguments after the program's name.
    Arguments(ArgumentsGlob),
    /// The real uid, any of these.
    Uid(Vec<u32>),
    /// The kind of client, any of these.
    Client(Vec<ClientKind>),
}

impl Matcher {
    /// Judges a request by this one condition.
    pub(crate) fn judge(&self, request: &Request) -> Match {
        let program = &request.command.program;
        match self {
            Self::Operation(glob) => yes(glob.matches(OPERATION)),
            Self::Path(glob) => yes(glob.matches(&program.path)),
            Self::Content(digests) => match &program.sha256 {
                Some(digest) => yes(digests.contains(digest)),
                None => Match::Unknown,
            },
            Self::Arguments(glob) => yes(glob.matches(request.command.argv.get(1..).unwrap_or_default())),
            Self::Uid(uids) => yes(uids.contains(&request.principal.uid)),
            Self::Client(kinds) => yes(kinds.contains(&request.principal.kind)),
        }
    }

    /// How far the fact behind this condition can be trusted.
    pub(crate) fn grade(&self) -> Grade {
        match self {
            Self::Operation(_) | Self::Path(_) | Self::Content(_) | Self::Arguments(_) | Self::Uid(_) => {
                Grade::Verified
            }
            Self::Client(_) => Grade::Derived,
        }
    }

    /// The key that states it.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Operation(_) => "operation",
            Self::Path(_) => "command.path",
            Self::Content(_) => "command.sha256",
            Self::Arguments(_) => "command.argv",
            Self::Uid(_) => "uid",
            Self::Client(_) => "client_types",
        }
    }

    /// True when the program's content must be hashed for this condition.
    pub(crate) fn reads_content(&self) -> bool {
        match self {
            Self::Content(_) => true,
            Self::Operation(_) | Self::Path(_) | Self::Arguments(_) | Self::Uid(_) | Self::Client(_) => false,
        }
    }

    /// True when it is certain that whatever satisfies `narrow` satisfies this.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Operation(wide), Self::Operation(narrow)) => wide.covers(narrow),
            (Self::Path(wide), Self::Path(narrow)) => wide.covers(narrow),
            (Self::Content(wide), Self::Content(narrow)) => narrow.iter().all(|one| wide.contains(one)),
            (Self::Arguments(wide), Self::Arguments(narrow)) => wide.covers(narrow),
            (Self::Uid(wide), Self::Uid(narrow)) => narrow.iter().all(|one| wide.contains(one)),
            (Self::Client(wide), Self::Client(narrow)) => narrow.iter().all(|one| wide.contains(one)),
            (
                Self::Operation(_)
                | Self::Path(_)
                | Self::Content(_)
                | Self::Arguments(_)
                | Self::Uid(_)
                | Self::Client(_),
                _,
            ) => false,
        }
    }
}

/// Shows the condition as `key = value`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.key())?;
        match self {
            Self::Operation(glob) => write!(f, "`{glob}`"),
            Self::Path(glob) => write!(f, "`{glob}`"),
            Self::Content(digests) => write_list(f, digests),
            Self::Arguments(glob) => write!(f, "{glob}"),
            Self::Uid(uids) => write_list(f, uids),
            Self::Client(kinds) => write_list(f, &kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()),
        }
    }
}

/// An argument vector: one pattern for each argument, whole vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArgumentsGlob {
    /// One pattern for each of the first arguments.
    pub(crate) each: Vec<TextGlob>,
    /// A trailing `**`: any further arguments, none included.
    pub(crate) rest: Rest,
}

/// What may follow the arguments that have a pattern of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// Anything.
    Anything,
}

impl ArgumentsGlob {
    /// True when the whole vector matches, element by element; nothing is ever joined.
    pub(crate) fn matches(&self, arguments: &[Text]) -> bool {
        let length_fits = match self.rest {
            Rest::Nothing => arguments.len() == self.each.len(),
            Rest::Anything => arguments.len() >= self.each.len(),
        };
        length_fits && self.each.iter().zip(arguments).all(|(glob, argument)| glob.matches(argument.as_bytes()))
    }

    fn covers(&self, narrow: &Self) -> bool {
        let length_fits = match (self.rest, narrow.rest) {
            (Rest::Nothing, Rest::Nothing) => self.each.len() == narrow.each.len(),
            (Rest::Nothing, Rest::Anything) => false,
            (Rest::Anything, _) => self.each.len() <= narrow.each.len(),
        };
        length_fits && self.each.iter().zip(&narrow.each).all(|(wide, narrow)| wide.covers(narrow))
    }
}

impl fmt::Display for ArgumentsGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.each.iter().map(|glob| format!("`{glob}`")).collect();
        if self.rest == Rest::Anything {
            words.push("`**`".to_owned());
        }
        write!(f, "[{}]", words.join(", "))
    }
}

/// A command that an example names: judged by the command part of a rule alone.
pub(crate) struct ExampleCommand {
    pub(crate) program: ExampleProgram,
    pub(crate) arguments: Vec<Text>,
}

/// How an example names its program.
pub(crate) enum ExampleProgram {
    /// By a whole path.
    Path(AbsPath),
    /// By its last component, as it would be typed.
    Name(Vec<u8>),
}

impl Rule {
    /// The first condition on the command that this example does not meet.
    pub(crate) fn fails_example(&self, example: &ExampleCommand) -> Option<&Matcher> {
        self.matchers.iter().find(|matcher| match matcher {
            Matcher::Path(glob) => match &example.program {
                ExampleProgram::Path(path) => !glob.matches(path),
                ExampleProgram::Name(name) => !glob.matches_name(name),
            },
            Matcher::Arguments(glob) => !glob.matches(&example.arguments),
            Matcher::Operation(glob) => !glob.matches(OPERATION),
            Matcher::Content(_) | Matcher::Uid(_) | Matcher::Client(_) => false,
        })
    }
}

fn yes(matched: bool) -> Match {
    if matched { Match::Yes } else { Match::No }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, values: &[T]) -> fmt::Result {
    let words: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    f.write_str(&words.join(" or "))
}
