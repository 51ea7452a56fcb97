//! The filter of terminal sequences: the documented tables, terminals that read in ways of their own, ordinary programs.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what is not as a test expects ends it"
)]

mod terminal;

use std::fs;
use std::path::Path;

use opaque_redact::SequenceFilter;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn filtered<C: AsRef<[u8]>>(chunks: impl IntoIterator<Item = C>) -> (Vec<u8>, u64) {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    for chunk in chunks {
        filter.push(chunk.as_ref(), &mut out);
    }
    filter.finish(&mut out);
    (out, filter.count())
}

/// A row of the tables: the bytes, and whether they pass.
struct Row {
    bytes: Vec<u8>,
    passes: bool,
}

fn documented() -> Vec<Row> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/terminal-sequences.md")).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 4, "{line}");
            let passes = match cells[2] {
                "passes" => true,
                "taken out" => false,
                other => panic!("`{other}` in {line}"),
            };
            let cell = cells[0].trim_matches('`').trim_end_matches(" `").to_owned();
            let cell = if cells[0].starts_with("``") { cells[0].trim_matches('`').trim_end().to_owned() } else { cell };
            Row { bytes: unescaped(&cell), passes }
        })
        .collect();
    assert!(rows.len() > 100, "{}", rows.len());
    rows
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        if character != '\\' {
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let kind = rest.chars().next().unwrap();
        rest = &rest[1..];
        match kind {
            'e' => bytes.push(0x1b),
            'a' => bytes.push(0x07),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            'n' => bytes.push(b'\n'),
            '\\' => bytes.push(b'\\'),
            'x' => {
                bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                rest = &rest[2..];
            }
            'u' => {
                let (code, behind) = rest[1..].split_once('}').unwrap();
                let character = char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap();
                bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
                rest = behind;
            }
            other => panic!("`\\{other}` in {text}"),
        }
    }
    bytes
}

fn harm(bytes: &[u8], terminals: impl Iterator<Item = terminal::Terminal>) -> Option<String> {
    terminals.into_iter().find_map(|terminal| {
        let harm = terminal.harm(bytes);
        (!harm.is_empty()).then(|| format!("{harm:?} in {terminal:?} from {}", bytes.escape_ascii()))
    })
}

#[test]
fn each_documented_sequence_passes_whole_or_is_taken_out() {
    for Row { bytes, passes } in documented() {
        let shown = bytes.escape_ascii().to_string();
        let text = [b"before ", bytes.as_slice(), b" behind"].concat();
        let (out, count) = filtered([&text]);
        assert_eq!(filtered(text.chunks(1)), (out.clone(), count), "{shown}");
        assert!(out.starts_with(b"before ") && out.ends_with(b" behind"), "{shown}: {}", out.escape_ascii());
        assert_eq!(out == text, passes, "{shown}: {}", out.escape_ascii());
        assert_eq!(count == 0, passes, "{shown}");
        // Without the filter it acts.
        assert_eq!(harm(&text, terminal::all()).is_none(), passes, "{shown}");
        assert_eq!(harm(&out, terminal::all()), None);
        // What is left of one that begins with the escape byte is nothing at all, or the text behind an 8-bit control.
        if !passes && bytes.starts_with(b"\x1b") && !bytes.starts_with(b"\x1bG") {
            assert_eq!(out.escape_ascii().to_string(), "before  behind", "{shown}");
        }
    }
}

/// Pieces of sequences, of which the worst can be made.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let rows: Vec<Vec<u8>> = documented().into_iter().map(|row| row.bytes).collect();
    let bytes = b"\x1b\x1b\x1b[]P_^X\\\x07\x05\x18\n;?0123589tinhy*$ q%GCR\x7f".to_vec();
    let high = vec![0x9b, 0x9d, 0x9c, 0x90, 0x85, 0xc2, 0xc3, 0xe2, 0x82, 0xf0, 0xdd, 0xdb, 0xff];
    let piece = prop_oneof![
        2 => select(rows.clone()),
        3 => (select(rows), any::<Index>(), any::<Index>()).prop_map(|(row, one, other)| {
            let (one, other) = (one.index(row.len() + 1), other.index(row.len() + 1));
            row[one.min(other)..one.max(other)].to_vec()
        }),
        3 => select(bytes).prop_map(|byte| vec![byte]),
        1 => select(high).prop_map(|byte| vec![byte]),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    vec(piece, 0..12)
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("OPAQUE_REDACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_terminal_is_asked_for_more_than_text_and_any_cut_gives_the_same(
        pieces in pieces(),
        cuts in vec(any::<Index>(), 0..6),
        flushes in vec(any::<bool>(), 7),
    ) {
        let text = pieces.concat();
        let whole = filtered([&text]);
        prop_assert_eq!(harm(&whole.0, terminal::all()), None);
        prop_assert_eq!(&filtered(text.chunks(1)), &whole);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        let chunks = || places.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(&filtered(chunks()), &whole);
        // A stream that falls silent anywhere.
        let mut filter = SequenceFilter::new();
        let mut out = Vec::new();
        for (chunk, flush) in chunks().zip(flushes.iter().cycle()) {
            filter.push(chunk, &mut out);
            if *flush {
                filter.flush(&mut out);
                prop_assert!(!filter.wants_flush());
            }
        }
        filter.finish(&mut out);
        prop_assert_eq!(harm(&out, terminal::all()), None);
        // What was filtered stays as it is.
        prop_assert_eq!(filtered([&whole.0]), (whole.0.clone(), 0));
    }

    #[test]
    fn text_without_controls_is_left_alone(text in "[^\\x00-\\x1f\\x7f\\u{80}-\\u{9f}]{0,200}") {
        prop_assert_eq!(filtered(text.as_bytes().chunks(3)), (text.clone().into_bytes(), 0));
    }
}

/// What programs wrote to a terminal (`xterm-256color`, 80 by 24), and what of it the filter takes out.
const RECORDED: [(&str, &[&str]); 9] = [
    ("bash", &[]),
    ("cargo", &[]),
    ("less", &[]),
    ("ls", &[]),
    ("python", &[]),
    ("tmux", &[]),
    ("top", &[]),
    ("vim", &[]),
    // The same behind a terminal that says what it is: then vim asks for colours, keys and settings.
    ("vim-answered", &["\x1bP", "\x1b[0%m", "\x1b]10;?", "\x1b]11;?"]),
];

#[test]
fn what_ordinary_programs_write_is_left_alone() {
    for (name, taken_out) in RECORDED {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(name);
        let text = fs::read(&path).unwrap();
        assert!(text.contains(&b'\n') && text.len() > 64, "{name}");
        let (out, count) = filtered([&text]);
        assert_eq!(filtered(text.chunks(1)), (out.clone(), count), "{name}");
        let begins = |at: usize| taken_out.iter().any(|begin| text[at..].starts_with(begin.as_bytes()));
        assert_eq!(count, (0..text.len()).filter(|at| begins(*at)).count() as u64, "{name}");
        if taken_out.is_empty() {
            assert_eq!(out.escape_ascii().to_string(), text.escape_ascii().to_string(), "{name}");
        } else {
            assert!(count > 0 && out.len() < text.len(), "{name}");
        }
    }
}
