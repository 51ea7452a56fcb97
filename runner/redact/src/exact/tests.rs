//! The masker against its slow twin, over texts that are made of little else than halves of secrets.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Masker, Values, reference};
use crate::automaton::Owned;
use crate::forms::Forms;

fn owned(secrets: &[Vec<u8>]) -> Owned {
    let mut owned = Owned::new();
    for (number, secret) in secrets.iter().enumerate() {
        for form in Forms::of(secret) {
            owned.entry(form).or_default().push(number);
        }
    }
    owned
}

fn forms(secrets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    owned(secrets).keys().map(|form| form.to_vec()).collect()
}

fn masker(secrets: &[Vec<u8>]) -> Masker {
    Masker::new(Arc::new(Values::new(owned(secrets))), secrets.len())
}

fn masked(secrets: &[Vec<u8>], chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
    let mut masker = masker(secrets);
    let mut out = Vec::new();
    for chunk in chunks {
        masker.push(chunk, &mut out);
    }
    masker.finish(&mut out);
    (out, masker.counts().to_vec())
}

/// Secrets of few different bytes, so that they contain, begin and continue each other.
fn secrets(shortest: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = select(b"aaaabbc\n \x1b[m'1%".to_vec());
    vec(vec(byte, shortest..14), 1..4)
}

/// A piece of a text: of some form, of what may interrupt one, or neither.
#[derive(Debug, Clone)]
enum Piece {
    Form(Index),
    Part(Index, Index, Index),
    Text(&'static [u8]),
    Byte(u8),
}

fn piece() -> impl Strategy<Value = Piece> {
    let texts: Vec<&'static [u8]> =
        vec![b"\n", b"\r\n", b"\n   ", b"\x1b[m", b"\x1b[1;31m\x1b[K", b"\x1b(B", b"\x1b[", b"\r", b"plain text"];
    prop_oneof![
        4 => any::<(Index, Index, Index)>().prop_map(|(form, start, end)| Piece::Part(form, start, end)),
        2 => any::<Index>().prop_map(Piece::Form),
        3 => select(texts).prop_map(Piece::Text),
        1 => select(b"abc\n \x1b[mx".to_vec()).prop_map(Piece::Byte),
    ]
}

fn written(pieces: &[Piece], forms: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Form(form) => text.extend(form.get(forms)),
            Piece::Part(form, start, end) => {
                let form = form.get(forms);
                let (start, end) = (start.index(form.len() + 1), end.index(form.len() + 1));
                text.extend(if start < end { &form[start..end] } else { &form[..] });
            }
            Piece::Text(piece) => text.extend(*piece),
            Piece::Byte(byte) => text.push(*byte),
        }
    }
    text
}

fn cut<'a>(text: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("OPAQUE_REDACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_masker_agrees_with_its_slow_twin_however_the_stream_is_cut(
        secrets in secrets(8),
        pieces in vec(piece(), 0..24),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let forms = forms(&secrets);
        let text = written(&pieces, &forms);
        let (whole, counts) = masked(&secrets, &[&text]);
        let expected = reference::masked(&forms, &text);
        prop_assert_eq!(whole.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{}", text.escape_ascii());
        prop_assert_eq!(&masked(&secrets, &cut(&text, &cuts)), &(whole.clone(), counts.clone()), "{}", text.escape_ascii());
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&masked(&secrets, &bytes), &(whole, counts), "{}", text.escape_ascii());
    }

    #[test]
    fn short_secrets_are_no_different(
        secrets in secrets(4),
        pieces in vec(piece(), 0..24),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let forms = forms(&secrets);
        let text = written(&pieces, &forms);
        let whole = masked(&secrets, &[&text]);
        let expected = reference::masked(&forms, &text);
        prop_assert_eq!(whole.0.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{}", text.escape_ascii());
        prop_assert_eq!(&masked(&secrets, &cut(&text, &cuts)), &whole, "{}", text.escape_ascii());
    }

    #[test]
    fn what_cannot_belong_to_a_match_leaves_at_once(secrets in secrets(8), pieces in vec(piece(), 0..12)) {
        let forms = forms(&secrets);
        let text = written(&pieces, &forms);
        let mut masker = masker(&secrets);
        let mut out = Vec::new();
        masker.push(&text, &mut out);
        // Only what begins a form, interrupted or not, may stay.
        let held = masker.held.to_vec();
        let near = &text[text.len().saturating_sub(held.len() + 64)..];
        if !held.is_empty() && !near.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0x1b)) {
            let mut ends = (0..=text.len() - held.len()).map(|start| &text[start..]);
            prop_assert!(ends.any(|end| forms.iter().any(|form| form.starts_with(end))), "{}", held.escape_ascii());
        }
        prop_assert!(text.ends_with(&held));
    }

    #[test]
    fn a_silent_stream_lets_three_bytes_of_a_secret_go_and_no_more(
        secrets in secrets(8),
        form in any::<Index>(),
        before in vec(select(b"abcxyz ".to_vec()), 0..6),
        behind in vec(select(b"xyz".to_vec()), 0..3),
    ) {
        let forms = forms(&secrets);
        let form = form.get(&forms).clone();
        let mut masker = masker(&secrets);
        let mut out = Vec::new();
        for byte in before.iter().chain(&form).chain(&behind) {
            masker.push(&[*byte], &mut out);
            masker.flush(&mut out);
            prop_assert!(!masker.wants_flush());
        }
        masker.finish(&mut out);
        for window in form[3..].windows(4) {
            // Unless the surroundings happen to read the same.
            if !before.windows(4).chain(behind.windows(4)).any(|other| other == window) {
                let shown = out.windows(4).filter(|shown| *shown == window).count();
                let let_go = [&before[..], &form[..3]].concat().windows(4).filter(|shown| *shown == window).count();
                prop_assert!(shown <= let_go, "{} in {}", window.escape_ascii(), out.escape_ascii());
            }
        }
    }
}

