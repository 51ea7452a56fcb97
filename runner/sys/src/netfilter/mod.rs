//! The packet filter of a run's own network namespace: what it says, its bytes, and what it refused.
//!
//! A [`Ruleset`] is a value that a plan can show; [`Gateway`] makes the one of a run. The supervisor encodes it before
//! the clone and sends it as one transaction, while the child goes on building: all of it is in force or none.

mod gateway;
mod ruleset;

mod encode;
mod filter;
mod refused;

pub use filter::Filter;
pub use gateway::{Gateway, Network};
pub use refused::Refused;
pub use ruleset::{Chain, Family, Hook, Kind, Match, Protocol, Rule, Ruleset, Set, Statement, TABLE};

pub(crate) use encode::{Batch, encode};
