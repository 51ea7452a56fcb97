//! A set of classes, small enough to be a constant. Never holds anything else.

use crate::class::Class;

/// Which classes a command belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set(u16);

pub(super) const NOTHING: Set = Set(0);
pub(super) const READ: Set = Set::only(Class::ReadOnly);
pub(super) const WORK: Set = Set::only(Class::WorkspaceWrite);
pub(super) const HOME: Set = Set::only(Class::HomeWrite);
pub(super) const VCS: Set = Set::only(Class::VcsWrite);
pub(super) const PKG: Set = Set::only(Class::PkgInstall);
pub(super) const NET: Set = Set::only(Class::NetConfig);
pub(super) const PUBLISH: Set = Set::only(Class::Publish);
pub(super) const SECRET: Set = Set::only(Class::Credential);
pub(super) const SYSTEM: Set = Set::only(Class::SystemChange);
pub(super) const PRIVILEGE: Set = Set::only(Class::Privilege);
pub(super) const DESTROY: Set = Set::only(Class::Destructive);
pub(super) const OPAQUE: Set = Set::only(Class::OpaqueScript);

impl Set {
    const fn only(class: Class) -> Self {
        Self(1 << class as u16)
    }

    /// Both sets together.
    #[must_use]
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Takes the classes of another set in.
    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// True when all classes of the other set are in this one.
    #[must_use]
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when there is no class yet.
    #[must_use]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes, the least strict first. What does nothing that we know of only reads.
    #[must_use]
    pub(super) fn into_classes(self) -> Vec<Class> {
        let set = if self.is_empty() { READ } else { self };
        Class::ALL.into_iter().filter(|class| set.0 & Self::only(*class).0 != 0).collect()
    }
}

impl FromIterator<Self> for Set {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(NOTHING, Self::and)
    }
}
