//! Everything that the supervisor waits for, in one poll.

use std::time::{Duration, Instant};

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::relay::Relay;
use crate::supervise::{ENDING, Watched};

#[expect(clippy::struct_excessive_bools, reason = "each is one of the things that are waited for")]
/// What can be done without waiting.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) signals: bool,
    pub(super) channel: bool,
    pub(super) lookups: bool,
    pub(super) input: bool,
    pub(super) keys: bool,
    pub(super) output: Vec<bool>,
}

/// Waits until something happens, or for so long.
pub(super) fn wait(watched: &Watched<'_>, signals: &SignalFd, timeout: Option<Duration>) -> Result<Ready, Errno> {
    let mut waiting = vec![PollFd::new(signals, PollFlags::IN), PollFd::new(&watched.spawned.channel, PollFlags::IN)];
    let mut places = vec![Place::Signals, Place::Channel];
    if let Some(interest) = watched.egress.interest() {
        waiting.push(interest);
        places.push(Place::Lookups);
    }
    if let Some(interest) = watched.input.as_ref().and_then(Relay::interest) {
        waiting.push(interest);
        places.push(Place::Input);
    }
    if let Some(interest) = watched.terminals.interest() {
        waiting.push(interest);
        places.push(Place::Keys);
    }
    for (index, relay) in watched.output.iter().enumerate() {
        if let Some(interest) = relay.interest() {
            waiting.push(interest);
            places.push(Place::Output(index));
        }
    }
    let timeout = timeout.and_then(|timeout| rustix::event::Timespec::try_from(timeout).ok());
    match rustix::event::poll(&mut waiting, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    let mut ready = Ready { output: vec![false; watched.output.len()], ..Ready::default() };
    for (poll, place) in waiting.iter().zip(places) {
        if poll.revents().is_empty() {
            continue;
        }
        match place {
            Place::Signals => ready.signals = true,
            Place::Channel => ready.channel = true,
            Place::Lookups => ready.lookups = true,
            Place::Input => ready.input = true,
            Place::Keys => ready.keys = true,
            Place::Output(index) => {
                if let Some(slot) = ready.output.get_mut(index) {
                    *slot = true;
                }
            }
        }
    }
    Ok(ready)
}

enum Place {
    Signals,
    Channel,
    Lookups,
    Input,
    Keys,
    Output(usize),
}

/// Waits until a stream can be carried on; true when a signal or the time says to stop instead.
pub(super) fn has_to_stop(stream: PollFd<'_>, signals: &SignalFd, until: Option<Instant>) -> bool {
    let mut waiting = [stream, PollFd::new(signals, PollFlags::IN)];
    loop {
        let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
        if rest == Some(Duration::ZERO) {
            return true;
        }
        let rest = rest.and_then(|rest| rustix::event::Timespec::try_from(rest).ok());
        if !matches!(rustix::event::poll(&mut waiting, rest.as_ref()), Ok(_) | Err(Errno::INTR)) {
            return true;
        }
        if waiting.last().is_some_and(|signals| !signals.revents().is_empty()) {
            while let Ok(Some(signal)) = signals.read_signal() {
                if ENDING.contains(&(signal.ssi_signo as i32)) {
                    return true;
                }
            }
        }
        if waiting.first().is_some_and(|stream| !stream.revents().is_empty()) {
            return false;
        }
    }
}
