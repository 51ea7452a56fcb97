//! Runs a command for what it says. Takes no times.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::place::Place;
use super::session::Outcome;

/// What a command says on its standard output.
///
/// # Errors
/// It does not start or does not end well.
pub fn said(command: &mut Command) -> Outcome<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let (program, errors) = (command.get_program().display(), String::from_utf8_lossy(&output.stderr));
    Err(format!("`{program}` ended with {}: {}", output.status, errors.trim()).into())
}

/// What `opaque-run` would do with `./true` under these options.
///
/// # Errors
/// It refuses.
pub fn show_plan(place: &Place, opaque_run: &Path, options: &[&str]) -> Outcome<Value> {
    let line = options.iter().chain(&["--plan", "--json", "--", "./true"]);
    Ok(serde_json::from_str(&said(place.command(opaque_run).args(line))?)?)
}
