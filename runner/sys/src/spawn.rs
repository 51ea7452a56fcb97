//! The supervisor's side of the clone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::channel::{self, Channel};
use crate::child;
use crate::clone::{self, Side};
use crate::descriptors;
use crate::image::{IdMap, Image};
use crate::locked::Locked;
use crate::step::{At, Failure, Step};

/// A child that is being set up and will not start its command before the barrier.
#[derive(Debug)]
#[must_use]
pub struct Spawned {
    /// Its pid here: the init of the run.
    pub pid: Pid,
    /// Refers to it without a race.
    pub pidfd: OwnedFd,
    /// The line to it.
    pub channel: Channel,
}

impl Spawned {
    /// Kills the run's init, and with it everything in its pid namespace; waits until all of it is gone.
    pub fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
        self.reap();
    }

    /// Waits until the run's init is gone: the kernel lets it go only after everything inside is dead.
    pub fn reap(&self) {
        let by = WaitId::PidFd(self.pidfd.as_fd());
        while let Err(Errno::INTR) = rustix::process::waitid(by.clone(), WaitIdOptions::EXITED) {}
    }
}

/// Clones the child, into a cgroup of version 2 when there is one; all signals must be blocked (see [`crate::signals::block_all`]).
///
/// # Errors
/// The kernel refuses the namespaces or the id map.
pub fn spawn(mut image: Image, cgroup: Option<BorrowedFd<'_>>) -> Result<Spawned, Failure> {
    let fault = image.fault;
    let map = image.identity.map;
    fault.check(Step::Clone).at(Step::Clone)?;
    let (ours, mut theirs) = channel::pair(image.network.expected(), image.terminals.len()).at(Step::Clone)?;
    if !image.handed.is_empty() {
        theirs.0 = descriptors::moved_above_handed(theirs.0).at(Step::Clone)?;
        let moved = image.handed.into_iter().map(descriptors::moved_above_handed).collect::<Result<_, _>>();
        image.handed = moved.at(Step::Clone)?;
    }
    image.secrets.iter().try_for_each(Locked::give_to_child).at(Step::Clone)?;
    image.exec.env.give_to_child().at(Step::Clone)?;
    match clone::into_namespaces(cgroup, fault).at(Step::Clone)? {
        Side::Child => {
            drop(ours);
            child::live(image, theirs)
        }
        Side::Parent { pid, pidfd } => {
            drop(theirs);
            let spawned = Spawned { pid, pidfd, channel: ours };
            if map == IdMap::Full && !fault.skips(Step::IdMap) {
                let mapped = crate::idmap::map_all(pid).and_then(|()| spawned.channel.go());
                if let Err(errno) = mapped {
                    spawned.kill();
                    return Err(Failure::new(Step::IdMap, errno));
                }
            }
            Ok(spawned)
        }
    }
}
