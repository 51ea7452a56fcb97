//! Questions as programs send them, and as they must not; every answer is read back.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

mod reading;

use reading::{Reply, read_reply};

/// A question of class IN with recursion desired.
fn asked(labels: &[&[u8]], kind: u16) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(*label);
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message
}

fn with_opt(mut message: Vec<u8>, options: &[u8]) -> Vec<u8> {
    message[11] = 1;
    message.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0]);
    message.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
    message.extend(options);
    message
}

fn with(mut message: Vec<u8>, place: usize, byte: u8) -> Vec<u8> {
    message[place] = byte;
    message
}

fn followed(mut message: Vec<u8>, more: &[u8]) -> Vec<u8> {
    message.extend(more);
    message
}

fn api() -> Vec<u8> {
    asked(&[b"api", b"Example", b"test"], 1)
}

fn host(name: &str) -> Result<HostName, String> {
    Ok(HostName::new(name.as_bytes()).unwrap())
}

#[test]
fn a_question_is_read_with_all_that_an_answer_needs() {
    let question = read(&api()).unwrap();
    let expected = Question {
        id: 0x1234,
        recursion_desired: true,
        checking_disabled: false,
        kind: Kind::A,
        name: host("api.example.test"),
        has_edns: false,
        raw: b"\x03api\x07Example\x04test\0\0\x01\0\x01".to_vec(),
    };
    assert_eq!(question, expected);
    assert_eq!(read(&with_opt(api(), &[0, 10, 0, 2, 7, 7])).unwrap(), Question { has_edns: true, ..expected });
    assert_eq!(read(&asked(&[b"a", b"test"], 28)).unwrap().kind, Kind::Aaaa);
    assert_eq!(read(&asked(&[b"a", b"test"], 65)).unwrap().kind, Kind::Other(65));
}

#[test]
fn what_is_no_question_is_malformed_and_says_why() {
    let rows: &[(&[u8], Wrong)] = &[
        (b"", Wrong::Short),
        (&api()[..11], Wrong::Short),
        (&api()[..12], Wrong::Name),
        (&api()[..20], Wrong::Name),
        (&api()[..api().len() - 1], Wrong::Name),
        (&with(api(), 2, 0x81), Wrong::Response),
        (&with(api(), 2, 0x10), Wrong::Opcode),
        (&with(api(), 2, 0x28), Wrong::Opcode),
        (&with(api(), 2, 0x03), Wrong::Truncated),
        (&with(api(), 5, 0), Wrong::Counts),
        (&with(api(), 5, 2), Wrong::Counts),
        (&with(api(), 4, 1), Wrong::Counts),
        (&with(api(), 7, 1), Wrong::Counts),
        (&with(api(), 9, 1), Wrong::Counts),
        (&with(api(), 11, 2), Wrong::Counts),
        // A pointer to itself, one to the header, and the two lengths that nothing has.
        (&followed(api()[..12].to_vec(), &[0xc0, 12, 0, 1, 0, 1]), Wrong::Name),
        (&followed(api()[..16].to_vec(), &[0xc0, 0, 0, 1, 0, 1]), Wrong::Name),
        (&with(api(), 12, 0x40), Wrong::Name),
        (&with(api(), 12, 0x80), Wrong::Name),
        (&asked(&[[b'a'; 63].as_slice(); 4], 1), Wrong::Name),
        (&with(api(), api().len() - 1, 3), Wrong::Class),
        (&with(api(), api().len() - 1, 255), Wrong::Class),
        (&followed(api(), b"x"), Wrong::Trailing),
        (&followed(with_opt(api(), b""), b"x"), Wrong::Trailing),
        (&with(api(), 11, 1), Wrong::Additional),
        (&with_opt(api(), b"x"), Wrong::Additional),
        (&with_opt(api(), &[0, 10, 0, 3, 7, 7]), Wrong::Additional),
        (&with(with_opt(api(), b""), api().len() + 6, 1), Wrong::Additional),
        (&with(with_opt(api(), b""), api().len() + 2, 250), Wrong::Additional),
        (&with(with_opt(api(), b""), api().len() + 10, 1), Wrong::Additional),
        (&followed(api(), &[0; LONGEST_MESSAGE]), Wrong::Long),
    ];
    for (message, why) in rows {
        assert_eq!(read(message).map_err(|malformed| malformed.why), Err(*why), "{message:?}");
    }
}

