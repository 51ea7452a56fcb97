//! A secret: a name that may be said and a value that may not. Nothing here prints, compares for, or hands out a value.

use thiserror::Error;
use zeroize::Zeroizing;

/// The shortest value that is masked without further ado.
pub const SHORTEST: usize = 8;
/// The shortest value that is masked at all: a stream that falls silent lets three bytes of a possible match go.
pub const SHORTEST_ALLOWED: usize = 4;
/// The longest value, 64 KiB.
pub const LONGEST: usize = 64 << 10;

/// Values that stand in ordinary output so often that masking them would spoil it, and that protect nothing.
const COMMON: [&str; 48] = [
    "true",
    "false",
    "null",
    "none",
    "test",
    "root",
    "user",
    "admin",
    "main",
    "master",
    "debug",
    "info",
    "warn",
    "error",
    "guest",
    "local",
    "localhost",
    "default",
    "secret",
    "secrets",
    "token",
    "tokens",
    "password",
    "passwd",
    "passphrase",
    "changeme",
    "change-me",
    "undefined",
    "username",
    "example",
    "example.com",
    "sandbox",
    "staging",
    "development",
    "production",
    "disabled",
    "enabled",
    "anonymous",
    "required",
    "optional",
    "redacted",
    "postgres",
    "12345678",
    "123456789",
    "1234567890",
    "abcdefgh",
    "qwertyui",
    "00000000",
];

/// Whether a value of four to seven bytes is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// It is refused, because it stands in ordinary output by chance.
    Refused,
    /// It is taken: whoever names the secret prefers a spoilt line to the value.
    Allowed,
}

/// One secret. It can neither be shown nor copied, and its value is overwritten when it is dropped.
///
/// ```compile_fail
/// use opaque_redact::{Secret, Short};
/// let secret = Secret::new("TOKEN", b"correct horse".to_vec(), Short::Refused).unwrap();
/// println!("{secret:?}");
/// ```
pub struct Secret {
    name: String,
    value: Zeroizing<Vec<u8>>,
}

/// Why a secret is not masked, and so must not be used. Names the secret, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Nothing is left when line ends behind the value are taken away.
    #[error("secret `{name}` is empty")]
    Empty {
        /// The secret's name.
        name: String,
    },
    /// Four to seven bytes without leave.
    #[error("secret `{name}` is shorter than {SHORTEST} bytes\nhint: use a longer one, or allow a short one by name")]
    Short {
        /// The secret's name.
        name: String,
    },
    /// Fewer than four bytes, with or without leave.
    #[error("secret `{name}` is shorter than {SHORTEST_ALLOWED} bytes, which cannot be masked")]
    TooShort {
        /// The secret's name.
        name: String,
    },
    /// More than 64 KiB.
    #[error("secret `{name}` is longer than {LONGEST} bytes")]
    TooLong {
        /// The secret's name.
        name: String,
    },
    /// A word that ordinary output is full of.
    #[error("secret `{name}` is a common word, so masking it would spoil ordinary output\nhint: use a random value")]
    CommonWord {
        /// The secret's name.
        name: String,
    },
    /// One byte over and over, as in a ruler of dashes or a block of zeros.
    #[error("secret `{name}` repeats a single byte\nhint: use a random value")]
    Repetition {
        /// The secret's name.
        name: String,
    },
}

impl Secret {
    /// Takes a value and overwrites it. Who holds it elsewhere gives [`copied`](Self::copied) a look at it.
    ///
    /// # Errors
    /// As [`copied`](Self::copied).
    pub fn new(name: impl Into<String>, value: Vec<u8>, short: Short) -> Result<Self, SecretError> {
        Self::copied(name, &Zeroizing::new(value), short)
    }

    /// Makes a copy of a value, which is overwritten when it is dropped; the rules that are made of it keep their own. Line
    /// ends around the value do not count: files end with them and shells strip them.
    ///
    /// # Errors
    /// The value is empty, too short, too long, a common word or one byte over and over.
    pub fn copied(name: impl Into<String>, value: &[u8], short: Short) -> Result<Self, SecretError> {
        let name = name.into();
        let kept = without_line_ends(value);
        if kept.is_empty() {
            return Err(SecretError::Empty { name });
        }
        if kept.len() > LONGEST {
            return Err(SecretError::TooLong { name });
        }
        if is_common(kept) {
            return Err(SecretError::CommonWord { name });
        }
        if kept.len() < SHORTEST_ALLOWED {
            return Err(SecretError::TooShort { name });
        }
        if kept.len() < SHORTEST && short == Short::Refused {
            return Err(SecretError::Short { name });
        }
        if is_repetition(kept) {
            return Err(SecretError::Repetition { name });
        }
        let value = Zeroizing::new(kept.to_vec());
        Ok(Self { name, value })
    }

    /// Returns the name under which it is counted.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Line ends around a value tell nothing, and a stream has many of its own beside which they could stand.
fn without_line_ends(value: &[u8]) -> &[u8] {
    let is_kept = |byte: &u8| !matches!(byte, b'\n' | b'\r');
    let start = value.iter().position(is_kept).unwrap_or(value.len());
    let end = value.iter().rposition(is_kept).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// True for a value that protects nothing and stands everywhere.
pub(crate) fn is_common(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value.is_empty() || COMMON.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// True when all bytes are the same.
pub(crate) fn is_repetition(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(value: &[u8], short: Short) -> Option<SecretError> {
        Secret::new("KEY", value.to_vec(), short).err()
    }

    #[test]
    fn what_cannot_be_masked_is_refused_by_name() {
        let name = || "KEY".to_owned();
        for (value, short, expected) in [
            (&b""[..], Short::Allowed, SecretError::Empty { name: name() }),
            (b"\r\n\n", Short::Allowed, SecretError::Empty { name: name() }),
            (b"abc", Short::Allowed, SecretError::TooShort { name: name() }),
            (b"x7!kq", Short::Refused, SecretError::Short { name: name() }),
            (b"PassWord\n", Short::Allowed, SecretError::CommonWord { name: name() }),
            (b"        ", Short::Refused, SecretError::CommonWord { name: name() }),
            (b"--------", Short::Refused, SecretError::Repetition { name: name() }),
            (&[7; LONGEST + 1], Short::Refused, SecretError::TooLong { name: name() }),
        ] {
            assert_eq!(refusal(value, short), Some(expected));
        }
        assert_eq!(refusal(b"x7!kq", Short::Allowed), None);
        assert_eq!(refusal(b"x7!kq9zz", Short::Refused), None);
    }

    #[test]
    fn a_refusal_never_holds_the_value() {
        for value in [&b"x7!kq"[..], b"changeme", b"zzzzzzzzzz"] {
            let refusal = refusal(value, Short::Refused).unwrap();
            let said = format!("{refusal} {refusal:?}");
            assert!(!said.contains(std::str::from_utf8(value).unwrap()), "{said}");
        }
    }
}
