//! Attempts one act and says whether the kernel allowed it. Never does harm where the act succeeds.
//!
//! `opaque-probe ACT [argument…]` prints `done …` and exits 0, or `refused ERRNO` and exits 1.
//! Anything else (an unknown act, a wrong argument) is a mistake in a test and panics.

mod attempts;
mod errno;
mod files;
mod kernel;
mod messages;
mod mounts;
mod namespaces;
mod network;
mod observe;
mod processes;
mod resources;
mod sockets;
mod terminal;
mod under;

use std::process::ExitCode;

/// What an act came to: a detail to print, or the error number that refused it.
pub(crate) type Attempt = Result<String, i32>;

/// An act by its name.
pub(crate) type Act = fn(&[String]) -> Attempt;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let name = arguments.next().expect("usage: opaque-probe ACT [argument…]");
    let rest: Vec<String> = arguments.collect();
    let act = find(&name).unwrap_or_else(|| panic!("no such act: {name}"));
    match act(&rest) {
        Ok(detail) if detail.is_empty() => {
            println!("done");
            ExitCode::SUCCESS
        }
        Ok(detail) => {
            println!("done {detail}");
            ExitCode::SUCCESS
        }
        Err(number) => {
            println!("refused {}", errno::name(number));
            ExitCode::from(1)
        }
    }
}

fn find(name: &str) -> Option<Act> {
    let all = [
        files::ACTS,
        attempts::ACTS,
        network::ACTS,
        sockets::ACTS,
        kernel::ACTS,
        namespaces::ACTS,
        mounts::ACTS,
        processes::ACTS,
        terminal::ACTS,
        resources::ACTS,
        observe::ACTS,
        under::ACTS,
    ];
    let mut found = all.iter().flat_map(|acts| acts.iter()).filter(|(act, _)| *act == name);
    let act = found.next().map(|(_, act)| *act);
    assert!(found.next().is_none(), "two acts are called {name}");
    act
}

/// The argument at `index`; a test that forgets one has a mistake.
pub(crate) fn argument(arguments: &[String], index: usize) -> &str {
    arguments.get(index).unwrap_or_else(|| panic!("argument {index} is missing"))
}

/// The number at `index`.
pub(crate) fn number<N: std::str::FromStr>(arguments: &[String], index: usize) -> N {
    let text = argument(arguments, index);
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"))
}

/// The same text for the kernel.
pub(crate) fn c_string(text: &str) -> std::ffi::CString {
    std::ffi::CString::new(text).expect("an argument holds no NUL")
}

/// A system call's answer: negative means that `errno` says why.
pub(crate) fn answer(result: impl Into<i64>) -> Result<i64, i32> {
    let result = result.into();
    if result < 0 { Err(errno::last()) } else { Ok(result) }
}

/// An error of the standard library as its number.
pub(crate) fn os(error: std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// The same on a connection that stood: one that was reset says so to a reader, and to a writer or closer otherwise.
pub(crate) fn on_connection(error: std::io::Error) -> i32 {
    match os(error) {
        libc::EPIPE | libc::ENOTCONN => libc::ECONNRESET,
        other => other,
    }
}
