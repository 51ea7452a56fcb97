//! What was found in a script, in the order of its text.

use std::collections::HashMap;

use super::super::word::Word;

/// Says that a script is not understood. Nothing more is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUnderstood;

pub(super) type Parse<T> = Result<T, NotUnderstood>;

/// Everything that a script could run, wherever in it that stands.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Simple>,
    /// Functions that exist for all that follows, each with the number of those before it.
    pub(super) functions: HashMap<Vec<u8>, usize>,
}

/// A simple command.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<Word>,
    pub(super) words: Vec<Word>,
    /// Files that redirections write.
    pub(super) written: Vec<Word>,
    /// Files that redirections read.
    pub(super) read: Vec<Word>,
    /// How many functions exist by then.
    pub(super) functions: usize,
}

impl Script {
    pub(super) fn take(&mut self, mut simple: Simple) {
        simple.functions = self.functions.len();
        self.commands.push(simple);
    }

    pub(super) fn define(&mut self, name: Vec<u8>) {
        let order = self.functions.len();
        self.functions.entry(name).or_insert(order);
    }

    /// Takes in what an inner script runs.
    pub(super) fn absorb(&mut self, inner: Self) {
        inner.commands.into_iter().for_each(|simple| self.take(simple));
    }
}