#[test]
fn a_malformed_message_gets_a_header_at_most() {
    let reply = |message: &[u8]| read(message).unwrap_err().reply().map(|reply| read_reply(&reply).unwrap());
    let header = |rcode| {
        Some(Reply { id: 0x1234, recursion_desired: true, checking_disabled: false, rcode, ..Reply::default() })
    };
    assert_eq!(reply(&with(api(), 2, 0x81)), None);
    assert_eq!(reply(b"short"), None);
    assert_eq!(reply(&followed(api(), b"x")), header(1));
    assert_eq!(reply(&with(api(), api().len() - 1, 3)), header(5));
    let status = read(&with(api(), 2, 0x11)).unwrap_err().reply().unwrap();
    assert_eq!(status, [0x12, 0x34, 0x91, 0x80 | 4, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn odd_bytes_within_a_label_never_make_a_host_name() {
    let long: Vec<&[u8]> = vec![b"a"; 127];
    let rows: &[(&[&[u8]], &str)] = &[
        (&[], "."),
        (&[b"api.example", b"test"], r"api\.example.test."),
        (&[b"evil\0", b"test"], r"evil\000.test."),
        (&[b"api.example.test"], r"api\.example\.test."),
        (&[b"a b", b"\\"], r"a\032b.\\."),
        (&[b"\xff"], r"\255."),
        (&[b"1", b"2", b"3", b"4"], "1.2.3.4."),
        (&[b"*", b"test"], "*.test."),
        (&[b"-a", b"test"], "-a.test."),
    ];
    for (labels, text) in rows {
        assert_eq!(read(&asked(labels, 1)).unwrap().name, Err((*text).to_owned()));
    }
    assert_eq!(read(&asked(&[b"_dmarc", b"a", b"test"], 16)).unwrap().name, host("_dmarc.a.test"));
    assert_eq!(read(&asked(&long, 1)).unwrap().name, host(&["a"; 127].join(".")));
}

#[test]
fn an_answer_holds_the_addresses_of_the_kind_that_was_asked_for() {
    let both: Vec<IpAddr> = vec!["198.18.0.7".parse().unwrap(), "fd6f::7".parse().unwrap()];
    for (kind, expected) in [(1, vec![both[0]]), (28, vec![both[1]]), (65, vec![])] {
        let question = read(&with_opt(asked(&[b"Api", b"test"], kind), b"")).unwrap();
        let reply = read_reply(&answer(&question, &Answer::Addresses(both.clone()), 512)).unwrap();
        let question = question.raw.clone();
        let addresses = expected;
        assert_eq!(
            reply,
            Reply { id: 0x1234, recursion_desired: true, question, addresses, has_opt: true, ..Reply::default() }
        );
    }
}

#[test]
fn an_answer_without_addresses_says_why() {
    let question = read(&api()).unwrap();
    for (what, rcode) in [
        (Answer::NoData, 0),
        (Answer::FormatError, 1),
        (Answer::NameError, 3),
        (Answer::NotImplemented, 4),
        (Answer::Refused, 5),
    ] {
        let reply = read_reply(&answer(&question, &what, 512)).unwrap();
        assert_eq!((reply.rcode, reply.addresses.len(), reply.has_opt), (rcode, 0, false), "{what:?}");
        assert_eq!(reply.question, question.raw);
    }
}

#[test]
fn an_answer_keeps_to_its_room_and_never_tells_without_its_question() {
    let question = read(&with_opt(api(), b"")).unwrap();
    let (header, raw) = (12, question.raw.len());
    for room in 0..600 {
        let bytes = answer(&question, &Answer::Addresses(vec![[198, 18, 0, 7].into(); 60]), room);
        let reply = read_reply(&bytes).unwrap();
        let space = room.clamp(header, LONGEST_REPLY) - header;
        assert_eq!(reply.question.is_empty(), space < raw, "{room}");
        assert_eq!(reply.addresses.len(), space.saturating_sub(raw + 11) / 16, "{room}");
        assert!(bytes.len() <= header + space);
    }
}

#[test]
fn the_bytes_of_an_answer_are_these() {
    let question = read(&asked(&[b"a", b"test"], 1)).unwrap();
    let reply = answer(&question, &Answer::Addresses(vec![[198, 18, 0, 7].into()]), 512);
    let expected = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x12\0\x07";
    assert_eq!(reply, expected);
}

#[test]
fn a_length_that_no_message_has_ends_the_stream() {
    for length in [[0, 0], [0x10, 1], [0xff, 0xff]] {
        let mut framed = Framed::default();
        assert_eq!(framed.read(&mut length.as_slice()), Err(BadLength(u16::from_be_bytes(length))));
        assert_eq!(framed.read(&mut b"\0\x01x".as_slice()), Err(BadLength(u16::from_be_bytes(length))));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm_and_answers_read_back(
        message in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            (api_like(), 0..64_usize, any::<u8>()).prop_map(|(mut message, place, byte)| {
                let place = place % message.len();
                message[place] = byte;
                message
            }),
        ],
        room in 0..700_usize,
        count in 0..60_usize,
    ) {
        if let Ok(question) = read(&message) {
            let v4 = (0..count).map(|n| IpAddr::from([198, 18, 0, u8::try_from(n).unwrap()]));
            let v6 = (0..count).map(|n| IpAddr::from([0xfd6f, 0, 0, 0, 0, 0, 0, u16::try_from(n).unwrap()]));
            let reply = answer(&question, &Answer::Addresses(v4.chain(v6).collect()), room);
            prop_assert!(reply.len() <= room.clamp(12, LONGEST_REPLY));
            let reply = read_reply(&reply).unwrap();
            prop_assert_eq!(reply.id, question.id);
            prop_assert!(reply.question == question.raw || (reply.question.is_empty() && reply.addresses.is_empty()));
        }
    }

    #[test]
    fn a_stream_gives_the_same_messages_however_it_is_cut(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..6),
        piece in 1..70_usize,
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        let mut framed = Framed::default();
        let mut read = Vec::new();
        for mut bytes in stream.chunks(piece) {
            while let Some(message) = framed.read(&mut bytes).unwrap() {
                read.push(message);
            }
            prop_assert!(bytes.is_empty());
        }
        prop_assert_eq!(read, messages);
    }
}

fn api_like() -> impl Strategy<Value = Vec<u8>> {
    (0..3_u8, any::<bool>()).prop_map(|(kind, edns)| {
        let message = asked(&[b"api", b"example", b"test"], [1, 28, 65][usize::from(kind)]);
        if edns { with_opt(message, &[0, 10, 0, 2, 7, 7]) } else { message }
    })
}
