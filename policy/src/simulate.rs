//! What a recorded request would be answered now: every answer that it could get, whatever the facts were that the
//! record does not hold. Never says that there is one answer where such a fact could bring another.

use std::collections::BTreeSet;

use crate::answer::Answer;
use crate::coding_agent::{self, CodingAgent};
use crate::fact::Fact;
use crate::layer::{By, Layer, Vote};
use crate::matcher::question::Question;
use crate::matcher::verdict::Match;
use crate::policy_set::PolicySet;
use crate::profile::Profiles;
use crate::redacted::hidden_flags;
use crate::request::Request;
use crate::rule::{Action, Rule};
use crate::text::Text;

/// Most ways in which layers can vote that are settled one by one.
const WAYS: usize = 4096;

/// Everything that a request could be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possible {
    /// Each answer with each rule that could give it, `layer:name`; never empty.
    pub answers: BTreeSet<(Answer, String)>,
    /// The facts that it hangs on, by their places in a request's file; empty when there is one answer.
    pub unknown: BTreeSet<String>,
}

impl Possible {
    /// The only answer, when there is only one.
    #[must_use]
    pub fn only(&self) -> Option<Answer> {
        let mut answers = self.answers.iter().map(|(answer, _)| *answer);
        let first = answers.next()?;
        answers.all(|answer| answer == first).then_some(first)
    }

    /// The rules that could give this answer.
    pub fn rules(&self, answer: Answer) -> impl Iterator<Item = &str> {
        self.answers.iter().filter(move |(found, _)| *found == answer).map(|(_, rule)| rule.as_str())
    }
}

/// What a fact that the record does not hold may be now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The same policies looked for it and did not find it out: nobody would know it again. Only what the record hid
    /// may be anything.
    Again,
    /// Nobody may have looked for it: it may be anything.
    Anything,
}

impl PolicySet {
    /// Everything that a recorded request could be answered under these policies.
    #[must_use]
    pub fn simulate(&self, recorded: &Request, missing: Missing, profiles: &Profiles) -> Possible {
        let mut request = recorded.clone();
        if missing == Missing::Anything {
            request.surroundings.coding_agent_name = agent_as_told_by(self.coding_agents(), &request);
        }
        let ways: Vec<BTreeSet<By>> = self.layers().iter().map(|layer| layer.ways(&request, missing)).collect();
        let hidden = hidden_flags(&request.redacted);
        let answers = if ways.iter().map(BTreeSet::len).product::<usize>() <= WAYS {
            each(&ways).into_iter().flat_map(|votes| self.answers(votes, &request, profiles)).collect()
        } else {
            self.outline(&ways)
        };
        let mut unknown = BTreeSet::new();
        let possible = Possible { answers, unknown: BTreeSet::new() };
        if possible.only().is_none() {
            unknown.extend(hidden.into_iter().map(str::to_owned));
            for layer in self.layers() {
                layer.ask_unknown(&request, missing, &mut unknown);
            }
        }
        Possible { unknown, ..possible }
    }

    /// What votes come to; with hidden flags, also a denial by whoever would permit.
    fn answers(&self, votes: Vec<Vote>, request: &Request, profiles: &Profiles) -> Vec<(Answer, String)> {
        let settled = |request: &Request, votes| {
            let decision = self.settle(votes, request, profiles);
            (decision.answer(), decision.rule().to_owned())
        };
        let as_recorded = settled(request, votes.clone());
        if hidden_flags(&request.redacted).is_empty() || as_recorded.0 != Answer::Deny {
            return vec![as_recorded];
        }
        // With flags that ask for nothing the layers answer what their rules say.
        let mut bare = request.clone();
        (bare.asked, bare.redacted) = (crate::request::Asked::default(), crate::redacted::RedactedFacts::new());
        vec![settled(&bare, votes), as_recorded]
    }

    /// Where there are too many ways: every answer of every layer, and a denial.
    fn outline(&self, ways: &[BTreeSet<By>]) -> BTreeSet<(Answer, String)> {
        let mut answers = BTreeSet::from([(Answer::Deny, "any layer".to_owned())]);
        for (layer, ways) in self.layers().iter().zip(ways) {
            for by in ways {
                let answer = match layer.answer(*by) {
                    Some((Action::Allow, _)) => Answer::Allow,
                    Some((Action::Ask, _)) => Answer::Ask,
                    Some((Action::Deny, _)) | None => Answer::Deny,
                };
                answers.insert((answer, layer.label(*by)));
            }
        }
        answers
    }
}

/// Every way in which each layer votes one of its ways.
fn each(ways: &[BTreeSet<By>]) -> Vec<Vec<Vote>> {
    ways.iter().fold(vec![Vec::new()], |begun, ways| {
        let vote = |by: &By| Vote { by: *by, reached: 0 };
        begun.iter().flat_map(|begun| ways.iter().map(|by| [begun.as_slice(), &[vote(by)]].concat())).collect()
    })
}

