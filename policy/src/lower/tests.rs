//! Tests of lowering: whole plans of several hosts, refusals one by one, and laws over random grants.

mod approvals;
mod hosts;
mod laws;
mod network;
mod plans;
mod refusals;
mod secrets;
