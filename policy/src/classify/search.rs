//! `find` and `fd`: an expression that may delete, write and run.

use super::place;
use super::program;
use super::scope::Scope;
use super::set::{DESTROY, OPAQUE, READ, Set};
use super::word::{Rest, Word};
use super::wrappers;

pub(super) fn find(words: &[Word], scope: Scope) -> Set {
    let arguments = words.get(1..).unwrap_or_default();
    let paths = starting_points(arguments);
    let mut set = READ;
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let Some(text) = word.text() else {
            set.add(if word.hides_options() { OPAQUE } else { READ });
            continue;
        };
        match text {
            b"-delete" => {
                set.add(paths.iter().map(|path| place::written(path, scope.base)).collect::<Set>().and(DESTROY))
            }
            b"-exec" | b"-execdir" | b"-ok" | b"-okdir" => {
                let length = after
                    .iter()
                    .position(|word| word.is(";") || word.is("+") || word.text().is_none() && word.hides_options());
                let Some((command, end)) = length.and_then(|length| after.split_at_checked(length)) else {
                    return set.and(OPAQUE);
                };
                let is_ended = end.first().is_some_and(|word| word.text().is_some());
                set.add(if is_ended { program::command(&filled(command, &paths), scope) } else { OPAQUE });
                rest = end.get(1..).unwrap_or_default();
            }
            b"-fprint" | b"-fprint0" | b"-fls" | b"-fprintf" => {
                set.add(after.first().map_or(OPAQUE, |file| place::written(file, scope.base)));
                rest = after.get(1..).unwrap_or_default();
            }
            _ if TESTS.iter().any(|test| word.is(test)) => {
                let value = after.first();
                set.add(if value.is_some_and(|value| value.rest() == Rest::Split) { OPAQUE } else { READ });
                rest = after.get(1..).unwrap_or_default();
            }
            _ => {}
        }
    }
    set
}

/// Tests that take a value.
const TESTS: &[&str] = &[
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-type",
    "-size",
    "-mtime",
    "-mmin",
    "-atime",
    "-ctime",
    "-newer",
    "-user",
    "-group",
    "-perm",
    "-maxdepth",
    "-mindepth",
    "-printf",
    "-links",
    "-inum",
    "-samefile",
    "-cmin",
    "-amin",
    "-xtype",
];

fn starting_points(arguments: &[Word]) -> Vec<Word> {
    let paths: Vec<Word> = arguments
        .iter()
        .skip_while(|word| ["-L", "-H", "-P"].iter().any(|flag| word.is(flag)))
        .take_while(|word| !word.is_option() && !word.is("(") && !word.is("!"))
        .cloned()
        .collect();
    if paths.is_empty() { vec![Word::known(".")] } else { paths }
}

/// The command with what was found in place of `{}`; found files lie where the search began.
fn filled(command: &[Word], paths: &[Word]) -> Vec<Word> {
    let fill = |word: &Word| if word.is("{}") { paths.to_vec() } else { vec![wrappers::opened(word, b"{}")] };
    command.iter().flat_map(fill).collect()
}

/// `fd`, whose command stands last.
pub(super) fn fd(words: &[Word], scope: Scope) -> Set {
    let runs = |word: &Word| ["-x", "-X", "--exec", "--exec-batch"].iter().any(|option| word.is(option));
    let attaches = |word: &Word| {
        word.start().starts_with(b"--exec") || word.start().starts_with(b"-x") || word.start().starts_with(b"-X")
    };
    match words.iter().position(runs) {
        Some(at) => {
            let command = words.get(at + 1..).unwrap_or_default();
            let mut command: Vec<Word> = command.iter().map(|word| wrappers::opened(word, b"{")).collect();
            command.push(Word::anything());
            READ.and(program::command(&command, scope))
        }
        None if words.iter().skip(1).any(|word| attaches(word) || word.hides_options()) => OPAQUE,
        None => READ,
    }
}
