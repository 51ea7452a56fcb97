//! `opaque-run`: the line from invocation to outcome, and the thin shell that carries a plan out.
//!
//! In reading order: [`line`](mod@line) is the whole run on one screen; what it reads of the world; what it makes
//! ready; what it stands by; what it says at the end.

pub mod line;

pub mod flags;
pub mod invocation;

pub mod account;
pub mod clean;
pub mod endpoints;
pub mod git;
pub mod host;
pub mod policy_files;
pub mod process;
pub mod program;
pub mod repository;
pub mod requester;
pub mod secrets;
pub mod shebang;
pub mod tmux;
pub mod trust;
pub mod workspace;

pub mod approver;
pub mod bounds;
pub mod ci;
pub mod confirmation;
pub mod consent;
pub mod egress;
pub mod gateway;
pub mod held;
pub mod launch;
pub mod pinned;
pub mod prepare;
pub mod protect;
pub mod said;
pub mod shown;
pub mod streams;

pub mod relay;
pub mod supervise;
pub mod terminal;
pub mod treatment;

pub mod controls;
pub mod explain;
pub mod finish;
pub mod journal;
pub mod outcome;
pub mod printed;
pub mod report;
pub mod ruleset;

mod answer;
pub mod descriptor;
pub mod digest;

#[cfg(test)]
mod alone;
