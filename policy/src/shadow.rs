//! Finds rules that can never be reached, where that is certain: an earlier rule has the same condition, or one that
//! takes it in, for each of its conditions.
//!
//! Every earlier rule is filed under what a rule that it covers must have too: the words of its rarest condition. A later
//! rule is compared only with those that are filed under words that it has. A rule whose conditions have no such words is
//! compared with every later one, so that nothing decidable is lost.

mod words;

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;

use crate::alike::Alike;
use crate::matcher::Matcher;
use crate::rule::Rule;
use crate::shadow::words::{Lookup, Place, Word, place};

/// A rule that is never reached.
pub(crate) struct Shadow<'r> {
    pub(crate) later: &'r Rule,
    /// The first rule before it that matches all that it does.
    pub(crate) earlier: &'r Rule,
}

/// Every rule that an earlier one shadows, in order; with which of their conditions are alike.
pub(crate) fn shadowed<'r>(rules: &[&'r Rule], alike: &Alike) -> Vec<Shadow<'r>> {
    let mut lengths = BTreeSet::new();
    let places = places(rules, alike, &mut lengths);
    let counts = counts(&places);
    let mut lookup = Lookup::new(alike, lengths);
    let mut filed = Filed::new(rules.len());
    let mut shadows = Vec::new();
    let mut candidates = Vec::new();
    for (index, (later, place)) in rules.iter().zip(&places).enumerate() {
        candidates.clear();
        candidates.extend_from_slice(&filed.everywhere);
        for (number, matcher) in alike.of(index).iter().zip(&later.matchers) {
            for word in lookup.words_of(*number, matcher) {
                candidates.extend(filed.under(*word));
            }
        }
        candidates.sort_unstable();
        let mut earlier = candidates.iter().filter_map(|earlier| rules.get(*earlier).copied());
        if let Some(earlier) = earlier.find(|earlier| earlier.covers(later)) {
            shadows.push(Shadow { later, earlier });
        }
        match place {
            None => filed.everywhere.push(index),
            Some(Place::One(word)) => filed.add(*word, index),
            Some(Place::Each(lists)) => {
                let rarest = |words: &Vec<Word>| words.iter().copied().min_by_key(|word| counts.get(word).copied());
                lists.iter().filter_map(rarest).for_each(|word| filed.add(word, index));
            }
        }
    }
    shadows
}

/// Where each rule may be filed, by its rarest condition; `None` for one that has to be compared with all.
fn places(rules: &[&Rule], alike: &Alike, lengths: &mut BTreeSet<usize>) -> Vec<Option<Place>> {
    let mut uses = vec![0_usize; alike.count()];
    for number in (0..rules.len()).flat_map(|index| alike.of(index)) {
        if let Some(uses) = uses.get_mut(*number as usize) {
            *uses += 1;
        }
    }
    let mut conditions: Vec<(usize, &Matcher)> = Vec::new();
    let mut places = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let numbers = alike.of(index).iter();
        let uses = numbers.map(|number| uses.get(*number as usize).copied().unwrap_or_default());
        conditions.clear();
        conditions.extend(uses.zip(&rule.matchers));
        conditions.sort_by_key(|(uses, _)| *uses);
        places.push(conditions.iter().find_map(|(_, matcher)| place(matcher, lengths)));
    }
    places
}

/// How many rules may be filed under each word, among those that have a choice.
fn counts(places: &[Option<Place>]) -> HashMap<Word, u32, FixedState> {
    let mut counts: HashMap<Word, u32, FixedState> = HashMap::default();
    for place in places.iter().flatten() {
        if let Place::Each(lists) = place {
            lists.iter().flatten().for_each(|word| *counts.entry(*word).or_default() += 1);
        }
    }
    counts
}

/// The rules so far, by the words that they are filed under.
struct Filed {
    /// The latest entry of each word.
    latest: HashMap<Word, usize, FixedState>,
    /// A rule, and the entry before it under the same word.
    entries: Vec<(usize, Option<usize>)>,
    /// Rules that have to be compared with all.
    everywhere: Vec<usize>,
}

impl Filed {
    fn new(rules: usize) -> Self {
        let latest = HashMap::with_capacity_and_hasher(rules, FixedState::default());
        Self { latest, entries: Vec::with_capacity(rules), everywhere: Vec::new() }
    }

    fn add(&mut self, word: Word, rule: usize) {
        let before = self.latest.insert(word, self.entries.len());
        self.entries.push((rule, before));
    }

    fn under(&self, word: Word) -> impl Iterator<Item = usize> {
        let entry = |index: usize| self.entries.get(index);
        let first = self.latest.get(&word).and_then(|index| entry(*index));
        std::iter::successors(first, move |(_, before)| before.and_then(entry)).map(|(rule, _)| *rule)
    }
}

#[cfg(test)]
mod tests;
