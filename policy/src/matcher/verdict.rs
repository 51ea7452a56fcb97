//! What a condition says: yes, no, or that nobody knows; and how several of these come together.

/// What one condition says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    // INVARIANT: in this order the least of several is what all of them say together, the greatest what any does.
    No,
    /// The fact was not gathered.
    Unknown,
    Yes,
}

impl Match {
    /// What holds when all hold.
    pub(crate) fn all(matches: impl IntoIterator<Item = Self>) -> Self {
        matches.into_iter().min().unwrap_or(Self::Yes)
    }

    /// What holds when any holds.
    pub(crate) fn any(matches: impl IntoIterator<Item = Self>) -> Self {
        matches.into_iter().max().unwrap_or(Self::No)
    }
}

pub(crate) fn yes(matched: bool) -> Match {
    if matched { Match::Yes } else { Match::No }
}
