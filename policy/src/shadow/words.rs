//! What two conditions must have in common where one takes the other in.
//!
//! INVARIANT: where `wide.covers(narrow)`, one of the choices that `wide` is filed under has all of its words among those
//! that `narrow` is looked up by. `shadow::tests` holds the whole against comparing every pair.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use crate::alike::Alike;
use crate::matcher::arguments::{Arguments, Element};
use crate::matcher::surroundings::SurroundingsMatcher;
use crate::matcher::{Interpreters, Matcher};
use crate::path_glob::PathGlob;
use crate::pattern::TextPattern;

/// A digest of something that a condition says, and of where it says it. Two that are the same by chance cost a
/// comparison.
pub(super) type Word = u64;

/// Where a rule may be filed.
#[derive(Debug)]
pub(super) enum Place {
    /// Under this word.
    One(Word),
    /// For each of the lists, under any one of its words.
    Each(Vec<Vec<Word>>),
}

/// Where a word stands.
#[derive(Hash, Clone, Copy)]
enum Part {
    Whole,
    Operation,
    Path,
    Content,
    Uid,
    Client,
    Role,
    Argument(usize),
    Cwd,
    Surroundings(&'static str),
}

fn word(part: Part, what: impl Hash) -> Word {
    FixedState::default().hash_one((part, what))
}

/// For what a text begins with.
fn beginning(part: Part, text: &[u8]) -> Word {
    FixedState::default().hash_one((part, "beginning", text))
}

/// Where a condition may be filed; `None` where it may take in a condition that it has no word in common with. Notes how
/// long the beginnings are among its words.
pub(super) fn place(matcher: &Matcher, lengths: &mut BTreeSet<usize>) -> Option<Place> {
    match matcher {
        Matcher::Interpreter(Interpreters::NotTheCallers) => None,
        Matcher::Operation(glob) => glob.as_literal().map(|name| Place::One(word(Part::Operation, name))),
        Matcher::Path(glob) => path(Part::Path, glob),
        Matcher::Content(digests) => each(Part::Content, digests),
        Matcher::Uid(uids) => each(Part::Uid, uids),
        Matcher::Client(clients) => each(Part::Client, clients),
        Matcher::Roles(roles) => each(Part::Role, roles),
        Matcher::Arguments(arguments) => arguments_place(arguments, matcher, lengths),
        Matcher::Surroundings(SurroundingsMatcher::Cwd(globs)) => match globs.as_slice() {
            [only] => path(Part::Cwd, only),
            several => several.iter().map(|glob| path_list(Part::Cwd, glob)).collect::<Option<_>>().map(Place::Each),
        },
        Matcher::Surroundings(SurroundingsMatcher::Text(field, patterns)) => {
            let part = Part::Surroundings(field.key());
            let words = patterns.iter().map(|one| Some(vec![pattern(part, one, lengths)?]));
            words.collect::<Option<_>>().map(Place::Each)
        }
        Matcher::Surroundings(SurroundingsMatcher::Flag(..) | SurroundingsMatcher::Env(_))
        | Matcher::Interpreter(Interpreters::Listed(_))
        | Matcher::Class(_)
        | Matcher::Target(_)
        | Matcher::Secrets(_)
        | Matcher::Remote(_)
        | Matcher::Branch(_)
        | Matcher::Clean => Some(Place::One(word(Part::Whole, matcher))),
        Matcher::Surroundings(
            SurroundingsMatcher::Destination(..) | SurroundingsMatcher::Origin(_) | SurroundingsMatcher::Provenance(_),
        )
        | Matcher::Kind(_) => None,
    }
}

/// Any of these. Whatever takes in a list takes in an empty one.
fn each<T: Hash>(part: Part, values: &[T]) -> Option<Place> {
    let none = std::iter::once(vec![word(part, None::<&T>)]);
    Some(Place::Each(none.chain(values.iter().map(|value| vec![word(part, Some(value))])).collect()))
}

/// A path pattern takes in itself, and paths that have all of its names; `**` takes in every one.
fn path(part: Part, glob: &PathGlob) -> Option<Place> {
    match glob.as_literal() {
        Some(only) => Some(Place::One(word(part, only))),
        None => path_list(part, glob).map(|words| Place::Each(vec![words])),
    }
}

fn path_list(part: Part, glob: &PathGlob) -> Option<Vec<Word>> {
    if let Some(only) = glob.as_literal() {
        return Some(vec![word(part, only)]);
    }
    let names: Vec<Word> = glob.names().map(|name| word(part, name)).collect();
    (!names.is_empty()).then_some(names)
}

/// A text takes in itself, a glob itself and texts that begin like it.
fn pattern(part: Part, pattern: &TextPattern, lengths: &mut BTreeSet<usize>) -> Option<Word> {
    match pattern {
        TextPattern::Glob(glob) => match (glob.as_literal(), glob.beginning()) {
            (Some(text), _) => Some(word(part, text)),
            (None, b"") => None,
            (None, text) => {
                lengths.insert(text.len());
                Some(beginning(part, text))
            }
        },
        TextPattern::Regex(_) => None,
    }
}

fn arguments_place(arguments: &Arguments, matcher: &Matcher, lengths: &mut BTreeSet<usize>) -> Option<Place> {
    if !arguments.flags.is_empty() {
        return Some(Place::One(word(Part::Whole, matcher)));
    }
    let words = arguments.each.iter().enumerate().filter_map(|(index, element)| match element {
        Element::Pattern(one) => pattern(Part::Argument(index), one, lengths),
        Element::Hole(hole) => Some(word(Part::Argument(index), hole)),
    });
    let words: Vec<Word> = words.collect();
    (!words.is_empty()).then(|| Place::Each(vec![words]))
}

/// What each different condition is looked up by, found out once.
pub(super) struct Lookup {
    words: Vec<Option<Vec<Word>>>,
    /// How long the beginnings are that anything is filed under.
    lengths: BTreeSet<usize>,
}

impl Lookup {
    /// For so many different conditions.
    pub(super) fn new(alike: &Alike, lengths: BTreeSet<usize>) -> Self {
        Self { words: vec![None; alike.count()], lengths }
    }

