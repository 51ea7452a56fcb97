//! A thousand secrets, every way to write them, in random surroundings and random pieces: nothing is left of any.
//!
//! Another thousand: `OPAQUE_REDACT_SEED=2`.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what is not as a test expects ends it"
)]

mod encodings;

use encodings::{ENCODINGS, Encoding, contains};
use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};

const SECRETS: usize = 1000;
/// Secrets of one run, among which some hold others.
const TOGETHER: usize = 5;

/// The same numbers each time (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed: u64 = std::env::var("OPAQUE_REDACT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Short ones mostly, up to 4,096 bytes.
    fn length(&mut self) -> usize {
        let most = self.of(&[16, 32, 64, 64, 128, 512, 1024, 4096]);
        8 + self.below(most - 7)
    }

    fn letters(&mut self, length: usize) -> Vec<u8> {
        let all: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').chain(*b"+/=_-").collect();
        (0..length).map(|_| self.of(&all)).collect()
    }

    fn value(&mut self, before: &[Vec<u8>]) -> Vec<u8> {
        let length = self.length();
        match self.below(5) {
            0 => self.letters(length),
            1 => (0..length).map(|_| self.below(256) as u8).collect(),
            2 => {
                let all: Vec<char> = "abcdefghäößü漢字🔑 '\"\\$`!<>&/%+\t".chars().collect();
                let text: String = (0..length).map(|_| self.of(&all)).collect();
                let end = (0..=length).rev().find(|&end| text.is_char_boundary(end)).unwrap();
                text.as_bytes()[..end].to_vec()
            }
            3 => {
                let lines: Vec<Vec<u8>> = (0..length.div_ceil(64)).map(|_| self.letters(64)).collect();
                [&b"-----BEGIN KEY-----\n"[..], &lines.join(&b'\n'), b"\n-----END KEY-----"].concat()
            }
            _ => match before.last() {
                Some(inner) if inner.len() < 4000 => [&self.letters(6), inner, &self.letters(7)[..]].concat(),
                _ => self.letters(length),
            },
        }
    }

    /// Secrets that are taken, of bytes that a mask has not.
    fn secrets(&mut self) -> Vec<Vec<u8>> {
        let mut values: Vec<Vec<u8>> = Vec::new();
        while values.len() < TOGETHER {
            let value = self.value(&values);
            let is_taken = Secret::copied("S", &value, Short::Refused).is_ok_and(|_| value.len() <= 4096);
            if is_taken && !value.contains(&b'*') && !matches!(value.last(), Some(b'\n' | b'\r')) {
                values.push(value);
            }
        }
        values
    }

    fn surroundings(&mut self) -> Vec<u8> {
        let length = self.below(40);
        let all: Vec<u8> = (b' '..b'~').chain(*b"\n\n\t").collect();
        (0..length).map(|_| self.of(&all)).filter(|&byte| byte != b'*').collect()
    }

    fn pieces<'a>(&mut self, mut text: &'a [u8]) -> Vec<&'a [u8]> {
        let most = self.of(&[1, 2, 7, 100, 5000]);
        let mut pieces = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at((1 + self.below(most)).min(text.len()));
            pieces.push(piece);
            text = rest;
        }
        pieces
    }
}

fn rules(values: &[Vec<u8>]) -> Rules {
    let secrets = values.iter().map(|value| Secret::copied("S", value, Short::Refused).unwrap());
    Rules::new(&secrets.collect::<Vec<_>>(), &Patterns::none()).unwrap()
}

#[test]
fn nothing_is_left_of_a_thousand_secrets_in_any_encoding() {
    let mut random = Random::new();
    let mut written = 0;
    for _ in 0..SECRETS / TOGETHER {
        let values = random.secrets();
        let rules = rules(&values);
        let (mut text, mut gone) = (Vec::new(), Vec::new());
        for value in &values {
            for encoding in ENCODINGS.into_iter().filter(|encoding| encoding.fits(value)) {
                text.extend(random.surroundings());
                text.extend(encoding.of(value));
                gone.extend(encoding.essence(value).into_iter().map(|essence| (encoding, essence)));
            }
        }
        let mut redactor = Redactor::new(&rules);
        let mut out = Vec::new();
        for piece in random.pieces(&text) {
            redactor.push(piece, &mut out);
        }
        redactor.finish(&mut out);
        let mut whole = Vec::new();
        redactor.push(&text, &mut whole);
        redactor.finish(&mut whole);
        assert_eq!(out.escape_ascii().to_string(), whole.escape_ascii().to_string());
        for (encoding, essence) in &gone {
            assert!(contains(&text, essence), "{encoding:?}");
            assert!(!contains(&out, essence), "{encoding:?} of {} is left", essence.escape_ascii());
        }
        written += gone.len();
    }
    assert!(written > SECRETS * 17, "only {written} were written");
}

#[test]
fn a_stream_that_falls_silent_anywhere_tells_three_bytes_of_a_secret_at_most() {
    let mut random = Random::new();
    let mut looked_at = 0u32;
    for _ in 0..SECRETS / TOGETHER {
        let values = random.secrets();
        let rules = rules(&values);
        let value = random.of(&values);
        // What interrupts a secret is none of it.
        for encoding in
            ENCODINGS.into_iter().filter(|encoding| encoding.fits(&value) && *encoding != Encoding::Coloured)
        {
            let mut redactor = Redactor::new(&rules);
            let mut out = Vec::new();
            let text = [b"<", &encoding.of(&value)[..], b">"].concat();
            for piece in random.pieces(&text) {
                redactor.push(piece, &mut out);
                if random.below(2) == 0 {
                    redactor.flush(&mut out);
                    assert!(!redactor.wants_flush());
                }
            }
            redactor.finish(&mut out);
            for essence in encoding.essence(&value) {
                let start = memchr::memmem::find(&text, &essence).unwrap();
                let (told, behind) = (&text[..start + essence.len().min(3)], &text[start + essence.len()..]);
                for window in essence.get(3..).unwrap_or_default().windows(4) {
                    // A value may hold what is told anyhow, or what stands beside it.
                    let is_told = contains(told, window) || contains(behind, window);
                    assert!(
                        is_told || !contains(&out, window),
                        "{encoding:?} of {}: {} in {}",
                        value.escape_ascii(),
                        window.escape_ascii(),
                        out.escape_ascii()
                    );
                    looked_at += u32::from(!is_told);
                }
            }
        }
    }
    assert!(looked_at > 100_000, "only {looked_at} places");
}
