//! Reading order: who runs (identity), where (sandbox), what (launch, probing), and what came of it (ended);
//! `lab` adds a network, `server` and `client` real programs at its ends, `lab_log` what its own servers saw, `attempts`
//! what is tried there.

pub(crate) mod attempts;
pub(crate) mod binaries;
pub(crate) mod client;
pub(crate) mod ended;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod lab;
pub(crate) mod lab_log;
pub(crate) mod launch;
pub(crate) mod place;
pub(crate) mod probing;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod terminal;
