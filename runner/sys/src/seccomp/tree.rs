//! Compiles a table into a filter: a binary search over ranges of call numbers, with argument tests as leaves.
//!
//! Neighbouring numbers with the same plain action are one range, so the search is short and the program small; the
//! time to install a filter follows its length. The program is written from its end to its beginning: every jump of
//! classic BPF goes forward, so the targets of a jump are there before the jump is, and equal answers are shared.

use std::collections::BTreeMap;

use libc::sock_filter;

use super::machine::{
    ARCHITECTURE_OFFSET, MOST_INSTRUCTIONS, NUMBER_OFFSET, answer, code, high_offset, low_offset, straight,
};
use super::rule::{Action, Clause, Table, Test, Verdict, Width};

/// Why a table could not be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel takes at most 4096 instructions.
    #[error("the system call filter needs {instructions} instructions, the kernel takes at most {MOST_INSTRUCTIONS}")]
    TooLong {
        /// How many instructions the table needs.
        instructions: usize,
    },
}

/// Compiles `table` for the architecture with this audit number.
pub(super) fn compile(architecture: u32, table: &Table) -> Result<Vec<sock_filter>, Error> {
    let mut program = Backwards::default();
    let search = program.search(&ranges(table));
    let load_number = program.straight(code::LOAD, NUMBER_OFFSET, search);
    let foreign = program.answer(Action::Kill);
    let check = program.branch(code::JUMP_IF_EQUAL, architecture, load_number, foreign);
    program.straight(code::LOAD, ARCHITECTURE_OFFSET, check);
    program.finish()
}

/// All call numbers from `first` to the next range's first.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: u32,
    verdict: Verdict,
}

/// Covers every number there is, in order; the numbers past the table, x32 included, are one last range.
fn ranges(table: &Table) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::with_capacity(table.verdicts.len());
    let mut push = |first, verdict| match (ranges.last(), verdict) {
        (Some(last), Verdict::Plain(_)) if last.verdict == verdict => {}
        _ => ranges.push(Range { first, verdict }),
    };
    let unlisted = Verdict::Plain(table.otherwise);
    let mut next = 0;
    for (&number, &verdict) in &table.verdicts {
        if number > next {
            push(next, unlisted);
        }
        push(number, verdict);
        next = number.saturating_add(1);
    }
    push(next, unlisted);
    ranges
}

/// Where an instruction stands, counted from the end of the program.
type Place = usize;

/// A program in the making, last instruction first.
#[derive(Default)]
struct Backwards {
    reversed: Vec<sock_filter>,
    answers: BTreeMap<Action, Place>,
}

impl Backwards {
    /// Emits the search among `ranges`, which cover the whole space that is left.
    fn search(&mut self, ranges: &[Range]) -> Place {
        let (below, above) = ranges.split_at(ranges.len() / 2);
        match (below, above) {
            (_, []) => self.answer(Action::Kill),
            ([], [only, ..]) => self.verdict(only.verdict),
            (_, [pivot, ..]) => {
                let at_least = self.search(above);
                let less = self.search(below);
                self.branch(code::JUMP_IF_AT_LEAST, pivot.first, at_least, less)
            }
        }
    }

    fn verdict(&mut self, verdict: Verdict) -> Place {
        match verdict {
            Verdict::Plain(action) => self.answer(action),
            Verdict::Checked { clauses, otherwise } => {
                let last = self.answer(otherwise);
                clauses.iter().rev().fold(last, |next, clause| self.clause(clause, next))
            }
        }
    }

    fn clause(&mut self, clause: &Clause, next: Place) -> Place {
        let holds = self.answer(clause.action);
        clause.when.iter().rev().fold(holds, |holds, test| self.test(test, holds, next))
    }

    fn test(&mut self, test: &Test, holds: Place, next: Place) -> Place {
        match test.width {
            Width::Low32 => {
                let values = test.values.iter().map(|&value| value as u32);
                let compared = values.rev().fold(next, |fails, value| self.equal(value, holds, fails));
                self.argument(low_offset(test.argument), test.mask as u32, compared)
            }
            Width::Full64 => test.values.iter().rev().fold(next, |fails, &value| {
                let low = self.equal(value as u32, holds, fails);
                let low = self.argument(low_offset(test.argument), test.mask as u32, low);
                let high = self.equal((value >> 32) as u32, low, fails);
                self.argument(high_offset(test.argument), (test.mask >> 32) as u32, high)
            }),
        }
    }

    fn equal(&mut self, value: u32, holds: Place, fails: Place) -> Place {
        self.branch(code::JUMP_IF_EQUAL, value, holds, fails)
    }

    /// Loads half an argument, masked, and goes on at `then`.
    fn argument(&mut self, offset: u32, mask: u32, then: Place) -> Place {
        let masked = if mask == u32::MAX { then } else { self.straight(code::AND, mask, then) };
        self.straight(code::LOAD, offset, masked)
    }

    /// Emits a return, or finds one that a short jump still reaches.
    fn answer(&mut self, action: Action) -> Place {
        match self.answers.get(&action) {
            Some(&place) if self.reach(place) <= LONGEST_SHORT_JUMP / 2 => place,
            _ => {
                let place = self.push(straight(code::RETURN, answer(action)));
                self.answers.insert(action, place);
                place
            }
        }
    }

    /// Emits an instruction that goes on at `then`.
    fn straight(&mut self, code: u16, operand: u32, then: Place) -> Place {
        if self.reach(then) != 0 {
            self.jump(then);
        }
        self.push(straight(code, operand))
    }

    /// Emits a conditional jump, over long jumps where a target is out of its 8 bits.
    fn branch(&mut self, code: u16, operand: u32, holds: Place, fails: Place) -> Place {
        // One instruction may still come between this test and the jump itself: the long jump to the other target.
        let holds = if self.reach(holds) < LONGEST_SHORT_JUMP { holds } else { self.jump(holds) };
        let fails = if self.reach(fails) <= LONGEST_SHORT_JUMP { fails } else { self.jump(fails) };
        let (jt, jf) = (self.reach(holds) as u8, self.reach(fails) as u8);
        self.push(sock_filter { code, jt, jf, k: operand })
    }

    fn jump(&mut self, target: Place) -> Place {
        let distance = self.reach(target) as u32;
        self.push(straight(code::JUMP, distance))
    }

    /// How many instructions the next one would have to jump over to come to `target`.
    fn reach(&self, target: Place) -> usize {
        self.reversed.len() - 1 - target
    }

    fn push(&mut self, instruction: sock_filter) -> Place {
        self.reversed.push(instruction);
        self.reversed.len() - 1
    }

    fn finish(self) -> Result<Vec<sock_filter>, Error> {
        let instructions = self.reversed.len();
        if instructions > MOST_INSTRUCTIONS {
            return Err(Error::TooLong { instructions });
        }
        Ok(self.reversed.into_iter().rev().collect())
    }
}

/// A conditional jump has 8 bits for its distance.
const LONGEST_SHORT_JUMP: usize = u8::MAX as usize;
