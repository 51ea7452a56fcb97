//! The run's own terminals as the supervisor has them: what they show goes to the caller's, keys and signals of the
//! caller's terminal come to them.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::libc::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
use nix::sys::signal::{SigSet, Signal};
use opaque_sys::signals::To;
use opaque_sys::terminal::{self as inside, Role};
use rustix::event::PollFd;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OutputModes, Termios};

use crate::relay::{self, Relay};
use crate::terminal::keyboard::{Keyboard, Looked, is_in_foreground};
use crate::terminal::{reopen, streams};

/// How often a run in the background looks whether it was brought to the foreground.
const LOOK: Duration = Duration::from_millis(200);

/// Terminals in the place of the caller's.
#[derive(Default)]
pub struct Carried {
    screens: Vec<Screen>,
    keyboard: Option<Keyboard>,
}

/// One terminal inside, and the caller's terminal that shows it.
struct Screen {
    role: Role,
    /// Which of the standard streams are on it.
    streams: [bool; 3],
    caller: OwnedFd,
    /// Its other end, from when it was handed over until it hangs up.
    master: Option<OwnedFd>,
    /// Which of the relays shows it.
    relay: Option<usize>,
}

/// What becomes of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was answered here, or whoever it is meant for has it already.
    Done,
    /// It is passed on.
    Forward(To),
}

impl Carried {
    /// Looks which of the caller's streams are terminals. With standard output on one, the command gets a session on a
    /// terminal of its own; with standard error alone, a display: the keyboard is somebody else's then.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn plan() -> Result<Self, Errno> {
        let terminals = streams().map(device);
        let mut planned = Self::default();
        let [input, output, errors] = terminals;
        if output.is_some() {
            let streams = [input.is_some(), true, errors == output];
            planned.add(Role::Session, streams, 1)?;
        }
        if errors.is_some() && errors != output {
            planned.add(Role::Display, [false, false, true], 2)?;
        }
        Ok(planned)
    }

    fn add(&mut self, role: Role, on_it: [bool; 3], stream: usize) -> Result<(), Errno> {
        let Some(caller) = streams().get(stream).copied() else { return Ok(()) };
        let caller = relay::duplicate(caller)?;
        self.screens.push(Screen { role, streams: on_it, caller, master: None, relay: None });
        Ok(())
    }

    /// Stands by the keyboard, when the command's session is to have it. Called by the only thread there is, with all
    /// signals blocked.
    ///
    /// # Errors
    /// See [`Keyboard::stand_by`].
    pub fn stand_by(&mut self) -> Result<(), Errno> {
        let [input, output, _] = streams();
        if self.has_session()
            && let Some(terminal) = keys(input, output)
        {
            self.keyboard = Some(Keyboard::stand_by(terminal)?);
        }
        Ok(())
    }

    /// The terminals to be opened inside.
    ///
    /// # Errors
    /// The caller's terminal has gone.
    pub fn inside(&self) -> Result<Vec<inside::Terminal>, Errno> {
        let inside = |screen: &Screen| {
            let size = rustix::termios::tcgetwinsize(&screen.caller)?;
            Ok(inside::Terminal { role: screen.role, streams: screen.streams, modes: screen.modes()?, size })
        };
        self.screens.iter().map(inside).collect()
    }

    /// True when this stream is on one of these terminals.
    #[must_use]
    pub fn has(&self, stream: usize) -> bool {
        self.screens.iter().any(|screen| screen.streams.get(stream) == Some(&true))
    }

    /// True when the command has a session of its own.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.session().is_some()
    }

    /// Takes the other ends of the terminals, in the order of [`Carried::inside`], and shows what comes from them.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn open(&mut self, masters: Vec<OwnedFd>, output: &mut Vec<Relay>) -> Result<(), Errno> {
        for (screen, master) in self.screens.iter_mut().zip(masters) {
            screen.relay = Some(output.len());
            // Opened anew it never waits for a reader; where it cannot be, writes are small.
            let caller = reopen(&screen.caller, OFlags::WRONLY | OFlags::NONBLOCK);
            let caller = caller.or_else(|_| relay::duplicate(&screen.caller))?;
            output.push(Relay::new(relay::duplicate(&master)?, caller)?);
            screen.master = Some(master);
        }
        Ok(())
    }

    /// The command begins, or goes on.
    pub fn go_on(&mut self) {
        self.copy_sizes();
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.go_on();
        }
    }

    /// Takes the keyboard, when this process is in the foreground.
    pub fn take(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.take();
        }
    }

    /// When to look again whether the keyboard can be taken.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.keyboard.as_ref().is_some_and(Keyboard::is_waiting).then_some(LOOK)
    }

    /// What the keyboard waits for.
    #[must_use]
    pub fn interest(&self) -> Option<PollFd<'_>> {
        self.keyboard.as_ref()?.interest(self.session()?.master.as_ref()?)
    }

    /// Hands keys on.
    pub fn step(&mut self) {
        let master = self.screens.iter().find(|screen| screen.role == Role::Session).and_then(|it| it.master.as_ref());
        let looked = self.keyboard.as_mut().zip(master).map(|(keyboard, master)| keyboard.step(master));
        if looked == Some(Looked::HungUp) {
            self.hang_up();
        }
    }

    /// Where one side of a terminal is gone, the other goes as well.
    pub fn follow(&mut self, output: &mut [Relay]) {
        for screen in &mut self.screens {
            let Some(relay) = screen.relay.and_then(|index| output.get_mut(index)) else { continue };
            if relay.is_done() {
                screen.master = None;
            } else if screen.master.is_none() {
                relay.close();
            }
        }
    }

    /// Answers a signal that came while the command runs. `is_terminals`: the caller's terminal sent it.
    pub fn answer(&mut self, number: i32, is_terminals: bool) -> Answer {
        match (number, is_terminals) {
            (SIGWINCH, _) => {
                self.copy_sizes();
                // The session's own terminal has told its foreground. A display tells nobody, and what the caller's
                // terminal told the command came perhaps too early.
                let is_told = is_terminals && !self.screens.iter().any(|screen| screen.role == Role::Display);
                return if is_told { Answer::Done } else { Answer::Forward(To::Command) };
            }
            // A terminal that closes tells the leader of its session alone.
            (SIGHUP, true) if !self.has_session() && leads_a_session() => return Answer::Forward(To::Command),
            (_, true) | (SIGCONT | SIGTSTP | SIGTTIN | SIGTTOU, false) if self.has_session() => {}
            // The command is in the session of the caller's terminal and has it already.
            (_, true) => return Answer::Done,
            (_, false) => return Answer::Forward(To::Command),
        }
        match number {
            SIGHUP => self.hang_up(),
            SIGINT | SIGQUIT | SIGTSTP if is_terminals => {
                if let Some(master) = self.session().and_then(|session| session.master.as_ref()) {
                    let _ = inside::signal_foreground(master, number);
                }
            }
            SIGCONT => {
                self.go_on();
                return Answer::Forward(To::Group);
            }
            SIGTSTP | SIGTTIN | SIGTTOU if !is_terminals => return Answer::Forward(To::Group),
            _ => {}
        }
        Answer::Done
    }

    /// Stops this process as the command was stopped, with the terminal given back, and comes back when it goes on: at
    /// once where nobody could continue it.
    pub fn stop(&mut self) {
        // A key stops the whole group, so that the shell sees all of its job stopped; a command that stops by itself
        // stops nobody beside it.
        let is_typed = self.keyboard.as_ref().is_some_and(Keyboard::is_asked_to_stop);
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.give_back();
        }
        let whom = if is_typed { nix::unistd::Pid::from_raw(0) } else { nix::unistd::getpid() };
        // Not by SIGSTOP: the kernel ignores this one in an orphaned group.
        let mut stop = SigSet::empty();
        stop.add(Signal::SIGTSTP);
        let _ = stop.thread_unblock();
        let _ = nix::sys::signal::kill(whom, Signal::SIGTSTP);
        let _ = stop.thread_block();
        self.go_on();
    }

    fn session(&self) -> Option<&Screen> {
        self.screens.iter().find(|screen| screen.role == Role::Session)
    }

    fn copy_sizes(&self) {
        for screen in &self.screens {
            if let (Ok(size), Some(master)) = (rustix::termios::tcgetwinsize(&screen.caller), &screen.master) {
                let _ = rustix::termios::tcsetwinsize(master, size);
            }
        }
    }

    /// The caller's terminal is gone: the run's own go as well, which tells everybody on them.
    fn hang_up(&mut self) {
        for screen in &mut self.screens {
            screen.master = None;
        }
    }
}

