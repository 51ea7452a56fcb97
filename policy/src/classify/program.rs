//! Looks a command up and classifies it by what is known of the program. An unknown one is opaque.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::scope::Scope;
use super::set::{OPAQUE, Set};
use super::word::Word;
use super::{names, place, plain, tables, verbs};

/// What is known of a program.
pub(super) enum Known {
    /// It treats all its operands alike.
    Plain(plain::Plain),
    /// It does what its first operand says.
    Verbs(verbs::Verbs),
    /// It needs a look of its own. The words begin with the program's name.
    Special(fn(&[Word], Scope) -> Set),
}

static PROGRAMS: LazyLock<HashMap<&'static [u8], &'static Known>> = LazyLock::new(|| {
    let rows = tables::ALL.iter().copied().flatten();
    rows.flat_map(|(names, known)| names.split_ascii_whitespace().map(move |name| (name.as_bytes(), known))).collect()
});

/// True for a command whose name is known.
#[must_use]
pub(super) fn is_known(name: &Word) -> bool {
    name.text().and_then(look_up).is_some()
}

/// The classes of a command, its name first.
#[must_use]
pub(super) fn command(words: &[Word], scope: Scope) -> Set {
    let Some((name, arguments)) = words.split_first() else { return OPAQUE };
    let Some(scope) = scope.deeper() else { return OPAQUE };
    let secrets = arguments.iter().map(place::secrets).collect::<Set>();
    secrets.and(match name.text().and_then(look_up) {
        Some(Known::Plain(known)) => known.classes(arguments, scope),
        Some(Known::Verbs(known)) => known.classes(arguments, scope),
        Some(Known::Special(look)) => look(words, scope),
        None => OPAQUE,
    })
}

fn look_up(command: &[u8]) -> Option<&'static Known> {
    let name = names::of_command(command)?;
    let known = PROGRAMS.get(name.as_slice()).or_else(|| PROGRAMS.get(names::without_version(&name)));
    known.copied()
}
