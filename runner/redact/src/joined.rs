//! The stream as it would be without what interrupts it: where a match in it stands that goes on behind line breaks and
//! escape sequences. Never decides what an interruption is.

use std::ops::Range;

use crate::automaton::{Automaton, State};

/// A match that was interrupted by more than this is given up.
const LONGEST: u64 = 4096;

/// A state of the automaton that has skipped something, and what.
pub(crate) struct Joined {
    state: State,
    /// The first byte of the stream that it has neither read nor skipped.
    position: u64,
    /// What it has skipped of the match under way, in order, none touching another.
    skipped: Vec<Range<u64>>,
}

impl Joined {
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

    /// Skips everything in front of a place.
    pub(crate) fn skip(&mut self, to: u64) {
        match self.skipped.last_mut() {
            Some(last) if last.end == self.position => last.end = to,
            _ => self.skipped.push(self.position..to),
        }
        self.position = to;
    }

    /// Forgets what cannot go on, and what is interrupted by too much.
    pub(crate) fn settle(&mut self, automaton: &Automaton) {
        loop {
            self.state = automaton.open(self.state);
            let start = self.start(automaton.depth(self.state));
            self.skipped.retain(|skipped| skipped.end > start);
            let length: u64 = self.skipped.iter().map(|skipped| skipped.end - skipped.start).sum();
            if length <= LONGEST {
                return;
            }
            self.state = automaton.fallback(self.state);
        }
    }

    /// True when it sees what the straight way sees that stands at `position`, and will.
    pub(crate) fn is_straight(&self, state: State, position: u64) -> bool {
        self.position == position && self.state == state && self.skipped.is_empty()
    }

    /// True when something is skipped among the last `length` bytes that were read.
    pub(crate) fn has_skipped(&self, length: u64) -> bool {
        let start = self.start(length);
        self.skipped.iter().any(|skipped| skipped.start >= start)
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
}
