//! Hellos as clients send them, and as they must not; built by hand, byte by byte.

use proptest::prelude::*;

use super::record::MOST_RECORDS;
use super::*;

fn short(data: &[u8]) -> Vec<u8> {
    [&[u8::try_from(data.len()).unwrap()], data].concat()
}

fn long(data: &[u8]) -> Vec<u8> {
    [u16::try_from(data.len()).unwrap().to_be_bytes().as_slice(), data].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().as_slice(), &long(data)].concat()
}

fn sni(name: &[u8]) -> Vec<u8> {
    extension(0, &long(&[&[0], long(name).as_slice()].concat()))
}

fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
    extension(16, &long(&protocols.iter().flat_map(|protocol| short(protocol)).collect::<Vec<u8>>()))
}

/// Without these rustls takes nothing.
fn signatures() -> Vec<u8> {
    extension(13, &long(&[4, 3, 8, 4]))
}

/// Outer form (RFC 9849, 5): suite, key, what was encapsulated and what was encrypted.
fn ech() -> Vec<u8> {
    extension(0xfe0d, &[&[0, 0, 1, 0, 1, 9], long(&[5; 32]).as_slice(), &long(&[6; 144])].concat())
}

/// A message with these extensions, in one record.
fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let body =
        [&[3, 3], [7; 32].as_slice(), &short(&[1; 32]), &long(&[0x13, 1]), &short(&[0]), &long(&extensions.concat())];
    let body = body.concat();
    [&[1], &u32::try_from(body.len()).unwrap().to_be_bytes()[1..], &body].concat()
}

fn records(message: &[u8], fragment: usize) -> Vec<u8> {
    message.chunks(fragment).flat_map(|piece| [&[22, 3, 1], long(piece).as_slice()].concat()).collect()
}

fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    records(&message(&[&[signatures()], extensions].concat()), 16_384)
}

fn read(bytes: &[u8]) -> Progress {
    Reader::default().read(bytes)
}

fn said(name: &str) -> Hello {
    Hello { server_name: Some(HostName::new(name.as_bytes()).unwrap()), alpn: Vec::new(), has_ech: false }
}

#[test]
fn a_hello_tells_its_server_and_its_protocols() {
    assert_eq!(read(&hello(&[sni(b"api.example.test")])), Progress::Hello(said("api.example.test")));
    assert_eq!(read(&hello(&[sni(b"API.example.TEST")])), Progress::Hello(said("api.example.test")));
    let protocols: [&[u8]; 2] = [b"h2", b"http/1.1"];
    let expected = Hello { alpn: protocols.map(<[u8]>::to_vec).to_vec(), ..said("a.test") };
    assert_eq!(read(&hello(&[alpn(&protocols), sni(b"a.test")])), Progress::Hello(expected));
    let nothing = Hello { server_name: None, ..said("a.test") };
    assert_eq!(read(&hello(&[])), Progress::Hello(nothing));
}

#[test]
fn a_hello_of_a_common_client_is_read() {
    // In front are two bytes for the fuzz target that begins from it.
    let hello = &include_bytes!("../../../../fuzz/seeds/client_hello/openssl")[2..];
    let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    assert_eq!(read(hello), Progress::Hello(Hello { alpn, ..said("api.example.test") }));
}

#[test]
fn an_encrypted_hello_is_reported_in_either_form() {
    for hidden in [ech(), extension(0xffce, &[0; 200])] {
        let expected = Hello { has_ech: true, ..said("outer.test") };
        assert_eq!(read(&hello(&[sni(b"outer.test"), hidden])), Progress::Hello(expected));
    }
    assert_eq!(read(&hello(&[extension(0xfe0d, &[9; 200])])), Progress::Refused(WhyNotTls::Unacceptable));
    assert_eq!(read(&hello(&[sni(b"a.test"), extension(0x0a0a, b"")])), Progress::Hello(said("a.test")));
}

