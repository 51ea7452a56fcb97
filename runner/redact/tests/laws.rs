//! What must hold for whoever uses the crate: nothing leaks in any encoding, nothing else changes.
//!
//! More cases:
//! `OPAQUE_REDACT_CASES=20000`; more ordinary text: `OPAQUE_REDACT_MEBIBYTES=1024`.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what is not as a test expects ends it"
)]

mod encodings;

use std::fs;
use std::path::{Path, PathBuf};

use encodings::{ENCODINGS, contains};
use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn from_environment(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn redactor(secrets: &[Vec<u8>], patterns: &Patterns) -> Redactor {
    let secrets = secrets
        .iter()
        .enumerate()
        .map(|(number, value)| Secret::new(format!("S{number}"), value.clone(), Short::Refused).unwrap());
    Redactor::new(&Rules::new(&secrets.collect::<Vec<_>>(), patterns).unwrap())
}

fn through<'a, C: IntoIterator<Item = &'a [u8]>>(redactor: &mut Redactor, chunks: C) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks {
        redactor.push(chunk, &mut out);
    }
    redactor.finish(&mut out);
    out
}

/// Values as people and machines make them: tokens, text, keys of several lines, bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop_oneof![6 => 8..65usize, 3 => 65..400usize, 1 => 400..4097usize];
    lengths
        .prop_flat_map(|length| {
            prop_oneof![
                vec(select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".to_vec()), length),
                vec(any::<u8>(), length),
                vec(select("aäößü漢字🔑 '\"\\$`!<>&/%+".chars().collect::<Vec<_>>()), length.div_ceil(2))
                    .prop_map(|text| text.into_iter().collect::<String>().into_bytes()),
                vec(vec(select(b"abcdefgh0123456789+/=".to_vec()), 12..65), length.div_ceil(64).max(2))
                    .prop_map(|lines| lines.join(&b'\n')),
            ]
        })
        .prop_filter("a value that is taken", |value| Secret::new("S", value.clone(), Short::Refused).is_ok())
        .prop_filter("line ends behind a value do not count", |value| {
            !value.ends_with(b"\n") && !value.ends_with(b"\r")
        })
        .prop_filter("of a short value with line ends in it too little is left without them", |value| {
            value.len() >= 16 || !value.contains(&b'\n')
        })
        .prop_filter("a mask may not make a secret", |value| !contains(value, b"*"))
}

/// Some secrets of which one may hold another.
fn secrets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (vec(value(), 1..4), any::<bool>()).prop_map(|(mut secrets, nested)| {
        if nested {
            let inner = secrets[0].clone();
            secrets.push([&b"outer:"[..], &inner, b":outer"].concat());
        }
        secrets
    })
}

proptest! {
    // Two to five secrets in each case: more than a thousand in all.
    #![proptest_config(ProptestConfig {
        cases: from_environment("OPAQUE_REDACT_CASES", 500), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_secret_is_left_in_any_encoding_however_the_stream_is_cut(
        secrets in secrets(),
        around in vec("[ -~\n]{0,40}", 21),
        order in any::<Index>(),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let mut text = around[20].clone().into_bytes();
        let mut gone = Vec::new();
        for (encoding, around) in ENCODINGS.iter().zip(&around) {
            let value = order.get(&secrets);
            if encoding.fits(value) {
                text.extend(encoding.of(value));
                gone.extend(encoding.essence(value).into_iter().map(|essence| (*encoding, essence)));
            }
            text.extend(around.bytes().chain(*b" | "));
        }
        let mut redactor = redactor(&secrets, &Patterns::well_known().unwrap());
        let whole = through(&mut redactor, [&text[..]]);
        for (encoding, essence) in &gone {
            prop_assert!(!contains(&whole, essence), "{encoding:?} of {} is left", essence.escape_ascii());
        }
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(through(&mut redactor, chunks).escape_ascii().to_string(), whole.escape_ascii().to_string());
        prop_assert_eq!(through(&mut redactor, text.chunks(1)).escape_ascii().to_string(), whole.escape_ascii().to_string());
    }
}

#[test]
fn a_secret_inside_another_and_two_that_overlap_leave_nothing() {
    let mut redactor =
        redactor(&[b"abcdefgh-1".to_vec(), b"efgh-1ijkl".to_vec(), b"abcdefgh-1ijklmnop".to_vec()], &Patterns::none());
    for (text, expected) in [
        ("<abcdefgh-1>", "<***>"),
        ("<abcdefgh-1ijkl>", "<***>"),
        ("<abcdefgh-1ijklmnop>", "<***>"),
        ("<abcdefgh-1abcdefgh-1>", "<***>"),
        ("<abcdefgh-1ijklmnox>", "<***mnox>"),
    ] {
        assert_eq!(through(&mut redactor, [text.as_bytes()]), expected.as_bytes());
        assert_eq!(through(&mut redactor, text.as_bytes().chunks(1)), expected.as_bytes());
    }
    assert_eq!(redactor.counts().collect::<Vec<_>>(), [("S0", 10), ("S1", 6), ("S2", 2)]);
}

#[test]
fn a_stream_that_begins_with_a_secret_after_one_that_ended_with_it_shows_a_mask_of_its_own() {
    let mut redactor = redactor(&[b"correct horse".to_vec()], &Patterns::none());
    for _ in 0..2 {
        assert_eq!(through(&mut redactor, [&b"correct horse"[..]]), b"***");
    }
    assert_eq!(redactor.counts().collect::<Vec<_>>(), [("S0", 2)]);
}

