//! Decides what a request may do and lowers the grants into a plan.
//!
//! Pure: no file, clock, environment or socket is touched here, so everything is tested by table,
//! property and snapshot. The line runs from [`request`] to [`plan`].

pub mod request;
pub mod request_file;

pub mod answer;
pub mod approval;
pub mod audit;
pub mod authorize;
pub mod decide;
pub mod decision;
pub mod distinct;
pub mod document;
pub mod in_force;
pub mod layer;
pub mod load;
pub mod order;
pub mod policy_set;
pub mod preset;
pub mod profile;
pub mod review;
pub mod rule;
pub mod schema;
pub mod simulate;
pub mod sources;

pub mod cidr;
pub mod egress;
pub mod host_name;
pub mod network;
pub mod network_grants;

pub mod environment;
pub mod facts;
pub mod grants;
pub mod intent;
pub mod limits;
pub mod lower;
pub mod output;
pub mod plan;
pub mod principal;
pub mod secret;

pub mod class;
pub mod classify;
pub mod coding_agent;
pub mod destination;
pub mod fact;
pub mod glob;
pub mod path;
pub mod path_glob;
pub mod pattern;
pub mod redacted;
pub mod remote;
pub mod surroundings;
pub mod text;
pub mod units;

mod alike;
mod ceiling;
mod grammar;
mod matcher;
mod reach;
mod shadow;
mod shape;
