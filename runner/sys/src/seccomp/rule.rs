//! What a seccomp table is made of: actions, tests of arguments, and the verdict for one call.

use std::collections::BTreeMap;

/// The kernel's answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// Carries the call out.
    Allow,
    /// Does not carry the call out; it returns this error number.
    Errno(u16),
    /// Ends the whole process with SIGSYS.
    Kill,
}

/// How much of an argument register the kernel itself reads.
///
/// A comparison must look at exactly that much: a 64-bit comparison of a request that the kernel truncates to 32 bits
/// is passed by setting any upper bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// `int` and `unsigned int`: the upper half is ignored.
    Low32,
    /// Pointers and `long`.
    Full64,
}

/// Holds when an argument, after masking, is one of a set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    /// The argument's position, 0 to 5.
    pub argument: u8,
    pub width: Width,
    pub mask: u64,
    pub values: &'static [u64],
}

/// An action that is taken when all its tests hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clause {
    pub when: &'static [Test],
    pub action: Action,
}

/// The answer for one call number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The arguments do not matter.
    Plain(Action),
    /// The first clause that holds answers, else `otherwise`.
    Checked { clauses: &'static [Clause], otherwise: Action },
}

/// The verdicts of one profile, by call number, and the action of every number that is not listed.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub verdicts: BTreeMap<u32, Verdict>,
    pub otherwise: Action,
}

impl Test {
    /// Holds when the low 32 bits of the argument are one of the values.
    pub(super) const fn int(argument: u8, values: &'static [u64]) -> Self {
        Self::int_masked(argument, u32::MAX as u64, values)
    }

    /// Holds when the low 32 bits of the argument, masked, are one of the values.
    pub(super) const fn int_masked(argument: u8, mask: u64, values: &'static [u64]) -> Self {
        Self { argument, width: Width::Low32, mask, values }
    }

    /// Holds when the whole argument is one of the values.
    pub(super) const fn long(argument: u8, values: &'static [u64]) -> Self {
        Self { argument, width: Width::Full64, mask: u64::MAX, values }
    }
}
