//! The filter by itself: what is held, what a silent stream lets go, what malformed sequences become.

use super::SequenceFilter;

fn filtered<C: AsRef<[u8]>>(chunks: impl IntoIterator<Item = C>) -> (String, u64) {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    for chunk in chunks {
        filter.push(chunk.as_ref(), &mut out);
    }
    filter.finish(&mut out);
    (out.escape_ascii().to_string(), filter.count())
}

#[test]
fn what_breaks_off_or_cannot_be_told_is_taken_out_and_the_rest_stays() {
    for (text, expected, count) in [
        // The end of the stream.
        (&b"a\x1b"[..], &b"a\x1b"[..], 0),
        (b"a\x1b[", b"a", 1),
        (b"a\x1b]52", b"a", 1),
        (b"a\x1b]52;c;b", b"a", 1),
        (b"a\x1b]0;title", b"a\x1b]0;title\x07", 1),
        (b"a\x1b]0;title\x1b", b"a\x1b]0;title\x07", 2),
        (b"a\xe2\x82", b"a\xe2\x82", 0),
        (b"a\xe2\x9b", b"a\xe2", 1),
        // Another sequence, a cancel, a control.
        (b"\x1b[3\x1b[1mx", b"\x1b[1mx", 1),
        (b"\x1b]52;c;b\x1b[1mx", b"\x1b[1mx", 1),
        (b"\x1b]52;c;b\x18x", b"x", 1),
        (b"\x1b]0;ti\x1b[1mx", b"\x1b]0;ti\x07\x1b[1mx", 1),
        (b"\x1b]0;t\ri\x9ct\xc2\x9cl\x18e\x07x", b"\x1b]0;title\x07x", 4),
        (b"\x1b[5\n6nx", b"\n6nx", 1),
        (b"\x1b\n[5ix", b"\x1b\nx", 1),
        (b"\x1b[5\xc3\xa9ix", b"\xc3\xa9ix", 1),
        (b"\x1b\x18[5i", b"\x1b\x18", 1),
        (b"\x1b\x1b[5ix", b"\x1bx", 1),
        (b"\x1b[\x05m", b"\x1b[m", 1),
        // Not of the form that all read alike.
        (b"\x1b[1?l", b"", 1),
        (b"\x1b[1 1q", b"", 1),
        (b"\x1b]052;c;b\x07x", b"x", 1),
        (b"\x1b]00;t\x07x", b"x", 1),
        (b"\x1b[?4294967298l", b"", 1),
        // Bytes that only part of a character may be.
        (b"\x9b5i \xc2\x9b5i \xe2\x82\x9b \xe2\x9b5i \xe0\x9b\x80", b"5i 5i \xe2\x82\x9b \xe25i \xe0\x80", 4),
        (b"\xc2\xc2\x9b\x9b5i", b"\xc25i", 2),
        (b"caf\xe9 \xa9 \x85\x9c", b"caf\xe9 \xa9 \x85\x9c", 0),
    ] {
        let expected = (expected.escape_ascii().to_string(), count);
        assert_eq!(filtered([text]), expected, "{}", text.escape_ascii());
        assert_eq!(filtered(text.chunks(1)), expected, "{}", text.escape_ascii());
    }
}

#[test]
fn a_lone_escape_leaves_a_silent_stream_and_is_still_the_beginning_of_what_follows() {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    filter.push(b"a\x1b", &mut out);
    assert_eq!((out.as_slice(), filter.wants_flush()), (&b"a"[..], true));
    filter.flush(&mut out);
    assert_eq!((out.as_slice(), filter.wants_flush()), (&b"a\x1b"[..], false));
    for part in [&b"]52;c;"[..], b"b\x07", b"]52;c;b\x07", b"[5", b"i"] {
        filter.push(part, &mut out);
        filter.flush(&mut out);
    }
    assert_eq!((out.escape_ascii().to_string(), filter.count()), (r"a\x1b".to_owned(), 3));
    filter.push(b"[1mx", &mut out);
    assert_eq!(out.escape_ascii().to_string(), r"a\x1b[1mx");
}

#[test]
fn a_character_of_another_encoding_shows_and_one_in_two_halves_stays_whole() {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    for (part, shown) in [
        (&b"\xe9"[..], &b"\xe9"[..]),
        (b" \xe2", b" \xe2"),
        (b"\x9b", b""),
        (b"\x94", b"\x9b\x94"),
        (b"\xc2", b"\xc2"),
        (b"\x9b", b""),
        (b"]", b"]"),
    ] {
        out.clear();
        filter.push(part, &mut out);
        filter.flush(&mut out);
        assert_eq!(out.escape_ascii().to_string(), shown.escape_ascii().to_string());
        assert!(!filter.wants_flush());
    }
}

#[test]
fn little_is_held_and_long_sequences_end_somewhere() {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::new();
    for begin in ["\x1b[", "\x1b]4;", "\x1b]0;", "\x1b]52;", "\x1bP", "\x1bPq", "\x1b_", "\x1b(", "\x1b]9;4;"] {
        filter.push(begin.as_bytes(), &mut out);
        for _ in 0..1 << 14 {
            filter.push(b"1 ", &mut out);
            assert!(filter.held.len() <= super::LONGEST, "{begin:?}");
        }
        filter.push(b"\x07\x1b\\", &mut out);
    }
    out.clear();
    filter.push(&[&b"\x1b]52;"[..], &vec![b'b'; super::LONGEST_GONE + 1], b"text\n"].concat(), &mut out);
    assert!(out.len() < 8 && out.ends_with(b"ext\n"), "{}", out.escape_ascii());
    let title = [&b"\x1b]2;"[..], &vec![b't'; super::LONGEST_TEXT + 100], b"\x07x"].concat();
    let (out, count) = filtered([title.as_slice()]);
    // The first letter is read with the number; the bell, as it is escaped here, and the text.
    assert_eq!((out.len(), count), (r"\x1b]2;t".len() + super::LONGEST_TEXT + r"\x07x".len(), 1));
}

#[test]
fn what_passed_passes_again_however_long_it_is() {
    let through = |text: &[u8]| {
        let (mut filter, mut out) = (SequenceFilter::new(), Vec::new());
        filter.push(text, &mut out);
        filter.finish(&mut out);
        out
    };
    // Escape bytes that leave at once, with sequences behind them that are as long as they may be; each with so many
    // intermediate bytes behind it.
    let pieces: [(&[u8], usize); 6] = [
        (b"3\x1b3\x1b\x1b[<", 15),
        (b"\x81\x00\xd3\xd4\xd4\xd4", 14),
        (b"\x1b\x1b[<", 17),
        (b"\xd3\xd4\xd4\xd4", 62),
        (b"<\x00\xff\x1b", 57),
        (b"<\x00\xff\x1be", 0),
    ];
    let text: Vec<u8> = pieces.iter().flat_map(|(bytes, count)| [bytes, &vec![b'+'; *count][..]].concat()).collect();
    for cut in 0..text.len() {
        let once = through(&text[cut..]);
        assert_eq!(through(&once).escape_ascii().to_string(), once.escape_ascii().to_string(), "{cut}");
    }
}
