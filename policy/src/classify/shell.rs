//! Classifies a shell script: the union over everything that it could run. Never runs or expands anything.

mod expansion;
mod grammar;
mod here_document;
mod lexer;
mod script;

use super::place::{self, Place};
use super::program;
use super::scope::Scope;
use super::set::{NOTHING, OPAQUE, Set};
use super::variables;
use super::word::Word;
use script::{Script, Simple};

/// More script than this is not read.
const MOST_BYTES: usize = 64 * 1024;

/// More commands than these are not looked up.
const MOST_COMMANDS: usize = 4096;

/// The classes of a script.
#[must_use]
pub(super) fn script(text: &[u8], scope: Scope) -> Set {
    let Some(scope) = scope.deeper() else { return OPAQUE };
    if text.len() > MOST_BYTES {
        return OPAQUE;
    }
    let (script, verdict) = grammar::read(text, 0);
    if script.commands.len() > MOST_COMMANDS {
        return OPAQUE;
    }
    let unread = if verdict.is_ok() { NOTHING } else { OPAQUE };
    // A relative path may stand before or after any change of directory, so the worst one counts for all.
    let base =
        script.commands.iter().filter_map(|simple| destination(&simple.words, scope.base)).fold(scope.base, Ord::max);
    let scope = scope.at(base);
    script.commands.iter().map(|simple| of_simple(simple, &script, scope)).fold(unread, Set::and)
}

/// The classes of a script that is an argument.
#[must_use]
pub(super) fn script_word(word: Option<&Word>, scope: Scope) -> Set {
    word.and_then(Word::text).map_or(OPAQUE, |text| script(text, scope))
}

fn of_simple(simple: &Simple, script: &Script, scope: Scope) -> Set {
    let reads_line = simple.words.first().is_some_and(|name| name.is("read"));
    let assigned = simple.assignments.iter().map(|word| of_assignment(word, reads_line)).collect::<Set>();
    let written = simple.written.iter().map(|word| place::written(word, scope.base)).collect::<Set>();
    let named = simple.assignments.iter().chain(&simple.written).chain(&simple.read);
    let secrets = named.map(place::secrets).collect::<Set>();
    assigned.and(written).and(secrets).and(of_words(simple, script, scope))
}

fn of_assignment(word: &Word, reads_line: bool) -> Set {
    match word.bare_assignment() {
        Some((b"IFS", value)) if reads_line || (value.is_empty() && word.text().is_some()) => NOTHING,
        Some((name, _)) if !variables::steers(name) => NOTHING,
        Some(_) | None => OPAQUE,
    }
}

fn of_words(simple: &Simple, script: &Script, scope: Scope) -> Set {
    let Some(name) = simple.words.first() else { return NOTHING };
    let removes_function = name.is("unset") && !script.functions.is_empty();
    let is_function =
        name.text().and_then(|name| script.functions.get(name)).is_some_and(|order| *order < simple.functions);
    if removes_function {
        OPAQUE
    } else if is_function && !program::is_known(name) {
        // What its body does was counted where it is defined.
        simple.words.iter().map(place::secrets).collect()
    } else {
        program::command(&simple.words, scope)
    }
}

/// Where a change of directory leads; `None` when the command is none.
fn destination(words: &[Word], base: Place) -> Option<Place> {
    let mut words = words.iter().skip_while(|word| word.is("command") || word.is("builtin") || word.is_option());
    let name = words.next()?;
    if name.is("popd") {
        return Some(Place::System);
    }
    if !["cd", "pushd", "chdir"].iter().any(|known| name.is(known)) {
        return None;
    }
    Some(match words.filter(|word| !word.is_option()).last() {
        None => Place::Home,
        Some(word) if word.is("-") => Place::System,
        Some(word) => Place::of(word, base),
    })
}
