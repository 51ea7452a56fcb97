//! What a document may hold: the keys of each kind of table, the shape of each value, and what it is for.
//!
//! The loader reads through these descriptions, and the schema and the tables of the reference are printed from them,
//! so that none can say what another does not. Never holds what a particular file says.

use crate::grammar::Grammar;

/// One kind of table.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// What such a table is called.
    pub(crate) name: &'static str,
    /// Keys that may stand here, in the order in which they are best written.
    pub(crate) known: &'static [Key],
    /// Keys of the format that this version does not carry out.
    pub(crate) later: &'static [&'static str],
    /// How many of the keys have to be there.
    pub(crate) holds: Holds,
}

/// How many keys a table has to have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// It may be empty.
    Any,
    /// At least one.
    AtLeastOne,
    /// One and no more.
    One,
}

/// One key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// How it is written.
    pub(crate) name: &'static str,
    /// What its value may be.
    pub(crate) shape: Shape,
    /// Whether the table may do without it.
    pub(crate) presence: Presence,
    /// What it is for, in one plain sentence without a period.
    pub(crate) purpose: &'static str,
}

/// Whether a table may do without a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It has to be there.
    Required,
    /// It may be left out.
    Optional,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Text of a grammar.
    Text(&'static Grammar),
    /// One of these words.
    Word(&'static dyn Words),
    /// A whole number, both bounds included.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// True or false.
    Boolean,
    /// A list, which may be empty.
    List(&'static Shape),
    /// A list with something in it.
    FullList(&'static Shape),
    /// One value, or a list with something in it.
    OneOrMany(&'static Shape),
    /// A table with these keys.
    Table(&'static Keys),
    /// A table whose keys are names that the writer chose, each of this shape.
    Named(&'static Grammar, &'static Shape),
    /// Any of these.
    Either(&'static [Shape]),
}

/// Words with their meanings, of which a value is one.
pub(crate) trait Words: Sync {
    /// The words, in the order in which they are told.
    fn words(&self) -> Vec<&'static str>;
}

impl<T: Sync> Words for &[(&'static str, T)] {
    fn words(&self) -> Vec<&'static str> {
        self.iter().map(|(word, _)| *word).collect()
    }
}

impl<T: Sync, const N: usize> Words for [(&'static str, T); N] {
    fn words(&self) -> Vec<&'static str> {
        self.as_slice().words()
    }
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn optional(name: &'static str, shape: Shape, purpose: &'static str) -> Self {
        Self { name, shape, presence: Presence::Optional, purpose }
    }

    /// A key that has to be there.
    pub(crate) const fn required(name: &'static str, shape: Shape, purpose: &'static str) -> Self {
        Self { name, shape, presence: Presence::Required, purpose }
    }
}

impl Keys {
    /// The key with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.known.iter().find(|key| key.name == name)
    }

    /// The names of all keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|key| key.name)
    }
}

impl Shape {
    /// Any whole number that is not negative.
    pub(crate) const NUMBER: Self = Self::Number { least: 0, most: u64::MAX };

    /// This shape, and every one that it takes in without a list or a table around it.
    pub(crate) fn forms(&self) -> Vec<Self> {
        match self {
            Self::Either(shapes) => shapes.iter().flat_map(Self::forms).collect(),
            Self::OneOrMany(one) => [one.forms(), vec![Self::FullList(one)]].concat(),
            Self::Text(_)
            | Self::Word(_)
            | Self::Number { .. }
            | Self::Boolean
            | Self::List(_)
            | Self::FullList(_)
            | Self::Table(_)
            | Self::Named(..) => vec![*self],
        }
    }

    /// What the elements are when the value is a list.
    pub(crate) fn element(&self) -> Option<&'static Self> {
        match self {
            Self::List(element) | Self::FullList(element) | Self::OneOrMany(element) => Some(element),
            Self::Either(shapes) => shapes.iter().find_map(Self::element),
            Self::Text(_) | Self::Word(_) | Self::Number { .. } | Self::Boolean | Self::Table(_) | Self::Named(..) => {
                None
            }
        }
    }

    /// What the values are when it is a table of the writer's own names.
    pub(crate) fn named(&self) -> Option<&'static Self> {
        self.forms().iter().find_map(|form| if let Self::Named(_, value) = form { Some(*value) } else { None })
    }

    /// True when a value may be read this way.
    pub(crate) fn admits(&self, reading: Reading<'_>) -> bool {
        let forms = self.forms();
        let is = |takes: fn(&Self) -> bool| forms.iter().any(takes);
        match reading {
            Reading::Text => is(|form| matches!(form, Self::Text(_) | Self::Word(_))),
            Reading::Number => is(|form| matches!(form, Self::Number { .. })),
            Reading::Boolean => is(|form| matches!(form, Self::Boolean)),
            Reading::List => is(|form| matches!(form, Self::List(_) | Self::FullList(_))),
            Reading::FullList => is(|form| matches!(form, Self::FullList(_))),
            Reading::Named => is(|form| matches!(form, Self::Named(..))),
            Reading::Word(read) => {
                forms.iter().any(|form| matches!(form, Self::Word(words) if words.words() == read.words()))
            }
            // Tables that may stand here may be opened as one, and one of them in part.
            Reading::Table(read) => read
                .names()
                .all(|name| forms.iter().any(|form| matches!(form, Self::Table(keys) if keys.find(name).is_some()))),
        }
    }
}

/// How the loader reads a value.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'r> {
    /// As text.
    Text,
    /// As one of these words.
    Word(&'r dyn Words),
    /// As a whole number.
    Number,
    /// As true or false.
    Boolean,
    /// As a list.
    List,
    /// As a list that must not be empty.
    FullList,
    /// As a table with these keys.
    Table(&'static Keys),
    /// As a table of the writer's own names.
    Named,
}
