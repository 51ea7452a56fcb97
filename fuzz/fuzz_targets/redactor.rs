//! However output is cut, the same leaves; none of it is a secret; silence lets nothing go that a mask would have kept but
//! three bytes. The first byte of the input is the size of the pieces, the second the length of the first secret and whether
//! patterns, which take long to compile, are masked too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};

fuzz_target!(|data: &[u8]| {
    let [piece, length, rest @ ..] = data else { return };
    let Some((first, rest)) = rest.split_at_checked(usize::from(*length) % 64) else { return };
    let Some((second, text)) = rest.split_at_checked(rest.len().min(16)) else { return };
    let values = [first, second];
    let secrets: Vec<Secret> =
        values.iter().filter_map(|value| Secret::new("S", value.to_vec(), Short::Allowed).ok()).collect();
    let mut patterns = Patterns::none();
    let expressions = ["key=[a-z]{2,9}", r"\btok_[0-9a-f]{4,}\b", "[0-9]{3}-[0-9]{2}", ".*PIN=.*"];
    for expression in expressions.iter().filter(|_| *length < 64) {
        patterns.add("any", expression, "#").expect("it can be read");
    }
    let masks_more = text.contains(&b'*');
    let rules = Rules::new(&secrets, &patterns).expect("they are small");
    // The text holds the secrets whole and in halves, so that the fuzzer need not find them.
    let mut output = Vec::new();
    for (index, part) in text.split(|byte| *byte == 0xff).enumerate() {
        output.extend(part);
        let value = values[index % 2];
        output.extend(&value[..value.len().min(1 + index)]);
        output.extend(if index % 3 == 0 { value } else { &[] });
    }
    let whole = through(&rules, &output, usize::MAX);
    assert_eq!(whole, through(&rules, &output, usize::from(*piece) + 1));
    assert_eq!(whole, through(&rules, &output, 1));
    if masks_more || values.iter().any(|value| value.contains(&b'*')) {
        return;
    }
    for value in values.iter().filter(|value| Secret::new("S", value.to_vec(), Short::Allowed).is_ok()) {
        let is_kept = |byte: &u8| !matches!(byte, b'\n' | b'\r');
        let Some((start, end)) = value.iter().position(is_kept).zip(value.iter().rposition(is_kept)) else { continue };
        let value = &value[start..=end];
        if !value.contains(&b'#') {
            assert!(!whole.0.windows(value.len()).any(|window| window == value));
        }
    }
});

fn through(rules: &Rules, output: &[u8], piece: usize) -> (Vec<u8>, Vec<u64>) {
    let mut redactor = Redactor::new(rules);
    let mut out = Vec::new();
    for piece in output.chunks(piece) {
        redactor.push(piece, &mut out);
    }
    redactor.finish(&mut out);
    let counts = redactor.counts().map(|(_, count)| count).collect();
    (out, counts)
}
