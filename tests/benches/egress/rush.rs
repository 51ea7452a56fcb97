//! How many short connections a second: connect, request, reply, close, eight at a time.

use opaque_tests::bench::{Bound, Outcome, Table};

use crate::turns::Turns;
use crate::ways::{GATE, LOOPBACK_GATE, Ways};
use crate::world::{Traveller, World, each_world};

/// Two seconds in all for each.
const ROUNDS: usize = 4;
const MILLISECONDS: u64 = 500;
const TASKS: usize = 8;
const A_SECOND: Bound = Bound::AtLeast(2_000.0);

/// Measures it.
///
/// # Errors
/// A client fails; a connection that does is counted.
pub fn measure() -> Outcome<Vec<Table>> {
    each_world(16, measure_as)
}

fn measure_as(world: &World) -> Outcome<Table> {
    let mut ways = Ways::open(world)?;
    let mut failed = vec![0; ways.travellers.len()];
    let turns = Turns::take(world, &mut ways, ROUNDS, 0.0, |index, traveller| {
        let (well, ill) = rush(traveller)?;
        failed[index] += ill;
        Ok(well as f64 * 1e3 / MILLISECONDS as f64)
    })?;
    let title = format!("Short connections as {}, {TASKS} at a time", world.identity);
    let mut table = Table::new(title, &["", "a second", "failed"]);
    for (index, traveller) in ways.travellers.iter().enumerate() {
        let rate = turns.median(index);
        let cells = vec![traveller.name.clone(), format!("{rate:.0}"), failed[index].to_string()];
        match index {
            // One that fails is worse than many that are slow.
            LOOPBACK_GATE | GATE => table.bounded(cells, if failed[index] == 0 { rate } else { 0.0 }, A_SECOND),
            _ => table.reference(cells),
        }
    }
    ways.close()?;
    Ok(table)
}

fn rush(traveller: &mut Traveller) -> Outcome<(u64, u64)> {
    let answer = traveller.ask(&format!("rush {TASKS} {MILLISECONDS}"))?;
    let (well, ill) = answer.split_once(' ').ok_or_else(|| format!("no counts: `{answer}`"))?;
    Ok((well.parse()?, ill.parse()?))
}
