//! The run's own network: loopback, its own addresses, and, with a gate, where every outbound packet ends.
//!
//! There is no interface to the outside at all. What is made here leads to sockets that the supervisor holds; they are
//! opened inside by the child, while it still may, and handed over. Which address may be reached is not known here.

mod prepared;

pub(crate) mod addresses;
pub(crate) mod attest;
pub(crate) mod loopback;
pub(crate) mod sockets;

mod doors;

pub use doors::{Doors, GateDoors};
pub use prepared::{Gate, Network, Unfit, has_ipv6};

pub(crate) use attest::PROBED;
pub(crate) use doors::{Expected, ExpectedGate, Handed, MOST};
pub(crate) use prepared::Gated;

#[cfg(test)]
mod tests;
