//! Bounds what a run may use, with the control groups that this machine gives.
//!
//! The words used here:
//! - a *hierarchy* is a tree of cgroups: the unified one (version 2), or one of version 1 with its controllers;
//! - a *controller* bounds one resource, and belongs to one hierarchy at a time;
//! - *own* is the cgroup that this process is in; groups are made below it, so that whatever bounds us bounds them too;
//! - a *group* is what one run gets: a cgroup in each hierarchy that one of its limits needs.
//!
//! [`Available::probe`] tells what the machine gives, [`Group::create`] takes it, [`sweep`] clears away what a
//! supervisor that was killed left behind. Without limits none of this is touched.

mod clear;
mod discover;
mod group;
mod name;
mod sweep;

mod directory;
mod error;
mod membership;
mod mounted;
mod v1;
mod v2;

pub use clear::clear;
pub use discover::{Available, Mechanism, Reason, Resource};
pub use error::Error;
pub use group::{Group, SwapBound, Usage, Wanted};
pub use name::Name;
pub use sweep::sweep;

#[cfg(test)]
mod tests;
