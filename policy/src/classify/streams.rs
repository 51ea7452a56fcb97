//! Programs whose argument is a small program of its own: `sed`, `awk`, editors, pagers; and `tar`.

use super::options::{self, gives};
use super::place::{self, Place};
use super::plain::{Effect, Operands, Plain};
use super::scope::Scope;
use super::set::{DESTROY, NOTHING, OPAQUE, READ, SYSTEM, Set};
use super::word::Word;

const SED: Plain = Plain {
    always: READ,
    operands: Operands::Read,
    valued: "efl",
    options: &[("-i --in-place", Effect::WritesOperands), ("-f --file -l --line-length", Effect::Adds(OPAQUE))],
};

pub(super) fn sed(words: &[Word], scope: Scope) -> Set {
    let arguments = words.get(1..).unwrap_or_default();
    let expressions: Vec<Option<Word>> = arguments
        .iter()
        .enumerate()
        .filter(|(_, word)| word.is_option() && gives_expression(word))
        .map(|(at, word)| options::attached(word, option_of(word)).or_else(|| arguments.get(at + 1).cloned()))
        .collect();
    let is_plain = |word: Option<&Word>| word.and_then(Word::text).is_some_and(only_edits);
    let understood = if expressions.is_empty() {
        is_plain(arguments.iter().find(|word| !word.is_option() && !word.is("")))
    } else {
        expressions.iter().all(|word| is_plain(word.as_ref()))
    };
    SED.classes(arguments, scope).and(if understood { NOTHING } else { OPAQUE })
}

fn gives_expression(word: &Word) -> bool {
    gives(word, "-e", "efl") || gives(word, "--expression", "")
}

fn option_of(word: &Word) -> &'static str {
    if word.start().starts_with(b"--") { "--expression" } else { "-e" }
}

/// True for a `sed` script that neither runs nor writes anything.
fn only_edits(script: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = script.get(at).copied() {
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b';' | b'0'..=b'9' | b',' | b'!' | b'$' | b'+' | b'~' | b'{' | b'}' => {}
            b'p' | b'd' | b'D' | b'P' | b'q' | b'Q' | b'=' | b'n' | b'N' | b'g' | b'G' | b'h' | b'H' | b'x' | b'l' => {}
            b'/' => match after(script, at, b'/') {
                Some(next) => at = next,
                None => return false,
            },
            b's' => {
                let Some(delimiter) =
                    script.get(at).copied().filter(|byte| byte.is_ascii_punctuation() && *byte != b'\\')
                else {
                    return false;
                };
                let end = after(script, at + 1, delimiter).and_then(|next| after(script, next, delimiter));
                let Some(end) = end else { return false };
                let flags = script.get(end..).unwrap_or_default();
                let length = flags
                    .iter()
                    .position(|byte| !matches!(byte, b'g' | b'p' | b'i' | b'I' | b'0'..=b'9'))
                    .unwrap_or(flags.len());
                if flags.get(length).is_some_and(|byte| !matches!(byte, b';' | b'}' | b' ' | b'\n')) {
                    return false;
                }
                at = end + length;
            }
            _ => return false,
        }
    }
    true
}

/// Behind the next delimiter that is not escaped. Brackets end differently in some versions and are refused with it.
fn after(script: &[u8], from: usize, delimiter: u8) -> Option<usize> {
    let mut at = from;
    let mut in_brackets = false;
    loop {
        match script.get(at).copied()? {
            b'\\' => at += 1,
            b'\n' => return None,
            byte if byte == delimiter && in_brackets => return None,
            byte if byte == delimiter => return Some(at + 1),
            // Here `]` does not end the brackets.
            b'[' if matches!(script.get(at + 1..), Some([b']', ..] | [b'^', b']', ..])) => return None,
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            _ => {}
        }
        at += 1;
    }
}

pub(super) fn awk(words: &[Word], _scope: Scope) -> Set {
    let mut arguments = words.iter().skip(1);
    while let Some(word) = arguments.next() {
        let Some(text) = word.text() else { return OPAQUE };
        match text {
            b"-F" | b"-v" => {
                arguments.next();
            }
            _ if text.starts_with(b"-F") || text.starts_with(b"-v") => {}
            _ if word.is_option() => return OPAQUE,
            program => {
                return if only_computes(program) && !arguments.any(Word::hides_options) { READ } else { OPAQUE };
            }
        }
    }
    READ
}

