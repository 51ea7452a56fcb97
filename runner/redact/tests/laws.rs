//! What must hold for whoever uses the crate: nothing leaks in any encoding, nothing else changes.
//!
//! Encoders here are written once more, differently, so that a mistake of the crate's is not repeated. More cases:
//! `OPAQUE_REDACT_CASES=20000`; more ordinary text: `OPAQUE_REDACT_MEBIBYTES=1024`.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what is not as a test expects ends it"
)]

use std::fs;
use std::path::{Path, PathBuf};

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

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Base64 by way of a string of bits.
fn base64(bytes: &[u8], url: bool) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(if url { ['-', '_'] } else { ['+', '/'] }).collect();
    let mut text: String = bits
        .as_bytes()
        .chunks(6)
        .map(|chunk| format!("{:0<6}", String::from_utf8_lossy(chunk)))
        .map(|chunk| digits[usize::from_str_radix(&chunk, 2).unwrap()])
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// One way in which a program may write a value, and what must not be left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Raw,
    Hex,
    UpperHex,
    Base64(usize),
    Base64Url(usize),
    WrappedBase64(usize),
    Percent,
    LowerPercent,
    Json,
    SingleQuotes,
    DoubleQuotes,
    Lines,
    Coloured,
    CarriageReturns,
}

const ENCODINGS: [Encoding; 20] = [
    Encoding::Raw,
    Encoding::Hex,
    Encoding::UpperHex,
    Encoding::Base64(0),
    Encoding::Base64(1),
    Encoding::Base64(2),
    Encoding::Base64Url(0),
    Encoding::Base64Url(1),
    Encoding::Base64Url(2),
    Encoding::WrappedBase64(0),
    Encoding::WrappedBase64(1),
    Encoding::WrappedBase64(2),
    Encoding::Percent,
    Encoding::LowerPercent,
    Encoding::Json,
    Encoding::SingleQuotes,
    Encoding::DoubleQuotes,
    Encoding::Lines,
    Encoding::Coloured,
    Encoding::CarriageReturns,
];

impl Encoding {
    /// The encoded value, with one more byte of something else for each that base64 is shifted by.
    fn of(self, value: &[u8]) -> Vec<u8> {
        let shifted = |by: usize| [&b"xyz"[..by], value, b"end"].concat();
        let each =
            |encode: &dyn Fn(u8) -> String| value.iter().map(|&byte| encode(byte)).collect::<String>().into_bytes();
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match self {
            Self::Raw | Self::Lines => value.to_vec(),
            Self::Hex => each(&|byte| format!("{byte:02x}")),
            Self::UpperHex => each(&|byte| format!("{byte:02X}")),
            Self::Base64(by) => base64(&shifted(by), false).into_bytes(),
            Self::Base64Url(by) => base64(&shifted(by), true).into_bytes(),
            Self::WrappedBase64(by) => {
                base64(&shifted(by), false).as_bytes().chunks(76).collect::<Vec<_>>().join(&b'\n')
            }
            Self::Percent => {
                each(&|byte| if is_unreserved(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
            }
            Self::LowerPercent => {
                each(&|byte| if is_unreserved(byte) { char::from(byte).into() } else { format!("%{byte:02x}") })
            }
            Self::Json => {
                let text = String::from_utf8_lossy(value);
                serde_json::to_string(&text).unwrap().trim_matches('"').as_bytes().to_vec()
            }
            Self::SingleQuotes => replaced(value, b"'", br"'\''"),
            Self::DoubleQuotes => {
                let value = replaced(value, br"\", br"\\");
                replaced(&replaced(&replaced(&value, b"\"", b"\\\""), b"$", br"\$"), b"`", br"\`")
            }
            Self::Coloured => {
                let middle = value.len() / 2;
                [&value[..middle], b"\x1b[01;31m\x1b[K", &value[middle..]].concat()
            }
            Self::CarriageReturns => replaced(value, b"\n", b"\r\n"),
        }
    }

    /// What stands for the value alone and so must not be left.
    fn essence(self, value: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Base64(by) | Self::Base64Url(by) | Self::WrappedBase64(by) => {
                let whole = self.of(value);
                let (first, end) = ((by * 8).div_ceil(6), (by + value.len()) * 8 / 6);
                let wraps = |index: usize| if matches!(self, Self::WrappedBase64(_)) { index / 76 } else { 0 };
                vec![whole[first + wraps(first)..end + wraps(end.saturating_sub(1))].to_vec()]
            }
            Self::Lines => {
                value.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).filter(|line| line.len() >= 12).collect()
            }
            _ => vec![self.of(value)],
        }
    }

    /// True where the value can be written so.
    fn fits(self, value: &[u8]) -> bool {
        match self {
            Self::Json => std::str::from_utf8(value).is_ok_and(|text| !text.starts_with('"') && !text.ends_with('"')),
            // A break in the value that is read as one between its bytes, or an escape of its own, has no one reading.
            Self::Coloured | Self::CarriageReturns => !value.iter().any(|byte| matches!(byte, b'\r' | 0x1b)),
            _ => true,
        }
    }
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
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
        // This file holds tokens to be masked, and so does the matcher's test.
        if !file.ends_with("tests/laws.rs") && !file.ends_with("matching/tests.rs") {
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
