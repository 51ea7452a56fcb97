//! The supervisor's side of the clone.

use std::os::fd::OwnedFd;

use rustix::process::Pid;

use crate::channel::{self, Channel};
use crate::child;
use crate::clone::{self, Side};
use crate::image::{IdMap, Image};
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

/// Clones the child; all signals must be blocked (see [`crate::signals::block_all`]).
///
/// # Errors
/// The kernel refuses the namespaces or the id map.
pub fn spawn(image: Image) -> Result<Spawned, Failure> {
    let fault = image.fault;
    let map = image.identity.map;
    fault.check(Step::Clone).at(Step::Clone)?;
    let (ours, theirs) = channel::pair().at(Step::Clone)?;
    match clone::into_namespaces().at(Step::Clone)? {
        Side::Child => {
            drop(ours);
            child::live(image, theirs)
        }
        Side::Parent { pid, pidfd } => {
            drop(theirs);
            let spawned = Spawned { pid, pidfd, channel: ours };
            if map == IdMap::Full && !fault.skips(Step::IdMap) {
                crate::idmap::map_all(pid).at(Step::IdMap)?;
                spawned.channel.go().at(Step::IdMap)?;
            }
            Ok(spawned)
        }
    }
}
