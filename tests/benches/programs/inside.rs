//! Ends well only inside a sandbox: `inside SECRET NAME=LINK…` fails when the secret can be opened, or when a
//! namespace is the one that its starter named.

use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(secret) = arguments.next() else { return fail("no secret is named") };
    if fs::File::open(&secret).is_ok() {
        return fail("the secret can be opened");
    }
    for outside in arguments {
        let Some((name, link)) = outside.split_once('=') else { return fail("a namespace makes no sense") };
        match fs::read_link(format!("/proc/self/ns/{name}")) {
            Ok(own) if own.as_os_str() != link => {}
            _ => return fail(&format!("the {name} namespace is shared")),
        }
    }
    ExitCode::SUCCESS
}

fn fail(why: &str) -> ExitCode {
    eprintln!("not inside: {why}");
    ExitCode::FAILURE
}