#[test]
fn line_ends_before_a_value_that_begins_with_some_stay_however_the_stream_is_cut() {
    use crate::{Patterns, Redactor, Rules, Secret, Short};
    let value = b"\n\n\n\n\n\n\n)\x0b\x01\x00\x00=~~~";
    let secret = Secret::new("S", value.to_vec(), Short::Refused).unwrap();
    let rules = Rules::new(&[secret], &Patterns::none()).unwrap();
    let text =
        [&b"k"[..], &[b'\n'; 22], value, &[b'\n'; 36], b")", &[b'\n'; 16], b")\x0b\x01", value, b"\n`l"].concat();
    let through = |size: usize| {
        let (mut redactor, mut out) = (Redactor::new(&rules), Vec::new());
        text.chunks(size).for_each(|piece| redactor.push(piece, &mut out));
        redactor.finish(&mut out);
        out.escape_ascii().to_string()
    };
    let whole = through(text.len());
    assert!(whole.contains(r"\n***\n") && !whole.contains("=~~~"), "{whole}");
    for size in 1..text.len() {
        assert_eq!(through(size), whole, "pieces of {size}");
    }
}

#[test]
fn a_value_with_many_line_ends_is_masked_the_same_however_the_stream_is_cut() {
    let secrets = [b"abcd\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nefghijkl".to_vec()];
    for (text, expected) in [
        // More of them, fewer of them, none, and those of another program.
        (
            &b"a\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nabcd\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nefghijkl."
                [..],
            23,
        ),
        (b"abcd\nefghijkl", 1),
        (b"abcdefghijkl", 0),
        (b"ab\r\ncd\r\n\r\nefgh\x1b[1mijkl", 3),
    ] {
        let (whole, counts) = masked(&secrets, &[text]);
        let line_ends = whole.windows(1).skip_while(|byte| byte != b"*").filter(|byte| byte == b"\n").count();
        assert_eq!((counts, line_ends), (vec![1], expected), "{}", whole.escape_ascii());
        assert!(!whole.windows(2).any(|pair| pair == b"cd" || pair == b"ef"), "{}", whole.escape_ascii());
        for size in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(masked(&secrets, &pieces).0, whole, "pieces of {size}");
        }
    }
}

#[test]
fn what_a_terminal_reads_as_an_escape_sequence_belongs_to_no_interrupted_value() {
    let secrets = [b"31mabcdefghij".to_vec()];
    for before in 0..20 {
        let interrupted = [&[b'.'; 20][..before], b"\x1b[31mabc\ndefghij."].concat();
        let whole = [&[b'.'; 20][..before], b"\x1b[31mabcdefghij."].concat();
        for size in 1..interrupted.len() {
            let through = |text: &[u8]| masked(&secrets, &text.chunks(size).collect::<Vec<_>>()).0;
            assert_eq!(through(&interrupted), interrupted, "{before} bytes before it, pieces of {size}");
            assert!(through(&whole).ends_with(b"\x1b[***."), "{before} bytes before it, pieces of {size}");
        }
    }
}

#[test]
fn a_match_that_is_interrupted_for_too_long_is_given_up_and_what_begins_in_it_is_not() {
    let secrets = [b"abcdabcdefgh".to_vec()];
    for (colours, behind, expected) in [
        (1300, "abcdefgh.", "***."),
        (1400, "abcdefgh.", "abcdabcdefgh."),
        (1400, "abcdabcdefgh.", "abcd***."),
        // The bound is passed when the second has begun.
        (1300, &["ab", &"\x1b[m".repeat(100), "cdabcdefgh."].concat(), "abcd***."),
    ] {
        let text = ["abcd", &"\x1b[m".repeat(colours), behind].concat();
        let (out, _) = masked(&secrets, &[text.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&out).replace("\x1b[m", ""), expected, "{colours} {behind:?}");
        assert_eq!(masked(&secrets, &text.as_bytes().chunks(1).collect::<Vec<_>>()).0, out);
    }
}
