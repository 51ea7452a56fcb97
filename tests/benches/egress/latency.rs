//! How long a small exchange takes over a fresh connection: connect, request, reply. And a question to the resolver.

use opaque_tests::bench::{Bound, Outcome, Table};

use crate::turns::{Turns, middle};
use crate::ways::{GATE, LOOPBACK, LOOPBACK_GATE, OTHERS, WIRE, Ways};
use crate::world::{World, each_world};

const ROUNDS: usize = 50;
const EXCHANGES: usize = 40;
/// Microseconds.
const ADDED: Bound = Bound::AtMost(150.0);

/// Measures it.
///
/// # Errors
/// An exchange fails.
pub fn measure() -> Outcome<Vec<Table>> {
    each_world(16, measure_as)
}

fn measure_as(world: &World) -> Outcome<Table> {
    let mut ways = Ways::open(world)?;
    let exchange = format!("ask {EXCHANGES}");
    let turns = Turns::take(world, &mut ways, ROUNDS, f64::INFINITY, |_, traveller| {
        Ok(middle(&traveller.ask(&exchange)?)? / 1e3)
    })?;
    let title =
        format!("Connect, request and reply as {}, in µs ({ROUNDS} rounds of {EXCHANGES} in turns)", world.identity);
    let mut table = Table::new(title, &["", "median", "added"]);
    for (index, traveller) in ways.travellers.iter().enumerate() {
        let added = turns.beyond(index, ways.plain[index]);
        let mut cells = vec![traveller.name.clone(), format!("{:.0}", turns.median(index)), format!("{added:.0}")];
        match index {
            LOOPBACK_GATE | GATE => table.bounded(cells, added, ADDED),
            LOOPBACK | WIRE => {
                cells[2].clear();
                table.reference(cells);
            }
            OTHERS.. => table.reference(cells),
        }
    }
    let look = ways.travellers[GATE].ask(&format!("look {}", ROUNDS * EXCHANGES))?;
    table.reference(vec![
        "a question to the gate's resolver".into(),
        format!("{:.0}", middle(&look)? / 1e3),
        "".into(),
    ]);
    ways.close()?;
    Ok(table)
}
