//! The sockets that lead into a run: opened by the child, handed over, named by the supervisor.
//!
//! INVARIANT: their order on the wire is the order in which [`crate::network::sockets`] opens them; how many there are
//! follows from what was prepared, so that one too many or too few is seen.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::netfilter::{Batch, Filter};

/// Most ports at which datagrams are taken.
pub(crate) const MOST_DATAGRAM_PORTS: usize = 16;
/// Most sockets that lead to servers inside.
pub(crate) const MOST_SOCKETS: usize = 64;
/// Most descriptors of one run: two resolvers, two listeners, the packet filter's, and the above.
pub(crate) const MOST: usize = 5 + 2 * MOST_DATAGRAM_PORTS + MOST_SOCKETS;

/// The sockets that lead into a run, all non-blocking and close-on-exec but the packet filter's, which blocks.
#[derive(Debug)]
pub struct Doors {
    /// Datagrams to the run's own IPv4 address at port 53.
    pub resolver: OwnedFd,
    /// What a gate adds.
    pub gate: Option<GateDoors>,
}

/// The sockets of a gate.
#[derive(Debug)]
pub struct GateDoors {
    /// Listens on 127.0.0.1 at the gate's port.
    pub tcp4: OwnedFd,
    /// Listens on ::1 at the gate's port.
    pub tcp6: Option<OwnedFd>,
    /// Datagrams to the run's own IPv6 address at port 53.
    pub resolver6: Option<OwnedFd>,
    /// Datagrams at granted ports, with `IP_PKTINFO`.
    pub udp4: Vec<(u16, OwnedFd)>,
    /// Datagrams at granted ports, with `IPV6_RECVPKTINFO`; replies may carry any source.
    pub udp6: Vec<(u16, OwnedFd)>,
    /// Unconnected TCP sockets for IPv4.
    pub sockets: Vec<OwnedFd>,
    /// The packet filter, which says nothing yet.
    pub filter: Filter,
}

/// What the child was told to open.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) has_v6: bool,
    pub(crate) gate: Option<ExpectedGate>,
}

#[derive(Debug, Clone)]
pub(crate) struct ExpectedGate {
    /// Ports for datagrams.
    pub(crate) udp_ports: Vec<u16>,
    /// How many sockets that lead to servers inside.
    pub(crate) sockets: usize,
    /// What the packet filter is told.
    pub(crate) rules: Batch,
}

impl Expected {
    /// How many descriptors that makes.
    pub(crate) fn count(&self) -> usize {
        let families = if self.has_v6 { 2 } else { 1 };
        // The resolver and the packet filter; a listener for each family; for IPv6 a resolver of its own.
        self.gate
            .as_ref()
            .map_or(1, |gate| 2 + families + (families - 1) + families * gate.udp_ports.len() + gate.sockets)
    }

    /// Gives each descriptor its name; `None` when there is one too many or too few.
    pub(crate) fn name(self, descriptors: Vec<OwnedFd>) -> Option<Doors> {
        if descriptors.len() != self.count() {
            return None;
        }
        let mut left = descriptors.into_iter();
        let resolver = left.next()?;
        let Some(gate) = self.gate else { return Some(Doors { resolver, gate: None }) };
        let ExpectedGate { udp_ports: ports, sockets, rules } = gate;
        let filter = Filter::new(left.next()?, rules);
        let tcp4 = left.next()?;
        let (tcp6, resolver6) = if self.has_v6 { (Some(left.next()?), Some(left.next()?)) } else { (None, None) };
        let udp4 = ports.iter().copied().zip(left.by_ref().take(ports.len())).collect();
        let v6 = if self.has_v6 { ports.len() } else { 0 };
        let udp6 = ports.iter().copied().zip(left.by_ref().take(v6)).collect();
        let sockets = left.take(sockets).collect();
        Some(Doors { resolver, gate: Some(GateDoors { tcp4, tcp6, resolver6, udp4, udp6, sockets, filter }) })
    }
}

/// What the child has opened so far, in order.
pub(crate) struct Handed {
    open: [Option<OwnedFd>; MOST],
    count: usize,
}

impl Handed {
    pub(crate) fn new() -> Self {
        Self { open: [const { None }; MOST], count: 0 }
    }

    pub(crate) fn keep(&mut self, descriptor: OwnedFd) -> Result<(), Errno> {
        *self.open.get_mut(self.count).ok_or(Errno::MFILE)? = Some(descriptor);
        self.count += 1;
        Ok(())
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Calls with all of them, without allocating; `filler` only fills the room that is not used.
    pub(crate) fn with<T>(&self, filler: BorrowedFd<'_>, call: impl FnOnce(&[BorrowedFd<'_>]) -> T) -> T {
        let mut borrowed = [filler; MOST];
        let mut count = 0;
        for (slot, descriptor) in borrowed.iter_mut().zip(self.open.iter().flatten()) {
            *slot = descriptor.as_fd();
            count += 1;
        }
        call(borrowed.get(..count).unwrap_or_default())
    }
}
