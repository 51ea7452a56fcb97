//! Any expression is compiled or refused, soon; what is compiled replaces the same however output is cut, and silence ends
//! nothing. The expression stands before the first zero byte, the output behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opaque_redact::{Patterns, Redactor, Rules};

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
    let (expression, output) = (&data[..end], &data[end + 1..]);
    let Ok(expression) = std::str::from_utf8(expression) else { return };
    let mut patterns = Patterns::none();
    if patterns.add("mine", expression, "#").is_err() || patterns.add("plain", "key=[a-z]{3}", "%").is_err() {
        return;
    }
    let Ok(rules) = Rules::new(&[], &patterns) else { return };
    let whole = through(&rules, output, usize::MAX);
    assert_eq!(whole, through(&rules, output, 3));
    assert_eq!(whole, through(&rules, output, 1));
    let mut redactor = Redactor::new(&rules);
    let mut out = Vec::new();
    for byte in output {
        redactor.push(&[*byte], &mut out);
        redactor.flush(&mut out);
        assert!(!redactor.wants_flush());
    }
    redactor.finish(&mut out);
});

fn through(rules: &Rules, output: &[u8], piece: usize) -> Vec<u8> {
    let mut redactor = Redactor::new(rules);
    let mut out = Vec::new();
    for piece in output.chunks(piece) {
        redactor.push(piece, &mut out);
    }
    redactor.finish(&mut out);
    out
}
