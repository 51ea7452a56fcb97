//! The packet filter of one run, over the socket that the child opened in the run's own network namespace.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::netfilter::encode::Batch;
use crate::netfilter::refused::{self, Refused};
use crate::netlink;

/// A packet filter and what it is to be told. The supervisor may tell it: the namespace belongs to a user namespace that
/// it made (user_namespaces(7)).
#[derive(Debug)]
pub struct Filter {
    socket: OwnedFd,
    batch: Batch,
}

impl Filter {
    pub(crate) fn new(socket: OwnedFd, batch: Batch) -> Self {
        Self { socket, batch }
    }

    /// Puts all rules in force, or none.
    ///
    /// # Errors
    /// The kernel does not take one of them.
    pub fn enforce(&self) -> Result<(), Errno> {
        netlink::send(&self.socket, &self.batch.bytes)?;
        netlink::acknowledged(&self.socket, self.batch.last)
    }

    /// Everything that was refused, sorted; 256 destinations of each family at most.
    ///
    /// # Errors
    /// The kernel does not answer, or not in its own format.
    pub fn refused(&self) -> Result<Vec<Refused>, Errno> {
        refused::read(&self.socket)
    }
}
