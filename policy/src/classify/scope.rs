//! What holds around a command: where it runs, and how deep it is wrapped.

use super::place::Place;

/// The surroundings of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// Where relative paths lead.
    pub(super) base: Place,
    left: u8,
}

impl Scope {
    /// The surroundings of a command that is not wrapped.
    pub(super) const OUTERMOST: Self = Self { base: Place::Workspace, left: 16 };

    /// The same for a process that is somewhere else.
    #[must_use]
    pub(super) fn at(self, base: Place) -> Self {
        Self { base, ..self }
    }

    /// One wrapper further in; `None` when there are too many.
    #[must_use]
    pub(super) fn deeper(self) -> Option<Self> {
        Some(Self { left: self.left.checked_sub(1)?, ..self })
    }
}
