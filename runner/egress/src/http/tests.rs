//! Requests as clients send them, and in every spelling that could hide a second one.

use proptest::prelude::*;

use super::*;

fn requests() -> Requests {
    Requests::new(ExpectedHost::Name(HostName::new(b"api.example.test").unwrap()), 80)
}

/// Sends a stream in pieces, as a relay does: what passed, and why it ended if it did.
fn relay(mut requests: Requests, stream: &[u8], piece: usize) -> (Vec<u8>, Option<WhyNotHttp>) {
    let (mut held, mut passed) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece) {
        held.extend(piece);
        loop {
            match requests.read(&held) {
                Ok(0) => break,
                Ok(count) => passed.extend(held.drain(..count)),
                Err(why) => return (passed, Some(why)),
            }
        }
        assert!(held.len() < LONGEST_HEAD);
    }
    (passed, None)
}

fn refusal(stream: &[u8]) -> Option<WhyNotHttp> {
    let (passed, why) = relay(requests(), stream, usize::MAX);
    assert!(why.is_some() || passed == stream, "held back: {:?}", String::from_utf8_lossy(stream));
    assert!(why.is_none() || passed.is_empty(), "passed: {:?}", String::from_utf8_lossy(&passed));
    why
}

/// A request with these lines between its host and the empty line.
fn with(lines: &str) -> Vec<u8> {
    format!("POST /a HTTP/1.1\r\nHost: api.example.test\r\n{lines}\r\n").into_bytes()
}

#[test]
fn requests_for_the_expected_host_pass_unchanged() {
    for stream in [
        with(""),
        with("Accept: */*\r\nX-Empty:\r\nX-Latin: \u{e9}\r\n"),
        with("Content-Length: 5\r\n\r\nhello").strip_suffix(b"\r\n").unwrap().to_vec(),
        with("Content-Length: 0\r\n"),
        [with("Transfer-Encoding: chunked\r\n"), b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n".to_vec()].concat(),
        [with("Transfer-Encoding: Chunked\r\n"), b"000\r\nX-Sum: 1\r\n\r\n".to_vec()].concat(),
        [with("Connection: close, keep-alive\r\n"), with(""), with("")].concat(),
        b"GET / HTTP/1.0\r\nhost:API.example.test:80\r\n\r\n".to_vec(),
        b"GET http://api.example.test:80/x?y#z HTTP/1.1\r\nHOST: api.example.test.\r\n\r\n".to_vec(),
        b"GET HTTP://Api.Example.Test HTTP/1.1\r\nHost:\tapi.example.test \r\n\r\n".to_vec(),
        b"GET //evil.test/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
    ] {
        assert_eq!(refusal(&stream), None, "{:?}", String::from_utf8_lossy(&stream));
    }
}

#[test]
fn another_host_is_refused_in_every_place() {
    for host in [
        "evil.test",
        "api.example.test.evil.test",
        "xapi.example.test",
        "api.example.test:81",
        "api.example.test:",
        "api.example.test:080",
        "api.example.test:+80",
        "api.example.test:80:80",
        "user@api.example.test",
        "api.example.test, evil.test",
        "api.example.test evil.test",
        "api.example.test/",
        "api.example.test\\",
        "api.example.test\\@evil.test",
        "api.example.test..",
        "[api.example.test]",
        "192.0.2.1",
        "\u{e9}",
    ] {
        let stream = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(refusal(stream.as_bytes()), Some(WhyNotHttp::OtherHost), "{host}");
        let stream = format!("GET http://{host}/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n");
        // A slash ends the host in an address, and nothing else.
        let expected = (host != "api.example.test/").then_some(WhyNotHttp::OtherHost);
        let expected = if host.is_ascii() { expected } else { Some(WhyNotHttp::Target) };
        if !host.contains(' ') {
            assert_eq!(refusal(stream.as_bytes()), expected, "{host}");
        }
    }
    for stream in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: api.example.test\r\nHost: api.example.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: api.example.test\r\nhost: evil.test\r\n\r\n",
    ] {
        assert_eq!(refusal(stream.as_bytes()), Some(WhyNotHttp::Hosts), "{stream}");
    }
}

