//! Patterns against a slow twin that tries every place and every length.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use regex::bytes::{Regex, RegexBuilder};

use super::Matcher;
use crate::pattern::{Compiled, LONGEST_MATCH, Patterns};

/// Expressions without a look around, what is left of them when `.*` is trimmed, and whether it stood at the end.
const EXPRESSIONS: [(&str, &str, bool); 10] = [
    ("tok_[a-c]{3,}", "tok_[a-c]{3,}", false),
    ("tok_[a-c]{2}!", "tok_[a-c]{2}!", false),
    ("a+b", "a+b", false),
    ("(ab|abc)+c", "(ab|abc)+c", false),
    ("[a-c]{4}", "[a-c]{4}", false),
    (".*KEY=.*", "KEY=", true),
    (".*(b.c).*", "b.c", true),
    ("c[^a]*a", "c[^a]*a", false),
    ("(.*)PIN: [0-9]+", "PIN: [0-9]+", false),
    ("aac*aab", "aac*aab", false),
];

fn matcher(expressions: &[(&str, &str)]) -> Matcher {
    let mut patterns = Patterns::none();
    for (expression, replacement) in expressions {
        patterns.add("p", expression, replacement).unwrap();
    }
    Matcher::new(Arc::new(Compiled::new(&patterns).unwrap().unwrap()))
}

fn replaced(matcher: &mut Matcher, chunks: &[&[u8]]) -> String {
    let mut out = Vec::new();
    for chunk in chunks {
        matcher.push(chunk, &mut out);
    }
    matcher.finish(&mut out);
    out.escape_ascii().to_string()
}

