//! The table of ways to write a value: each is masked, or documented as one that is not.

#![expect(clippy::unwrap_used, reason = "what is not as a test expects ends it")]

use std::fs;
use std::path::Path;

use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};

/// The value that the document's examples are made of.
const VALUE: &[u8] = b"tok3n/v4lue+9Zq$x";

fn masked(text: &[u8], piece: usize) -> String {
    let secret = Secret::copied("TOKEN", VALUE, Short::Refused).unwrap();
    let mut redactor = Redactor::new(&Rules::new(&[secret], &Patterns::none()).unwrap());
    let mut out = Vec::new();
    for piece in text.chunks(piece) {
        redactor.push(piece, &mut out);
    }
    redactor.finish(&mut out);
    String::from_utf8(out).unwrap()
}

/// A table shows a line break as this, and the escape byte as `\\e`.
fn text(cell: &str) -> String {
    cell.trim_matches('`').replace("↵", "\n").replace("\\e", "\x1b").replace("¦", "|")
}

#[test]
fn each_documented_way_to_write_a_value_leaves_as_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/masking.md");
    let document = fs::read_to_string(path).unwrap();
    let (mut masks, mut misses) = (0, 0);
    for line in document.lines().filter(|line| line.starts_with("| ") && line.contains("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let written = text(cells[1]);
        let expected = match cells[2] {
            "missed" => {
                misses += 1;
                written.clone()
            }
            shown => {
                masks += 1;
                assert!(shown.contains("***"), "{line}");
                text(shown)
            }
        };
        for piece in [usize::MAX, 1, 5] {
            assert_eq!(masked(written.as_bytes(), piece), expected, "{line}");
        }
    }
    assert!(masks >= 25 && misses >= 15, "{masks} and {misses}");
}
