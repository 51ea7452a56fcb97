//! Asks one question at the caller's terminal. This stops accidents: a program of the same uid that drives a terminal can
//! type the answer too.
//!
//! INVARIANT: anything but the one answer is a no, and nobody is asked across a coding agent, from the background, or where those in between are
//! gone.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::QueueSelector;

use crate::process::{Process, own_group};

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest question: what nobody can read nobody can approve.
const READABLE: usize = 64 * 1024;
/// The one answer that approves.
const YES: &[u8] = b"yes\n";
/// Most bytes of an answer that are read.
const LONGEST: usize = 256;

/// The person has typed `yes`. Made only by [`confirm`]:
///
/// ```compile_fail
/// let confirmed = opaque_runner::confirmation::Confirmed(());
/// ```
#[derive(Debug)]
#[must_use]
pub struct Confirmed(());

/// Why there is no confirmation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unconfirmed {
    /// The person cannot be asked.
    #[error("nobody can be asked: {0}")]
    Nobody(String),
    /// The question is longer than anybody reads.
    #[error("it is too long to be read")]
    TooLong,
    /// The answer was another one.
    #[error("the answer was not `yes`")]
    No,
    /// There was none.
    #[error("nobody answered in {} minutes", PATIENCE.as_secs() / 60)]
    Late,
}

/// Shows a text that cannot drive the terminal, and asks `type `yes` to …`. `agent` is the coding agent that stands between
/// this process and a person, if one does.
///
/// # Errors
/// See [`Unconfirmed`].
pub fn confirm(text: &str, to: &str, agent: Option<&Text>, state: &AbsPath) -> Result<Confirmed, Unconfirmed> {
    let nobody = |why: String| Unconfirmed::Nobody(why);
    if let Some(agent) = agent {
        return Err(nobody(format!("`{agent}` stands between this run and the terminal")));
    }
    let terminal = open_terminal().map_err(|_| nobody("there is no terminal".to_owned()))?;
    if !rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| Some(group) == own_group()) {
        return Err(nobody("this run is in the background of its terminal".to_owned()));
    }
    if !Process::this().has_its_lineage() {
        return Err(nobody("who started this run cannot be told: the process that did is gone".to_owned()));
    }
    if text.len() > READABLE {
        return Err(Unconfirmed::TooLong);
    }
    // One question at a time: two at once would be answered by one line.
    let _turn = take_turn(state).map_err(|errno| nobody(format!("questions cannot take turns: {errno}")))?;
    let no_text = |errno| nobody(format!("the terminal takes no text: {errno}"));
    write_all(&terminal, text.as_bytes()).map_err(no_text)?;
    // What was typed before the question was there is no answer to it.
    let _ = rustix::termios::tcflush(&terminal, QueueSelector::IFlush);
    let prompt = format!("type `yes` to {to}, anything else does not: ");
    write_all(&terminal, prompt.as_bytes()).map_err(no_text)?;
    match answer(&terminal) {
        Answer::Line(line) if line == YES => Ok(Confirmed(())),
        Answer::Line(_) | Answer::Closed => Err(Unconfirmed::No),
        Answer::Late => {
            let _ = write_all(&terminal, b"\n");
            Err(Unconfirmed::Late)
        }
    }
}

enum Answer {
    Line(Vec<u8>),
    Closed,
    Late,
}

/// Reads one line, in whatever pieces it comes.
fn answer(terminal: &OwnedFd) -> Answer {
    let until = Instant::now() + PATIENCE;
    let mut line = Vec::new();
    loop {
        let Some(left) = until.checked_duration_since(Instant::now()) else { return Answer::Late };
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut waiting = [PollFd::new(terminal, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&timeout)) {
            Ok(0) => return Answer::Late,
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return Answer::Closed,
        }
        let mut bytes = [0_u8; LONGEST];
        match rustix::io::read(terminal, &mut bytes) {
            Ok(0) => return Answer::Closed,
            Ok(count) => line.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(_) => return Answer::Closed,
        }
        if line.contains(&b'\n') || line.len() >= LONGEST {
            return Answer::Line(line);
        }
    }
}

fn open_terminal() -> Result<OwnedFd, Errno> {
    rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
}

/// Waits for the questions of other runs in this session; the turn ends when the file is closed.
fn take_turn(state: &AbsPath) -> Result<OwnedFd, Errno> {
    // 0 for a session from outside of the pid namespace, which `rustix` does not expect.
    let session = nix::unistd::getsid(None).map_err(|_| Errno::SRCH)?.as_raw();
    std::fs::create_dir_all(state.as_path()).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let path = state.join(format!("question-{session}.lock")).map_err(|_| Errno::NAMETOOLONG)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path.as_path(), flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))?;
    Ok(file)
}

fn write_all(to: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&to, bytes))?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}
