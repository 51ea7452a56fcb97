//! Whatever a stream holds, however it is cut and wherever it falls silent, what leaves asks no terminal for more than to
//! show text. The first byte of the input is the size of the pieces, the bits of the second say where silence falls.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opaque_redact::SequenceFilter;

#[path = "../../runner/redact/tests/terminal/mod.rs"]
mod terminal;

fuzz_target!(|data: &[u8]| {
    let [piece, silences, text @ ..] = data else { return };
    let whole = through(text, usize::MAX, 0);
    assert_eq!(whole, through(text, usize::from(*piece) + 1, 0));
    assert_eq!(whole, through(text, 1, 0));
    assert_eq!(through(&whole, usize::MAX, 0), whole);
    let interrupted = through(text, usize::from(*piece % 4) + 1, *silences);
    // Another few terminals for each length, so that each is soon met.
    for terminal in terminal::all().skip(text.len() % 24).step_by(24) {
        assert_eq!(terminal.harm(&whole), Vec::<String>::new(), "in {terminal:?}: {}", whole.escape_ascii());
        assert_eq!(
            terminal.harm(&interrupted),
            Vec::<String>::new(),
            "in {terminal:?}: {}",
            interrupted.escape_ascii()
        );
    }
});

fn through(text: &[u8], piece: usize, silences: u8) -> Vec<u8> {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    for (index, piece) in text.chunks(piece).enumerate() {
        filter.push(piece, &mut out);
        if silences >> (index % 8) & 1 == 1 {
            filter.flush(&mut out);
            assert!(!filter.wants_flush());
        }
    }
    filter.finish(&mut out);
    out
}
