//! Asks the person at the terminal to confirm a plan, by its digest. This stops accidents: a program of the same uid that
//! drives a terminal can type the answer too, and a policy that minds asks for another factor.
//!
//! INVARIANT: the whole plan is shown, every part of it as text that cannot drive the terminal, and anything but the one
//! answer is a denial.

use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use opaque_policy::approval::{Factor, Factors};
use opaque_policy::authorize::Confirmation;
use opaque_policy::decision::Permission;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::Plan;
use opaque_policy::text::Text;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::QueueSelector;

use crate::account::ancestors;
use crate::bounds::Bounds;
use crate::explain;
use crate::outcome::{Class, Refusal};

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest question: what nobody can read nobody can approve.
const READABLE: usize = 64 * 1024;
/// The one answer that approves.
const YES: &[u8] = b"yes\n";
/// Most bytes of an answer that are read.
const LONGEST: usize = 256;

/// Asks for a plan's approval at the controlling terminal.
///
/// # Errors
/// The refusal (exit code 121): the person does not approve, or cannot be asked.
pub fn ask(permission: &Permission, plan: &Plan, bounds: &Bounds, state: &AbsPath) -> Result<Confirmation, Refusal> {
    let unmet = permission.obligations().iter().map(|obligation| &obligation.factors);
    if let Some(factors) = unmet.clone().find(|factors| !factors.are_met_by(&[Factor::Tty])) {
        return Err(not_here(permission, factors));
    }
    let cannot = |why: &str| {
        refused(permission, format!("`{}` asks for an approval, and nobody can be asked: {why}", permission.rule()))
            .hint("run it at a terminal of your own, in the foreground")
    };
    if let Some(agent) = ancestors::coding_agent() {
        return Err(cannot(&format!("`{agent}` stands between this run and the terminal")));
    }
    let terminal = open_terminal().map_err(|_| cannot("there is no terminal"))?;
    if rustix::termios::tcgetpgrp(&terminal).ok() != Some(rustix::process::getpgrp()) {
        return Err(cannot("this run is in the background of its terminal"));
    }
    let question = question(permission, plan, bounds);
    if question.len() > READABLE {
        let message = format!("`{}` asks for an approval, and the plan is too long to be read", permission.rule());
        return Err(refused(permission, message).hint("put long arguments into a file"));
    }
    // One question at a time: two at once would be answered by one line.
    let _turn = take_turn(state).map_err(|errno| cannot(&format!("questions cannot take turns: {errno}")))?;
    write_all(&terminal, question.as_bytes())
        .map_err(|errno| cannot(&format!("the terminal takes no text: {errno}")))?;
    // What was typed before the question was there is no answer to it.
    let _ = rustix::termios::tcflush(&terminal, QueueSelector::IFlush);
    write_all(&terminal, b"type `yes` to run it, anything else does not: ")
        .map_err(|errno| cannot(&errno.to_string()))?;
    match answer(&terminal) {
        Answer::Line(line) if line == YES => Ok(Confirmation { digest: plan.digest(), factors: vec![Factor::Tty] }),
        Answer::Line(_) | Answer::Closed => Err(refused(
            permission,
            format!("not approved: `{}` asks, and the answer was not `yes`", permission.rule()),
        )),
        Answer::Late => {
            let _ = write_all(&terminal, b"\n");
            let minutes = PATIENCE.as_secs() / 60;
            Err(refused(
                permission,
                format!("not approved: `{}` asks, and nobody answered in {minutes} minutes", permission.rule()),
            ))
        }
    }
}

/// The refusal of a run that asks nobody.
pub fn unattended(permission: &Permission) -> Refusal {
    refused(permission, format!("`{}` asks for an approval, and `--unattended` asks nobody", permission.rule()))
        .hint("run it at a terminal without `--unattended`, or let a rule allow exactly this command")
}

/// What the person would have to do.
#[must_use]
pub fn what_it_takes(permission: &Permission) -> String {
    let factors = permission.obligations().iter().map(|obligation| &obligation.factors);
    match factors.clone().find(|factors| !factors.are_met_by(&[Factor::Tty])) {
        Some(factors) => format!("only {factors} can approve it, which this version cannot ask: exit code 121"),
        None => "the run would ask at its terminal first; without one it ends with exit code 121".to_owned(),
    }
}

fn not_here(permission: &Permission, factors: &Factors) -> Refusal {
    let message =
        format!("`{}` asks for an approval by {factors}, and only `tty` can be asked here", permission.rule());
    refused(permission, message)
        .hint("a weaker factor is never taken: change the rule if a confirmation at the terminal is enough")
}

fn refused(permission: &Permission, message: String) -> Refusal {
    let why = permission.why().map_or(String::new(), |why| format!(": {}", Text::from(why)));
    Refusal::new(Class::NotApproved, format!("{message}{why}"))
}

/// Everything that the person has to know: the rule and its reason, each argument, the whole plan.
fn question(permission: &Permission, plan: &Plan, bounds: &Bounds) -> String {
    let mut text = format!("\nopaque-run: `{}` asks for your approval\n", permission.rule());
    if let Some(why) = permission.why() {
        let _ = writeln!(text, "  {}", Text::from(why));
    }
    let _ = writeln!(text, "\ncommand, one argument a line:");
    for argument in &plan.argv {
        let _ = writeln!(text, "  {}", quoted(argument));
    }
    let _ = writeln!(text, "\n{}", explain::plan_text(plan, bounds));
    text
}

/// As in JSON, so that no two arguments look alike; what JSON leaves as it is and a terminal does not is escaped too.
fn quoted(argument: &Text) -> String {
    let json = serde_json::to_string(argument).unwrap_or_default();
    Text::from(json.as_str()).to_string()
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
    let session = rustix::process::getsid(None)?.as_raw_nonzero();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arguments_look_alike_and_none_drives_the_terminal() {
        for (argument, shown) in [
            ("a b", r#""a b""#),
            ("a\nb", r#""a\nb""#),
            (r"a\nb", r#""a\\nb""#),
            ("\u{1b}[2J", r#""\u001b[2J""#),
            ("\u{202e}x", r#""\u{202e}x""#),
            (r"\u{202e}x", r#""\\u{202e}x""#),
            ("", r#""""#),
            ("\"", r#""\"""#),
            ("a ", r#""a ""#),
        ] {
            assert_eq!(quoted(&Text::from(argument)), shown);
        }
        assert_eq!(quoted(&Text::new(*b"\xff").unwrap()), r#"{"bytes":[255]}"#);
    }
}
