//! Holds the compiler against a naive reading of the table, and the kernel against both.

mod filters;
mod kernel;
mod machine;
mod reading;
