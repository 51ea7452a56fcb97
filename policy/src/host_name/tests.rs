use proptest::prelude::*;

use super::*;

fn name(text: &str) -> HostName {
    HostName::new(text.as_bytes()).unwrap()
}

#[test]
fn case_and_one_trailing_dot_do_not_make_another_name() {
    for spelling in ["api.example.test", "API.Example.TEST", "api.example.test.", "aPi.example.test."] {
        assert_eq!(name(spelling).as_str(), "api.example.test");
    }
}

#[test]
fn what_is_no_host_name_is_refused_with_the_reason() {
    let long = format!("{}.test", "a".repeat(64));
    let longer = ["a".repeat(60).as_str(); 5].join(".");
    let rows: &[(&[u8], HostNameError)] = &[
        (b"", HostNameError::Empty),
        (b".", HostNameError::Empty),
        (b"..", HostNameError::Empty),
        (b"a..b", HostNameError::Empty),
        (b".a.test", HostNameError::Empty),
        (b"a.test..", HostNameError::Empty),
        (b"a\0.test", HostNameError::Character),
        (b"evil.test\0.example.test", HostNameError::Character),
        (b"a b.test", HostNameError::Character),
        (b"a@b.test", HostNameError::Character),
        (b"a/b.test", HostNameError::Character),
        (b"a#b.test", HostNameError::Character),
        (b"a%2eb.test", HostNameError::Character),
        (b"a:80", HostNameError::Character),
        (b"-a.test", HostNameError::Character),
        (b"a-.test", HostNameError::Character),
        (b"*.test", HostNameError::Character),
        (b"[::1]", HostNameError::Character),
        ("ex\u{430}mple.test".as_bytes(), HostNameError::Character),
        ("a\u{3002}test".as_bytes(), HostNameError::Character),
        ("a\u{200b}.test".as_bytes(), HostNameError::Character),
        (long.as_bytes(), HostNameError::TooLong),
        (longer.as_bytes(), HostNameError::TooLong),
        (b"127.0.0.1", HostNameError::Address),
        (b"127.1", HostNameError::Address),
        (b"2130706433", HostNameError::Address),
        (b"0x7f.0x1", HostNameError::Address),
        (b"127.0.0.1.", HostNameError::Address),
    ];
    for (bytes, error) in rows {
        assert_eq!(HostName::new(bytes), Err(*error), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_person_may_write_letters_of_any_script() {
    assert_eq!(HostName::of_person("B\u{fc}cher.test").unwrap().as_str(), "xn--bcher-kva.test");
    // The homograph of an allowed name is another name.
    assert_ne!(HostName::of_person("ex\u{430}mple.test").unwrap(), name("example.test"));
    assert!(HostName::of_person("a\u{3002}\u{3002}test").is_err());
}

#[test]
fn a_wildcard_covers_whole_labels_below_and_not_the_name_itself() {
    let pattern = HostPattern::of_person("*.example.test").unwrap();
    for inside in ["a.example.test", "A.B.example.test."] {
        assert!(pattern.matches(&name(inside)), "{inside}");
    }
    for outside in ["example.test", "evil-example.test", "aexample.test", "example.test.evil.test", "test", "a.test"] {
        assert!(!pattern.matches(&name(outside)), "{outside}");
    }
    assert_eq!(HostPattern::of_person("*.test"), Err(HostPatternError::TooWide));
    for wrong in ["*", "a.*.test", "*a.example.test", "**.example.test", "*.*.example.test"] {
        assert!(HostPattern::of_person(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_name_is_stable_under_parsing(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(parsed) = HostName::new(&bytes) {
            prop_assert_eq!(&HostName::new(parsed.as_str().as_bytes()).unwrap(), &parsed);
            prop_assert!(parsed.as_str().len() <= 253);
            prop_assert!(!parsed.as_str().ends_with('.'));
        }
    }

    #[test]
    fn a_wildcard_agrees_with_an_oracle_on_label_lists(
        name in "[a-c]{1,2}(\\.[a-c]{1,2}){0,4}", above in "[a-c]{1,2}(\\.[a-c]{1,2}){1,3}"
    ) {
        let pattern = HostPattern::of_person(&format!("*.{above}")).unwrap();
        let (labels, suffix): (Vec<&str>, Vec<&str>) = (name.split('.').collect(), above.split('.').collect());
        let expected = labels.len() > suffix.len() && labels[labels.len() - suffix.len()..] == suffix[..];
        prop_assert_eq!(pattern.matches(&HostName::new(name.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn a_covering_pattern_matches_all_that_the_covered_one_does(
        one in "(\\*\\.)?[a-b](\\.[a-b]){1,2}", other in "(\\*\\.)?[a-b](\\.[a-b]){1,2}", name in "[a-b](\\.[a-b]){0,4}"
    ) {
        let (one, other) = (HostPattern::of_person(&one).unwrap(), HostPattern::of_person(&other).unwrap());
        let name = HostName::new(name.as_bytes()).unwrap();
        if one.covers(&other) && other.matches(&name) {
            prop_assert!(one.matches(&name));
        }
    }
}
