//! Counts the bytes that a gate holds for its connections, so that all of them together stay bounded.

use std::cell::Cell;

/// From here on connections that are not judged yet are refused rather than heard further.
const MOST: usize = 12 << 20;
/// From here on relays read in small pieces.
const TIGHT: usize = 4 << 20;

/// What is held for all connections of a gate.
#[derive(Debug, Default)]
pub struct Budget(Cell<usize>);

/// What is held for one connection; given back when it is dropped.
#[derive(Debug)]
pub struct Held<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Budget {
    /// Begins with nothing.
    #[must_use]
    pub fn hold(&self) -> Held<'_> {
        Held { budget: self, bytes: 0 }
    }

    /// True when so much is held that more should come in small pieces.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.0.get() > TIGHT
    }

    /// True when nothing more should be held that nobody waits for yet.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.0.get() > MOST
    }
}

impl Held<'_> {
    /// So many bytes are held now.
    pub fn set(&mut self, bytes: usize) {
        let others = self.budget.0.get().saturating_sub(self.bytes);
        self.budget.0.set(others + bytes);
        self.bytes = bytes;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::default();
        let mut one = budget.hold();
        one.set(MOST);
        assert!(budget.is_tight() && !budget.is_spent());
        let mut other = budget.hold();
        other.set(1);
        assert!(budget.is_spent());
        one.set(0);
        assert!(!budget.is_tight());
        drop((one, other));
        assert_eq!(budget.0.get(), 0);
    }
}
