//! Finds every form of every secret in one pass: an Aho-Corasick automaton that is overwritten when it is dropped.
//!
//! Nodes stand in breadth-first order, so the children of a node are neighbours and a node needs no list of them. That
//! is why it is ours: the well-known crate keeps copies of what it looks for in memory that nobody clears.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use zeroize::Zeroize;

use crate::forms::Form;

/// A place in the automaton: the longest end of what was read that begins some form.
pub(crate) type State = u32;

/// Nothing of what was read begins any form.
pub(crate) const ROOT: State = 0;

/// The automaton over a set of forms: nine bytes for each node.
pub(crate) struct Automaton {
    /// Where each byte leads from the root.
    from_root: Box<[State; 256]>,
    /// The byte that leads to each node.
    byte: Vec<u8>,
    /// The first child of each node; its last one stands before the next node's first.
    children: Vec<State>,
    /// The longest proper end of each node's string that is a node too.
    fallback: Vec<State>,
    /// The first node that so many bytes lead to.
    levels: Vec<State>,
    /// One bit a node: whether a form ends there, or at a fallback of it.
    ends: Vec<u64>,
    /// The nodes that complete a form, in order, and which.
    forms: Vec<(State, usize)>,
}

/// Forms and, for each, the numbers of the secrets that it belongs to.
pub(crate) type Owned = BTreeMap<Form, Vec<usize>>;

impl Automaton {
    pub(crate) fn new(forms: &Owned) -> Self {
        let sorted: Vec<&[u8]> = forms.keys().map(|form| &**form).collect();
        let most = 1 + sorted.iter().map(|form| form.len()).sum::<usize>();
        let mut automaton = Self {
            from_root: Box::new([ROOT; 256]),
            byte: Vec::with_capacity(most),
            children: Vec::with_capacity(most + 1),
            fallback: Vec::with_capacity(most),
            levels: vec![ROOT],
            ends: Vec::new(),
            forms: Vec::with_capacity(sorted.len()),
        };
        automaton.push(0, ROOT);
        // The forms that run through each node are neighbours in sorted order.
        let mut through = VecDeque::new();
        through.push_back(0..sorted.len());
        let mut node = 0;
        while let Some(forms) = through.pop_front() {
            automaton.grow(node, forms, &sorted, &mut through);
            node += 1;
        }
        automaton.children.push(automaton.count());
        automaton.mark_ends();
        automaton
    }

    /// Adds the children of a node. Every node of less depth has its children already.
    fn grow(&mut self, node: usize, forms: Range<usize>, sorted: &[&[u8]], through: &mut VecDeque<Range<usize>>) {
        self.children.push(self.count());
        let depth =
            self.levels.len() - if self.levels.last().is_some_and(|&last| node < last as usize) { 2 } else { 1 };
        let (mut first, end) = (forms.start, forms.end);
        if sorted.get(first).is_some_and(|form| form.len() == depth) {
            self.forms.push((node as State, first));
            first += 1;
        }
        while let Some(&byte) = sorted.get(first).filter(|_| first < end).and_then(|form| form.get(depth)) {
            let same = |form: &&[u8]| form.get(depth) == Some(&byte);
            let rest = sorted.get(first..end).unwrap_or_default();
            let next = first + rest.iter().take_while(|form| same(form)).count();
            let fallback = if node == 0 { ROOT } else { self.next(at(&self.fallback, node), byte) };
            let child = self.count();
            if self.levels.len() == depth + 1 {
                self.levels.push(child);
            }
            self.push(byte, fallback);
            if let Some(from_root) = self.from_root.get_mut(usize::from(byte)).filter(|_| node == 0) {
                *from_root = child;
            }
            through.push_back(first..next);
            first = next;
        }
    }