#[test]
fn a_literal_address_expects_itself() {
    let to = |address: &str| Requests::new(ExpectedHost::Address(address.parse().unwrap()), 8080);
    let ask = |address, host| relay(to(address), format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(), 9).1;
    for (address, host) in [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7:8080"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("2001:db8::7", "[2001:DB8:0:0::7]:8080"),
    ] {
        assert_eq!(ask(address, host), None, "{host}");
    }
    for (address, host) in [
        ("192.0.2.7", "192.0.2.8"),
        ("192.0.2.7", "192.0.2.7:80"),
        ("192.0.2.7", "192.0.2.07"),
        ("192.0.2.7", "3221225991"),
        ("192.0.2.7", "[192.0.2.7]"),
        ("192.0.2.7", "[::ffff:192.0.2.7]"),
        ("192.0.2.7", "a.test"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:db8::7", "[2001:db8::7"),
        ("2001:db8::7", "[2001:db8::7]8080"),
        ("2001:db8::7", "[2001:db8::7%1]"),
    ] {
        assert_eq!(ask(address, host), Some(WhyNotHttp::OtherHost), "{host}");
    }
}

#[test]
fn what_asks_for_another_protocol_is_refused() {
    for stream in [
        b"CONNECT api.example.test:80 HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
        b"connect / HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
        b"PRI / HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
        with("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
        with("upgrade: h2c\r\n"),
        with("HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        with("Connection: close , UPGRADE\r\n"),
    ] {
        assert_eq!(refusal(&stream), Some(WhyNotHttp::OtherProtocol));
    }
    assert_eq!(refusal(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(WhyNotHttp::Malformed));
}

#[test]
fn an_unclear_length_is_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\ncontent-length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        assert_eq!(refusal(&with(lines)), Some(WhyNotHttp::Length), "{lines}");
    }
    let old = b"POST / HTTP/1.0\r\nHost: api.example.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refusal(old), Some(WhyNotHttp::Length));
}

#[test]
fn a_head_in_any_other_spelling_is_refused() {
    let many = "A: b\r\n".repeat(MOST_FIELDS);
    let rows: &[(&[u8], WhyNotHttp)] = &[
        (b"\r\nGET / HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET /\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.2\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/2.0\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / http/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET  / HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1 \r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET\t/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"G\x01T / HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\r\nHost : api.example.test\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\r\n: b\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\r\nA\x0b: b\r\n\r\n", WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\r\nA: \x01\r\n\r\n", WhyNotHttp::Malformed),
        (&with("Connection: close, Host\r\n"), WhyNotHttp::Malformed),
        (&with("Connection: content-length\r\n"), WhyNotHttp::Malformed),
        (b"GET / HTTP/1.1\nHost: api.example.test\n\n", WhyNotHttp::Line),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\n\r\n", WhyNotHttp::Line),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\r\n\n", WhyNotHttp::Line),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\rA: b\r\n\r\n", WhyNotHttp::Line),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\r\r\n\r\n", WhyNotHttp::Line),
        (b"GET / HTTP/1.1\r\nHost: api.example.test\0\r\n\r\n", WhyNotHttp::Line),
        (&with(" folded\r\n"), WhyNotHttp::Folded),
        (&with("A: b\r\n\tc\r\n"), WhyNotHttp::Folded),
        (b" GET / HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Folded),
        (b"GET a HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Target),
        (b"GET * HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Target),
        (b"GET https://api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Target),
        (b"GET api.example.test:80 HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Target),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: api.example.test\r\n\r\n", WhyNotHttp::Target),
        (&with(&many), WhyNotHttp::TooManyFields),
        (&with(&format!("A: {}\r\n", "b".repeat(LONGEST_HEAD))), WhyNotHttp::TooLong),
        (&[b'a'; LONGEST_HEAD], WhyNotHttp::TooLong),
    ];
    for (stream, why) in rows {
        assert_eq!(refusal(stream), Some(*why), "{:?}", String::from_utf8_lossy(&stream[..stream.len().min(99)]));
    }
    assert_eq!(refusal(&with(&"A: b\r\n".repeat(MOST_FIELDS - 1))), None);
    let frame = with("A: \r\n").len();
    assert_eq!(refusal(&with(&format!("A: {}\r\n", "b".repeat(LONGEST_HEAD - frame)))), None);
}

#[test]
fn a_malformed_chunk_ends_the_stream_before_it_passes() {
    let head = with("Transfer-Encoding: chunked\r\n");
    let long = format!("1;{}\r\n", "x".repeat(300));
    let trailer = format!("0\r\nX: {}\r\n\r\n", "y".repeat(LONGEST_TRAILERS));
    for (body, passes, why) in [
        ("\r\n", 0, WhyNotHttp::Chunk),
        ("x\r\n", 0, WhyNotHttp::Chunk),
        ("+5\r\n", 0, WhyNotHttp::Chunk),
        ("0x5\r\n", 0, WhyNotHttp::Chunk),
        ("5 \r\n", 0, WhyNotHttp::Chunk),
        (" 5\r\n", 0, WhyNotHttp::Chunk),
        ("5 ;x\r\n", 0, WhyNotHttp::Chunk),
        ("5;\u{1}\r\n", 0, WhyNotHttp::Chunk),
        ("5;\u{e9}\r\n", 0, WhyNotHttp::Chunk),
        ("5;a\rb\r\n", 0, WhyNotHttp::Chunk),
        ("5\n", 0, WhyNotHttp::Chunk),
        ("1234567890abcdef\r\n", 0, WhyNotHttp::Chunk),
        (long.as_str(), 0, WhyNotHttp::TooLong),
        ("5\r\nhelloX", 8, WhyNotHttp::Chunk),
        ("5\r\nhello\n", 8, WhyNotHttp::Chunk),
        ("5\r\nhello\rX", 8, WhyNotHttp::Chunk),
        ("0\r\nHost: evil.test\r\n\r\n", 3, WhyNotHttp::Trailer),
        ("0\r\nContent-Length: 5\r\n\r\n", 3, WhyNotHttp::Trailer),
        ("0\r\nUpgrade: h2c\r\n\r\n", 3, WhyNotHttp::Trailer),
        ("0\r\nX: y\n\n", 3, WhyNotHttp::Line),
        ("0\r\nX : y\r\n\r\n", 3, WhyNotHttp::Malformed),
        ("0\r\n X: y\r\n\r\n", 3, WhyNotHttp::Folded),
        (trailer.as_str(), 3, WhyNotHttp::TooLong),
    ] {
        let stream = [&head, body.as_bytes()].concat();
        let expected = (stream[..head.len() + passes].to_vec(), Some(why));
        assert_eq!(relay(requests(), &stream, usize::MAX), expected, "{body}");
    }
}

#[test]
fn every_request_of_a_connection_is_judged() {
    let other = b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    for first in [
        with(""),
        [with("Content-Length: 3\r\n"), b"abc".to_vec()].concat(),
        [with("Transfer-Encoding: chunked\r\n"), b"1\r\na\r\n0\r\n\r\n".to_vec()].concat(),
        [with("Transfer-Encoding: chunked\r\n"), b"0\r\nA: b\r\n\r\n".to_vec()].concat(),
    ] {
        let stream = [first.as_slice(), other].concat();
        assert_eq!(relay(requests(), &stream, usize::MAX), (first, Some(WhyNotHttp::OtherHost)));
    }
}

#[test]
fn a_refusal_stays_and_the_gap_between_requests_is_known() {
    let mut requests = requests();
    assert!(requests.is_between_requests());
    assert_eq!(requests.read(b"POST"), Ok(0));
    assert!(!requests.is_between_requests());
    let stream = with("Content-Length: 1\r\n");
    assert_eq!(requests.read(&stream), Ok(stream.len()));
    assert!(!requests.is_between_requests());
    assert_eq!(requests.read(b"x"), Ok(1));
    assert!(requests.is_between_requests());
    assert_eq!(requests.read(b"\n"), Err(WhyNotHttp::Line));
    assert_eq!(requests.read(&with("")), Err(WhyNotHttp::Line));
    assert!(!requests.is_between_requests());
}

/// Pieces of streams that are right, nearly right and wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(with("")),
        Just(with("Content-Length: 7\r\n")),
        Just(with("Transfer-Encoding: chunked\r\n")),
        Just(b"7\r\n1234567\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"0\r\nA: b\r\n\r\n".to_vec()),
        Just(b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n".to_vec()),
        proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b'0'), any::<u8>()], 0..9),
    ];
    proptest::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_a_stream_is_cut_makes_no_difference(stream in stream(), piece in 1..60_usize) {
        let whole = relay(requests(), &stream, usize::MAX);
        prop_assert_eq!(relay(requests(), &stream, piece), whole.clone());
        prop_assert_eq!(relay(requests(), &stream, 1), whole.clone());
        prop_assert!(stream.starts_with(&whole.0));
    }
}
