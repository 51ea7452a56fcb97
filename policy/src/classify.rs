//! Says which classes a command belongs to. Labels, never the boundary: it runs, opens and expands nothing.
//!
//! Works on the argument vector. A command that it does not know, a script that it cannot read and an
//! argument whose effect it cannot tell are [`Class::OpaqueScript`]; see `docs/decisions/0023`.

mod interpreters;
mod modes;
mod names;
mod options;
mod place;
mod plain;
mod program;
mod scope;
mod search;
mod set;
mod shell;
mod streams;
mod tables;
mod variables;
mod verbs;
mod word;
mod wrappers;

use crate::class::Class;
use crate::path::AbsPath;
use crate::text::Text;
use scope::Scope;
use set::OPAQUE;
use word::Word;

/// The classes of a command: sorted, without duplicates, never empty.
///
/// `program` is the file that will run. What it is called in `argv` counts only for programs that are
/// many under one name, such as `busybox`.
#[must_use]
pub fn classify(program: &AbsPath, argv: &[Text]) -> Vec<Class> {
    let Some(name) = names::of_file(program, argv.first().map(Text::as_bytes)) else { return OPAQUE.into_classes() };
    let arguments = argv.iter().skip(1).map(|argument| Word::known(argument.as_bytes()));
    let words: Vec<Word> = std::iter::once(Word::known(name)).chain(arguments).collect();
    program::command(&words, Scope::OUTERMOST).into_classes()
}

#[cfg(test)]
mod tests;
