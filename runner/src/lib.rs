//! `opaque-run`: the line from invocation to outcome, and the thin shell that carries a plan out.

pub mod account;
pub mod descriptor;
pub mod digest;
pub mod program;
pub mod shebang;
