//! Stands by the command until it ends: its limits, its signals, its streams, its protected paths.
//!
//! One thread, one loop over one poll. It starts before the barrier, so that a signal that arrives
//! while the sandbox is built is answered too.

mod wait;

use std::time::{Duration, Instant};

use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use opaque_policy::output::Overflow;
use opaque_sys::channel::{End, Message};
use opaque_sys::fault::Fault;
use opaque_sys::notify;
use opaque_sys::signals::To;
use opaque_sys::step::Failure;
use opaque_sys::{Spawned, namespaces::NamespaceInodes};
use rustix::io::Errno;

use crate::egress::Egress;
use crate::outcome::{Ending, LimitReached, Refusal};
use crate::printed::Printed;
use crate::protect::snapshot::Snapshot;
use crate::relay::Relay;
use crate::shown::Shown;
use crate::supervise::wait::{Ready, has_to_stop, is_ready, wait};
use crate::terminal::carried::{Answer, Carried};

/// What to stand by and for how long.
pub struct Watched<'a> {
    /// The child on its way to the barrier.
    pub spawned: &'a Spawned,
    /// Streams that are carried: standard input first, then the ones that count as output.
    pub input: Option<Relay>,
    /// Output streams that are carried.
    pub output: Vec<Relay>,
    /// Terminals in the place of the caller's.
    pub terminals: Carried,
    /// What is done to output.
    pub shown: &'a Shown,
    /// What stood at the protected names on the host; they are watched.
    pub protected: &'a Snapshot,
    /// The way out to the network; opened when the sandbox has handed its sockets over.
    pub egress: &'a mut Egress,
    /// What a test build wants to fail.
    pub fault: Fault,
    /// The wall-time limit.
    pub wall: Option<Duration>,
    /// The output limit, in bytes.
    pub output_limit: Option<u64>,
    /// What happens at the output limit.
    pub on_overflow: Overflow,
    /// Time between the request to end and the kill.
    pub grace: Duration,
}

/// What came of it.
#[derive(Debug)]
pub enum Supervised {
    /// The command was started and ended.
    Ended {
        /// How; a memory limit is told apart by the caller, who has the cgroup.
        ending: Ending,
        /// From the barrier to the end.
        wall: Duration,
        /// True when the child vanished without a word: killed from outside, or by the OOM killer.
        vanished: bool,
        /// False when it vanished before the command started.
        started: bool,
        /// What became of output that was carried.
        printed: Printed,
        /// Files that the command left in its private home.
        left: u32,
    },
    /// A step failed before the command started.
    Failed(Failure),
    /// The program could not be executed.
    NotExecuted(Failure),
    /// A signal ended the run before the command started.
    Interrupted(i32),
}

