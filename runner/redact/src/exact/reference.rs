//! The exact half once more, slow and plain: looks for every form at every place of the whole text.

use std::sync::LazyLock;

use regex::bytes::Regex;

static INTERRUPTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A(?-u:\r?\n[ \t]{0,64}|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[(-+][0-~])").unwrap());

/// Masks a whole text.
pub(super) fn masked(forms: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut masked = vec![false; text.len()];
    let mut inside = vec![false; text.len()];
    for form in forms {
        for start in (0..text.len()).filter(|&start| text[start..].starts_with(form)) {
            masked[start..start + form.len()].fill(true);
        }
    }
    for start in (0..text.len()).filter(|&start| matches!(text[start], b'\n' | b'\r' | 0x1b)) {
        detour(forms, text, start, &mut masked, &mut inside);
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

/// Goes on behind an interruption with whatever had begun before it.
fn detour(forms: &[Vec<u8>], text: &[u8], start: usize, masked: &mut [bool], inside: &mut [bool]) {
    let longest = (0..start).find(|&begin| begins(forms, &text[begin..start]));
    let Some(begin) = longest else { return };
    let mut places: Vec<usize> = (begin..start).collect();
    let mut at = start;
    while at < text.len() {
        let found = INTERRUPTION.find(&text[at..]).map_or(0, |found| found.len());
        if found > 0 && (found <= 64 || text[at] != 0x1b) {
            at += found;
            continue;
        }
        places.push(at);
        at += 1;
        let seen: Vec<u8> = places.iter().map(|&place| text[place]).collect();
        for form in forms.iter().filter(|form| seen.ends_with(form)) {
            let matched = &places[places.len() - form.len()..];
            for place in matched[0]..at {
                if matched.contains(&place) { masked[place] = true } else { inside[place] = true }
            }
        }
        if !(0..seen.len()).any(|begin| begins(forms, &seen[begin..])) {
            return;
        }
    }
}

fn begins(forms: &[Vec<u8>], text: &[u8]) -> bool {
    forms.iter().any(|form| form.starts_with(text))
}
