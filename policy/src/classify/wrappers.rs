//! Programs that run the command in their arguments: its classes are theirs.

use super::place::Place;
use super::program;
use super::scope::Scope;
use super::set::{NOTHING, OPAQUE, PRIVILEGE, READ, SYSTEM, Set};
use super::shell;
use super::variables;
use super::word::{Rest, Word};

/// How a wrapper's own arguments end.
struct Shape {
    /// Options without a value.
    flags: &'static [&'static str],
    /// Options with a value.
    valued: &'static [&'static str],
    /// Operands of its own before the command.
    operands: usize,
}

/// The command behind the wrapper's own words; `None` when that cannot be told.
fn inner<'a>(words: &'a [Word], shape: &Shape) -> Option<&'a [Word]> {
    let mut rest = words.get(1..)?;
    loop {
        let Some((word, after)) = rest.split_first() else { return Some(rest) };
        if word.is("--") {
            return behind(after, shape.operands);
        }
        if !word.is_option() {
            return behind(rest, shape.operands);
        }
        let text = word.text()?;
        if shape.flags.iter().any(|flag| word.is(flag)) {
            rest = after;
        } else if shape.valued.iter().any(|option| word.is(option)) {
            after.first().filter(|value| value.rest() != Rest::Split)?;
            rest = after.get(1..)?;
        } else if shape.valued.iter().any(|option| carries_value(text, option)) {
            rest = after;
        } else {
            return None;
        }
    }
}

/// What follows the wrapper's own operands, when they can be counted.
fn behind(words: &[Word], operands: usize) -> Option<&[Word]> {
    let (own, rest) = words.split_at_checked(operands)?;
    if own.iter().any(Word::hides_options) { None } else { Some(rest) }
}

fn carries_value(text: &[u8], option: &str) -> bool {
    text.strip_prefix(option.as_bytes()).is_some_and(|value| !option.starts_with("--") || value.starts_with(b"="))
}

fn wrapped(words: &[Word], scope: Scope, shape: &Shape) -> Set {
    match inner(words, shape) {
        Some([]) | None => OPAQUE,
        Some(command) => program::command(command, scope),
    }
}

pub(super) fn nice(words: &[Word], scope: Scope) -> Set {
    let shape = Shape { flags: &[], valued: &["-n", "--adjustment"], operands: 0 };
    let is_number = |word: &Word| {
        word.text().and_then(|text| text.strip_prefix(b"-")).is_some_and(|text| text.iter().all(u8::is_ascii_digit))
    };
    match words {
        [_] => READ,
        [_, level, command @ ..] if level.is_option() && is_number(level) => program::command(command, scope),
        _ => wrapped(words, scope, &shape),
    }
}

pub(super) fn simple(words: &[Word], scope: Scope) -> Set {
    let flags = &[
        "-f",
        "--fork",
        "-w",
        "--wait",
        "-c",
        "--ctty",
        "-p",
        "--portability",
        "-v",
        "--verbose",
        "-t",
        "-b",
        "-e",
        "-q",
        "-l",
    ];
    wrapped(words, scope, &Shape { flags, valued: &[], operands: 0 })
}

pub(super) fn timeout(words: &[Word], scope: Scope) -> Set {
    let flags = &["--preserve-status", "--foreground", "-v", "--verbose", "-f", "-p"];
    wrapped(words, scope, &Shape { flags, valued: &["-k", "--kill-after", "-s", "--signal"], operands: 1 })
}

pub(super) fn stdbuf(words: &[Word], scope: Scope) -> Set {
    let valued = &["-i", "-o", "-e", "--input", "--output", "--error", "-c", "-n", "--class", "--classdata"];
    wrapped(words, scope, &Shape { flags: &["-t", "--ignore"], valued, operands: 0 })
}

pub(super) fn scheduled(words: &[Word], scope: Scope) -> Set {
    let flags =
        &["-a", "-b", "-f", "-i", "-o", "-r", "-c", "--cpu-list", "--batch", "--fifo", "--idle", "--other", "--rr"];
    wrapped(words, scope, &Shape { flags, valued: &[], operands: 1 })
}

pub(super) fn flock(words: &[Word], scope: Scope) -> Set {
    let flags = &[
        "-n",
        "--nonblock",
        "-x",
        "-e",
        "--exclusive",
        "-s",
        "--shared",
        "-u",
        "-o",
        "--close",
        "-F",
        "--no-fork",
        "--verbose",
    ];
    let shape = Shape { flags, valued: &["-w", "--timeout", "-E", "--conflict-exit-code"], operands: 1 };
    match inner(words, &shape) {
        Some([]) => NOTHING,
        Some([flag, script]) if flag.is("-c") || flag.is("--command") => shell::script_word(Some(script), scope),
        Some(command) => program::command(command, scope),
        None => OPAQUE,
    }
}