fn twin(chosen: &[usize], text: &[u8]) -> String {
    let compile = |index: &usize| -> (Regex, bool) {
        let (_, trimmed, to_line_end) = EXPRESSIONS[*index];
        let whole = format!(r"\A(?:{trimmed})\z");
        (RegexBuilder::new(&whole).unicode(false).crlf(true).build().unwrap(), to_line_end)
    };
    let compiled: Vec<(Regex, bool)> = chosen.iter().map(compile).collect();
    let (mut at, mut out) = (0, Vec::new());
    while at < text.len() {
        let line = text[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(text.len(), |end| at + end);
        let lengths = 1..=(line - at).min(LONGEST_MATCH);
        let matches: Vec<(usize, usize)> = lengths
            .flat_map(|length| (0..compiled.len()).map(move |index| (length, index)))
            .filter(|&(length, index)| compiled[index].0.is_match(&text[at..at + length]))
            .collect();
        let Some(&(first, pattern)) = matches.first() else {
            out.push(text[at]);
            at += 1;
            continue;
        };
        out.extend(format!("<{}>", chosen[pattern]).bytes());
        let longest = matches.last().map_or(first, |&(length, _)| length);
        at = if compiled[pattern].1 { line } else { at + longest };
    }
    out.escape_ascii().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_agree_with_their_slow_twin_however_the_stream_is_cut(
        chosen in vec(0..EXPRESSIONS.len(), 1..4),
        pieces in vec(select(vec![
            "a", "b", "c", "ab", "abc", "tok_", "tok_abc", "to", "!", "KEY=", "KE", "PIN: ", "12", " ", "\n", "\r\n", "xyz",
        ]), 0..20),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let text = pieces.concat().into_bytes();
        let replacements: Vec<String> = chosen.iter().map(|index| format!("<{index}>")).collect();
        let expressions: Vec<(&str, &str)> =
            chosen.iter().zip(&replacements).map(|(index, text)| (EXPRESSIONS[*index].0, text.as_str())).collect();
        let mut matcher = matcher(&expressions);
        let expected = twin(&chosen, &text);
        prop_assert_eq!(&replaced(&mut matcher, &[&text]), &expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&replaced(&mut matcher, &bytes), &expected);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(&replaced(&mut matcher, &chunks), &expected);
    }
}

#[test]
fn the_rest_of_a_line_is_masked_before_it_is_known() {
    let mut matcher = matcher(&[(".*TOKEN=.*", "TOKEN=***")]);
    let mut out = Vec::new();
    matcher.push(b"export TOKEN=a", &mut out);
    assert_eq!(out.escape_ascii().to_string(), "export TOKEN=***");
    matcher.push(&[b'b'; 10_000], &mut out);
    matcher.push(b"\nnext", &mut out);
    assert_eq!(out.escape_ascii().to_string(), r"export TOKEN=***\nnext");
}

#[test]
fn a_boundary_is_seen_across_a_cut() {
    for (text, expected) in
        [("ab key-12 c", "ab # c"), ("abkey-12", "abkey-12"), ("key-123", "key-123"), ("key-12", "#")]
    {
        let mut matcher = matcher(&[(r"\bkey-[0-9]{2}\b", "#")]);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(replaced(&mut matcher, &bytes), expected, "{text}");
        assert_eq!(replaced(&mut matcher, &[text.as_bytes()]), expected, "{text}");
    }
}

#[test]
fn a_match_is_at_most_4_kib_long() {
    let mut matcher = matcher(&[("<[a-z]+>", "#")]);
    for (length, is_replaced) in [(LONGEST_MATCH - 2, true), (LONGEST_MATCH - 1, false)] {
        let text = format!("<{}>", "a".repeat(length));
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(7).collect();
        assert_eq!(replaced(&mut matcher, &[text.as_bytes()]) == "#", is_replaced);
        assert_eq!(replaced(&mut matcher, &bytes) == "#", is_replaced);
    }
}

#[test]
fn a_silent_stream_lets_three_bytes_of_a_token_go() {
    let mut matcher = matcher(&[("tok_[a-c]{4}", "#")]);
    let mut out = Vec::new();
    for byte in b"x tok_abca y" {
        matcher.push(&[*byte], &mut out);
        matcher.flush(&mut out);
        assert!(!matcher.wants_flush());
    }
    matcher.finish(&mut out);
    assert_eq!(out.escape_ascii().to_string(), "x tok# y");
    assert_eq!(matcher.counts(), [1]);
}

#[test]
fn every_well_known_format_is_masked_and_hardly_shorter_ones_are_not() {
    let (digits, upper) = ("0123456789".repeat(30), "ABCDEFGHJKLMNPQR".repeat(20));
    let lower = "abcdef0123456789".repeat(200);
    let cut = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    let tokens = [
        format!("AGE-SECRET-KEY-1{}", cut(&"QPZRY9X8".repeat(8), 58)),
        format!("sk-ant-api03-{}", cut(&lower, 93)),
        format!("AKIA{}", "ABCDEFGH234567AB"),
        format!("AccountKey={}==", cut(&lower, 86)),
        format!("dop_v1_{}", cut(&lower, 64)),
        format!("dckr_pat_{}", cut(&lower, 27)),
        format!("ghp_{}", cut(&lower, 36)),
        format!("github_pat_{}_{}", cut(&lower, 22), cut(&lower, 59)),
        format!("glpat-{}", cut(&lower, 20)),
        format!("AIza{}", cut(&lower, 35)),
        format!("GOCSPX-{}", cut(&lower, 28)),
        format!("ya29.{}", cut(&lower, 120)),
        format!("hvs.{}", cut(&lower, 90)),
        format!("hf_{}", cut(&lower, 34)),
        format!("eyJ{}.eyJ{}.{}", cut(&lower, 33), cut(&lower, 400), cut(&lower, 43)),
        format!("npm_{}", cut(&lower, 36)),
        format!("sk-proj-{}", cut(&lower, 120)),
        format!("pypi-AgEIcHlwaS5vcmc{}", cut(&lower, 120)),
        format!("SG.{}.{}", cut(&lower, 22), cut(&lower, 43)),
        format!("shpat_{}", cut(&lower, 32)),
        format!("xoxb-{}-{}", cut(&digits, 12), cut(&lower, 24)),
        format!("xapp-1-{}-{}-{}", cut(&upper, 11), cut(&digits, 13), cut(&lower, 64)),
        format!("hooks.slack.com/services/T{}/B{}/{}", cut(&upper, 8), cut(&upper, 8), cut(&lower, 24)),
        format!("sk_live_{}", cut(&lower, 24)),
        format!("whsec_{}", cut(&lower, 32)),
        format!("tskey-auth-{}-{}", cut(&lower, 12), cut(&lower, 32)),
    ];
    let patterns = Patterns::well_known().unwrap();
    let compiled = Arc::new(Compiled::new(&patterns).unwrap().unwrap());
    assert!(compiled.others.is_none(), "each format has a telling beginning");
    assert!(compiled.beginnings.len() <= 64, "so many are found at once, quickly: {:?}", compiled.beginnings.len());
    for (index, (token, name)) in tokens.iter().zip(patterns.names()).enumerate() {
        let mut matcher = Matcher::new(Arc::clone(&compiled));
        assert_eq!(replaced(&mut matcher, &[format!("a {token} b").as_bytes()]), "a *** b", "{name}: {token}");
        assert_eq!(matcher.counts()[index], 1, "{name}");
        let beginning = cut(token, token.len() / 5);
        assert_eq!(replaced(&mut matcher, &[beginning.as_bytes()]), beginning, "{name}");
    }
    assert_eq!(tokens.len(), patterns.names().count());
}

#[test]
fn a_long_beginning_that_is_not_whole_yet_stands_before_a_short_one_that_is() {
    let text = b"LLLLLL\x01LLLLL";
    let whole = replaced(&mut matcher(&[("LL\x01*LL\x01LLL*", "#")]), &[text]);
    assert_eq!(whole, "LL#");
    for size in 1..text.len() {
        let pieces: Vec<&[u8]> = text.chunks(size).collect();
        assert_eq!(replaced(&mut matcher(&[("LL\x01*LL\x01LLL*", "#")]), &pieces), whole, "pieces of {size}");
    }
}
