//! Reads a question from the wire. Walks the message once, from the front, and follows no pointer.

use std::fmt::Write as _;

use opaque_policy::host_name::HostName;

use super::{Kind, LONGEST_MESSAGE, Malformed, Question, Wrong};
use crate::wire::{number, take};

/// Longest name on the wire, with the empty label at its end (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 255;
/// Longest label; a length byte above it is a pointer or something unknown.
const LONGEST_LABEL: u8 = 63;

pub(super) const RESPONSE: u16 = 0x8000;
pub(super) const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
pub(super) const RECURSION_DESIRED: u16 = 0x0100;
pub(super) const CHECKING_DISABLED: u16 = 0x0010;

const KIND_A: u16 = 1;
const KIND_AAAA: u16 = 28;
pub(super) const KIND_OPT: u16 = 41;
pub(super) const CLASS_IN: u16 = 1;

/// Reads a question.
///
/// # Errors
/// When it is not one question of class IN, exactly as RFC 1035 and RFC 6891 write it.
pub fn read(message: &[u8]) -> Result<Question, Malformed> {
    let mut rest = message;
    let header: Option<[u16; 6]> = (|| {
        Some([
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
        ])
    })();
    let Some([id, flags, questions, answers, authorities, additional]) = header else {
        return Err(Malformed { why: Wrong::Short, header: None });
    };
    let wrong = |why| Malformed { why, header: (why != Wrong::Response).then_some((id, flags)) };
    if flags & RESPONSE != 0 {
        return Err(wrong(Wrong::Response));
    }
    if message.len() > LONGEST_MESSAGE {
        return Err(wrong(Wrong::Long));
    }
    if flags & OPCODE != 0 {
        return Err(wrong(Wrong::Opcode));
    }
    if flags & TRUNCATED != 0 {
        return Err(wrong(Wrong::Truncated));
    }
    if questions != 1 || answers != 0 || authorities != 0 || additional > 1 {
        return Err(wrong(Wrong::Counts));
    }
    let body = rest;
    let name = read_name(&mut rest).ok_or(wrong(Wrong::Name))?;
    let (Some(kind), Some(class)) = (number(&mut rest), number(&mut rest)) else { return Err(wrong(Wrong::Name)) };
    if class != CLASS_IN {
        return Err(wrong(Wrong::Class));
    }
    let raw = body.get(..body.len() - rest.len()).unwrap_or_default().to_vec();
    let has_edns = additional == 1;
    if has_edns {
        read_opt(&mut rest).ok_or(wrong(Wrong::Additional))?;
    }
    if !rest.is_empty() {
        return Err(wrong(Wrong::Trailing));
    }
    let recursion_desired = flags & RECURSION_DESIRED != 0;
    let checking_disabled = flags & CHECKING_DISABLED != 0;
    Ok(Question { id, recursion_desired, checking_disabled, kind: kind_of(kind), name, has_edns, raw })
}

fn kind_of(number: u16) -> Kind {
    match number {
        KIND_A => Kind::A,
        KIND_AAAA => Kind::Aaaa,
        other => Kind::Other(other),
    }
}

/// Reads a name up to its empty label. None when it is cut off, too long or holds a pointer.
fn read_name(rest: &mut &[u8]) -> Option<Result<HostName, String>> {
    let mut labels: Vec<&[u8]> = Vec::new();
    let mut length = 1;
    loop {
        let (size, after) = rest.split_first()?;
        *rest = after;
        if *size == 0 {
            return Some(host_name(&labels));
        }
        length += 1 + usize::from(*size);
        if *size > LONGEST_LABEL || length > LONGEST_NAME {
            return None;
        }
        labels.push(take(rest, usize::from(*size))?);
    }
}

/// The labels as a host name; where they are none, as text in which no two names look alike.
fn host_name(labels: &[&[u8]]) -> Result<HostName, String> {
    // A dot inside of a label would make another name of the text, with more labels than were sent.
    let is_clean = labels.iter().all(|label| !label.contains(&b'.') && !label.contains(&0));
    let name = is_clean.then(|| HostName::new(&labels.join(&b'.')));
    if let Some(Ok(name)) = name { Ok(name) } else { Err(escaped(labels)) }
}

/// Presentation format (RFC 1035, 5.1): at most four characters for each byte.
fn escaped(labels: &[&[u8]]) -> String {
    let mut text = String::new();
    for label in labels {
        for byte in *label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b'!'..=b'~' => text.push(char::from(*byte)),
                // Writing to a string does not fail.
                _ => write!(text, "\\{byte:03}").unwrap_or_default(),
            }
        }
        text.push('.');
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// Reads an OPT record of version 0 with well-formed options. Another version is as wrong as anything else: nobody speaks
/// one.
fn read_opt(rest: &mut &[u8]) -> Option<()> {
    let root = take(rest, 1)?;
    let kind = number(rest)?;
    let _size_of_datagrams = number(rest)?;
    let version = number(rest)?;
    let _flags = number(rest)?;
    let size = number(rest)?;
    let mut options = take(rest, usize::from(size))?;
    while !options.is_empty() {
        let _code = number(&mut options)?;
        let size = number(&mut options)?;
        take(&mut options, usize::from(size))?;
    }
    (root == [0] && kind == KIND_OPT && version == 0).then_some(())
}
