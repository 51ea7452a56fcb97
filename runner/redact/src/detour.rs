//! A possible match that was interrupted: it goes on behind each interruption. Never decides what an interruption is.

use std::ops::Range;

use crate::automaton::{Automaton, ROOT, State};

/// A match that was interrupted by more than this is given up.
const LONGEST: u64 = 4096;

/// A state that has skipped something, and what.
pub(crate) struct Detour {
    state: State,
    /// The first byte of the stream that it has neither read nor skipped.
    position: u64,
    /// What it has skipped, in order, none touching another.
    skipped: Vec<Range<u64>>,
}

impl Detour {
    /// Leaves the straight way in front of what may be an interruption.
    pub(crate) fn new(state: State, position: u64) -> Self {
        Self { state, position, skipped: Vec::new() }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn skipped(&self) -> &[Range<u64>] {
        &self.skipped
    }

    /// Reads one byte.
    pub(crate) fn walk(&mut self, automaton: &Automaton, byte: u8) {
        self.state = automaton.next(self.state, byte);
        self.position += 1;
    }

    /// Forgets what cannot go on.
    pub(crate) fn settle(&mut self, automaton: &Automaton) {
        self.state = automaton.open(self.state);
    }

    /// Skips what is pending.
    pub(crate) fn skip(&mut self, to: u64) {
        match self.skipped.last_mut() {
            Some(last) if last.end == self.position => last.end = to,
            _ => self.skipped.push(self.position..to),
        }
        self.position = to;
    }

    /// Where the last `length` bytes begin that were read and not skipped.
    pub(crate) fn start(&self, length: u64) -> u64 {
        let mut start = self.position.saturating_sub(length);
        // What was skipped after the last byte that was read shifts all of them.
        for skipped in self.skipped.iter().rev().filter(|_| length > 0) {
            if skipped.end <= start {
                break;
            }
            start = start.saturating_sub(skipped.end - skipped.start);
        }
        start
    }

    /// The place behind the first `count` of the last `length` bytes that were read.
    pub(crate) fn place_of(&self, length: u64, count: u64) -> u64 {
        let mut place = self.start(length) + count;
        for skipped in self.skipped.iter().filter(|skipped| skipped.start >= self.start(length)) {
            if skipped.start <= place {
                place += skipped.end - skipped.start;
            }
        }
        place
    }

    /// False when it leads nowhere, is interrupted by too much, or has skipped nothing of what it holds: the straight
    /// way, which stands at `position`, sees that too.
    pub(crate) fn is_worth_following(&mut self, automaton: &Automaton, position: u64) -> bool {
        let start = self.start(automaton.depth(self.state));
        self.skipped.retain(|skipped| skipped.end > start);
        let length: u64 = self.skipped.iter().map(|skipped| skipped.end - skipped.start).sum();
        let is_straight = self.position == position && self.skipped.is_empty();
        self.state != ROOT && length <= LONGEST && !is_straight
    }

    /// True when both see the same from here on.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.state == other.state && self.position == other.position && self.skipped == other.skipped
    }
}