/// Waits for the child, lets it pass the barrier when `permit` agrees, and stands by it to the end.
///
/// # Errors
/// The kernel refuses a descriptor or a poll; the caller ends the run.
pub fn supervise<E>(
    mut watched: Watched<'_>,
    permit: impl FnOnce(NamespaceInodes) -> Result<(), E>,
) -> Result<Supervised, SuperviseError<E>> {
    // From here on the process waits, perhaps for hours: what the loop allocates is freed.
    opaque_sys::arena::retire();
    let signals = SignalFd::with_flags(&all_signals(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|errno| SuperviseError::Kernel(Errno::from_raw_os_error(errno as i32)))?;
    let mut state =
        State { permit: Some(permit), started: None, ending: None, asked_to_end: None, is_told_to_end: false, left: 0 };
    loop {
        let ready = wait(&watched, &signals, state.timeout(&watched)).map_err(SuperviseError::Kernel)?;
        watched.output.iter_mut().for_each(Relay::tick);
        if state.started.is_some() {
            watched.terminals.take();
        }
        let mut is_told = false;
        if ready.signals {
            while let Ok(Some(signal)) = signals.read_signal() {
                is_told |= signal.ssi_signo as i32 == notify::SIGNAL;
                if let Some(interrupted) = state.signal(&mut watched, &signal) {
                    watched.spawned.kill();
                    return Ok(Supervised::Interrupted(interrupted));
                }
            }
        }
        if is_told && let Some(replaced) = watched.protected.replaced() {
            state.end(&watched, Ending::ProtectedPathChanged(replaced.to_string()));
        }
        if ready.lookups {
            watched.egress.serve();
        }
        state.carry(&mut watched, &ready);
        if ready.channel {
            match watched.spawned.channel.receive().map_err(SuperviseError::Kernel)? {
                Some(message) => {
                    if let Some(supervised) = state.message(&mut watched, &signals, message)? {
                        return Ok(supervised);
                    }
                }
                None => return Ok(state.vanished(&mut watched, &signals)),
            }
        }
        state.check_time(&watched);
    }
}

/// How long a stream has to be silent until nothing more comes from a command that has stopped: a terminal hands on
/// what was written to it a moment later.
const QUIET: Duration = Duration::from_millis(5);
/// How long a stop waits for that at most.
const SHOWN_WITHIN: Duration = Duration::from_millis(200);

/// Why supervising failed.
#[derive(Debug)]
pub enum SuperviseError<E> {
    /// The supervisor's own calls failed.
    Kernel(Errno),
    /// The way out to the network could not be opened.
    NoEgress(Refusal),
    /// The barrier was not permitted.
    NotPermitted(E),
}

struct State<P> {
    /// Taken when the barrier is passed.
    permit: Option<P>,
    started: Option<Instant>,
    /// Why the supervisor ends the run, when it does.
    ending: Option<Ending>,
    asked_to_end: Option<Instant>,
    /// Whether somebody told the run to end: then nobody waits long for a reader of its output.
    is_told_to_end: bool,
    /// Files that the command left in its private home.
    left: u32,
}

impl<P> State<P> {
    fn message<E>(
        &mut self,
        watched: &mut Watched<'_>,
        signals: &SignalFd,
        message: Message,
    ) -> Result<Option<Supervised>, SuperviseError<E>>
    where
        P: FnOnce(NamespaceInodes) -> Result<(), E>,
    {
        match message {
            Message::Doors(doors) => {
                let enforced = || {
                    // A child that is gone by now has said why.
                    let _ = watched.spawned.channel.go();
                };
                if let Err(refusal) = watched.egress.open(doors, watched.fault, enforced) {
                    watched.spawned.kill();
                    return Err(SuperviseError::NoEgress(refusal));
                }
                Ok(None)
            }
            Message::Terminals(masters) => {
                let before = watched.output.len();
                watched.terminals.open(masters, &mut watched.output).map_err(SuperviseError::Kernel)?;
                watched.shown.treat(watched.output.get_mut(before..).unwrap_or_default());
                Ok(None)
            }
            Message::Ready(namespaces) => {
                if let Some(permit) = self.permit.take() {
                    if !watched.egress.is_ready() {
                        watched.spawned.kill();
                        return Err(SuperviseError::NoEgress(Refusal::cannot_build(
                            "the gate to the network has closed",
                        )));
                    }
                    if let Err(error) = permit(namespaces) {
                        watched.spawned.kill();
                        return Err(SuperviseError::NotPermitted(error));
                    }
                    self.started = Some(Instant::now());
                    watched.egress.starts(watched.fault);
                    watched.terminals.go_on();
                    // A child that is gone by now has said why: its last word is the next message.
                    let _ = watched.spawned.channel.go();
                }
                Ok(None)
            }
            Message::Failed(failure) => {
                watched.spawned.kill();
                Ok(Some(if self.started.is_some() && failure.step == opaque_sys::step::Step::Exec {
                    Supervised::NotExecuted(failure)
                } else {
                    Supervised::Failed(failure)
                }))
            }
            Message::Ended(end, left) => {
                self.left = left;
                Ok(Some(self.ended(watched, signals, Ending::Command(end), false)))
            }
            Message::Stopped(_) => {
                self.show_what_is_there(watched);
                stop_with_the_command(watched);
                Ok(None)
            }
        }
    }

    fn ended(&mut self, watched: &mut Watched<'_>, signals: &SignalFd, ending: Ending, vanished: bool) -> Supervised {
        let wall = self.started.map(|started| started.elapsed()).unwrap_or_default();
        watched.egress.drain();
        watched.spawned.reap();
        self.finish_output(watched, signals);
        let printed = Printed::of(&watched.output);
        Supervised::Ended {
            ending: self.ending.take().unwrap_or(ending),
            wall,
            vanished,
            started: self.started.is_some(),
            printed,
            left: self.left,
        }
    }

    fn vanished(&mut self, watched: &mut Watched<'_>, signals: &SignalFd) -> Supervised {
        self.ended(watched, signals, Ending::Command(End::Signal(libc_signal::KILL)), true)
    }

    /// Everything inside is dead by now: what is left in the pipes is all there is. A reader may take its time for it; a
    /// signal that ends programs ends that wait.
    fn finish_output(&mut self, watched: &mut Watched<'_>, signals: &SignalFd) {
        let is_over = self.is_told_to_end || self.asked_to_end.is_some();
        let until = is_over.then(|| Instant::now() + watched.grace);
        for index in 0..watched.output.len() {
            while watched.output.get(index).is_some_and(|relay| !relay.is_done()) {
                if let Some(room) = watched.output.get(index).and_then(Relay::interest)
                    && has_to_stop(room, signals, until)
                {
                    return;
                }
                self.carry_output(watched, index);
            }
        }
    }

    /// What the command printed before it stopped is shown before the caller's shell speaks.
    fn show_what_is_there(&mut self, watched: &mut Watched<'_>) {
        let start = Instant::now();
        for index in 0..watched.output.len() {
            while start.elapsed() < SHOWN_WITHIN {
                let Some(relay) = watched.output.get_mut(index) else { break };
                if !relay.interest().is_some_and(|interest| is_ready(interest, QUIET)) {
                    relay.tick();
                    if !relay.has_more() {
                        break;
                    }
                }
                self.carry_output(watched, index);
            }
        }
    }

    fn carry(&mut self, watched: &mut Watched<'_>, ready: &Ready) {
        if ready.input
            && let Some(relay) = &mut watched.input
        {
            relay.step(u64::MAX);
        }
        if ready.keys {
            watched.terminals.step();
        }
        for index in 0..watched.output.len() {
            if ready.output.get(index).copied().unwrap_or_default() {
                self.carry_output(watched, index);
            }
        }
        watched.terminals.follow(&mut watched.output);
    }

    /// Hands on one chunk of output, never more than the limit leaves.
    fn carry_output(&mut self, watched: &mut Watched<'_>, index: usize) {
        let carried: u64 = watched.output.iter().map(Relay::carried).sum();
        let room = watched.output_limit.map_or(u64::MAX, |limit| limit.saturating_sub(carried));
        let Some(relay) = watched.output.get_mut(index) else { return };
        relay.step(room);
        if let Some(limit) = watched.output_limit
            && room == 0
            && relay.has_more()
        {
            match watched.on_overflow {
                Overflow::Truncate => relay.cut_off(),
                Overflow::Kill => {
                    relay.close();
                    self.end(watched, Ending::Limit(LimitReached::Output(limit)));
                }
            }
        }
    }

    /// Kills the run; the first reason is the one that counts.
    fn end(&mut self, watched: &Watched<'_>, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            watched.spawned.kill();
        }
    }

    fn check_time(&mut self, watched: &Watched<'_>) {
        let (Some(limit), Some(started)) = (watched.wall, self.started) else { return };
        match self.asked_to_end {
            None if started.elapsed() >= limit => {
                self.asked_to_end = Some(Instant::now());
                self.ending = Some(Ending::Limit(LimitReached::Wall(limit)));
                forward(watched.spawned, libc_signal::TERM, To::Command);
                forward(watched.spawned, libc_signal::CONT, To::Group);
            }
            Some(asked) if asked.elapsed() >= watched.grace => watched.spawned.kill(),
            None | Some(_) => {}
        }
    }

    /// How long to wait at most: until the run has to end, or until a quiet stream may let something go.
    fn timeout(&self, watched: &Watched<'_>) -> Option<Duration> {
        let wall = watched.wall.zip(self.started).map(|(limit, started)| match self.asked_to_end {
            None => limit.saturating_sub(started.elapsed()),
            Some(asked) => watched.grace.saturating_sub(asked.elapsed()).max(Duration::from_millis(10)),
        });
        watched.output.iter().filter_map(Relay::due).chain(wall).chain(watched.terminals.due()).min()
    }

    /// Answers one signal; some before the barrier end the run at once.
    fn signal(&mut self, watched: &mut Watched<'_>, signal: &siginfo) -> Option<i32> {
        let number = signal.ssi_signo as i32;
        if matches!(number, libc_signal::CHLD | notify::SIGNAL) {
            return None;
        }
        if self.started.is_none() {
            return ENDING.contains(&number).then_some(number);
        }
        self.is_told_to_end |= ENDING.contains(&number);
        // The terminal sends its signals to the whole foreground group: a command in it has them already.
        // What it does about them comes back as `Stopped` or `Ended`.
        if let Answer::Forward(to) = watched.terminals.answer(number, signal.ssi_code > 0) {
            forward(watched.spawned, number, to);
        }
        None
    }
}

