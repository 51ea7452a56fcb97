//! Decides what a request may do and lowers the grants into a plan.
//!
//! Pure: no file, clock, environment or socket is touched here, so everything is tested by table,
//! property and snapshot. The line runs from [`request`] to [`plan`].

pub mod environment;
pub mod facts;
pub mod grants;
pub mod limits;
pub mod lower;
pub mod path;
pub mod plan;
pub mod principal;
pub mod request;
pub mod text;