/// `exec`, `command` and `builtin` of the shell.
pub(super) fn command(words: &[Word], scope: Scope) -> Set {
    if words.get(1).is_none_or(|word| word.is("-v") || word.is("-V")) {
        return READ;
    }
    wrapped(words, scope, &Shape { flags: &["-p", "-c", "-l"], valued: &["-a"], operands: 0 })
}

pub(super) fn busybox(words: &[Word], scope: Scope) -> Set {
    match words.get(1..) {
        None | Some([]) => READ,
        Some([word, ..]) if ["--list", "--help", "--list-full"].iter().any(|flag| word.is(flag)) => READ,
        Some(command) => program::command(command, scope),
    }
}

pub(super) fn env(words: &[Word], scope: Scope) -> Set {
    let flags = &["-i", "-", "--ignore-environment", "-0", "--null", "-v", "--debug"];
    let valued = &["-u", "--unset", "-C", "--chdir"];
    let Some(rest) = inner(words, &Shape { flags, valued, operands: 0 }) else { return OPAQUE };
    let own = words.get(1..words.len() - rest.len()).unwrap_or_default();
    let moves = own.iter().any(|word| word.start().starts_with(b"-C") || word.start().starts_with(b"--c"));
    let scope = if moves { scope.at(Place::System) } else { scope };
    with_variables(rest, scope, READ)
}

/// A command behind assignments.
fn with_variables(words: &[Word], scope: Scope, alone: Set) -> Set {
    let mut set = NOTHING;
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let Some((name, _)) = word.assignment() else { break };
        if variables::steers(name) || word.rest() == Rest::Split {
            set.add(OPAQUE);
        }
        rest = after;
    }
    set.and(if rest.is_empty() { alone } else { program::command(rest, scope) })
}

pub(super) fn sudo(words: &[Word], scope: Scope) -> Set {
    let flags = &[
        "-E",
        "-n",
        "-H",
        "-S",
        "-A",
        "-b",
        "-k",
        "-K",
        "-v",
        "-l",
        "-P",
        "-B",
        "-N",
        "-i",
        "-s",
        "-L",
        "--non-interactive",
        "--preserve-env",
        "--set-home",
        "--stdin",
        "--login",
        "--shell",
        "--background",
        "--list",
        "--validate",
        "--reset-timestamp",
        "-e",
        "--edit",
    ];
    let valued = &[
        "-u", "-g", "-h", "-p", "-C", "-T", "-r", "-t", "-U", "--user", "--group", "--prompt", "--host", "-D",
        "--chdir", "-R",
    ];
    let asks = |word: &Word| {
        ["-l", "-v", "-k", "-K", "--list", "--validate", "--reset-timestamp"].iter().any(|flag| word.is(flag))
    };
    let Some(rest) = inner(words, &Shape { flags, valued, operands: 0 }) else { return PRIVILEGE.and(OPAQUE) };
    let own = words.get(1..words.len() - rest.len()).unwrap_or_default();
    let edits = |word: &Word| word.is("-e") || word.is("--edit");
    if own.iter().any(edits) || words.first().is_some_and(|name| name.is("sudoedit")) {
        return PRIVILEGE.and(SYSTEM);
    }
    if rest.is_empty() && own.iter().any(asks) {
        return PRIVILEGE;
    }
    let moves =
        own.iter().any(|word| ["-i", "-D", "-R", "--"].iter().any(|flag| word.start().starts_with(flag.as_bytes())));
    let scope = if moves { scope.at(Place::System) } else { scope };
    PRIVILEGE.and(with_variables(rest, scope, OPAQUE))
}

/// Programs that take other rights and run what follows their options.
pub(super) fn privileged(words: &[Word], scope: Scope) -> Set {
    let flags = &[
        "-n",
        "-s",
        "--keep-cwd",
        "--disable-internal-agent",
        "--no-new-privs",
        "--clear-groups",
        "--init-groups",
        "--keep-groups",
    ];
    let valued = &[
        "-u",
        "-g",
        "-C",
        "--user",
        "--group",
        "--reuid",
        "--regid",
        "--groups",
        "--inh-caps",
        "--bounding-set",
        "--ambient-caps",
    ];
    PRIVILEGE.and(wrapped(words, scope, &Shape { flags, valued, operands: 0 }))
}

/// `su` and `runuser`: a script behind `-c`, or a shell.
pub(super) fn su(words: &[Word], scope: Scope) -> Set {
    let scope = scope.at(Place::System);
    let at = words.iter().position(|word| word.is("-c") || word.is("--command"));
    let plain = words.iter().enumerate().skip(1).all(|(index, word)| {
        let is_script = at.is_some_and(|at| index == at || index == at + 1);
        is_script || word.text().is_some() && (!word.is_option() || word.is("-l") || word.is("--login"))
    });
    let operands = words.iter().skip(1).filter(|word| !word.is_option() && !word.is("-")).count();
    match at.filter(|_| plain && operands <= 2) {
        Some(at) => PRIVILEGE.and(shell::script_word(words.get(at + 1), scope)),
        None => PRIVILEGE.and(OPAQUE),
    }
}

