//! What is masked: secrets as people and machines make them, and texts that hold none or some.

use std::fs;
use std::path::{Path, PathBuf};

use opaque_tests::bench::Outcome;

use crate::SIZE;

/// Tokens of 12 to 64 characters, passwords with punctuation, an address with a password in it, and a key of several lines.
pub(crate) fn secrets() -> Vec<String> {
    let mut random = Random(7);
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let marks = b"abcdefghijkmnpqrstuvwxyz23456789!$%&/'\"\\+-";
    let mut secrets: Vec<String> = (0..16)
        .map(|number| {
            let alphabet = if number % 4 == 3 { &marks[..] } else { letters };
            (0..12 + number * 3).map(|_| char::from(alphabet[random.below(alphabet.len())])).collect()
        })
        .collect();
    let hexadecimal = b"0123456789abcdef";
    secrets.push((0..40).map(|_| char::from(hexadecimal[random.below(16)])).collect());
    secrets.push(format!("postgres://app:{}@db.internal.test/orders", &secrets[2]));
    secrets.push(format!("ghp_{}", &secrets[8]));
    let lines: Vec<String> =
        (0..25).map(|_| (0..64).map(|_| char::from(letters[random.below(letters.len())])).collect()).collect();
    secrets.push(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")));
    secrets
}

/// This project's own files, over and over.
pub(crate) fn source() -> Outcome<Vec<u8>> {
    fn gather(directory: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                if !["target", "corpus", "artifacts"].iter().any(|made| name == *made)
                    && !name.as_encoded_bytes().starts_with(b".")
                {
                    gather(&entry.path(), files)?;
                }
            } else {
                files.push(entry.path());
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files)?;
    files.sort();
    let text: Vec<u8> = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(repeated(&text))
}

fn repeated(text: &[u8]) -> Vec<u8> {
    text.iter().copied().cycle().take(SIZE).collect()
}

pub(crate) fn log_line(random: &mut Random) -> String {
    let levels = ["INFO", "WARN", "DEBUG", "ERROR"];
    let words = ["request", "served", "from", "cache", "user", "session", "retry", "timeout", "upstream", "closed"];
    let text: Vec<&str> = (0..4 + random.below(10)).map(|_| words[random.below(words.len())]).collect();
    let (second, level) = (random.below(60), levels[random.below(4)]);
    format!("2026-03-14T09:26:{second:02}Z {level} id={:016x} {} in {} ms", random.next(), text.join(" "), second * 7)
}

fn lines(line: impl Fn(&mut Random) -> String) -> Vec<u8> {
    let mut random = Random(11);
    let mut text = Vec::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        text.extend(line(&mut random).into_bytes());
        text.push(b'\n');
    }
    text
}

pub(crate) fn log() -> Vec<u8> {
    lines(log_line)
}

pub(crate) fn coloured() -> Vec<u8> {
    lines(|random| {
        let line = log_line(random);
        let (time, rest) = line.split_at(20);
        format!("\x1b[2m{time}\x1b[0m\x1b[1;32m{rest}\x1b[0m")
    })
}

pub(crate) fn with_secrets(values: &[String]) -> Vec<u8> {
    lines(|random| {
        let line = log_line(random);
        match random.below(10) {
            0 => format!("{line} token={}", values[random.below(values.len())]),
            _ => line,
        }
    })
}

pub(crate) fn base64() -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    lines(|random| (0..76).map(|_| char::from(alphabet[random.below(64)])).collect())
}

pub(crate) fn noise() -> Vec<u8> {
    let mut random = Random(13);
    (0..SIZE / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// Numbers that are the same in every run (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }
}
