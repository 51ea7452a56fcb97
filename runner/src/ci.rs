//! Tells a CI service what to mask, and to take no commands from what the command prints.
//!
//! The service learns the values from lines on standard error, and shows none of them. Whoever else read standard error
//! would learn them as well, so nothing is told unless the service itself reads it.

use std::io::Write;

use opaque_policy::plan::Plan;
use opaque_sys::locked::Locked;

use crate::digest::hex;
use crate::held::Held;
use crate::invocation::Environment;
use crate::process::Process;

/// The program of GitHub Actions that reads what a step prints.
const RUNNER: &[u8] = b"Runner.Worker";

/// The shortest line of a value that is masked by itself.
const SHORTEST_LINE: usize = 4;

/// A CI job that was told; told the end when dropped.
#[derive(Debug, Default)]
pub struct Job {
    resume: Option<String>,
    /// What the person should know.
    pub warning: Option<String>,
}

impl Job {
    /// Tells the service, when the plan wants that and the run is one of its job's steps.
    #[must_use]
    pub fn begin(plan: &Plan, held: &Held, environment: &Environment) -> Self {
        if !plan.output.ci.is_in_job(environment) {
            return Self::default();
        }
        if !is_read_by_runner() {
            let warning = "GitHub Actions is not told what to mask: it does not read standard error itself";
            return Self { resume: None, warning: Some(warning.to_owned()) };
        }
        match tell(held) {
            Ok(resume) => Self { resume: Some(resume), warning: None },
            Err(error) => {
                Self { resume: None, warning: Some(format!("GitHub Actions is not told what to mask: {error}")) }
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(token) = &self.resume {
            // Nobody is left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "::{token}::");
        }
    }
}

/// Says what is masked, then that commands are over until the token comes.
fn tell(held: &Held) -> std::io::Result<String> {
    let mut token = [0; 16];
    rustix::rand::getrandom(&mut token, rustix::rand::GetRandomFlags::empty())?;
    let token = hex(&token);
    let mut stderr = std::io::stderr().lock();
    for value in held.masked() {
        for line in
            value.as_bytes().split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| line.len() >= SHORTEST_LINE)
        {
            stderr.write_all(mask(line)?.as_bytes())?;
        }
    }
    writeln!(stderr, "::stop-commands::{token}")?;
    Ok(token)
}

/// The command for one line; `%` is its escape character.
fn mask(line: &[u8]) -> std::io::Result<Locked> {
    let mut command = Locked::with_capacity("::add-mask::\n".len() + line.len() * 3)?;
    command.extend(b"::add-mask::")?;
    for byte in line {
        match byte {
            b'%' => command.extend(b"%25")?,
            other => command.push(*other)?,
        }
    }
    command.push(b'\n')?;
    Ok(command)
}

/// True when the nearest process above whose standard error is another one is the service's runner: what is printed here
/// then goes to it, and to no program in between that would read along.
fn is_read_by_runner() -> bool {
    let this = Process::this();
    let Some(own) = this.stderr() else { return false };
    let above = this.lineage().into_iter().find(|process| process.stderr() != Some(own));
    above.and_then(|process| process.name()).is_some_and(|name| name.as_bytes() == RUNNER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_escapes_its_escape_character() {
        assert_eq!(mask(b"50%0A off").unwrap().as_bytes(), b"::add-mask::50%250A off\n");
    }

    #[test]
    fn nobody_but_the_runner_is_told() {
        assert!(!is_read_by_runner());
    }
}
