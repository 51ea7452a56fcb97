//! Finds every form of every secret in one pass: an Aho-Corasick automaton that is overwritten when it is dropped.
//!
//! Nodes stand in breadth-first order, so the children of a node are neighbours and a node needs no list of them. That
//! is why it is ours: the well-known crate keeps copies of what it looks for in memory that nobody clears.

use std::collections::BTreeMap;

use zeroize::Zeroize;

use crate::forms::Form;

/// A place in the automaton: the longest end of what was read that begins some form.
pub(crate) type State = u32;

/// Nothing of what was read begins any form.
pub(crate) const ROOT: State = 0;

/// No form ends here.
const NONE: u32 = u32::MAX;

/// The automaton over a set of forms.
pub(crate) struct Automaton {
    /// Where each byte leads from the root.
    from_root: Box<[State; 256]>,
    /// The byte that leads to each node.
    byte: Vec<u8>,
    /// The first child of each node; its last one stands before the next node's first.
    children: Vec<State>,
    /// The longest proper end of each node's string that is a node too.
    fallback: Vec<State>,
    /// How many bytes lead to each node.
    depth: Vec<u32>,
    /// The form that each node completes.
    form: Vec<u32>,
    /// The nearest node on the way of fallbacks that completes a form.
    shorter: Vec<State>,
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
            depth: Vec::with_capacity(most),
            form: Vec::with_capacity(most),
            shorter: Vec::with_capacity(most),
        };
        automaton.push(0, ROOT, 0);
        // The forms that run through each node are neighbours in sorted order.
        let mut through: Vec<_> = std::iter::once(0..sorted.len()).collect();
        let mut node = 0;
        while let Some(forms) = through.get(node).cloned() {
            automaton.grow(node, forms, &sorted, &mut through);
            node += 1;
        }
        automaton.children.push(automaton.count());
        automaton
    }

    /// Adds the children of a node. Every node of less depth has its children already.
    fn grow(
        &mut self,
        node: usize,
        forms: std::ops::Range<usize>,
        sorted: &[&[u8]],
        through: &mut Vec<std::ops::Range<usize>>,
    ) {
        self.children.push(self.count());
        let depth = at(&self.depth, node) as usize;
        let (mut first, end) = (forms.start, forms.end);
        if sorted.get(first).is_some_and(|form| form.len() == depth) {
            if let Some(form) = self.form.get_mut(node) {
                *form = u32::try_from(first).unwrap_or(NONE);
            }
            first += 1;
        }
        while let Some(&byte) = sorted.get(first).filter(|_| first < end).and_then(|form| form.get(depth)) {
            let same = |form: &&[u8]| form.get(depth) == Some(&byte);
            let rest = sorted.get(first..end).unwrap_or_default();
            let next = first + rest.iter().take_while(|form| same(form)).count();
            let fallback = if node == 0 { ROOT } else { self.next(at(&self.fallback, node), byte) };
            let child = self.count();
            self.push(byte, fallback, depth as u32 + 1);
            if let Some(from_root) = self.from_root.get_mut(usize::from(byte)).filter(|_| node == 0) {
                *from_root = child;
            }
            through.push(first..next);
            first = next;
        }
        // What a fallback completes is known by now: it is less deep, so it was grown before.
        let fallback = at(&self.fallback, node);
        let shorter = if self.form_at(fallback) == NONE { self.shorter_at(fallback) } else { fallback };
        if let Some(slot) = self.shorter.get_mut(node) {
            *slot = shorter;
        }
    }

    fn push(&mut self, byte: u8, fallback: State, depth: u32) {
        self.byte.push(byte);
        self.fallback.push(fallback);
        self.depth.push(depth);
        self.form.push(NONE);
        self.shorter.push(ROOT);
    }

    fn count(&self) -> State {
        u32::try_from(self.byte.len()).unwrap_or(NONE)
    }

    fn form_at(&self, node: State) -> u32 {
        self.form.get(node as usize).copied().unwrap_or(NONE)
    }

    fn shorter_at(&self, node: State) -> State {
        at(&self.shorter, node as usize)
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

    /// How many of the last bytes begin some form.
    #[inline]
    pub(crate) fn depth(&self, state: State) -> u64 {
        u64::from(at(&self.depth, state as usize))
    }

    /// The forms that end here, longest first, each with its length.
    #[inline]
    pub(crate) fn found(&self, state: State) -> impl Iterator<Item = (usize, u64)> + '_ {
        let first = if self.form_at(state) == NONE { self.shorter_at(state) } else { state };
        std::iter::successors(Some(first), |&node| Some(self.shorter_at(node)))
            .take_while(|&node| node != ROOT)
            .map(|node| (self.form_at(node) as usize, self.depth(node)))
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.from_root.as_mut_slice().zeroize();
        self.byte.zeroize();
        self.children.zeroize();
        self.fallback.zeroize();
        self.form.zeroize();
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