/// What a rule may turn out to say.
enum Chance {
    /// This, for certain.
    Surely(Match),
    /// It matches or it does not.
    Either,
    /// Nobody knows whether it matches, or it does not.
    OpenOrNot,
}

fn chance(rule: &Rule, request: &Request, missing: Missing) -> Chance {
    let question = Question::new(request);
    match (rule.judge(&question).verdict(), missing) {
        (Match::Unknown, Missing::Anything) => Chance::Either,
        (Match::Unknown, Missing::Again) => {
            let unknown = rule.matchers.iter().filter(|matcher| matcher.judge(&question) == Match::Unknown);
            let (hidden, open): (Vec<_>, Vec<_>) = unknown.partition(|matcher| matcher.is_hidden_in(request));
            match (hidden.is_empty(), open.is_empty()) {
                (true, _) => Chance::Surely(Match::Unknown),
                (false, true) => Chance::Either,
                (false, false) => Chance::OpenOrNot,
            }
        }
        (sure @ (Match::Yes | Match::No), Missing::Again | Missing::Anything) => Chance::Surely(sure),
    }
}

impl Layer {
    /// Every way in which it may vote; as [`Layer::vote`] votes, for each value of what is missing.
    fn ways(&self, request: &Request, missing: Missing) -> BTreeSet<By> {
        let mut ways = BTreeSet::new();
        // What stands open when a rule is reached: the strictest rule so far that nobody can judge.
        let mut open: BTreeSet<Option<usize>> = BTreeSet::from([None]);
        for (index, rule) in self.rules.iter().enumerate() {
            let decides = |open: &BTreeSet<Option<usize>>| -> Vec<By> {
                open.iter().map(|open| self.against_open(By::Rule(index), *open)).collect()
            };
            let tightens = match rule.action {
                Action::Ask | Action::Deny => true,
                Action::Allow => false,
            };
            match chance(rule, request, missing) {
                Chance::Surely(Match::No) => {}
                Chance::Surely(Match::Yes) => {
                    ways.extend(decides(&open));
                    return ways;
                }
                Chance::Either => ways.extend(decides(&open)),
                Chance::Surely(Match::Unknown) if tightens => {
                    open = open.iter().map(|open| self.stricter(*open, index)).collect();
                }
                Chance::OpenOrNot if tightens => {
                    let with: Vec<_> = open.iter().map(|open| self.stricter(*open, index)).collect();
                    open.extend(with);
                }
                Chance::Surely(Match::Unknown) | Chance::OpenOrNot => {}
            }
        }
        ways.extend(open.iter().map(|open| self.against_open(By::Default, *open)));
        ways
    }

    /// Adds the facts that are missing for the rules that may be reached.
    fn ask_unknown(&self, request: &Request, missing: Missing, unknown: &mut BTreeSet<String>) {
        let question = Question::new(request);
        for rule in &self.rules {
            match chance(rule, request, missing) {
                Chance::Surely(Match::Yes) => return,
                Chance::Either | Chance::OpenOrNot => {
                    let open = rule.matchers.iter().filter(|matcher| matcher.judge(&question) == Match::Unknown);
                    let hidden = open.filter(|matcher| missing == Missing::Anything || matcher.is_hidden_in(request));
                    hidden.for_each(|matcher| matcher.name_unknown(request, unknown));
                }
                Chance::Surely(Match::No | Match::Unknown) => {}
            }
        }
    }
}

/// The coding agent that policies with these definitions of their own would have seen. Built-in ones are seen by all.
fn agent_as_told_by(agents: &[CodingAgent], request: &Request) -> Fact<Text> {
    let context = &request.surroundings;
    match &context.coding_agent_name {
        Fact::Unknown => return Fact::Unknown,
        Fact::Known(name) if coding_agent::is_built_in(name) => return Fact::Known(name.clone()),
        Fact::Known(_) | Fact::Absent => {}
    }
    for agent in agents {
        match is_here(agent, request) {
            Match::Yes => return Fact::Known(Text::from(agent.name.as_str())),
            Match::Unknown => return Fact::Unknown,
            Match::No => {}
        }
    }
    Fact::Absent
}

fn is_here(agent: &CodingAgent, request: &Request) -> Match {
    let context = &request.surroundings;
    let above = |name: &Text| Match::of(&context.ancestors, |ancestors| ancestors.contains(name));
    let marks = |(name, value): (&Text, &Text)| {
        use crate::matcher::surroundings::variable;
        use crate::pattern::TextPattern;
        variable(request, name, &[TextPattern::literal(value.as_bytes())])
    };
    let marked = if agent.env.is_empty() { Match::No } else { Match::all(agent.env.iter().map(marks)) };
    Match::any(agent.ancestors.iter().map(above).chain([marked]))
}

#[cfg(test)]
mod tests;