#[test]
fn a_secret_printed_a_byte_a_second_is_masked_from_its_fourth_byte_on() {
    let value = b"Zq7!kd82jfLw0";
    let mut redactor = redactor(&[value.to_vec()], &Patterns::well_known().unwrap());
    let mut out = Vec::new();
    for byte in b"key: ".iter().chain(value).chain(b"\n") {
        redactor.push(&[*byte], &mut out);
        if redactor.wants_flush() {
            redactor.flush(&mut out);
        }
        assert!(!redactor.wants_flush());
    }
    assert_eq!(out, b"key: Zq7***\n");
}

#[test]
fn a_prompt_shows_at_once_or_after_a_short_silence() {
    let mut redactor = redactor(&[b"word: 12345".to_vec()], &Patterns::well_known().unwrap());
    let mut out = Vec::new();
    redactor.push(b"Name: ", &mut out);
    assert_eq!(out, b"Name: ");
    redactor.push(b"\rpass", &mut out);
    assert_eq!(out, b"Name: \rpass");
    redactor.push(b"word: ", &mut out);
    assert_eq!(out, b"Name: \rpass");
    assert!(redactor.wants_flush());
    redactor.flush(&mut out);
    assert_eq!(out, b"Name: \rpasswor");
    redactor.push(b"secret\n", &mut out);
    assert_eq!(out, b"Name: \rpassword: secret\n");
}

#[test]
fn a_mask_keeps_the_colours_that_stood_inside_it() {
    let mut redactor = redactor(&[b"correct horse".to_vec()], &Patterns::none());
    let out = through(&mut redactor, [&b"a \x1b[31mcorrect\x1b[0m horse b"[..]]);
    assert_eq!(out.escape_ascii().to_string(), r"a \x1b[31m***\x1b[0m b");
}

#[test]
fn a_wrapped_key_is_masked_line_by_line_and_its_line_breaks_stay() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nq83vEjRWeJq83vEjRWeJ\n-----END KEY-----\n";
    let mut redactor = redactor(&[key.as_bytes().to_vec()], &Patterns::none());
    let indented = b"key: |\r\n  MIIEvQIBADANBgkqhkiG\r\n  q83vEjRWeJq83vEjRWeJ\r\nend";
    assert_eq!(through(&mut redactor, [&indented[..]]).escape_ascii().to_string(), r"key: |\r\n  ***\r\n  ***\r\nend");
    assert_eq!(through(&mut redactor, [key.as_bytes()]), b"***\n");
}

#[test]
fn what_is_masked_is_bounded_also_for_large_and_many_secrets() {
    let large = |seed: u8| (0..4096u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect();
    let many: Vec<Vec<u8>> = (0..20).map(large).collect();
    let secrets: Vec<Secret> =
        many.iter().map(|value| Secret::new("S", value.clone(), Short::Refused).unwrap()).collect();
    assert!(Rules::new(&secrets, &Patterns::none()).is_ok());
    let huge: Vec<Secret> = (0..40u32)
        .map(|seed| {
            let value = (0..65_536u32).map(|index| (index.wrapping_mul(2_654_435_761 ^ seed) >> 11) as u8).collect();
            Secret::new("HUGE", value, Short::Refused).unwrap()
        })
        .collect();
    let refusal = Rules::new(&huge, &Patterns::none()).err().unwrap();
    assert_eq!(refusal.to_string(), "secret `HUGE` is too large beside the others to be looked for in all its forms");
}

/// The project's files, log lines and base64, up to the size that is asked for.
fn ordinary(mut sink: impl FnMut(&[u8])) {
    fn gather(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let name = entry.file_name();
            if !entry.file_type().unwrap().is_dir() {
                files.push(entry.path());
            } else if !["target", "corpus", "artifacts"].iter().any(|made| name == *made)
                && !name.as_encoded_bytes().starts_with(b".")
            {
                gather(&entry.path(), files);
            }
        }
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), &mut files);
    for file in files {
        // Tests hold tokens to be masked, and so do the tests of profiles.
        if !file.iter().any(|part| ["tests", "tests.rs", "profiles"].iter().any(|name| part == *name)) {
            sink(&fs::read(file).unwrap());
        }
    }
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..from_environment("OPAQUE_REDACT_MEBIBYTES", 8) {
        let bytes: Vec<u8> = (0..1 << 16).flat_map(|_| next().to_le_bytes()).collect();
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let base64: Vec<u8> = bytes.iter().map(|&byte| digits[usize::from(byte & 63)]).collect();
        sink(&bytes);
        for line in base64.chunks(76) {
            sink(line);
            sink(
                format!("\n2026-03-14T09:26:53Z INFO served={} in {} ms\r\n\x1b[1mok\x1b[0m\n", line[0], line[1])
                    .as_bytes(),
            );
        }
    }
}

#[test]
fn ordinary_text_leaves_as_it_came() {
    let values: Vec<Vec<u8>> = (0..20u64)
        .map(|number| {
            format!("{:016x}{number}", number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()
        })
        .collect();
    let mut redactor = redactor(&values, &Patterns::well_known().unwrap());
    let (mut held, mut out, mut length) = (Vec::new(), Vec::new(), 0u64);
    ordinary(|text| {
        held.extend_from_slice(text);
        length += text.len() as u64;
        redactor.push(text, &mut out);
        assert!(
            held.starts_with(&out),
            "after {length} bytes: {:?}",
            redactor.counts().filter(|(_, count)| *count > 0).collect::<Vec<_>>()
        );
        held.drain(..out.len());
        out.clear();
    });
    redactor.finish(&mut out);
    assert_eq!(out, held);
    assert!(length > 4 << 20, "there was hardly any text");
    assert!(redactor.counts().all(|(_, count)| count == 0));
}
