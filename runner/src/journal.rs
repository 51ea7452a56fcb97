//! The record of every run: append-only JSON Lines, one file a UTC day, each line bound to the one before by its hash.
//!
//! A line is `{"seq":N,"prev":"<sha256 of the line before>","time":…,"run":…,"kind":…,"record":…}`. The file `head`
//! says where the chain ends; it serves as the writers' lock, saves reading the last line, and betrays a line that was
//! changed or cut off at the end. The chain has no key: it shows damage and clumsy edits, not a careful forger
//! with the owner's rights.
//!
//! An `intent` and a `refusal` hold the `request` that was decided, as [`opaque_policy::request_file`] reads it, and the
//! `answer`: `{"decision":"allow","rule":"user:build","policy":"<sha256>"}`.
//!
//! Never holds the value of a variable, and never lets a run start that it could not record.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use opaque_policy::authorize::Consent;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::Plan;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use crate::descriptor;

mod error;
mod head;
mod line;
mod record;
mod verify;

pub use error::{JournalError, Problem};
pub use line::RunId;
pub use record::Decided;
pub use verify::{Fault, Finding, Report, verify};

use head::Head;

/// How long a writer waits for the others.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// It survives the death of this process.
    #[default]
    Process,
    /// It survives the loss of power.
    Disk,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: AbsPath,
    directory: OwnedFd,
    head: OwnedFd,
    sync: Sync,
}

/// Proves that the intent of a run is recorded. Made only by [`Journal::intent`], consumed by [`Journal::conclude`].
#[derive(Debug)]
#[must_use]
pub struct Receipt {
    run: RunId,
    digest: String,
}

impl Receipt {
    /// The run's identifier.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The digest of the plan that was recorded.
    #[must_use]
    pub fn plan_digest(&self) -> &str {
        &self.digest
    }
}

impl Journal {
    /// Opens the journal in `path`, which is made when it is missing.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(path: AbsPath, sync: Sync) -> Result<Self, JournalError> {
        let directory = match open_directory(&path) {
            Err(Errno::NOENT) => make_directory(&path).and_then(|()| open_directory(&path)),
            opened => opened,
        }
        .map_err(|source| JournalError::Directory { path: path.clone(), source })?;
        let stat = rustix::fs::fstat(&directory).map_err(|source| write_error(&path, source))?;
        check_private(&path, stat.st_uid, stat.st_mode)?;
        let head = open_file(&directory, &path, head::NAME, OFlags::RDWR | OFlags::CREATE)?;
        Ok(Self { path, directory, head, sync })
    }

    /// Records what is about to run. Nothing may start without the receipt.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn intent(
        &self,
        plan: &Plan,
        digest: &str,
        consent: Option<&Consent>,
        decided: &Decided,
    ) -> Result<Receipt, JournalError> {
        let run = RunId::random().map_err(JournalError::Random)?;
        self.append(&run, "intent", &record::intent(plan, digest, consent, decided))?;
        Ok(Receipt { run, digest: digest.to_owned() })
    }

    /// Records how the run ended. The outcome must hold no secret and no environment value.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn conclude<T: Serialize>(&self, receipt: Receipt, outcome: &T) -> Result<(), JournalError> {
        self.append(&receipt.run, "conclusion", &record::bounded(outcome))
    }

    /// Records that a request was refused, and why. The reason must hold no secret and no environment value.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn refuse<T: Serialize>(&self, refusal: &T, decided: &Decided) -> Result<RunId, JournalError> {
        let run = RunId::random().map_err(JournalError::Random)?;
        self.append(&run, "refusal", &record::refusal(refusal, decided))?;
        Ok(run)
    }

    /// The journal's directory.
    #[must_use]
    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    fn append(&self, run: &RunId, kind: &str, record: &[u8]) -> Result<(), JournalError> {
        lock(self.head.as_fd()).map_err(|errno| match errno {
            Errno::WOULDBLOCK => JournalError::Busy { path: self.path.clone() },
            source => self.failed(source),
        })?;
        let appended = self.append_locked(run, kind, record);
        let unlocked = rustix::fs::flock(&self.head, FlockOperation::Unlock).map_err(|source| self.failed(source));
        appended.and(unlocked)
    }

    fn append_locked(&self, run: &RunId, kind: &str, record: &[u8]) -> Result<(), JournalError> {
        let stat = rustix::fs::fstat(&self.head).map_err(|source| self.failed(source))?;
        if stat.st_nlink == 0 {
            return Err(JournalError::Exposed { path: self.path.clone(), problem: Problem::Removed });
        }
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let today = line::file_of(&time);
        let head = Head::read(self.head.as_fd());
        let known = head.as_ref().filter(|head| head.file >= today);
        let mut tail = match known {
            // Also after the clock went back across midnight: the chain goes on where it is.
            Some(head) => self.tail(head.file.clone(), Some(head))?,
            None => self.next_day(today, head.as_ref())?,
        };
        if let Some(repair) = tail.repair.take() {
            tail.is_torn = repair.torn.is_some();
            tail.write(self, &time, run, "repair", &record::bounded(&repair))?;
        }
        tail.write(self, &time, run, kind, record)
    }

    /// The first record of a day. Without a head the newest file says where the chain ends.
    fn next_day(&self, today: String, head: Option<&Head>) -> Result<Tail, JournalError> {
        let newest = match head {
            Some(head) => Some(head.file.clone()),
            None => line::files(self.directory.as_fd()).map_err(|source| self.failed(source))?.pop(),
        };
        let Some(newest) = newest else {
            return self.tail(today, None);
        };
        let before = self.tail(newest.clone(), head)?;
        if newest >= today || before.repair.is_some() {
            // A repair belongs beside the damage; the next record opens the day.
            return Ok(before);
        }
        let opened = self.open_day(&today)?;
        Ok(Tail { file: today, size: opened.1, descriptor: opened.0, ..before })
    }

    /// Where the chain ends in a file, with the repair that it needs before it can go on.
    fn tail(&self, file: String, head: Option<&Head>) -> Result<Tail, JournalError> {
        let (descriptor, size) = self.open_day(&file)?;
        if let Some(head) = head
            && head.end == size
        {
            return Ok(Tail {
                file,
                descriptor,
                size,
                seq: head.seq,
                last: head.last.clone(),
                repair: None,
                is_torn: false,
            });
        }
        let content = line::read_all(descriptor.as_fd(), size).map_err(|source| self.failed(source))?;
        let line::End { seq, last, repair } = line::End::of(&content, head);
        Ok(Tail { file, descriptor, size, seq, last, repair, is_torn: false })
    }

    fn open_day(&self, file: &str) -> Result<(OwnedFd, u64), JournalError> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        let descriptor = open_file(&self.directory, &self.path, file, flags)?;
        let stat = rustix::fs::fstat(&descriptor).map_err(|source| self.failed(source))?;
        Ok((descriptor, u64::try_from(stat.st_size).unwrap_or(0)))
    }

    fn failed(&self, source: Errno) -> JournalError {
        write_error(&self.path, source)
    }
}

