//! A value as dumps of bytes show it: hexadecimal with something between the bytes. Never reads it back.
//!
//! A dump breaks its lines after so many bytes of all that it shows, so a value that begins where the dump does is also
//! looked for in pieces: `od -An -tx1` and `hexdump -C` show eight bytes in a row at least, `xxd` pairs of bytes. Long values
//! are left out: they would make the automaton half as large again.

use super::Forms;
use super::escape::{LOWER, UPPER, hex};

/// The longest value that is looked for like this.
const LONGEST: usize = 128;
/// So many bytes stand together in every kind of dump.
const PIECE: usize = 8;
/// A shorter end of a value is not looked for by itself.
const SHORTEST: usize = 4;

pub(super) fn add(value: &[u8], forms: &mut Forms) {
    if value.len() > LONGEST {
        return;
    }
    for digits in [LOWER, UPPER] {
        for separator in [b' ', b':'] {
            forms.add(grouped(value, digits, separator, |_| true));
        }
    }
    let is_pair = |index: usize| index.is_multiple_of(2);
    forms.add(grouped(value, LOWER, b' ', is_pair));
    forms.add(grouped(value, LOWER, b' ', |index| !is_pair(index)));
    for piece in value.chunks(PIECE).filter(|piece| piece.len() >= SHORTEST && piece.len() < value.len()) {
        forms.add(grouped(piece, LOWER, b' ', |_| true));
        forms.add(grouped(piece, LOWER, b' ', is_pair));
    }
}

/// The bytes, with a separator in front of each that begins a group.
fn grouped(value: &[u8], digits: &[u8; 16], separator: u8, begins: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 3);
    for (index, &byte) in value.iter().enumerate() {
        if index > 0 && begins(index) {
            text.push(separator);
        }
        text.extend(hex(byte, digits));
    }
    text
}
