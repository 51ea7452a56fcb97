//! One line of the journal, the files that lines live in, and what the end of a file says about the last writer.

use std::os::fd::BorrowedFd;

use rustix::fs::Dir;
use rustix::io::{Errno, retry_on_intr};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};
use serde_json::value::Value;
use sha2::{Digest, Sha256};

use super::head::Head;
use crate::digest::hex;

/// What the first line binds to.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Names a run: 128 random bits, lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RunId(String);

impl RunId {
    pub(super) fn random() -> Result<Self, Errno> {
        let mut bytes = [0; 16];
        let filled = retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty()))?;
        if filled == bytes.len() { Ok(Self(hex(&bytes))) } else { Err(Errno::IO) }
    }

    pub(super) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A line as it is written.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) seq: u64,
    pub(super) prev: &'a str,
    pub(super) time: &'a str,
    pub(super) run: &'a RunId,
    pub(super) kind: &'a str,
    pub(super) record: &'a [u8],
}

/// A line as it is read again; its hash covers what is not named here.
#[derive(Debug, Deserialize)]
pub(super) struct Read {
    pub(super) seq: u64,
    pub(super) prev: String,
    pub(super) run: String,
    pub(super) kind: String,
    pub(super) record: Value,
}

impl Line<'_> {
    /// The line without its end. Everything but the record is plain ASCII of our own making.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { seq, prev, time, run: RunId(run), kind, record } = self;
        let mut bytes = format!(
            "{{\"seq\":{seq},\"prev\":\"{prev}\",\"time\":\"{time}\",\"run\":\"{run}\",\"kind\":\"{kind}\",\"record\":"
        )
        .into_bytes();
        bytes.extend_from_slice(record);
        bytes.push(b'}');
        bytes
    }
}

impl Read {
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The hash that the next line binds to.
pub(super) fn hash(line: &[u8]) -> String {
    hex(&Sha256::digest(line))
}

/// The file of a day, from an RFC 3339 time.
pub(super) fn file_of(time: &str) -> String {
    format!("{}.jsonl", time.get(..10).unwrap_or(time))
}

/// True for `YYYY-MM-DD.jsonl`.
pub(super) fn is_file_name(name: &[u8]) -> bool {
    let is_day =
        |(place, byte): (usize, &u8)| if place == 4 || place == 7 { *byte == b'-' } else { byte.is_ascii_digit() };
    name.strip_suffix(b".jsonl").is_some_and(|day| day.len() == 10 && day.iter().enumerate().all(is_day))
}

/// The files of the journal, oldest first.
pub(super) fn files(directory: BorrowedFd<'_>) -> Result<Vec<String>, Errno> {
    let mut files = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if is_file_name(name) {
            files.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// The whole of a file of this size; a shorter one is an error.
pub(super) fn read_all(file: BorrowedFd<'_>, size: u64) -> Result<Vec<u8>, Errno> {
    let mut content = vec![0; usize::try_from(size).map_err(|_| Errno::FBIG)?];
    let mut filled = 0;
    while let Some(rest) = content.get_mut(filled..)
        && !rest.is_empty()
    {
        match rustix::io::pread(file, rest, filled as u64)? {
            0 => return Err(Errno::IO),
            count => filled += count,
        }
    }
    Ok(content)
}

/// Where the chain goes on, and what must be recorded first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Number of the last line.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) last: String,
    /// What the last writer, or somebody else, left behind.
    pub(super) repair: Option<Repair>,
}

/// What was found at the end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Repair {
    /// Bytes after the last line end: a writer died.
    pub(super) torn: Option<Torn>,
    /// The lines up to the recorded end are not those that were written.
    pub(super) changed: bool,
    /// There was no record of where the chain ends.
    pub(super) lost: bool,
}

/// A line that was left without its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Torn {
    /// Its length.
    pub(super) bytes: usize,
    /// Its hash.
    pub(super) sha256: String,
}

impl End {
    /// Reads the end of a file, which the head knew up to some length.
    pub(super) fn of(content: &[u8], head: Option<&Head>) -> Self {
        let known = head.map(|head| usize::try_from(head.end).unwrap_or(usize::MAX));
        let before = known.and_then(|known| content.get(..known)).unwrap_or_default();
        let is_as_left = head.is_none_or(|head| last_line(before).is_some_and(|line| hash(line) == head.last));
        let after = content.get(before.len()..).unwrap_or_default();
        let (mut seq, mut last) = head.map_or((0, GENESIS.to_owned()), |head| (head.seq, head.last.clone()));
        let (whole, torn) = after.split_at_checked(line_end(after)).unwrap_or((after, b""));
        let mut follow = |line: &[u8]| {
            let read = Read::parse(line);
            let follows = read.as_ref().is_some_and(|read| read.seq == seq + 1 && read.prev == last);
            // Without a head nobody knows what was before: the last line that makes sense has to do.
            if let Some(read) = read.filter(|_| head.is_none() || (follows && is_as_left)) {
                (seq, last) = (read.seq, hash(line));
            }
        };
        whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(&mut follow);
        follow(torn);
        let torn = (!torn.is_empty()).then(|| Torn { bytes: torn.len(), sha256: hash(torn) });
        let lost = head.is_none() && !content.is_empty();
        let is_whole = torn.is_none() && is_as_left && !lost;
        Self { seq, last, repair: (!is_whole).then_some(Repair { torn, changed: !is_as_left, lost }) }
    }
}

fn line_end(content: &[u8]) -> usize {
    content.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1)
}

/// The last line of content that ends with a line end.
fn last_line(content: &[u8]) -> Option<&[u8]> {
    let content = content.strip_suffix(b"\n")?;
    content.get(line_end(content)..)
}