/// Signals by which somebody ends a program.
const ENDING: [i32; 4] = [libc_signal::HUP, libc_signal::INT, libc_signal::QUIT, libc_signal::TERM];

/// The signal numbers used here, from the kernel's table (signal(7)).
mod libc_signal {
    pub(super) const HUP: i32 = nix::libc::SIGHUP;
    pub(super) const INT: i32 = nix::libc::SIGINT;
    pub(super) const QUIT: i32 = nix::libc::SIGQUIT;
    pub(super) const KILL: i32 = nix::libc::SIGKILL;
    pub(super) const TERM: i32 = nix::libc::SIGTERM;
    pub(super) const CHLD: i32 = nix::libc::SIGCHLD;
    pub(super) const CONT: i32 = nix::libc::SIGCONT;
}

/// The command was stopped by job control: this process stops as well, so that the caller's shell
/// sees it, and both go on together.
fn stop_with_the_command(watched: &mut Watched<'_>) {
    if watched.terminals.has_session() {
        watched.terminals.stop();
    } else {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
    forward(watched.spawned, libc_signal::CONT, To::Group);
}

fn forward(spawned: &Spawned, number: i32, to: To) {
    // The child may just have ended: its message is on the way.
    let _ = opaque_sys::signals::send_to_init(&spawned.pidfd, number, to);
}

fn all_signals() -> nix::sys::signal::SigSet {
    nix::sys::signal::SigSet::all()
}
