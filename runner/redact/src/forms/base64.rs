//! Base64 of a value wherever it stands in what was encoded. Never decodes.
//!
//! RFC 4648 sections 4 and 5. Three bytes make four characters, so a value inside something longer can begin at the
//! first, second or third byte of a group. Characters that also carry bits of the neighbours are not known and left out;
//! of a value that was encoded alone, or with a line end behind it, all are.

use zeroize::Zeroizing;

use super::Forms;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn add(value: &[u8], forms: &mut Forms) {
    let with_line_end = Zeroizing::new([value, b"\n"].concat());
    for alphabet in [STANDARD, URL] {
        for whole in [value, &with_line_end] {
            forms.add(padded(whole, alphabet));
        }
        for before in 0..3 {
            forms.add(certain(value, before, alphabet));
        }
    }
}

/// The characters that stand for the value alone, with `before` bytes of something else in front of it in its group.
fn certain(value: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let first = (before * 8).div_ceil(6);
    let end = (before + value.len()) * 8 / 6;
    let mut shifted = Zeroizing::new(vec![0; before]);
    shifted.reserve_exact(value.len());
    shifted.extend(value);
    (first..end).map(|index| character(&shifted, index, alphabet)).collect()
}

fn padded(value: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let characters = (value.len() * 8).div_ceil(6);
    let mut text: Vec<u8> = Vec::with_capacity(characters + 2);
    text.extend((0..characters).map(|index| character(value, index, alphabet)));
    while !text.len().is_multiple_of(4) {
        text.push(b'=');
    }
    text
}

fn character(bytes: &[u8], index: usize, alphabet: &[u8; 64]) -> u8 {
    let bit = index * 6;
    let at = |byte: usize| u16::from(bytes.get(byte).copied().unwrap_or(0));
    let pair = at(bit / 8) << 8 | at(bit / 8 + 1);
    let sextet = pair >> (10 - bit % 8) & 0x3f;
    alphabet.get(usize::from(sextet)).copied().unwrap_or(b'=')
}
