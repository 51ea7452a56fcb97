//! The gate of a run: reads what the sandbox sends and judges where it may go.

pub mod address;
pub mod client_hello;
pub mod dns;
pub mod http;
