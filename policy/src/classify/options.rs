//! Finds options among words. When a word cannot be read, it is every option that it could be.

use super::word::Word;

/// True when the word gives, or may give, this option (`-x` or `--long`).
///
/// Short options may stand in a cluster, which ends at the first letter of `valued`; long ones may be
/// abbreviated, as most programs allow.
#[must_use]
pub(super) fn gives(word: &Word, option: &str, valued: &str) -> bool {
    let start = word.start();
    if word.hides_options() && is_beginning(start, option) {
        return true;
    }
    if let Some(given) = start.strip_prefix(b"--") {
        let name = given.split(|byte| *byte == b'=').next().unwrap_or_default();
        return !name.is_empty() && option.strip_prefix("--").is_some_and(|long| long.as_bytes().starts_with(name));
    }
    let Some(cluster) = start.strip_prefix(b"-") else { return false };
    match option.strip_prefix('-').map(str::as_bytes) {
        Some([letter]) => letters(cluster, valued).any(|given| given == *letter),
        // Some programs take long names behind one dash.
        Some([b'-', ..]) | None => false,
        Some(long) => cluster.split(|byte| *byte == b'=').next().is_some_and(|name| name == long),
    }
}

fn is_beginning(start: &[u8], option: &str) -> bool {
    start.is_empty() || option.as_bytes().starts_with(start) || !start.starts_with(b"--")
}

fn letters(cluster: &[u8], valued: &str) -> impl Iterator<Item = u8> {
    let mut ended = false;
    cluster.iter().copied().take_while(move |letter| {
        let take = !ended;
        ended = valued.as_bytes().contains(letter);
        take
    })
}

/// The value that stands in the same word as the option, if any.
#[must_use]
pub(super) fn attached(word: &Word, option: &str) -> Option<Word> {
    let start = word.start();
    let value = if option.starts_with("--") {
        let equals = start.iter().position(|byte| *byte == b'=')?;
        start.get(equals + 1..)?
    } else {
        let letter = option.as_bytes().get(1)?;
        let at = start.iter().skip(1).position(|byte| byte == letter)?;
        start.get(at + 2..).filter(|value| !value.is_empty())?
    };
    Some(Word::new(value.to_vec(), word.rest(), 0))
}

/// The words up to the end of options, and those behind it, which are operands whatever they look like.
#[must_use]
pub(super) fn split_at_end(words: &[Word]) -> (&[Word], &[Word]) {
    let end = words.iter().enumerate().position(|(at, word)| {
        // A `--` behind an option may be its value.
        word.is("--")
            && at
                .checked_sub(1)
                .and_then(|before| words.get(before))
                .is_none_or(|before| before.text().is_some() && !before.is_option())
    });
    match end.and_then(|at| words.split_at_checked(at)) {
        Some((before, after)) => (before, after.get(1..).unwrap_or_default()),
        None => (words, &[]),
    }
}