    /// Notes where forms end. A node's fallback is less deep and so stands before it.
    fn mark_ends(&mut self) {
        self.ends = vec![0; self.byte.len().div_ceil(64)];
        let mut completed = self.forms.iter().map(|&(node, _)| node).peekable();
        for node in 0..self.count() {
            let is_completed = completed.next_if_eq(&node).is_some();
            let is_end = is_completed || self.is_end(at(&self.fallback, node as usize));
            if let Some(bits) = self.ends.get_mut(node as usize / 64) {
                *bits |= u64::from(is_end) << (node % 64);
            }
        }
    }

    fn push(&mut self, byte: u8, fallback: State) {
        self.byte.push(byte);
        self.fallback.push(fallback);
    }

    fn count(&self) -> State {
        u32::try_from(self.byte.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    fn is_end(&self, node: State) -> bool {
        self.ends.get(node as usize / 64).is_some_and(|bits| bits >> (node % 64) & 1 == 1)
    }

    /// The state after one more byte.
    #[inline]
    pub(crate) fn next(&self, mut state: State, byte: u8) -> State {
        while state != ROOT {
            if let Some(child) = self.child(state, byte) {
                return child;
            }
            state = at(&self.fallback, state as usize);
        }
        at(self.from_root.as_slice(), usize::from(byte))
    }

    #[inline]
    fn child(&self, state: State, byte: u8) -> Option<State> {
        let first = at(&self.children, state as usize);
        let end = self.children.get(state as usize + 1).copied().unwrap_or_else(|| self.count());
        let bytes = self.byte.get(first as usize..end as usize)?;
        bytes.iter().position(|&known| known == byte).map(|index| first + index as u32)
    }

    /// The same state for all that may follow, without what cannot go on: a form at its end gives way to its own end.
    #[inline]
    pub(crate) fn open(&self, mut state: State) -> State {
        while state != ROOT && at(&self.children, state as usize) == at(&self.children, state as usize + 1) {
            state = at(&self.fallback, state as usize);
        }
        state
    }

    /// The next longest end of what was read that begins some form.
    pub(crate) fn fallback(&self, state: State) -> State {
        at(&self.fallback, state as usize)
    }

    /// The bytes of all forms, each beginning once. Without them the rest tells how forms resemble each other, and no more.
    pub(crate) fn in_clear(&self) -> &[u8] {
        &self.byte
    }

    /// How many of the last bytes begin some form.
    pub(crate) fn depth(&self, state: State) -> u64 {
        (self.levels.partition_point(|&first| first <= state) as u64).saturating_sub(1)
    }

    /// The forms that end here, longest first, each with its length.
    #[inline]
    pub(crate) fn found(&self, state: State) -> impl Iterator<Item = (usize, u64)> + '_ {
        let fallback = |&node: &State| Some(at(&self.fallback, node as usize));
        let nodes = std::iter::successors(Some(state), fallback).take_while(|&node| self.is_end(node));
        nodes.filter_map(|node| {
            let index = self.forms.binary_search_by_key(&node, |&(node, _)| node).ok()?;
            Some((self.forms.get(index)?.1, self.depth(node)))
        })
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.from_root.as_mut_slice().zeroize();
        self.byte.zeroize();
        self.children.zeroize();
        self.fallback.zeroize();
    }
}

#[inline]
fn at(values: &[u32], index: usize) -> u32 {
    values.get(index).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(forms: &[&str]) -> Automaton {
        Automaton::new(&forms.iter().map(|form| (Form::from(*form), vec![0])).collect())
    }

    #[test]
    fn every_form_is_found_where_it_ends() {
        let automaton = automaton(&["abcd", "bcd", "bcde", "cdef", "ef"]);
        let mut state = ROOT;
        let mut found = Vec::new();
        for (index, byte) in b"xabcdefab".iter().enumerate() {
            state = automaton.next(state, *byte);
            found.extend(automaton.found(state).map(|(form, length)| (index + 1, form, length)));
        }
        assert_eq!(found, [(5, 0, 4), (5, 1, 3), (6, 2, 4), (7, 3, 4), (7, 4, 2)]);
        assert_eq!(automaton.depth(state), 2);
    }
}
