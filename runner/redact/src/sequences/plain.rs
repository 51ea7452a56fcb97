//! Text that no terminal takes for anything else, many bytes at a time.

use memchr::memchr3_iter;

pub(super) const ENQUIRY: u8 = 0x05;
pub(super) const ESCAPE: u8 = 0x1b;
/// The first byte of U+0080 to U+00BF in UTF-8.
pub(super) const LATIN: u8 = 0xc2;

/// How much is looked at in one piece. Smaller is better for bytes that are no text, larger for text.
const WINDOW: usize = 512;

/// How many of the first bytes are text in UTF-8 and of no other meaning.
pub(super) fn plain(data: &[u8]) -> usize {
    let window = data.get(..WINDOW).unwrap_or(data);
    let special = |&at: &usize| match window.get(at) {
        Some(&LATIN) => window.get(at + 1).is_none_or(|&next| begins_by_itself(next)),
        _ => true,
    };
    let end = memchr3_iter(ESCAPE, ENQUIRY, LATIN, window).find(special).unwrap_or(window.len());
    let window = window.get(..end).unwrap_or_default();
    std::str::from_utf8(window).map_or_else(|error| error.valid_up_to(), str::len)
}

/// True for the C1 controls that begin a sequence: DCS, SOS, CSI, OSC, PM and APC.
pub(super) fn begins_by_itself(byte: u8) -> bool {
    matches!(byte, 0x90 | 0x98 | 0x9b | 0x9d..=0x9f)
}