/// Programs that hand their words to a shell as one line.
pub(super) fn watch(words: &[Word], scope: Scope) -> Set {
    let flags = &["-d", "-t", "-b", "-e", "-g", "-c", "--differences", "--no-title", "--color", "-x", "--exec"];
    match inner(words, &Shape { flags, valued: &["-n", "--interval"], operands: 0 }) {
        Some([]) | None => OPAQUE,
        Some(command) => joined(command, scope),
    }
}

/// Words that a shell will read again, joined by spaces.
pub(super) fn joined(words: &[Word], scope: Scope) -> Set {
    let texts: Option<Vec<&[u8]>> = words.iter().map(Word::text).collect();
    texts.map_or(OPAQUE, |texts| shell::script(&texts.join(&b' '), scope))
}

/// `script -c COMMAND FILE`, `script -qc …`.
pub(super) fn typescript(words: &[Word], scope: Scope) -> Set {
    let takes_script = |word: &Word| word.is("-c") || word.is("-qc") || word.is("--command") || word.is("-qec");
    let file = |word: &Word| super::place::written(word, scope.base);
    match words.iter().position(takes_script) {
        Some(at) => {
            let others = words
                .iter()
                .enumerate()
                .filter(|(index, word)| *index != 0 && *index != at && *index != at + 1 && !word.is_option());
            shell::script_word(words.get(at + 1), scope)
                .and(others.map(|(_, word)| file(word)).collect())
                .and(super::set::WORK)
        }
        None => OPAQUE,
    }
}

pub(super) fn xargs(words: &[Word], scope: Scope) -> Set {
    let flags =
        &["-0", "--null", "-r", "--no-run-if-empty", "-t", "--verbose", "-x", "--exit", "-p", "-o", "--open-tty"];
    let valued = &[
        "-n",
        "-P",
        "-L",
        "-s",
        "-d",
        "-I",
        "-E",
        "-a",
        "--max-args",
        "--max-procs",
        "--max-lines",
        "--delimiter",
        "--arg-file",
        "--replace",
    ];
    let Some(command) = inner(words, &Shape { flags, valued, operands: 0 }) else { return OPAQUE };
    if command.is_empty() {
        return READ;
    }
    let own = words.get(1..words.len() - command.len()).unwrap_or_default();
    let mark = own.iter().enumerate().find_map(|(at, word)| replaced(word, own.get(at + 1)));
    let mut command: Vec<Word> = match mark {
        Some(mark) => command.iter().map(|word| opened(word, &mark)).collect(),
        None => command.to_vec(),
    };
    command.push(Word::anything());
    program::command(&command, scope)
}

/// The text that `xargs` replaces in its command.
fn replaced(word: &Word, next: Option<&Word>) -> Option<Vec<u8>> {
    let text = word.text()?;
    if let Some(mark) =
        text.strip_prefix(b"--replace=").or_else(|| text.strip_prefix(b"-I")).filter(|mark| !mark.is_empty())
    {
        return Some(mark.to_vec());
    }
    if word.is("-I") || word.is("--replace") { next.and_then(Word::text).map(<[u8]>::to_vec) } else { None }
}

/// The word, known up to where the mark stands in it.
pub(super) fn opened(word: &Word, mark: &[u8]) -> Word {
    let start = word.start();
    let at = if mark.is_empty() { None } else { start.windows(mark.len()).position(|window| window == mark) };
    match at.and_then(|at| start.get(..at)) {
        Some(before) => Word::new(before.to_vec(), Rest::Open, 0),
        None => word.clone(),
    }
}

/// `parallel CMD … ::: ARGUMENT …`: a shell reads what it builds.
pub(super) fn parallel(words: &[Word], scope: Scope) -> Set {
    let flags = &["--bar", "--progress", "-k", "--keep-order", "--line-buffer", "--will-cite", "-0", "-X", "-m"];
    let Some(rest) = inner(words, &Shape { flags, valued: &["-j", "--jobs", "-n", "-P"], operands: 0 }) else {
        return OPAQUE;
    };
    let command: Vec<Word> = rest.iter().take_while(|word| !word.start().starts_with(b":::")).cloned().collect();
    let is_plain = |word: &Word| {
        word.text()
            .is_some_and(|text| text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_./{}=+,:%".contains(byte)))
    };
    if command.is_empty()
        || !command.iter().all(is_plain)
        || command.first().is_none_or(|name| name.start().contains(&b'{'))
    {
        return OPAQUE;
    }
    let mut command: Vec<Word> = command.iter().map(|word| opened(word, b"{")).collect();
    command.push(Word::anything());
    program::command(&command, scope)
}

/// `chroot` and the like: what the names mean in there, nobody can tell.
pub(super) fn elsewhere(_words: &[Word], _scope: Scope) -> Set {
    PRIVILEGE.and(OPAQUE)
}
