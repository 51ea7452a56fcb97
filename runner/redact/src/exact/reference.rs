//! The exact half once more, slow and plain: looks for every form at every place of the whole text, as it is and without
//! what interrupts it.

use std::sync::LazyLock;

use regex::bytes::Regex;

static INTERRUPTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A(?-u:\r?\n[ \t]{0,64}|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[(-+][0-~])").unwrap());

/// Masks a whole text.
pub(super) fn masked(forms: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut masked = vec![false; text.len()];
    let mut inside = vec![false; text.len()];
    for places in [(0..text.len()).collect(), uninterrupted(text)] {
        let read: Vec<u8> = places.iter().map(|&place| text[place]).collect();
        for form in forms {
            for start in (0..read.len()).filter(|&start| read[start..].starts_with(form)) {
                let found = &places[start..start + form.len()];
                found.iter().for_each(|&place| masked[place] = true);
                inside[found[0]..found[form.len() - 1]].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    let mut is_in_mask = false;
    for (index, &byte) in text.iter().enumerate() {
        if masked[index] {
            if !is_in_mask {
                out.extend(b"***");
            }
            is_in_mask = true;
        } else {
            out.push(byte);
            is_in_mask &= inside[index];
        }
    }
    out
}

/// The places of all bytes that belong to no interruption.
fn uninterrupted(text: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = INTERRUPTION.find(&text[at..]).map_or(0, |found| found.len());
        if length > 0 && (length <= 64 || text[at] != 0x1b) {
            at += length;
        } else {
            places.push(at);
            at += 1;
        }
    }
    places
}
