//! Which sequences only change what a terminal shows, or are answered with nothing but numbers. What is not named here is
//! taken out.
//!
//! The numbers are xterm's (`ctlseqs`), ECMA-48's and those of the terminals that `docs/terminal-sequences.md` names.

/// What a command of the operating system is, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// It has to be read further.
    Undecided,
    /// It passes, and the text that follows too.
    Text,
    /// It passes and has ended.
    Whole,
    /// It is taken out.
    Harmful,
}

/// Commands that set or reset colours and the pointer's shape. With a question mark they ask for them.
const APPEARANCE: [&[u8]; 26] = [
    b"4", b"5", b"10", b"11", b"12", b"13", b"14", b"15", b"16", b"17", b"18", b"19", b"22", b"104", b"105", b"110",
    b"111", b"112", b"113", b"114", b"115", b"116", b"117", b"118", b"119", PROGRESS,
];
/// Titles of the window and its icon.
const TITLES: [&[u8]; 3] = [b"0", b"1", b"2"];
const LINK: &[u8] = b"8";
/// Notifications, but for one: how far something is.
const PROGRESS: &[u8] = b"9";
/// Private device status reports whose answers hold numbers of the terminal's own.
const REPORTS: [&[u8]; 9] = [b"6", b"15", b"25", b"26", b"53", b"55", b"56", b"75", b"996"];
/// What asks for a size, and what keeps the title and brings it back.
const WINDOW: [&[u8]; 6] = [b"14", b"16", b"18", b"19", b"22", b"23"];
/// How many digits the Linux console takes behind `ESC ] P`, without anything that ends them.
const PALETTE: usize = 7;

/// An escape sequence without parameters: what stands behind the escape byte.
pub(super) fn escape(body: &[u8]) -> bool {
    match body {
        // Away from UTF-8, so that parts of characters become controls; to 8-bit controls; rxvt's graphics; keys locked.
        [b'%', finals @ ..] => finals == b"G",
        b" G" | b"G" | b"`" => false,
        _ => true,
    }
}

/// A control sequence: what stands behind `ESC [`.
pub(super) fn control(body: &[u8]) -> bool {
    let Some((&last, body)) = body.split_last() else { return false };
    let (private, body) = match body.split_first() {
        Some((&private @ b'<'..=b'?', rest)) => (Some(private), rest),
        _ => (None, body),
    };
    let end = body.iter().position(|byte| !matches!(byte, b'0'..=b';')).unwrap_or(body.len());
    let (parameters, intermediates) = body.split_at(end);
    match (private, intermediates, last) {
        (None, b"", last) => plain_control(parameters, last),
        (None, &[intermediate], last) => is_harmless_with(intermediate, last),
        // A Tektronix window; a log in a file; the clipboard told on each paste.
        (Some(b'?'), b"", b'h') => are_modes_but(parameters, &[b"38", b"46", b"5522"]),
        // A VT52, which reads other sequences.
        (Some(b'?'), b"", b'l') => are_modes_but(parameters, &[b"2"]),
        (Some(b'?'), b"", b'n') => is_among(parameters, &REPORTS),
        (Some(b'?'), b"", last) => b"JKSWcmrsu".contains(&last),
        (Some(b'?'), b"$", last) => last == b'p',
        (Some(b'>'), b"", last) => b"cfmnpqsu".contains(&last),
        (Some(b'='), b"", last) => b"cu".contains(&last),
        (Some(b'<'), b"", last) => last == b'u',
        _ => false,
    }
}

fn plain_control(parameters: &[u8], last: u8) -> bool {
    match last {
        b'm' => true,
        _ if parameters.contains(&b':') => false,
        b't' => numbers(parameters).next().is_some_and(|first| is_among(first, &WINDOW)),
        b'n' => is_among(parameters, &[b"5", b"6"]),
        // The keyboard locked.
        b'h' => are_modes_but(parameters, &[b"2"]),
        // With more parameters it waits for the mouse.
        b'T' => numbers(parameters).count() <= 1,
        _ => b"@ABCDEFGHIJKLMPSXYZ`abcdefgjklqrsux".contains(&last),
    }
}

fn is_harmless_with(intermediate: u8, last: u8) -> bool {
    let known: &[u8] = match intermediate {
        b' ' => b"@APQqtu",
        b'!' => b"p",
        b'"' => b"q",
        b'#' => b"PQRpq{|}",
        b'$' => b"prtvxz{}~",
        b'\'' => b"}~",
        b'*' => b"x",
        _ => b"",
    };
    known.contains(&last)
}

/// A command as far as it was read: what stands behind `ESC ]`.
pub(super) fn command(body: &[u8]) -> Command {
    match body {
        b"R" => return Command::Whole,
        [b'P', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit) => {
            return if digits.len() < PALETTE { Command::Undecided } else { Command::Whole };
        }
        _ => {}
    }
    let Some(end) = body.iter().position(|&byte| byte == b';') else {
        let mut known = APPEARANCE.iter().chain(&TITLES).chain([&LINK]);
        return if known.any(|known| known.starts_with(body)) { Command::Undecided } else { Command::Harmful };
    };
    let (number, rest) = (body.get(..end).unwrap_or_default(), body.get(end + 1..).unwrap_or_default());
    match number {
        LINK => Command::Text,
        PROGRESS if b"4;".starts_with(rest) => Command::Undecided,
        PROGRESS if !rest.strip_prefix(b"4;").is_some_and(is_numeric) => Command::Harmful,
        _ if TITLES.contains(&number) => match rest.first() {
            None => Command::Undecided,
            // Some terminals answer with the title.
            Some(b'?') => Command::Harmful,
            Some(_) => Command::Text,
        },
        _ if APPEARANCE.contains(&number) && !rest.contains(&b'?') => Command::Undecided,
        _ => Command::Harmful,
    }
}

/// A command that was still undecided when it ended.
pub(super) fn whole_command(body: &[u8]) -> bool {
    let Some(end) = body.iter().position(|&byte| byte == b';') else {
        return is_among(body, &APPEARANCE) && body != PROGRESS;
    };
    let (number, rest) = (body.get(..end).unwrap_or_default(), body.get(end + 1..).unwrap_or_default());
    match number {
        PROGRESS => rest.strip_prefix(b"4;").is_some_and(is_numeric),
        _ => is_among(number, &APPEARANCE) || is_among(number, &TITLES),
    }
}

fn is_numeric(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_digit() || *byte == b';')
}

/// True when no mode is one of these, also not by a number so large that a terminal may lose its first digits.
fn are_modes_but(parameters: &[u8], harmful: &[&[u8]]) -> bool {
    is_numeric(parameters) && numbers(parameters).all(|mode| mode.len() <= 4 && !is_among(mode, harmful))
}

/// The parameters, without the zeros in front that terminals read over.
fn numbers(parameters: &[u8]) -> impl Iterator<Item = &[u8]> {
    parameters.split(|&byte| byte == b';').map(without_zeros)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|&byte| byte != b'0').unwrap_or(number.len());
    number.get(first..).unwrap_or_default()
}

fn is_among(number: &[u8], known: &[&[u8]]) -> bool {
    known.contains(&number)
}
