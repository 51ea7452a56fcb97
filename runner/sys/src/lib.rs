//! The kernel's edge: the only crate with `unsafe`. It knows no policy.
//!
//! In reading order: an [`image`] is what a plan becomes before the clone; [`spawn()`]
//! clones; the child lives through `child.rs`, one sentence a step, each step in a small file of its
//! own; [`channel`] is the line back; [`step`] names what can fail.

pub mod image;

mod child;
mod spawn;

mod clone;
pub mod descriptors;
mod exec;
mod idmap;
mod init;
mod leftover;
mod limits;
mod mount;
mod mountinfo;
mod netlink;
mod privilege;

pub mod apart;
pub mod arena;
pub mod attest;
pub mod cgroup;
pub mod channel;
pub mod fault;
pub mod janitor;
pub mod landlock;
pub mod locked;
pub mod namespaces;
pub mod netfilter;
pub mod network;
pub mod notify;
pub mod pinned;
pub mod seccomp;
pub mod signals;
pub mod step;
pub mod terminal;

pub use spawn::{Spawned, spawn};
