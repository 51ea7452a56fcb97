//! The command line of `opaque`: what a person does with policies beside running commands under them.
//!
//! Standard output carries what was asked for; complaints go to standard error, and any of them ends with exit code 1.

mod file;
mod policy;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::policy::Policy;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "opaque", version, about = "Checks, explains, tests and imports policies")]
struct Tool {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Policies: check, explain, test, import
    #[command(subcommand)]
    Policy(Policy),
}

/// Something is wrong, and has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong(String);

impl<T: std::fmt::Display> From<T> for Wrong {
    fn from(what: T) -> Self {
        Self(what.to_string())
    }
}

fn main() -> ExitCode {
    let tool = match Tool::try_parse_from(std::env::args_os()) {
        Ok(tool) => tool,
        Err(error) => {
            let is_wrong = error.use_stderr();
            let _ = error.print();
            return if is_wrong { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let came = match tool.about {
        About::Policy(policy) => policy.carry_out(),
    };
    match came {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(Wrong(message)) => {
            let lines: String = message.lines().map(|line| format!("opaque: {line}\n")).collect();
            let _ = std::io::stderr().write_all(lines.as_bytes());
            ExitCode::FAILURE
        }
    }
}
