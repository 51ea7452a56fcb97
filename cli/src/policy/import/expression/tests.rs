//! What an expression of theirs matched is what ours matches.

use opaque_policy::pattern::TextPattern;

use super::*;

fn whole(written: &str) -> TextPattern {
    TextPattern::new(&carried_over(written, Part::Whole).unwrap().pattern).unwrap()
}

fn host(written: &str) -> TextPattern {
    TextPattern::new(&carried_over(written, Part::Host).unwrap().pattern).unwrap()
}

#[test]
fn an_expression_matches_where_it_matched() {
    for (written, text, expected) in [
        (r"^git@(github\.com|gitlab\.com|codeberg\.org)$", "git@gitlab.com", true),
        (r"^git@(github\.com|gitlab\.com|codeberg\.org)$", "git@gitlab.com.evil", false),
        ("deploy", "x-deploy-y\n", true),
        ("^deploy", "deploy-y", true),
        ("^deploy", "x-deploy", false),
        ("deploy$", "x-deploy", true),
        ("deploy$", "deploy-y", false),
        ("a|b", "xbx", true),
        ("a|b", "xcx", false),
        (r"^\w+$", "a_1", true),
        (r"^\w+$", "é", false),
        (r"^\W$", "é", true),
        (r"^[\w.-]+$", "a.b-c", true),
        (r"^[^\d]$", "1", false),
        (r"^a{2,3}$", "aaa", true),
        (r"^a{2,3}?$", "aaaa", false),
        (r"^.$", "é", true),
        (r"^.$", "\n", false),
        (r"^\<x\>$", "<x>", true),
        (r"^[]a]$", "]", true),
        (r"^[a&&b~~c-]$", "&", true),
        (r"^[+--]$", ",", true),
    ] {
        assert_eq!(whole(written).matches(text.as_bytes()), expected, "{written} {text:?}");
    }
    assert!(whole("deploy").matches(b"\xffdeploy\xff"));
}

#[test]
fn an_expression_over_hosts_never_reaches_the_user() {
    for (written, text, expected) in [
        (r"^github\.com$", "github.com", true),
        (r"^github\.com$", "git@github.com", true),
        (r"^github\.com$", "github.com@evil.example", false),
        (r"^g.*com$", "git@foo.com", false),
        (r"^g.*com$", "x@gfoo.com", true),
        (r"^g[^x]*com$", "git@foo.com", false),
        (r"^g[!-~]*com$", "git@foo.com", false),
        (r"^g[?-A]com$", "gAcom", true),
        (r"^g[?-A]com$", "g@com", false),
        (r"^g\D*com$", "git@foo.com", false),
        ("hub", "git@github.com", true),
        ("git", "git@example.com", false),
        ("hub|lab", "lab@example.com", false),
        ("hub|lab", "git@gitlab.com", true),
    ] {
        assert_eq!(host(written).matches(text.as_bytes()), expected, "{written} {text:?}");
    }
}

#[test]
fn what_the_two_languages_read_differently_is_refused() {
    for written in [
        "",
        "^",
        "$",
        "^$",
        "(",
        ")",
        "a)",
        "(a",
        "*a",
        "a**",
        "a{",
        "a{x}",
        "a{,3}",
        "a{2000}",
        "(?i)a",
        "(?P<n>a)",
        "(?x) a",
        r"\bword\b",
        r"\Qa\E",
        r"\pL",
        r"\x41",
        r"\1",
        r"\",
        "[",
        "[a",
        "[[:alpha:]]",
        "[a-",
        "[z-a]",
        r"[\x41]",
        "a^b",
        "(^a)",
        "(a$)",
        "^a|b",
        "a|b$",
        r"\a",
        "+",
        "|*",
    ] {
        assert!(carried_over(written, Part::Whole).is_err(), "{written}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_carried_over_is_an_expression_of_ours(written in "[a-c@|()\\[\\]^$.*+?{}0-9,\\\\dwsDW~&-]{0,14}") {
        for part in [Part::Whole, Part::Host] {
            if let Ok(expression) = carried_over(&written, part) {
                TextPattern::new(&expression.pattern).unwrap_or_else(|error| panic!("{written} {expression:?}: {error}"));
            }
        }
    }
}
