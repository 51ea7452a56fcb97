//! What is known of programs, one table a field. A program that stands in none is opaque.

mod files;
mod hosted;
mod packages;
mod running;
mod system;
mod version_control;

use super::program::Known;

/// Names, separated by spaces, and what is known of the programs behind them.
type Row = (&'static str, Known);

pub(super) const ALL: [&[Row]; 6] =
    [files::ROWS, version_control::ROWS, packages::ROWS, system::ROWS, hosted::ROWS, running::ROWS];