#[test]
fn a_server_name_that_is_not_one_host_name_is_refused() {
    let name = |name: &[u8]| [&[0], long(name).as_slice()].concat();
    let other_kind = [&[1], long(b"a.test").as_slice()].concat();
    for bytes in [
        sni(b""),
        sni(b"."),
        sni(b"a.test."),
        sni(b"a..test"),
        sni(b"a\0.test"),
        sni(b"a.test\0.evil.test"),
        sni(b"a b.test"),
        sni(b"127.0.0.1"),
        sni(b"127.1"),
        sni(b"0x7f000001"),
        sni(b"::1"),
        sni(b"[::1]"),
        sni(b"*.test"),
        sni("b\u{fc}cher.test".as_bytes()),
        sni(&[b'a'; 64]),
        extension(0, b""),
        extension(0, &long(b"")),
        extension(0, &long(&[name(b"a.test"), name(b"b.test")].concat())),
        extension(0, &long(&[name(b"a.test"), other_kind.clone()].concat())),
        extension(0, &long(&other_kind)),
        extension(0, &[long(&name(b"a.test")), vec![0]].concat()),
        extension(0, &long(&[name(b"a.test"), vec![0]].concat())),
    ] {
        assert_eq!(read(&hello(std::slice::from_ref(&bytes))), Progress::Refused(WhyNotTls::ServerName), "{bytes:?}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let whole = message(&[signatures(), sni(b"a.test")]);
    let many: Vec<Vec<u8>> = (0..80_u16).map(|kind| extension(0x4000 + kind, b"")).collect();
    let rows = [
        (hello(&[sni(b"a.test"), sni(b"a.test")]), WhyNotTls::Twice),
        (hello(&[sni(b"a.test"), sni(b"b.test")]), WhyNotTls::Twice),
        (hello(&[extension(0x4000, b""), extension(0x4000, b"")]), WhyNotTls::Twice),
        (hello(&many), WhyNotTls::TooMany),
        (hello(&[alpn(&[b"a".as_slice(); 33])]), WhyNotTls::TooMany),
        (hello(&[alpn(&[])]), WhyNotTls::Malformed),
        (hello(&[alpn(&[b"h2", b""])]), WhyNotTls::Malformed),
        (hello(&[extension(16, &[long(&short(b"h2")), vec![0]].concat())]), WhyNotTls::Malformed),
        (records(&[whole.clone(), vec![0]].concat(), 16_384), WhyNotTls::Followed),
        (records(&[whole.clone(), whole.clone()].concat(), 16_384), WhyNotTls::Followed),
        // Versions before TLS 1.2 sent no signature algorithms.
        (records(&message(&[sni(b"a.test")]), 16_384), WhyNotTls::Unacceptable),
    ];
    for (bytes, why) in rows {
        assert_eq!(read(&bytes), Progress::Refused(why));
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let good = message(&[signatures(), sni(b"a.test")]);
    // Session, suites, compressions, extensions as a whole, and each of them.
    for place in [38, 72, 75, 78, 82, 92] {
        for change in [1, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[place] = bytes[place].wrapping_add(change);
            assert!(matches!(read(&records(&bytes, 16_384)), Progress::Refused(_)), "{place} {change}");
        }
    }
    assert_eq!(read(&records(&good, 16_384)), Progress::Hello(said("a.test")));
}

#[test]
fn other_protocols_are_refused_by_their_first_bytes() {
    for bytes in
        [b"GET / HTTP/1.1\r\n".as_slice(), b"SSH-2.0", &[21, 3, 3, 0, 2, 2, 40], &[20, 3, 3], &[23], &[0x80, 0x2e]]
    {
        assert_eq!(read(bytes), Progress::Refused(WhyNotTls::Record));
    }
    assert_eq!(read(&[22, 2]), Progress::Refused(WhyNotTls::Record));
    assert_eq!(read(&[22, 3, 1, 0, 0]), Progress::Refused(WhyNotTls::Record));
    assert_eq!(read(&[22, 3, 1, 0x40, 1]), Progress::Refused(WhyNotTls::Record));
    assert_eq!(read(&[22, 3, 1, 0, 1, 2]), Progress::Refused(WhyNotTls::Kind));
    assert_eq!(read(&[22, 3, 1, 0, 4, 1, 1, 0, 0]), Progress::Refused(WhyNotTls::TooLong));
    // Another record in the midst of the message.
    let first = records(&message(&[signatures()]), 20)[..25].to_vec();
    assert_eq!(read(&[first, vec![20, 3, 3, 0, 1, 1]].concat()), Progress::Refused(WhyNotTls::Record));
}

#[test]
fn a_hello_may_be_long_but_not_longer_than_the_bound() {
    let padded = |size: usize| hello(&[sni(b"a.test"), extension(21, &vec![0; size])]);
    let most = LONGEST_HELLO - padded(0).len();
    assert_eq!(read(&padded(most)), Progress::Hello(said("a.test")));
    assert_eq!(read(&padded(most + 1)), Progress::Refused(WhyNotTls::TooLong));
    // In pieces it takes as many headers more.
    let whole = message(&[signatures(), sni(b"a.test")]);
    assert_eq!(read(&records(&whole, whole.len().div_ceil(MOST_RECORDS))), Progress::Hello(said("a.test")));
    assert_eq!(read(&records(&whole, 1)), Progress::Refused(WhyNotTls::TooMany));
    let scattered = records(&message(&[signatures(), extension(21, &[0; LONGEST_HELLO - 400])]), 257);
    assert_eq!(read(&scattered), Progress::Refused(WhyNotTls::TooLong));
}

#[test]
fn what_follows_a_hello_is_kept_and_changes_nothing() {
    let early = [hello(&[sni(b"a.test")]), vec![20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 1, 9]].concat();
    let mut reader = Reader::default();
    assert_eq!(reader.read(&early), Progress::Hello(said("a.test")));
    assert_eq!(reader.read(b"more"), Progress::Hello(said("a.test")));
    assert_eq!(reader.into_bytes(), [early, b"more".to_vec()].concat());
}

proptest! {
    #[test]
    fn how_a_hello_is_cut_makes_no_difference(
        fragment in 12..400_usize,
        piece in 1..400_usize,
        changed in proptest::option::of((0..400_usize, any::<u8>())),
    ) {
        let message = message(&[signatures(), sni(b"api.example.test"), alpn(&[b"h2"]), ech()]);
        let mut bytes = records(&message, fragment);
        if let Some((place, byte)) = changed {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let mut reader = Reader::default();
        let mut progress = Progress::NeedMore;
        for piece in bytes.chunks(piece) {
            progress = reader.read(piece);
        }
        prop_assert_eq!(&progress, &read(&bytes));
        prop_assert!(changed.is_some() || matches!(progress, Progress::Hello(_)));
        prop_assert_eq!(reader.into_bytes(), bytes);
    }
}
