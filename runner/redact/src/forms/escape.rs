//! A value as other programs write it into text of their own: hexadecimal, percent-encoded, JSON, shells. Never reads it back.

use super::Forms;

pub(super) const LOWER: &[u8; 16] = b"0123456789abcdef";
pub(super) const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// What percent-encoders leave as it is beside letters and digits: RFC 3986's unreserved characters, and what
/// `encodeURIComponent`, encoders of paths and of whole addresses leave on top.
const LEFT_ALONE: [&[u8]; 4] = [b"-._~", b"-._~!'()*", b"-._~/", b"-._~!'()*;/?:@&=+$,#"];

/// The same for forms, which write a blank as `+`: in browsers, and in most libraries.
const FORM: [&[u8]; 2] = [b"-._*", b"-._~"];

pub(super) fn add(value: &[u8], forms: &mut Forms) {
    for digits in [LOWER, UPPER] {
        forms.add(hexadecimal(value, digits));
        forms.add(percent(value, digits, |_| false, b"%20"));
        for left_alone in LEFT_ALONE {
            let stays = |byte: u8| byte.is_ascii_alphanumeric() || left_alone.contains(&byte);
            forms.add(percent(value, digits, stays, b"%20"));
        }
        for left_alone in FORM {
            let stays = |byte: u8| byte.is_ascii_alphanumeric() || left_alone.contains(&byte);
            forms.add(percent(value, digits, stays, b"+"));
        }
        for json in [Json::Plain, Json::Ascii, Json::AsciiAndSlash, Json::Slash, Json::Html, Json::HtmlAscii] {
            forms.add(json.escaped(value, digits));
        }
    }
    forms.add(replaced(value, |byte| (byte == b'\'').then_some(&br"'\''"[..])));
    forms.add(replaced(value, |byte| (byte == b'\'').then_some(&br#"'"'"'"#[..])));
    forms.add(backslashed(value, |byte| b"\"\\$`".contains(&byte)));
    forms.add(backslashed(value, |byte| b"\"\\$`!".contains(&byte)));
    forms.add(backslashed(value, |byte| {
        byte.is_ascii_graphic() && !byte.is_ascii_alphanumeric() && !b"-_./:=@%+#~".contains(&byte) || byte == b' '
    }));
    forms.add(backslashed(value, |byte| {
        byte.is_ascii_graphic() && !byte.is_ascii_alphanumeric() && !b"-_./:=@%+".contains(&byte) || byte == b' '
    }));
    for controls_only in [true, false] {
        forms.add(dollar_quoted(value, controls_only));
    }
}

pub(super) fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |value: u8| digits.get(usize::from(value & 15)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte)]
}

fn hexadecimal(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 2);
    value.iter().for_each(|&byte| text.extend(hex(byte, digits)));
    text
}

fn percent(value: &[u8], digits: &[u8; 16], stays: impl Fn(u8) -> bool, space: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 3);
    for &byte in value {
        match byte {
            _ if stays(byte) => text.push(byte),
            b' ' => text.extend(space),
            _ => {
                text.push(b'%');
                text.extend(hex(byte, digits));
            }
        }
    }
    text
}

/// What encoders of JSON escape beside what RFC 8259 section 7 asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Json {
    Plain,
    Slash,
    Ascii,
    AsciiAndSlash,
    Html,
    HtmlAscii,
}

impl Json {
    fn is_ascii(self) -> bool {
        matches!(self, Self::Ascii | Self::AsciiAndSlash | Self::HtmlAscii)
    }

    fn escaped(self, value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
        let mut text = Vec::with_capacity(value.len() * 6);
        for chunk in value.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.push(character, digits, &mut text);
            }
            for &byte in chunk.invalid() {
                // What Python makes of a byte that is no text.
                if self.is_ascii() { unit(0xdc00 | u16::from(byte), digits, &mut text) } else { text.push(byte) }
            }
        }
        text
    }

    fn push(self, character: char, digits: &[u8; 16], text: &mut Vec<u8>) {
        let is_html = matches!(self, Self::Html | Self::HtmlAscii);
        match character {
            '"' => text.extend(br#"\""#),
            '\\' => text.extend(br"\\"),
            '\n' => text.extend(br"\n"),
            '\r' => text.extend(br"\r"),
            '\t' => text.extend(br"\t"),
            '\u{8}' => text.extend(br"\b"),
            '\u{c}' => text.extend(br"\f"),
            '/' if matches!(self, Self::Slash | Self::AsciiAndSlash) => text.extend(br"\/"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if is_html => units(character, digits, text),
            '\0'..='\u{1f}' => units(character, digits, text),
            '\u{7f}'.. if self.is_ascii() && character != '\u{7f}' => units(character, digits, text),
            _ => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn units(character: char, digits: &[u8; 16], text: &mut Vec<u8>) {
    for &mut each in character.encode_utf16(&mut [0; 2]) {
        unit(each, digits, text);
    }
}

fn unit(unit: u16, digits: &[u8; 16], text: &mut Vec<u8>) {
    text.extend(br"\u");
    for byte in unit.to_be_bytes() {
        text.extend(hex(byte, digits));
    }
}

fn replaced(value: &[u8], replacement: impl Fn(u8) -> Option<&'static [u8]>) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 5);
    for &byte in value {
        match replacement(byte) {
            Some(replacement) => text.extend(replacement),
            None => text.push(byte),
        }
    }
    text
}

fn backslashed(value: &[u8], is_special: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 2);
    for &byte in value {
        if is_special(byte) {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text
}

/// As inside `$'…'`, which shells write for what has control characters in it; bytes beyond ASCII as octal, or as they are.
fn dollar_quoted(value: &[u8], controls_only: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 4);
    for &byte in value {
        match byte {
            b'\n' => text.extend(br"\n"),
            b'\r' => text.extend(br"\r"),
            b'\t' => text.extend(br"\t"),
            0x07 => text.extend(br"\a"),
            0x08 => text.extend(br"\b"),
            0x0b => text.extend(br"\v"),
            0x0c => text.extend(br"\f"),
            0x1b => text.extend(br"\E"),
            b'\'' => text.extend(br"\'"),
            b'\\' => text.extend(br"\\"),
            0..0x20 | 0x7f => octal(byte, &mut text),
            0x80.. if !controls_only => octal(byte, &mut text),
            _ => text.push(byte),
        }
    }
    text
}

fn octal(byte: u8, text: &mut Vec<u8>) {
    text.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
}
