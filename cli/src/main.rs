//! The command line of `opaque`: what a person does with policies beside running commands under them.
//!
//! Standard output carries what was asked for; complaints go to standard error, and any of them ends with exit code 1.
//! `policy simulate` ends with 3 where an answer changes, `secrets check` with 1 where a value cannot be had.

mod file;
mod policy;
mod replace;
mod secrets;
mod trust;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::policy::Policy;
use crate::secrets::Secrets;
use crate::trust::Trust;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "opaque", version, about = "Looks after policies, secrets, and what you trust")]
struct Tool {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Policies: check, explain, simulate, lay out, edit and import them
    #[command(subcommand)]
    Policy(Policy),
    /// Let what a repository's `.opaque.toml` asks for count as if you had typed it
    Trust(Trust),
    /// Secrets: which there are, and whether their values can be had
    #[command(subcommand)]
    Secrets(Secrets),
}

/// What was asked for, and the code to end with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    code: u8,
}

impl Said {
    fn well(text: String) -> Self {
        Self { text, code: 0 }
    }
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
        About::Trust(trust) => trust.carry_out().map(Said::well),
        About::Secrets(secrets) => secrets.carry_out(),
    };
    match came {
        Ok(Said { text, code }) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::from(code),
            Err(_) => ExitCode::FAILURE,
        },
        Err(Wrong(message)) => {
            let lines: String = message.lines().map(|line| format!("opaque: {line}\n")).collect();
            let _ = std::io::stderr().write_all(lines.as_bytes());
            ExitCode::FAILURE
        }
    }
}
