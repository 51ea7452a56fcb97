//! The packet filter of a run's own network namespace: what it says, its bytes, and what it refused.
//!
//! A [`Ruleset`] is a value that a plan can show; [`Gateway`] makes the one of a run. The supervisor encodes it before
//! the clone, the child sends it as one transaction: all of it is in force or none.

mod gateway;
mod ruleset;

mod encode;
mod refused;

pub use gateway::{Gateway, Network};
pub use refused::{Refused, refused};
pub use ruleset::{Chain, Family, Hook, Kind, Match, Protocol, Rule, Ruleset, Set, Statement, TABLE};

pub(crate) use encode::{Batch, encode};
