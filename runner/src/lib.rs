//! `opaque-run`: the line from invocation to outcome, and the thin shell that carries a plan out.

pub mod account;
pub mod descriptor;
pub mod digest;
pub mod git;
pub mod host;
pub mod journal;
pub mod program;
pub mod protect;
pub mod shebang;
pub mod workspace;
