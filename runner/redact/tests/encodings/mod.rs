//! Ways in which programs write a value. Written once more, differently, so that a mistake of the crate's is not repeated.

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
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
pub(crate) enum Encoding {
    Raw,
    Hex,
    UpperHex,
    SpacedHex,
    ColonHex,
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

pub(crate) const ENCODINGS: [Encoding; 22] = [
    Encoding::Raw,
    Encoding::Hex,
    Encoding::UpperHex,
    Encoding::SpacedHex,
    Encoding::ColonHex,
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
    pub(crate) fn of(self, value: &[u8]) -> Vec<u8> {
        let shifted = |by: usize| [&b"xyz"[..by], value, b"end"].concat();
        let each =
            |encode: &dyn Fn(u8) -> String| value.iter().map(|&byte| encode(byte)).collect::<String>().into_bytes();
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match self {
            Self::Raw | Self::Lines => value.to_vec(),
            Self::Hex => each(&|byte| format!("{byte:02x}")),
            Self::UpperHex => each(&|byte| format!("{byte:02X}")),
            Self::SpacedHex => each(&|byte| format!(" {byte:02x}"))[1..].to_vec(),
            Self::ColonHex => each(&|byte| format!(":{byte:02X}"))[1..].to_vec(),
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
    pub(crate) fn essence(self, value: &[u8]) -> Vec<Vec<u8>> {
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
    pub(crate) fn fits(self, value: &[u8]) -> bool {
        match self {
            Self::SpacedHex | Self::ColonHex => value.len() <= 128,
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
