//! How a bench starts and ends: its options, and the exit code.

use std::path::Path;
use std::process::ExitCode;

use super::rounds;
use super::table::Table;

/// Why a bench could not be carried out.
pub type Failure = Box<dyn std::error::Error>;

/// What a step of a bench comes to.
pub type Outcome<T> = Result<T, Failure>;

/// Runs a bench and prints its tables. With `--check` a missed bound is exit code 1.
///
/// A bench also serves as its own stopwatch: started again with `rounds::MEASURE` under the uid that is measured,
/// it only takes times, as a small process that nothing else goes on in.
pub fn bench(name: &str, measure: impl FnOnce() -> Outcome<Vec<Table>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, order, answer] = arguments.as_slice()
        && mark == rounds::MEASURE
    {
        return finish(name, rounds::carry_out(Path::new(order), Path::new(answer)).map(|()| true));
    }
    // Cargo adds `--bench`.
    if let Some(unknown) = arguments.iter().find(|argument| !["--bench", "--check"].contains(&argument.as_str())) {
        return finish(name, Err(format!("unknown option `{unknown}`; the only one is `--check`").into()));
    }
    let is_checked = arguments.iter().any(|argument| argument == "--check");
    let held = measure().map(|tables| {
        tables.iter().for_each(|table| println!("{table}"));
        !is_checked || tables.iter().all(Table::is_held)
    });
    finish(name, held)
}

fn finish(name: &str, held: Outcome<bool>) -> ExitCode {
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{name}: a bound is missed");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("{name}: {failure}");
            ExitCode::from(2)
        }
    }
}
