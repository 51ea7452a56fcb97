//! Whatever is read as a question gets answers that read back, in any room; a stream gives the same messages however it
//! is cut. The first two bytes of the input are the room and the cut, the rest is the message.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use opaque_egress::dns::{Answer, Framed, Kind, LONGEST_REPLY, answer, frame, read};

#[path = "../../runner/egress/src/dns/tests/reading.rs"]
mod reading;

use reading::read_reply;

fuzz_target!(|data: &[u8]| {
    let [room, cut, message @ ..] = data else { return };
    answers_read_back(usize::from(*room) * 3, message);
    cuts_make_no_difference(usize::from(*cut), message);
});

fn answers_read_back(room: usize, message: &[u8]) {
    let question = match read(message) {
        Ok(question) => question,
        Err(malformed) => {
            let reply = malformed.reply();
            assert!(reply.is_none_or(|reply| reply.len() == 12 && reply[..2] == message[..2] && reply[2] & 0x80 != 0));
            return;
        }
    };
    if let Ok(name) = &question.name {
        assert!(name.as_str().len() <= 253);
        // As many dots as there are label borders on the wire.
        let (mut place, mut labels) = (12, 0);
        while message[place] != 0 {
            place += 1 + usize::from(message[place]);
            labels += 1;
        }
        assert_eq!(name.as_str().split('.').count(), labels);
    }
    let v4 = IpAddr::from([198, 18, 0, 7]);
    let v6 = IpAddr::from([0xfd6f, 0, 0, 0, 0, 0, 0, 7]);
    for what in [
        Answer::Addresses([v4, v6].repeat(20)),
        Answer::NoData,
        Answer::NameError,
        Answer::Refused,
        Answer::FormatError,
        Answer::NotImplemented,
    ] {
        let bytes = answer(&question, &what, room);
        assert!(bytes.len() <= room.clamp(12, LONGEST_REPLY));
        let reply = read_reply(&bytes).expect("an answer reads back");
        assert_eq!((reply.id, reply.recursion_desired), (question.id, question.recursion_desired));
        assert!(reply.question.is_empty() || message[12..].starts_with(&reply.question));
        let fits = |address: &IpAddr| match question.kind {
            Kind::A => *address == v4,
            Kind::Aaaa => *address == v6,
            Kind::Other(_) => false,
        };
        assert!(reply.addresses.iter().all(fits));
    }
}

fn cuts_make_no_difference(cut: usize, stream: &[u8]) {
    let split = stream.split_at(cut.min(stream.len()));
    let whole = messages(&[stream]);
    assert_eq!(whole, messages(&[split.0, split.1]));
    let framed: Vec<u8> = whole.0.iter().flat_map(|message| frame(message)).collect();
    assert!(stream.starts_with(&framed));
}

fn messages(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let (mut framed, mut read) = (Framed::default(), Vec::new());
    for piece in pieces {
        let mut bytes = *piece;
        loop {
            match framed.read(&mut bytes) {
                Ok(Some(message)) => read.push(message),
                Ok(None) => break,
                Err(_) => return (read, false),
            }
        }
        assert!(bytes.is_empty());
    }
    (read, true)
}
