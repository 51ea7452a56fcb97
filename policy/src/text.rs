//! Bytes that a person usually reads as text: arguments, environment values, file names.
//!
//! Linux promises bytes, not UTF-8. This type keeps the bytes and writes them to JSON without
//! loss: valid UTF-8 as a string, anything else as `{"bytes": [..]}`, so no two values look alike.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Bytes that are shown as text and compared as bytes. Never holds NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Vec<u8>);

impl Text {
    /// Takes the bytes; `None` when they hold a NUL, which no argument or variable can carry.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.contains(&0)).then_some(Self(bytes))
    }

    /// The bytes as given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text when it is valid UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<&str> for Text {
    /// Keeps everything before the first NUL.
    fn from(text: &str) -> Self {
        Self(text.bytes().take_while(|byte| *byte != 0).collect())
    }
}

/// Shows the text on one line: control characters and invalid UTF-8 are escaped.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_visible(&self.0, f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write_visible(&self.0, f)?;
        f.write_str("\"")
    }
}

/// As it is serialized: a string, or `{"bytes": [..]}`.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, deny_unknown_fields)]
        enum Written {
            Text(String),
            Bytes { bytes: Vec<u8> },
        }
        let bytes = match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes { bytes } => bytes,
        };
        Self::new(bytes).ok_or_else(|| D::Error::custom("text holds no NUL"))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

pub(crate) fn serialize_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return serializer.serialize_str(text);
    }
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("bytes", bytes)?;
    map.end()
}

/// Writes bytes so that a terminal cannot be driven by them: printable characters as they are,
/// C0, C1, format (bidirectional and zero-width) characters and invalid UTF-8 as escapes.
pub(crate) fn write_visible(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_visible(character) {
                write!(f, "{character}")?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// True for a character that shows where it stands, and drives no terminal.
#[must_use]
pub fn is_visible(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{180e}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{fff0}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_holds_a_nul() {
        assert_eq!(Text::new(*b"a\0b"), None);
        assert_eq!(Text::from("a\0b").as_bytes(), b"a");
    }

    #[test]
    fn what_could_drive_a_terminal_is_escaped() {
        let text = Text::new("a\x1b[2J\u{202e}b\u{85}".as_bytes()).unwrap();
        assert_eq!(text.to_string(), "a\\u{1b}[2J\\u{202e}b\\u{85}");
        assert_eq!(Text::new(*b"\xff!").unwrap().to_string(), "\\xff!");
    }

    #[test]
    fn json_keeps_bytes_apart_from_the_text_that_looks_like_them() {
        let json = |bytes: &[u8]| serde_json::to_string(&Text::new(bytes).unwrap()).unwrap();
        assert_eq!(json(b"a\\xff"), r#""a\\xff""#);
        assert_eq!(json(b"a\xff"), r#"{"bytes":[97,255]}"#);
    }
}
