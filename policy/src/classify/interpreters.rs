//! Programs that run a language: shells, whose scripts are read, and others, whose programs are not.

use super::options;
use super::place::Place;
use super::plain::{Effect, Operands, Plain};
use super::scope::Scope;
use super::set::{DESTROY, NET, NOTHING, OPAQUE, PKG, PUBLISH, READ, SECRET, Set};
use super::shell;
use super::word::Word;
use super::wrappers;

/// Shells: the script behind `-c`.
pub(super) fn sh(words: &[Word], scope: Scope) -> Set {
    let mut rest = words.get(1..).unwrap_or_default();
    let mut takes_script = false;
    if matches!(rest, [only] if only.is("--version") || only.is("--help")) {
        return READ;
    }
    loop {
        let Some((word, after)) = rest.split_first() else { return OPAQUE };
        let Some(text) = word.text() else { return OPAQUE };
        rest = after;
        match text {
            b"--login" | b"--norc" | b"--noprofile" | b"--posix" => {}
            b"--" | b"-" => break,
            [b'-' | b'+', letters @ ..] if letters.iter().all(|letter| is_harmless(*letter)) => {
                takes_script |= letters.contains(&b'c');
                for _ in letters.iter().filter(|letter| **letter == b'o') {
                    let Some((value, after)) = rest.split_first().filter(|(value, _)| is_harmless_mode(value)) else {
                        return OPAQUE;
                    };
                    let _mode = value;
                    rest = after;
                }
            }
            [b'-' | b'+', ..] => return OPAQUE,
            _ => {
                rest = words.get(words.len() - after.len() - 1..).unwrap_or_default();
                break;
            }
        }
    }
    if takes_script { shell::script_word(rest.first(), scope) } else { OPAQUE }
}

/// Shells that evaluate the operands of a numeric test as expressions, which can run commands.
pub(super) fn evaluating_sh(words: &[Word], scope: Scope) -> Set {
    let tests = |word: &Word| {
        word.start().windows(4).any(|part| matches!(part, b" -eq" | b" -ne" | b" -lt" | b" -le" | b" -gt" | b" -ge"))
    };
    let opaque = if words.iter().any(tests) { OPAQUE } else { NOTHING };
    sh(words, scope).and(opaque)
}

fn is_harmless(letter: u8) -> bool {
    b"abcefilmnopruvxBCET".contains(&letter)
}

fn is_harmless_mode(word: &Word) -> bool {
    ["pipefail", "errexit", "nounset", "xtrace", "noclobber", "noglob", "verbose", "posix"]
        .iter()
        .any(|mode| word.is(mode))
}

/// The shell's `set`.
pub(super) fn set(words: &[Word], _scope: Scope) -> Set {
    let (before, _) = options::split_at_end(words.get(1..).unwrap_or_default());
    let is_harmless_word = |word: &Word| {
        let letters = word.start().strip_prefix(b"-").or_else(|| word.start().strip_prefix(b"+"));
        !word.hides_options()
            && (is_harmless_mode(word)
                || letters.is_none_or(|letters| letters.iter().all(|letter| is_harmless(*letter))))
    };
    let is_mode = before.windows(2).all(|pair| match pair {
        [option, mode] if option.start().ends_with(b"o") && option.is_option() => is_harmless_mode(mode),
        _ => true,
    });
    if is_mode && before.iter().all(is_harmless_word) { READ } else { OPAQUE }
}

/// Languages whose programs are not read; only their versions are harmless.
pub(super) fn language(words: &[Word], _scope: Scope) -> Set {
    match words.get(1..) {
        Some([only]) if ["--version", "-V", "-v", "--help", "-h", "version"].iter().any(|option| only.is(option)) => {
            READ
        }
        Some([option, module, ..]) if option.is("-m") && (module.is("pip") || module.is("ensurepip")) => {
            OPAQUE.and(PKG)
        }
        Some(_) | None => OPAQUE,
    }
}

/// `eval`, `source`, `alias` and what else changes how the rest is read.
pub(super) fn opaque(_words: &[Word], _scope: Scope) -> Set {
    OPAQUE
}

/// `trap SCRIPT SIGNAL`.
pub(super) fn trap(words: &[Word], scope: Scope) -> Set {
    match words.get(1..) {
        None | Some([] | [_]) => READ,
        Some([dash, ..]) if dash.is("-") || dash.is("") || dash.is("-p") || dash.is("-l") => READ,
        Some([dashes, script, ..]) if dashes.is("--") => shell::script_word(Some(script), scope),
        Some([script, ..]) if script.is_option() => OPAQUE,
        Some([script, ..]) => shell::script_word(Some(script), scope),
    }
}

