//! The harness of the end-to-end tests: starts `opaque-run` and its twins outside, as root and as a plain user.
//!
//! Nothing here decides what the product should do; the files in `tests/` say that. See `README.md`.

pub mod bench;
mod harness;
pub mod internet;

pub use harness::attempts::{Attempt, Attempted, Denial, blocked};
pub use harness::binaries::{opaque, opaque_run, opaque_run_with_faults, probe};
pub use harness::client::{PYTHON, has, noise};
pub use harness::ended::Ended;
pub use harness::host::{Processes, cgroups, eventually, missing, program, tree};
pub use harness::identity::{Identity, each_identity};
pub use harness::lab::{Lab, each_identity_in_a_lab, each_identity_in_a_lab_without};
pub use harness::lab_log::{Connection, Datagram, Flow, Query, Request, Side};
pub use harness::launch::{Launch, Running};
pub use harness::probing::Twin;
pub use harness::sandbox::Sandbox;
pub use harness::secrets::VALUE;
pub use harness::server::{Server, Site};
pub use harness::terminal::Terminal;
