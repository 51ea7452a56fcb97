use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    EgressEntry::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

#[test]
fn the_grammar_fills_in_what_is_well_known() {
    for (text, canonical) in [
        ("api.example.test", "api.example.test:443/tls"),
        ("API.Example.Test.", "api.example.test:443/tls"),
        ("*.example.test", "*.example.test:443/tls"),
        ("api.example.test:443", "api.example.test:443/tls"),
        ("api.example.test:80", "api.example.test:80/http"),
        ("api.example.test/http", "api.example.test:80/http"),
        ("api.example.test/tcp", "api.example.test:443/tcp"),
        ("api.example.test:443/tcp", "api.example.test:443/tcp"),
        ("db.example.test:5432/tcp", "db.example.test:5432/tcp"),
        ("time.example.test:123/udp", "time.example.test:123/udp"),
        ("10.1.2.0/24:6379/tcp", "10.1.2.0/24:6379/tcp"),
        ("10.1.2.3", "10.1.2.3:443/tls"),
        ("10.1.2.3:80", "10.1.2.3:80/http"),
        ("10.1.2.0/24", "10.1.2.0/24:443/tls"),
        ("[2001:db8::/32]:8443/tls", "[2001:db8::/32]:8443/tls"),
        ("[2001:db8::1]", "[2001:db8::1]:443/tls"),
        ("2001:db8::/32", "[2001:db8::/32]:443/tls"),
        ("@npm-registry", "@npm-registry"),
        ("!b.example.test", "!b.example.test"),
        ("b\u{fc}cher.test", "xn--bcher-kva.test:443/tls"),
    ] {
        assert_eq!(shown(text), canonical);
        assert_eq!(shown(canonical), canonical);
    }
}

#[test]
fn what_the_grammar_does_not_know_is_refused() {
    for text in [
        "",
        " ",
        "*",
        "*.test",
        "a.test:",
        "a.test:0",
        "a.test:65536",
        "a.test:8443",
        "a.test:+80",
        "a.test/ssh",
        "a.test/",
        "a.test:443/",
        "https://a.test",
        "a.test/24",
        "@",
        "@nothing",
        "!",
        "!a.test:80",
        "!*",
        "10.1.2.3/24",
        "10.1.2.0/33",
        "[::1",
        "[::1]443",
        "[::1]:443:1/tcp",
        "169.254.169.254",
        "169.254.169.254:80/tcp",
        "0x7f.1",
        "127.1",
        "a b.test",
        "a.test\0",
        "user@a.test",
    ] {
        assert!(EgressEntry::parse(text).is_err(), "{text:?} was taken for {:?}", EgressEntry::parse(text));
    }
    assert_eq!(EgressEntry::parse("a.test:8443"), Err(EgressError::NoProtocol(8443)));
}

#[test]
fn a_wider_opening_covers_a_narrower_one_and_not_the_other_way_round() {
    let opening = |text: &str| Opening::parse(text).unwrap();
    for (wide, narrow) in [
        ("*.example.test", "api.example.test"),
        ("*.example.test:443/tcp", "*.a.example.test"),
        ("10.0.0.0/8:443/tcp", "10.1.2.0/24"),
    ] {
        assert!(opening(wide).covers(&opening(narrow)), "{wide} {narrow}");
        assert!(!opening(narrow).covers(&opening(wide)), "{wide} {narrow}");
    }
    assert!(!opening("a.example.test").covers(&opening("a.example.test:8443/tls")));
    assert!(!opening("a.example.test:53/tcp").covers(&opening("a.example.test:53/udp")));
}

#[test]
fn only_loopback_addresses_are_loopback_ports() {
    for text in ["127.0.0.1:5432", "127.0.0.2:80", "[::1]:5432"] {
        assert_eq!(parse_loopback(text).unwrap().to_string(), text);
    }
    for text in ["10.0.0.1:5432", "127.0.0.1", "127.0.0.1:0", "localhost:80", "0.0.0.0:80", "[::]:80"] {
        assert!(parse_loopback(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_parses_is_shown_in_a_spelling_that_means_the_same(text in "[a-c0-9.:/\\[\\]!@*-]{0,16}|[a-c]\\.test(:[0-9]{1,5})?(/(tcp|udp|tls|http))?") {
        if let Ok(entry) = EgressEntry::parse(&text) {
            prop_assert_eq!(EgressEntry::parse(&entry.to_string()), Ok(entry));
        }
    }
}