impl Screen {
    /// The modes that its terminal starts with.
    fn modes(&self) -> Result<Option<Termios>, Errno> {
        match self.role {
            // A shell that edits a line meanwhile has modes of its own, which are not meant for us.
            Role::Session if !is_in_foreground(&self.caller) => Ok(None),
            Role::Session => rustix::termios::tcgetattr(&self.caller).map(Some),
            // What is written here is processed by the caller's terminal.
            Role::Display => {
                let mut modes = rustix::termios::tcgetattr(&self.caller)?;
                modes.output_modes -= OutputModes::OPOST;
                modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
                Ok(Some(modes))
            }
        }
    }
}

fn leads_a_session() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session == rustix::process::getpid())
}

/// The device number of a stream that is a terminal.
fn device(stream: BorrowedFd<'_>) -> Option<u64> {
    let status = rustix::termios::isatty(stream).then(|| rustix::fs::fstat(stream))?;
    status.ok().map(|status| status.st_rdev)
}

/// The terminal whose keys are the command's: at standard input, or, as for a pager in a pipeline, at standard output.
/// Who gives the null device as standard input means that nothing is read: a shell does that to what it starts in the
/// background without job control.
fn keys<'a>(input: BorrowedFd<'a>, output: BorrowedFd<'a>) -> Option<BorrowedFd<'a>> {
    if device(input).is_some() {
        return Some(input);
    }
    let null = rustix::fs::makedev(1, 3);
    let is_null = rustix::fs::fstat(input).is_ok_and(|status| {
        FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice && status.st_rdev == null
    });
    let is_ours = rustix::termios::tcgetpgrp(output).err() != Some(Errno::NOTTY);
    (!is_null && is_ours).then_some(output)
}
