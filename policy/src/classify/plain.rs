//! Programs whose operands are all read or all written, but for what some options change.

use super::options;
use super::place;
use super::scope::Scope;
use super::set::{NOTHING, READ, Set, WORK};
use super::word::Word;

/// What becomes of the operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operands {
    /// They are read, or no files.
    Read,
    /// The last one is written.
    LastWritten,
    /// The second one is written, if there is one.
    SecondWritten,
    /// All are written.
    Written,
}

/// What an option does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    /// Adds classes.
    Adds(Set),
    /// Its value is a file or directory that is written.
    Writes,
    /// The operands are written.
    WritesOperands,
}

/// A program without commands of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    /// Whatever the arguments are.
    pub(super) always: Set,
    pub(super) operands: Operands,
    /// Letters of short options that take a value.
    pub(super) valued: &'static str,
    /// Options by their spellings, and what they do.
    pub(super) options: &'static [(&'static str, Effect)],
}

pub(super) const READS: Plain = Plain { always: READ, operands: Operands::Read, valued: "", options: &[] };
pub(super) const WRITES: Plain = Plain { always: NOTHING, operands: Operands::Written, valued: "", options: &[] };

/// A program of which only the classes matter.
pub(super) const fn always(classes: Set) -> Plain {
    Plain { always: classes, operands: Operands::Read, valued: "", options: &[] }
}

impl Plain {
    #[must_use]
    pub(super) fn classes(&self, arguments: &[Word], scope: Scope) -> Set {
        let (words, behind) = options::split_at_end(arguments);
        let mut set = self.always;
        let mut all_written = self.operands == Operands::Written;
        for (at, word) in words.iter().enumerate().filter(|(_, word)| word.is_option() || word.hides_options()) {
            for (option, effect) in self.given(word) {
                match effect {
                    Effect::Adds(classes) => set.add(classes),
                    Effect::Writes => {
                        let value = options::attached(word, option).or_else(|| words.get(at + 1).cloned());
                        set.add(place::written(
                            &value.filter(|_| !word.hides_options()).unwrap_or_else(Word::anything),
                            scope.base,
                        ));
                    }
                    Effect::WritesOperands => all_written = true,
                }
            }
        }
        let operands = words.iter().filter(|word| !word.is_option()).chain(behind);
        let several = operands.clone().nth(1).is_some() || words.iter().any(Word::hides_options);
        match self.operands {
            _ if all_written => set.add(operands.map(|word| place::written(word, scope.base)).collect()),
            Operands::LastWritten if options_are_first(words) => {
                set.add(operands.last().map_or(WORK, |word| place::written(word, scope.base)));
            }
            // The last word may be the value of an option.
            Operands::LastWritten => set.add(operands.map(|word| place::written(word, scope.base)).collect()),
            Operands::SecondWritten if several => {
                set.add(operands.map(|word| place::written(word, scope.base)).collect())
            }
            Operands::SecondWritten | Operands::Read | Operands::Written => {}
        }
        set
    }

    fn given(&self, word: &Word) -> impl Iterator<Item = (&'static str, Effect)> {
        let spelled = self
            .options
            .iter()
            .flat_map(|(spellings, effect)| spellings.split(' ').map(move |option| (option, *effect)));
        spelled.filter(|(option, _)| options::gives(word, option, self.valued))
    }
}

fn options_are_first(words: &[Word]) -> bool {
    words.iter().skip_while(|word| word.is_option()).all(|word| !word.is_option())
}