/// True for an `awk` program that neither runs nor writes anything.
fn only_computes(program: &[u8]) -> bool {
    let holds = |part: &[u8]| program.windows(part.len()).any(|window| window == part);
    !program.iter().any(|byte| matches!(byte, b'|' | b'>' | b'@' | b'\\')) && !holds(b"system") && !holds(b"getline")
}

/// `dd of=FILE`.
pub(super) fn dd(words: &[Word], scope: Scope) -> Set {
    let of = |word: &Word| match word.start().strip_prefix(b"of=") {
        Some(file) => place::written(&Word::new(file.to_vec(), word.rest(), 0), scope.base),
        None if word.text().is_none() => SYSTEM,
        None => NOTHING,
    };
    DESTROY.and(words.iter().skip(1).map(of).collect())
}

/// Editors: the operands are written; anything else may run commands.
pub(super) fn editor(words: &[Word], scope: Scope) -> Set {
    let runs = |word: &Word| word.is_option() || word.hides_options() || word.start().starts_with(b"+");
    let arguments = words.get(1..).unwrap_or_default();
    let opaque = if arguments.is_empty() || arguments.iter().any(runs) { OPAQUE } else { NOTHING };
    opaque.and(arguments.iter().map(|word| place::written(word, scope.base)).collect())
}

/// Pagers: they read, but for commands to start with and logs.
pub(super) fn pager(words: &[Word], _scope: Scope) -> Set {
    let runs = |word: &Word| {
        word.hides_options()
            || word.start().starts_with(b"+")
            || ["-H", "-o", "-O", "-k", "-P", "-p", "-t", "-T"].iter().any(|option| gives(word, option, ""))
            || word.start().starts_with(b"--") && word.start().len() > 2
    };
    if words.iter().skip(1).any(runs) { READ.and(OPAQUE) } else { READ }
}

const TAR: Plain = Plain {
    always: NOTHING,
    operands: Operands::Read,
    valued: "bCfgHTXVNIFKL",
    options: &[
        (
            "--to-command --checkpoint-action --use-compress-program --rsh-command --info-script --new-volume-script --rmt-command --files-from -I -F -T",
            Effect::Adds(OPAQUE),
        ),
        ("-P --absolute-names", Effect::Adds(SYSTEM)),
        ("--remove-files --delete --recursive-unlink --unlink-first -U", Effect::Adds(DESTROY)),
        ("-C --directory --one-top-level -g --listed-incremental -f --file --index-file", Effect::Writes),
    ],
};

pub(super) fn tar(words: &[Word], scope: Scope) -> Set {
    let mut arguments = words.get(1..).unwrap_or_default().to_vec();
    if let Some(first) = arguments.first_mut().filter(|first| !first.is_option()) {
        // The old way: a cluster without a dash, its values behind it.
        *first = Word::new([b"-", first.start()].concat(), first.rest(), 0);
    }
    let clusters = arguments.iter().filter(|word| word.is_option() && !word.start().starts_with(b"--"));
    let values = |word: &Word| word.start().iter().filter(|letter| TAR.valued.as_bytes().contains(letter)).count();
    // The letters behind one that takes a value may be options, as they are the old way.
    let is_tangled = clusters.clone().any(|word| {
        values(word) > 1
            || (values(word) == 1 && !word.start().last().is_some_and(|last| TAR.valued.as_bytes().contains(last)))
    });
    let remote = arguments.iter().any(|word| word.start().contains(&b':'));
    let lists = arguments.first().is_some_and(|word| gives(word, "-t", TAR.valued) || word.is("--list"));
    let changes = arguments.iter().any(|word| {
        [
            "-x",
            "-c",
            "-r",
            "-u",
            "-A",
            "--extract",
            "--get",
            "--create",
            "--append",
            "--update",
            "--catenate",
            "--concatenate",
        ]
        .iter()
        .any(|mode| gives(word, mode, TAR.valued))
    });
    let opaque = if is_tangled || remote || arguments.iter().any(Word::hides_options) { OPAQUE } else { NOTHING };
    let set = if lists && !changes {
        let reads =
            Plain { always: READ, options: TAR.options.split_at_checked(3).map_or(&[][..], |(known, _)| known), ..TAR };
        reads.classes(&arguments, scope)
    } else if !changes {
        READ.and(TAR.classes(&arguments, scope))
    } else {
        let extracts =
            arguments.iter().any(|word| ["-x", "--extract", "--get"].iter().any(|mode| gives(word, mode, TAR.valued)));
        // What is extracted lands below the working directory; an archive that is read counts as written all the same.
        TAR.classes(&arguments, scope).and(if extracts { Place::class(scope.base) } else { NOTHING })
    };
    set.and(opaque)
}
