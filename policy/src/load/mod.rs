//! Turns files into policy: strict, with a place for every complaint. Reads no file itself.

mod approval;
mod approved;
mod arguments;
mod ceiling;
mod clients;
mod coding_agents;
mod endpoints;
mod error;
mod examples;
mod matchers;
mod network;
mod policy;
mod profile;
mod repository;
mod rule;
mod secrets;
mod shadow;
mod surroundings;
mod v1;

pub(crate) use approved::APPROVED;
pub use approved::approved;
pub use endpoints::{Stated, endpoints};
pub use error::LoadError;
pub(crate) use policy::{POLICY, load_layer};
pub(crate) use profile::{PROFILE, parse_profile};
pub(crate) use repository::{REPOSITORY, repository};
pub use secrets::delivery;
pub(crate) use v1::POLICY as POLICY_V1;

#[cfg(test)]
pub(crate) mod tests;
