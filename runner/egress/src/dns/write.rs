//! Writes answers. Never longer than 512 bytes, so that none is ever cut off.

use std::net::IpAddr;

use super::read::{CHECKING_DISABLED, CLASS_IN, KIND_OPT, OPCODE, RECURSION_DESIRED, RESPONSE};
use super::{Answer, Kind, Question};

/// Longest answer: what every program takes without EDNS (RFC 1035, 4.2.1).
pub const LONGEST_REPLY: usize = 512;
/// How long an answer stays good, in seconds. Synthetic addresses stay bound to their names for the whole run.
pub const TTL: u32 = 60;

const RECURSION_AVAILABLE: u16 = 0x0080;
const NO_ERROR: u16 = 0;
pub(super) const FORMAT_ERROR: u16 = 1;
const NAME_ERROR: u16 = 3;
pub(super) const NOT_IMPLEMENTED: u16 = 4;
pub(super) const REFUSED: u16 = 5;

/// The name of the question, which begins right behind the header (RFC 1035, 4.1.4).
const SAME_NAME: u16 = 0xc000 | HEADER;
const HEADER: u16 = 12;

/// An OPT record that takes datagrams of the longest answer, and no options.
const OPT: [u8; 11] = {
    let ([kind_high, kind_low], [size_high, size_low]) = (KIND_OPT.to_be_bytes(), (LONGEST_REPLY as u16).to_be_bytes());
    [0, kind_high, kind_low, size_high, size_low, 0, 0, 0, 0, 0, 0]
};

/// Writes an answer of at most `room` bytes, and of at most [`LONGEST_REPLY`] in any case.
///
/// Addresses that do not fit are left out, and so is the rest where there is hardly any room; a header is always there.
/// Answers without records carry no SOA record: there is no zone to tell of, and programs then simply keep
/// nothing (RFC 2308, 5).
#[must_use]
pub fn answer(question: &Question, answer: &Answer, room: usize) -> Vec<u8> {
    let mut room = room.min(LONGEST_REPLY).saturating_sub(usize::from(HEADER));
    let has_question = claim(&mut room, question.raw.len());
    let has_opt = question.has_edns && claim(&mut room, OPT.len());
    let (rcode, addresses) = match answer {
        Answer::Addresses(addresses) => (NO_ERROR, addresses.as_slice()),
        Answer::NoData => (NO_ERROR, [].as_slice()),
        Answer::NameError => (NAME_ERROR, [].as_slice()),
        Answer::Refused => (REFUSED, [].as_slice()),
        Answer::FormatError => (FORMAT_ERROR, [].as_slice()),
        Answer::NotImplemented => (NOT_IMPLEMENTED, [].as_slice()),
    };
    let records = addresses.iter().filter_map(|address| record(question.kind, *address));
    let records: Vec<Vec<u8>> = records.take_while(|record| has_question && claim(&mut room, record.len())).collect();
    // No more records than fit into 512 bytes.
    let count = u16::try_from(records.len()).unwrap_or_default();
    let mut reply =
        header(question.id, flags(question), rcode, [u16::from(has_question), count, 0, u16::from(has_opt)]);
    if has_question {
        reply.extend(&question.raw);
    }
    reply.extend(records.iter().flatten());
    if has_opt {
        reply.extend(OPT);
    }
    reply
}

/// A header that answers one with these flags.
pub(super) fn header(id: u16, flags: u16, rcode: u16, counts: [u16; 4]) -> Vec<u8> {
    let repeated = flags & (OPCODE | RECURSION_DESIRED | CHECKING_DISABLED);
    let flags = RESPONSE | RECURSION_AVAILABLE | repeated | rcode;
    let [questions, answers, authorities, additional] = counts;
    [id, flags, questions, answers, authorities, additional].into_iter().flat_map(u16::to_be_bytes).collect()
}

fn flags(question: &Question) -> u16 {
    let recursion = if question.recursion_desired { RECURSION_DESIRED } else { 0 };
    let checking = if question.checking_disabled { CHECKING_DISABLED } else { 0 };
    recursion | checking
}

/// Takes so many bytes of the room, if they are there.
fn claim(room: &mut usize, size: usize) -> bool {
    let left = room.checked_sub(size);
    *room = left.unwrap_or(*room);
    left.is_some()
}

/// The record of an address, where it is of the kind that was asked for.
fn record(kind: Kind, address: IpAddr) -> Option<Vec<u8>> {
    match (kind, address) {
        (Kind::A, IpAddr::V4(address)) => Some(record_of(1, &address.octets())),
        (Kind::Aaaa, IpAddr::V6(address)) => Some(record_of(28, &address.octets())),
        (Kind::A | Kind::Aaaa | Kind::Other(_), _) => None,
    }
}

fn record_of(kind: u16, data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).unwrap_or_default();
    let mut record: Vec<u8> = [SAME_NAME, kind, CLASS_IN].into_iter().flat_map(u16::to_be_bytes).collect();
    record.extend(TTL.to_be_bytes());
    record.extend(size.to_be_bytes());
    record.extend(data);
    record
}
