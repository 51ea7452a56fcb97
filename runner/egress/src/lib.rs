//! The outbound gate of a run: names, verdicts, relays.
//!
//! In reading order: [`rules`] holds every verdict and does nothing else; [`resolver`] and [`names`] answer lookups
//! without asking anybody; [`connection`] is one connection from arrival to relay; [`gate`] runs them all; [`relay`]
//! carries what may pass, large transfers by [`bulk`]. What the sandbox sends is read by [`dns`], [`client_hello`] and
//! [`http`], bounded, once; [`address`] says which addresses are not on the internet. Only [`upstream`] asks the host's
//! resolver, only [`dial`] and [`datagrams`] connect.

pub mod rules;

pub mod names;
pub mod resolver;

pub mod arrival;
pub mod connection;
pub mod datagrams;
pub mod first_bytes;
pub mod gate;
pub mod published;

pub mod budget;
pub mod bulk;
pub mod dial;
pub mod relay;
pub mod upstream;

pub mod address;
pub mod client_hello;
pub mod dns;
pub mod http;

pub mod log;
pub mod refusal;

mod wire;
