//! `opaque`: looks after policies. Runs no command of anybody's.

use std::ffi::OsString;
use std::process::ExitCode;

use opaque_runner::tool;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    tool::run(&arguments)
}
