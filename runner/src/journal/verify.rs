//! Reads a journal again and says whether it is whole. Changes nothing.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::path::AbsPath;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::head::{self, Head};
use super::line::{self, GENESIS, Read, Repair, RunId};
use super::{JournalError, open_directory};

/// Longest file of one day that is read.
const LONGEST: u64 = 1 << 30;

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Whole lines.
    pub lines: u64,
    /// What is wrong; empty when the chain is whole.
    pub findings: Vec<Finding>,
    /// Crashes of a writer that were closed and recorded since.
    pub repairs: u64,
    /// Runs with an intent and no conclusion: running still, or interrupted.
    pub open: BTreeSet<RunId>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1 on; 0 for the file as a whole.
    pub line: u64,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line that is no record.
    #[error("the line is not a record")]
    Unreadable,
    /// A line that does not bind to the one before.
    #[error("the line does not follow from the one before: something was changed, moved or removed")]
    Broken,
    /// A number that does not follow.
    #[error("the number does not follow: something was moved or removed")]
    Gap,
    /// A file that does not begin as its first writer began it.
    #[error("the file does not begin with its opening: its first lines were removed")]
    Headless,
    /// A conclusion without its intent.
    #[error("the conclusion has no intent")]
    Orphan,
    /// The last line has no end.
    #[error("the last line has no end: its writer died")]
    Torn,
    /// A writer recorded that the end of the chain was not as it had been left.
    #[error("a writer found the end of the chain changed or its head lost")]
    Repaired,
    /// The head does not agree with the last line.
    #[error("the end of the chain is not where its last writer left it")]
    Head,
}

/// Reads the whole journal in a directory. What was removed from the end together with a forged head cannot be seen.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn verify(path: &AbsPath) -> Result<Report, JournalError> {
    let failed = |source| JournalError::Directory { path: path.clone(), source };
    let directory = open_directory(path).map_err(failed)?;
    let mut reading = Reading::default();
    for file in line::files(directory.as_fd()).map_err(failed)? {
        let content = content(&directory, &file).map_err(failed)?;
        reading.file(&file, &content);
    }
    let head = content(&directory, head::NAME);
    match head {
        Ok(head) => reading.finish(Head::parse(&head).as_ref(), !head.is_empty()),
        Err(Errno::NOENT) => reading.finish(None, reading.report.lines > 0),
        Err(source) => return Err(failed(source)),
    }
    Ok(reading.report)
}

fn content(directory: &OwnedFd, name: &str) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > LONGEST {
        return Err(Errno::FBIG);
    }
    line::read_all(file.as_fd(), size)
}

#[derive(Default)]
struct Reading {
    report: Report,
    last: Option<(u64, String)>,
    torn: Option<(u64, Vec<u8>)>,
    begun: BTreeSet<RunId>,
    end: Option<(String, u64)>,
    is_opened: bool,
}

impl Reading {
    fn file(&mut self, file: &str, content: &[u8]) {
        self.end = Some((file.to_owned(), content.len() as u64));
        self.is_opened = false;
        let mut rest = content;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = match end {
                Some(end) => (rest.get(..end).unwrap_or(rest), rest.get(end + 1..).unwrap_or_default()),
                None => (rest, &[][..]),
            };
            rest = after;
            if end.is_none() {
                self.found(file, number, Fault::Torn);
            } else {
                self.line(file, number, line);
            }
        }
        if let Some((number, _)) = self.torn.take() {
            self.found(file, number, Fault::Unreadable);
        }
    }

    fn line(&mut self, file: &str, number: u64, line: &[u8]) {
        let Some(read) = Read::parse(line) else {
            // A torn line is excused by the repair that follows it and knows its hash.
            if let Some((before, _)) = self.torn.replace((number, line.to_vec())) {
                self.found(file, before, Fault::Unreadable);
            }
            return;
        };
        if let Some((before, torn)) = self.torn.take()
            && !(read.kind == "repair" && repairs(&read, &torn))
        {
            self.found(file, before, Fault::Unreadable);
        }
        self.report.lines += 1;
        let (seq, last) = self.last.take().unwrap_or((0, GENESIS.to_owned()));
        if read.prev != last && !self.begins_pruned(seq, &read) {
            self.found(file, number, Fault::Broken);
        } else if read.seq != seq + 1 && !self.begins_pruned(seq, &read) {
            self.found(file, number, Fault::Gap);
        }
        let is_opening = read.kind == "opening" || read.kind == "repair";
        if !std::mem::replace(&mut self.is_opened, true) && !is_opening {
            self.found(file, number, Fault::Headless);
        }
        self.kind(file, number, &read);
        self.last = Some((read.seq, line::hash(line)));
    }

    /// The oldest files may have been pruned: the first line that is left may bind to one that is gone.
    fn begins_pruned(&self, seq: u64, read: &Read) -> bool {
        seq == 0 && self.report.lines == 1 && read.seq > 1 && read.prev != GENESIS
    }

    fn kind(&mut self, file: &str, number: u64, read: &Read) {
        let run = RunId::known(&read.run);
        match read.kind.as_str() {
            "intent" => {
                self.report.open.insert(run.clone());
                self.begun.insert(run);
            }
            "conclusion" => {
                let is_known = self.begun.remove(&run);
                self.report.open.remove(&run);
                if !is_known && self.report.lines == read.seq {
                    self.found(file, number, Fault::Orphan);
                }
            }
            "repair" => {
                self.report.repairs += 1;
                let repair = serde_json::from_value::<Repair>(read.record.clone());
                if repair.is_ok_and(|repair| repair.changed || repair.lost) {
                    self.found(file, number, Fault::Repaired);
                }
            }
            "opening" | "refusal" => {}
            _ => self.found(file, number, Fault::Unreadable),
        }
    }

    fn finish(&mut self, head: Option<&Head>, is_expected: bool) {
        let Some((file, end)) = self.end.clone() else {
            if is_expected {
                self.found(head::NAME, 0, Fault::Head);
            }
            return;
        };
        let (seq, last) = self.last.clone().unwrap_or((0, GENESIS.to_owned()));
        let is_same = head.is_some_and(|head| *head == Head { file, end, seq, last });
        if !is_same {
            self.found(head::NAME, 0, Fault::Head);
        }
    }

    fn found(&mut self, file: &str, line: u64, fault: Fault) {
        self.report.findings.push(Finding { file: file.to_owned(), line, fault });
    }
}

fn repairs(repair: &Read, torn: &[u8]) -> bool {
    let repair = serde_json::from_value::<Repair>(repair.record.clone()).ok();
    repair.and_then(|repair| repair.torn).is_some_and(|known| known.sha256 == line::hash(torn))
}