    /// Every word under which a condition may be filed that takes in this one.
    pub(super) fn words_of(&mut self, number: u32, matcher: &Matcher) -> &[Word] {
        let Self { words, lengths } = self;
        words.get_mut(number as usize).map_or(&[], |words| words.get_or_insert_with(|| looked_up_by(matcher, lengths)))
    }
}

fn looked_up_by(matcher: &Matcher, lengths: &BTreeSet<usize>) -> Vec<Word> {
    let mut words = Vec::new();
    match matcher {
        Matcher::Interpreter(Interpreters::NotTheCallers) => {}
        Matcher::Operation(glob) => words.extend(glob.as_literal().map(|name| word(Part::Operation, name))),
        Matcher::Path(glob) => path_words(Part::Path, glob, &mut words),
        Matcher::Content(digests) => words.push(word(Part::Content, digests.first())),
        Matcher::Uid(uids) => words.push(word(Part::Uid, uids.first())),
        Matcher::Client(clients) => words.push(word(Part::Client, clients.first())),
        Matcher::Roles(roles) => words.push(word(Part::Role, roles.first())),
        Matcher::Arguments(arguments) => {
            if !arguments.flags.is_empty() {
                words.push(word(Part::Whole, matcher));
            }
            for (index, element) in arguments.each.iter().enumerate() {
                match element {
                    Element::Pattern(one) => pattern_words(Part::Argument(index), one, lengths, &mut words),
                    Element::Hole(hole) => words.push(word(Part::Argument(index), hole)),
                }
            }
        }
        // Of a list that is taken in, every one is, and so the first.
        Matcher::Surroundings(SurroundingsMatcher::Cwd(globs)) => {
            globs.first().into_iter().for_each(|glob| path_words(Part::Cwd, glob, &mut words));
        }
        Matcher::Surroundings(SurroundingsMatcher::Text(field, patterns)) => {
            let part = Part::Surroundings(field.key());
            patterns.first().into_iter().for_each(|one| pattern_words(part, one, lengths, &mut words));
        }
        Matcher::Surroundings(SurroundingsMatcher::Flag(..) | SurroundingsMatcher::Env(_))
        | Matcher::Interpreter(Interpreters::Listed(_))
        | Matcher::Class(_)
        | Matcher::Target(_)
        | Matcher::Secrets(_)
        | Matcher::Remote(_)
        | Matcher::Branch(_)
        | Matcher::Clean => words.push(word(Part::Whole, matcher)),
        Matcher::Surroundings(
            SurroundingsMatcher::Destination(..) | SurroundingsMatcher::Origin(_) | SurroundingsMatcher::Provenance(_),
        )
        | Matcher::Kind(_) => {}
    }
    words
}

fn path_words(part: Part, glob: &PathGlob, words: &mut Vec<Word>) {
    words.extend(glob.as_literal().map(|only| word(part, only)));
    words.extend(glob.names().map(|name| word(part, name)));
}

fn pattern_words(part: Part, pattern: &TextPattern, lengths: &BTreeSet<usize>, words: &mut Vec<Word>) {
    let TextPattern::Glob(glob) = pattern else { return };
    match glob.as_literal() {
        Some(text) => {
            words.push(word(part, text));
            words.extend(lengths.iter().filter_map(|length| text.get(..*length)).map(|start| beginning(part, start)));
        }
        None => words.push(beginning(part, glob.beginning())),
    }
}
