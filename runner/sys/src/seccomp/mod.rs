//! Which system calls a sandboxed process may make: the table, its compiler and its installation.
//!
//! The words used here:
//! - an *action* is the kernel's answer to a call: allow it, fail it with an errno, or kill the process;
//! - a *verdict* is the answer for one call number: an action, or *clauses* that look at the arguments;
//! - a *table* maps call numbers to verdicts and names the action of everything that it does not list;
//! - a *filter* is the table compiled to the kernel's instructions.
//!
//! The table permits by name. A call that it does not know fails with `ENOSYS`, as on a kernel that lacks it, so that
//! libraries take their older path; a call that is known and dangerous fails with `EPERM`. A foreign architecture is
//! killed, and numbers of the x32 ABI are never permitted.

mod filter;
mod probe;

mod argument;
mod call;
mod machine;
mod rule;
mod table;
mod tree;

pub use filter::{Filter, install};
pub use probe::{PROBES, Probe, probes_hold};
pub use table::Profile;
pub use tree::Error;

#[cfg(test)]
mod tests;
