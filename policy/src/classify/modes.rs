//! `chmod`: a mode that lends its owner's rights is more than a write.

use super::plain::WRITES;
use super::scope::Scope;
use super::set::{NOTHING, PRIVILEGE, Set};
use super::word::Word;

pub(super) fn chmod(words: &[Word], scope: Scope) -> Set {
    let arguments = words.get(1..).unwrap_or_default();
    let lends = arguments.iter().any(|word| word.hides_options() || lends_rights(word.start()));
    WRITES.classes(arguments, scope).and(if lends { PRIVILEGE } else { NOTHING })
}

/// True for `u+s`, `+s`, `4755` and whatever looks like them.
fn lends_rights(mode: &[u8]) -> bool {
    let is_symbolic =
        mode.iter().all(|byte| b"ugoa+-=,rwxXst".contains(byte)) && mode.iter().any(|byte| b"+=".contains(byte));
    let digits = mode.iter().skip_while(|byte| **byte == b'0').count();
    is_symbolic && mode.contains(&b's') || digits > 3 && mode.iter().all(u8::is_ascii_digit)
}
