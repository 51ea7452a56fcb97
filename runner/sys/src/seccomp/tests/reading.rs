//! Reads a table the slow and obvious way.

use super::super::rule::{Action, Table, Test, Verdict, Width};
use super::machine::Call;

/// What `table` says about `call` on a machine of this architecture.
pub(super) fn read(table: &Table, architecture: u32, call: Call) -> Action {
    if call.architecture != architecture {
        return Action::Kill;
    }
    match table.verdicts.get(&call.number) {
        None => table.otherwise,
        Some(Verdict::Plain(action)) => *action,
        Some(Verdict::Checked { clauses, otherwise }) => clauses
            .iter()
            .find(|clause| clause.when.iter().all(|test| holds(test, call)))
            .map_or(*otherwise, |clause| clause.action),
    }
}

fn holds(test: &Test, call: Call) -> bool {
    let argument = call.arguments[usize::from(test.argument)] & test.mask;
    match test.width {
        Width::Low32 => test.values.contains(&(argument & 0xFFFF_FFFF)),
        Width::Full64 => test.values.contains(&argument),
    }
}
