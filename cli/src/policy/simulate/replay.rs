//! Decides recorded requests again and sorts what came of each: the same, another answer, or nobody can tell.

use std::collections::BTreeMap;

use opaque_policy::answer::Answer;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::profile::Profiles;
use opaque_policy::simulate::{Missing, Possible};
use serde::Serialize;

use crate::policy::simulate::journal::Recorded;

/// How many of each kind are shown.
const SHOWN: usize = 5;

/// Requests that are being replayed.
pub(super) struct Replay<'p> {
    policies: &'p PolicySet,
    profiles: &'p Profiles,
    result: Outcome,
}

/// What came of all of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// The policies that they were held against.
    pub(super) policy: String,
    /// Recorded requests.
    pub(super) replayed: u64,
    /// Those that would be answered as they were.
    pub(super) same: u64,
    /// Of these, those that another rule would answer.
    pub(super) same_by_another_rule: u64,
    /// Those that would be answered otherwise.
    pub(super) changed: Vec<Group>,
    /// Those of which nobody can tell.
    pub(super) undetermined: Vec<Group>,
    /// Lines of other kinds, which hold no request.
    pub(super) passed_over: BTreeMap<String, u64>,
    /// Decisions of before the request was recorded, by place.
    pub(super) older: Places,
    /// Lines that are no records.
    pub(super) unreadable: Places,
}

/// Requests that would change alike.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// What they were answered.
    pub(super) then: Answer,
    /// What they would be, or could be, answered now.
    pub(super) now: Vec<Answer>,
    /// How many there are.
    pub(super) count: u64,
    /// The first of them.
    pub(super) first: Vec<Example>,
}

/// One request.
#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub(super) place: String,
    pub(super) time: String,
    pub(super) run: String,
    /// The command, as a person would read it.
    pub(super) command: Vec<String>,
    pub(super) rule_then: String,
    /// Every rule that could answer now.
    pub(super) rules_now: Vec<String>,
    /// The facts that it hangs on.
    pub(super) depends_on: Vec<String>,
}

/// Places in files, of which the first are kept.
#[derive(Debug, Default, Serialize)]
pub(super) struct Places {
    pub(super) count: u64,
    pub(super) first: Vec<String>,
}

impl Places {
    fn add(&mut self, place: String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(place);
        }
    }
}

impl Outcome {
    /// True when every request is known to be answered as it was.
    pub(super) fn is_the_same(&self) -> bool {
        self.same == self.replayed && self.older.count == 0 && self.unreadable.count == 0
    }
}

impl<'p> Replay<'p> {
    /// Under these policies.
    pub(super) fn under(policies: &'p PolicySet, profiles: &'p Profiles) -> Self {
        let result = Outcome { policy: policies.digest().to_owned(), ..Outcome::default() };
        Self { policies, profiles, result }
    }

    /// Decides a request again.
    pub(super) fn decision(&mut self, place: String, recorded: Recorded) {
        let Recorded { time, run, answered, request } = recorded;
        let missing = if answered.policy == self.policies.digest() { Missing::Again } else { Missing::Anything };
        let possible = self.policies.simulate(&request, missing, self.profiles);
        self.result.replayed += 1;
        let then = answered.decision;
        if possible.only() == Some(then) {
            self.result.same += 1;
            if possible.rules(then).all(|rule| rule != answered.rule) {
                self.result.same_by_another_rule += 1;
            }
            return;
        }
        let now = answers(&possible);
        let groups = match possible.only() {
            Some(_) => &mut self.result.changed,
            None => &mut self.result.undetermined,
        };
        let index = groups.iter().position(|group| group.then == then && group.now == now).unwrap_or_else(|| {
            groups.push(Group { then, now, count: 0, first: Vec::new() });
            groups.len() - 1
        });
        let Some(group) = groups.get_mut(index) else { return };
        group.count += 1;
        if group.first.len() < SHOWN {
            let is_hidden = |name: &String| request.redacted.iter().any(|fact| fact.name().to_string() == *name);
            let why = |name: &String| if is_hidden(name) { "redacted" } else { "not gathered" };
            let words = request.command.argv.iter().enumerate().map(|(index, word)| {
                let is_hidden = request.redacted.contains(&opaque_policy::redacted::Redacted::Argument(index));
                if is_hidden { "(redacted)".to_owned() } else { word.to_string() }
            });
            group.first.push(Example {
                place,
                time,
                run,
                command: words.collect(),
                rule_then: answered.rule,
                rules_now: possible.answers.iter().map(|(_, rule)| rule.clone()).collect(),
                depends_on: possible.unknown.iter().map(|name| format!("{name} ({})", why(name))).collect(),
            });
        }
    }

    /// A line that holds no request.
    pub(super) fn other(&mut self, kind: String) {
        *self.result.passed_over.entry(kind).or_default() += 1;
    }

    /// A decision whose request was not recorded.
    pub(super) fn older(&mut self, place: String) {
        self.result.older.add(place);
    }

    /// A line that is no record.
    pub(super) fn unreadable(&mut self, place: String, why: String) {
        self.result.unreadable.add(format!("{place}: {why}"));
    }

    /// What came of all of them, the largest groups first.
    pub(super) fn finish(mut self) -> Outcome {
        for groups in [&mut self.result.changed, &mut self.result.undetermined] {
            groups.sort_by_key(|group| (std::cmp::Reverse(group.count), group.then, group.now.clone()));
        }
        self.result
    }
}

fn answers(possible: &Possible) -> Vec<Answer> {
    let mut answers: Vec<Answer> = possible.answers.iter().map(|(answer, _)| *answer).collect();
    answers.dedup();
    answers
}