/// `export`, `local`, `readonly`, `read`, `unset` and the like: they set variables by name.
pub(super) fn variables(words: &[Word], _scope: Scope) -> Set {
    let declares = words.first().is_none_or(|name| !name.is("read") && !name.is("mapfile") && !name.is("readarray"));
    let allowed: &[&str] = if declares {
        &["-p", "-x", "-r", "-g", "-a", "-A", "-l", "-u", "-f", "-F", "-v"]
    } else {
        &[
            "-r", "-t", "-s", "-p", "-n", "-d", "-u", "-a", "-e", "-N", "-ra", "-rs", "-rsp", "-rp", "-sp", "-rd",
            "-rn1", "-n1",
        ]
    };
    let is_harmless = |word: &Word| {
        if word.is_option() {
            return allowed.iter().any(|option| word.is(option));
        }
        let (name, rest) = match word.assignment() {
            Some((name, _)) => (name, super::word::Rest::Known),
            None => (word.start(), word.rest()),
        };
        let may_split = word.rest() == super::word::Rest::Split;
        let is_value = !declares && !super::word::is_name(name);
        let is_safe_name = super::word::is_name(name) && !super::variables::steers(name);
        !may_split && rest == super::word::Rest::Known && (is_safe_name || is_value && !name.contains(&b'['))
    };
    if words.iter().skip(1).all(is_harmless) { READ } else { OPAQUE }
}

/// `test` and `[`: they read, but `-v` evaluates a subscript.
pub(super) fn test(words: &[Word], _scope: Scope) -> Set {
    let evaluates = |pair: &[Word]| match pair {
        [option, name] if option.is("-v") || option.is("-R") => !name.text().is_some_and(super::word::is_name),
        _ => false,
    };
    if words.windows(2).any(evaluates) { OPAQUE } else { READ }
}

/// `printf`, which can set a variable.
pub(super) fn printf(words: &[Word], _scope: Scope) -> Set {
    if words.get(1).is_some_and(|word| options::gives(word, "-v", "")) { OPAQUE } else { READ }
}

/// `ssh HOST COMMAND`: a shell elsewhere reads the command.
pub(super) fn ssh(words: &[Word], scope: Scope) -> Set {
    let mut rest = words.get(1..).unwrap_or_default();
    let mut set = SECRET;
    loop {
        let Some((word, after)) = rest.split_first() else { return set.and(OPAQUE) };
        rest = after;
        let Some(text) = word.text() else { return set.and(OPAQUE) };
        if !word.is_option() {
            break;
        }
        match text {
            b"-V" => return READ,
            b"-4" | b"-6" | b"-A" | b"-C" | b"-q" | b"-T" | b"-t" | b"-tt" | b"-v" | b"-n" | b"-x" | b"-a" => {}
            b"-N" | b"-f" | b"-fN" | b"-NT" | b"-Nf" | b"-fNT" => set.add(NET),
            b"-p" | b"-l" | b"-i" | b"-b" | b"-c" | b"-m" => rest = after.get(1..).unwrap_or_default(),
            b"-L" | b"-R" | b"-D" | b"-w" | b"-W" | b"-J" => {
                set.add(NET);
                rest = after.get(1..).unwrap_or_default();
            }
            b"-o" if after.first().is_some_and(is_harmless_setting) => rest = after.get(1..).unwrap_or_default(),
            _ => return set.and(OPAQUE),
        }
    }
    // Elsewhere no path is below this working directory.
    let scope = scope.at(Place::System);
    set.and(if rest.is_empty() { OPAQUE } else { wrappers::joined(rest, scope) })
}

fn is_harmless_setting(word: &Word) -> bool {
    let name = word.text().and_then(|text| text.split(|byte| matches!(byte, b'=' | b' ')).next()).unwrap_or_default();
    let known = [
        "StrictHostKeyChecking",
        "ConnectTimeout",
        "BatchMode",
        "Port",
        "User",
        "LogLevel",
        "ServerAliveInterval",
        "UserKnownHostsFile",
    ];
    known.iter().any(|setting| name.eq_ignore_ascii_case(setting.as_bytes()))
}

const COPY: Plain = Plain {
    always: NOTHING,
    operands: Operands::LastWritten,
    valued: "eMoFSiPJcTfB",
    options: &[
        ("-e --rsh --rsync-path --daemon -M --remote-option --config -S -F", Effect::Adds(OPAQUE)),
        (
            "--delete --delete-before --delete-after --delete-during --delete-delay --delete-excluded --remove-source-files",
            Effect::Adds(DESTROY),
        ),
        ("--log-file --backup-dir --partial-dir -T --temp-dir --write-batch", Effect::Writes),
    ],
};

/// `scp` and `rsync`: local files, or another machine's.
pub(super) fn copy(words: &[Word], scope: Scope) -> Set {
    let arguments = words.get(1..).unwrap_or_default();
    let is_remote =
        |word: &Word| word.start().split(|byte| *byte == b'/').next().is_some_and(|first| first.contains(&b':'));
    let remote = if arguments.iter().any(is_remote) { SECRET } else { NOTHING };
    let is_scp = words.first().is_some_and(|name| name.start().ends_with(b"scp") || name.start().ends_with(b"sftp"));
    let settings = if is_scp && arguments.iter().any(|word| options::gives(word, "-o", "")) { OPAQUE } else { NOTHING };
    let options_last = arguments.last().is_some_and(Word::is_option);
    let sends =
        if options_last && !remote.is_empty() || arguments.last().is_some_and(is_remote) { PUBLISH } else { NOTHING };
    let operands = if sends.is_empty() { COPY.operands } else { Operands::Read };
    remote.and(settings).and(sends).and(Plain { operands, ..COPY }.classes(arguments, scope))
}
