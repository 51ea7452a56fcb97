//! A rule: what it matches, what it answers, and the most that it lets a run have.

use crate::approval::Obligation;
use crate::ceiling::Ceiling;
use crate::class::Class;
use crate::classify::classify;
use crate::matcher::Matcher;
use crate::matcher::question::Question;
use crate::matcher::verdict::Match;
use crate::path::AbsPath;
use crate::principal::ClientKind;
use crate::request::RUN;
use crate::text::Text;

/// What a rule or a default answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    // INVARIANT: from the least strict to the strictest.
    Allow,
    Ask,
    Deny,
}

/// One rule of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) action: Action,
    pub(crate) why: Option<String>,
    pub(crate) obligation: Obligation,
    pub(crate) ceiling: Ceiling,
}

impl Rule {
    /// Judges a request by every matcher, so that a trace can name each one that failed.
    pub(crate) fn judge(&self, question: &Question<'_>) -> Judgement {
        let mut judgement = Judgement::default();
        for (index, matcher) in self.matchers.iter().enumerate() {
            match matcher.judge(question) {
                Match::Yes => {}
                Match::No => judgement.no |= bit(index),
                Match::Unknown => judgement.unknown |= bit(index),
            }
        }
        judgement
    }

    /// True when it matches no human.
    pub(crate) fn is_for_no_human(&self) -> bool {
        self.matchers
            .iter()
            .any(|matcher| matches!(matcher, Matcher::Kind(kinds) if !kinds.listed.contains(&ClientKind::Human)))
    }

    /// True when it is certain that whatever matches `other` matches here too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        // What nobody wrote hides nothing: a rule behind it is as dead to its author.
        let mut written = self.matchers.iter().filter(|matcher| !matcher.is_implied());
        written.all(|wide| other.matchers.iter().any(|narrow| wide.covers(narrow)))
    }
}

/// What a rule's matchers said, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Judgement {
    no: u64,
    unknown: u64,
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

// A rule has one matcher of each kind, far fewer than 64.
fn bit(index: usize) -> u64 {
    1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(1 << 63)
}

/// A command that an example names: judged by the command part of a rule alone.
pub(crate) struct ExampleCommand {
    pub(crate) program: ExampleProgram,
    pub(crate) arguments: Vec<Text>,
}

impl ExampleCommand {
    /// What it does; a program without a directory is taken for the one of that name.
    fn classes(&self) -> Vec<Class> {
        let path = match &self.program {
            ExampleProgram::Path(path) => path.clone(),
            ExampleProgram::Name(name) => {
                AbsPath::new([b"/usr/bin/".as_slice(), name].concat()).unwrap_or_else(|_| AbsPath::root())
            }
        };
        let name = path.name().and_then(Text::new).unwrap_or_else(|| Text::from(""));
        let argv: Vec<Text> = std::iter::once(name).chain(self.arguments.iter().cloned()).collect();
        classify(&path, &argv)
    }
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
            Matcher::Arguments(arguments) => !arguments.matches(&example.arguments, None),
            Matcher::Operation(glob) => !glob.matches(RUN.as_bytes()),
            Matcher::Class(classes) => !classes.holds_for(&example.classes()),
            Matcher::Content(_)
            | Matcher::Interpreter(_)
            | Matcher::Uid(_)
            | Matcher::Kind(_)
            | Matcher::Client(_)
            | Matcher::Roles(_)
            | Matcher::Target(_)
            | Matcher::Secrets(_)
            | Matcher::Remote(_)
            | Matcher::Branch(_)
            | Matcher::Clean
            | Matcher::Surroundings(_) => false,
        })
    }
}