/// The end of the chain while it is being written.
struct Tail {
    file: String,
    descriptor: OwnedFd,
    size: u64,
    seq: u64,
    last: String,
    repair: Option<line::Repair>,
    /// The file ends in the middle of a line, which the next write closes.
    is_torn: bool,
}

impl Tail {
    fn write(
        &mut self,
        journal: &Journal,
        time: &str,
        run: &RunId,
        kind: &str,
        record: &[u8],
    ) -> Result<(), JournalError> {
        if self.size == 0 && kind != "opening" {
            self.write(journal, time, run, "opening", b"null")?;
        }
        let line = line::Line { seq: self.seq + 1, prev: &self.last, time, run, kind, record };
        let bytes = line.to_bytes();
        let start: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let written = [start, &bytes, b"\n"].concat();
        match rustix::io::write(&self.descriptor, &written) {
            Ok(count) if count == written.len() => {}
            outcome => {
                // Half a line would look like a crash.
                let _ = rustix::fs::ftruncate(&self.descriptor, self.size);
                return Err(journal.failed(outcome.err().unwrap_or(Errno::NOSPC)));
            }
        }
        if journal.sync == Sync::Disk {
            rustix::fs::fdatasync(&self.descriptor).map_err(|source| journal.failed(source))?;
            if self.size == 0 {
                rustix::fs::fsync(&journal.directory).map_err(|source| journal.failed(source))?;
            }
        }
        self.size += written.len() as u64;
        self.seq += 1;
        self.is_torn = false;
        self.last = line::hash(&bytes);
        let head = Head { file: self.file.clone(), end: self.size, seq: self.seq, last: self.last.clone() };
        head.write(journal.head.as_fd()).map_err(|source| journal.failed(source))
    }
}

fn write_error(path: &AbsPath, source: Errno) -> JournalError {
    JournalError::Write { path: path.clone(), source }
}

fn open_directory(path: &AbsPath) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path.as_path(), flags, Mode::empty())
}

/// Makes a directory and those above it, for the owner alone.
pub(crate) fn make_directory(path: &AbsPath) -> Result<(), Errno> {
    match rustix::fs::mkdir(path.as_path(), Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(Errno::NOENT) => {
            make_directory(&path.parent().ok_or(Errno::NOENT)?)?;
            match rustix::fs::mkdir(path.as_path(), Mode::RWXU) {
                Err(Errno::EXIST) => Ok(()),
                made => made,
            }
        }
        Err(errno) => Err(errno),
    }
}

fn open_file(directory: &OwnedFd, path: &AbsPath, name: &str, flags: OFlags) -> Result<OwnedFd, JournalError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let here = path.join(name).unwrap_or_else(|_| path.clone());
    let file = match rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => file,
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
            return Err(JournalError::Exposed { path: here, problem: Problem::Type });
        }
        Err(source) => return Err(write_error(&here, source)),
    };
    let stat = rustix::fs::fstat(&file).map_err(|source| write_error(&here, source))?;
    if descriptor::kind(&stat) != FileType::RegularFile {
        return Err(JournalError::Exposed { path: here, problem: Problem::Type });
    }
    check_private(&here, stat.st_uid, stat.st_mode)?;
    Ok(file)
}

fn check_private(path: &AbsPath, owner: u32, mode: u32) -> Result<(), JournalError> {
    let exposed = |problem| Err(JournalError::Exposed { path: path.clone(), problem });
    if owner != rustix::process::geteuid().as_raw() {
        return exposed(Problem::Owner);
    }
    if mode & 0o077 != 0 {
        return exposed(Problem::Mode);
    }
    Ok(())
}

/// Waits for the lock, but not for a writer that was stopped while it held it.
fn lock(file: impl AsFd) -> Result<(), Errno> {
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_micros(50);
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if waited < PATIENCE => {
                std::thread::sleep(pause);
                waited += pause;
                pause = (pause * 2).min(Duration::from_millis(5));
            }
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests;
