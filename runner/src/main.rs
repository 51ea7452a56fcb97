//! `opaque-run`: parses the command line, walks the line, says how it ended.

use std::ffi::OsString;
use std::process::ExitCode;

use opaque_runner::clean;
use opaque_runner::finish;
use opaque_runner::flags::{self, Parsed};

#[global_allocator]
static MEMORY: opaque_sys::arena::Allocator = opaque_sys::arena::Allocator;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(flags) = clean::asked(&arguments) {
        return finish::run(&flags);
    }
    match flags::parse(&arguments) {
        Parsed::Flags(flags) => finish::run(&flags),
        Parsed::Text(text) => finish::show(&text),
        Parsed::Wrong(message) => finish::misused(&message),
    }
}
