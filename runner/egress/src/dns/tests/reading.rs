//! Reads an answer back, for tests and fuzz targets: written on its own, sharing nothing with the writer.

use std::net::IpAddr;

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) id: u16,
    pub(crate) recursion_desired: bool,
    pub(crate) checking_disabled: bool,
    pub(crate) rcode: u8,
    pub(crate) question: Vec<u8>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) has_opt: bool,
}

/// Reads it; none when a byte is out of place.
pub(crate) fn read_reply(bytes: &[u8]) -> Option<Reply> {
    let [id_high, id_low, flags, more, 0, questions @ 0..=1, 0, answers, 0, 0, 0, opts @ 0..=1, rest @ ..] = bytes
    else {
        return None;
    };
    // An answer to a query, neither authoritative nor cut off, by one who recurses.
    if flags & 0b1111_1110 != 0b1000_0000 || more & 0b1110_0000 != 0b1000_0000 {
        return None;
    }
    let question = if *questions == 1 { question(rest)? } else { &[] };
    let mut rest = &rest[question.len()..];
    let mut addresses = Vec::new();
    for _ in 0..*answers {
        // Named as the question is, of class IN, good for a minute, and of the kind that was asked for.
        let kind = &question[question.len() - 4..][..2];
        let (head, after) = rest.split_at_checked(12)?;
        if head[..2] != [0xc0, 12] || head[2..4] != *kind || head[4..10] != [0, 1, 0, 0, 0, 60] {
            return None;
        }
        let (data, after) = after.split_at_checked(usize::from(head[11]))?;
        rest = after;
        addresses.push(match (kind, data.len()) {
            ([0, 1], 4) => IpAddr::from(<[u8; 4]>::try_from(data).ok()?),
            ([0, 28], 16) => IpAddr::from(<[u8; 16]>::try_from(data).ok()?),
            _ => return None,
        });
    }
    let opt: &[u8] = if *opts == 1 { &[0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0] } else { &[] };
    (rest == opt).then(|| Reply {
        id: u16::from_be_bytes([*id_high, *id_low]),
        recursion_desired: flags & 1 != 0,
        checking_disabled: more & 0x10 != 0,
        rcode: more & 0x0f,
        question: question.to_vec(),
        addresses,
        has_opt: *opts == 1,
    })
}

/// The question in front: labels, an empty one, kind and class IN.
fn question(bytes: &[u8]) -> Option<&[u8]> {
    let mut end = 0;
    while *bytes.get(end)? != 0 {
        end += 1 + usize::from(bytes[end]);
    }
    let question = bytes.get(..end + 5)?;
    question.ends_with(&[0, 1]).then_some(question)
}
