//! Reads a file of the journal line by line. A line that is no record is handed on as such, never dropped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use opaque_policy::answer::Answered;
use opaque_policy::request::Request;
use opaque_policy::request_file::RequestFile;
use serde::Deserialize;
use serde_json::Value;

use crate::Wrong;
use crate::file::at;
use crate::policy::simulate::replay::Replay;

/// Longest line that is read; the journal's own stay below 64 KiB.
const LONGEST: u64 = 1 << 20;

/// A line, as far as it is of interest here.
#[derive(Deserialize)]
struct Line {
    time: String,
    run: String,
    kind: String,
    record: Value,
}

/// A decision as it was recorded.
pub(super) struct Recorded {
    pub(super) time: String,
    pub(super) run: String,
    pub(super) answered: Answered,
    pub(super) request: Request,
}

/// What a line turned out to be.
enum Content {
    Decision(Box<Recorded>),
    /// A record of another kind.
    Other(String),
    /// A decision of before the request was recorded.
    Older,
    /// No record.
    Unreadable(String),
}

/// Replays every decision of a file.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(path: &Path, replay: &mut Replay<'_>) -> Result<(), Wrong> {
    let file = File::open(path).map_err(|error| at(path, &error))?;
    if !file.metadata().map_err(|error| at(path, &error))?.is_file() {
        return Err(at(path, "this is no file"));
    }
    let mut reader = BufReader::new(file);
    let mut number = 0_u64;
    loop {
        let mut line = Vec::new();
        let count = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(|error| at(path, &error))?;
        if count == 0 {
            return Ok(());
        }
        number += 1;
        let place = format!("{}:{number}", path.display());
        let Some(whole) = line.strip_suffix(b"\n") else {
            replay.unreadable(place, "the line has no end".to_owned());
            skip_line(&mut reader).map_err(|error| at(path, &error))?;
            continue;
        };
        match parse(whole) {
            Content::Decision(recorded) => replay.decision(place, *recorded),
            Content::Other(kind) => replay.other(kind),
            Content::Older => replay.older(place),
            Content::Unreadable(why) => replay.unreadable(place, why),
        }
    }
}

/// Goes on to the end of a line that is too long.
fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let (used, is_end) = match reader.fill_buf()? {
            [] => return Ok(()),
            buffer => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), false),
            },
        };
        reader.consume(used);
        if is_end {
            return Ok(());
        }
    }
}

fn parse(line: &[u8]) -> Content {
    let Line { time, run, kind, mut record } = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => return Content::Unreadable(format!("this is no record: {error}")),
    };
    if kind != "intent" && kind != "refusal" {
        return Content::Other(kind);
    }
    let (Some(request), Some(answer)) = (take(&mut record, "request"), take(&mut record, "answer")) else {
        return Content::Older;
    };
    let file = match serde_json::from_value::<RequestFile>(request) {
        Ok(file) => file,
        Err(error) => return Content::Unreadable(format!("the request cannot be read: {error}")),
    };
    match serde_json::from_value::<Answered>(answer) {
        Ok(answered) => Content::Decision(Box::new(Recorded { time, run, answered, request: file.into_request() })),
        Err(error) => Content::Unreadable(format!("the answer cannot be read: {error}")),
    }
}

fn take(record: &mut Value, key: &str) -> Option<Value> {
    record.as_object_mut()?.remove(key)
}
