//! Which conditions of a layer are alike, so that a decision looks at each of them once: the rules of a long policy say
//! much the same about the workspace, the branch and the directory. Changes no answer.

use std::borrow::Borrow;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::matcher::Matcher;
use crate::matcher::question::Question;
use crate::matcher::verdict::Match;
use crate::rule::Rule;

/// The conditions of a layer by number: equal ones have the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Alike {
    /// The numbers of every rule's conditions, rule after rule.
    numbers: Vec<u32>,
    /// Where each rule's numbers begin, and where the last one's end.
    starts: Vec<usize>,
    count: usize,
}

impl Alike {
    #[expect(clippy::mutable_key_type, reason = "the caches of a regular expression are neither compared nor hashed")]
    pub(crate) fn among(rules: &[impl Borrow<Rule>]) -> Self {
        let mut known: HashMap<&Matcher, u32, FixedState> =
            HashMap::with_capacity_and_hasher(rules.len(), FixedState::default());
        let conditions = rules.iter().map(|rule| rule.borrow().matchers.len()).sum();
        let mut alike = Self {
            numbers: Vec::with_capacity(conditions),
            starts: Vec::with_capacity(rules.len() + 1),
            ..Self::default()
        };
        for rule in rules.iter().map(Borrow::borrow) {
            alike.starts.push(alike.numbers.len());
            for matcher in &rule.matchers {
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                alike.numbers.push(*known.entry(matcher).or_insert(next));
            }
        }
        alike.starts.push(alike.numbers.len());
        alike.count = known.len();
        alike
    }

    /// How many different conditions there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The numbers of the conditions of the rule with this index.
    pub(crate) fn of(&self, index: usize) -> &[u32] {
        let range = self.starts.get(index).zip(self.starts.get(index + 1));
        range.and_then(|(start, end)| self.numbers.get(*start..*end)).unwrap_or_default()
    }
}

/// One question put to one layer, with what its conditions have said so far.
#[derive(Debug)]
pub(crate) struct Hearing<'l, 'r> {
    alike: &'l Alike,
    question: &'l Question<'r>,
    said: Vec<Option<Match>>,
}

impl<'l, 'r> Hearing<'l, 'r> {
    pub(crate) fn new(alike: &'l Alike, question: &'l Question<'r>) -> Self {
        Self { alike, question, said: vec![None; alike.count] }
    }

    /// What the rule with this index says: no as soon as one condition does not hold.
    pub(crate) fn verdict(&mut self, index: usize, rule: &Rule) -> Match {
        let mut verdict = Match::Yes;
        for (offset, number) in self.alike.of(index).iter().enumerate() {
            let said = match self.said.get_mut(*number as usize) {
                Some(Some(said)) => *said,
                // INVARIANT: the numbers are those of this layer's rules. What has no condition does not hold.
                unsaid => {
                    let said = rule.matchers.get(offset).map_or(Match::No, |matcher| matcher.judge(self.question));
                    unsaid.map_or(said, |place| *place.insert(said))
                }
            };
            match said {
                Match::Yes => {}
                Match::Unknown => verdict = Match::Unknown,
                Match::No => return Match::No,
            }
        }
        verdict
    }
}
