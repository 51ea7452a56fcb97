//! How fast one large transfer goes, out and in.

use opaque_tests::bench::{Bound, Outcome, Table};

use crate::turns::{Turns, middle};
use crate::ways::{GATE, LOOPBACK, LOOPBACK_GATE, OTHERS, WIRE, Ways};
use crate::world::{Traveller, World, each_world};

const ROUNDS: usize = 7;
/// Nanoseconds that a transfer should take at least.
const LONG_ENOUGH: f64 = 4e8;
/// The first transfer, which only shows how large the others should be.
const TRIAL: u64 = 32_000_000;
const MOST: u64 = 4_000_000_000;
const AGAINST_NONE: Bound = Bound::AtLeast(0.5);
/// Inwards. Outwards pasta splices as the gate does, and 1.4 times that would be more than goes without a sandbox.
const AGAINST_PASTA: Bound = Bound::AtLeast(1.4);

/// Measures it.
///
/// # Errors
/// A transfer fails.
pub fn measure() -> Outcome<Vec<Table>> {
    each_world(16, measure_as)
}

fn measure_as(world: &World) -> Outcome<Table> {
    let mut ways = Ways::open(world)?;
    let title = format!("Throughput as {} ({ROUNDS} rounds in turns)", world.identity);
    let mut table = Table::new(title, &["", "Gbit/s", "against", "ratio"]);
    for (order, said) in [("down", "in"), ("up", "out")] {
        let mut sizes = vec![TRIAL; ways.travellers.len()];
        Turns::take(world, &mut ways, 1, 0.0, |index, traveller| {
            let rate = rate(traveller, order, TRIAL)?;
            sizes[index] = ((rate / 8.0 * LONG_ENOUGH) as u64).clamp(TRIAL, MOST);
            Ok(rate)
        })?;
        let turns =
            Turns::take(world, &mut ways, ROUNDS, 0.0, |index, traveller| rate(traveller, order, sizes[index]))?;
        let name = |way: usize| format!("{said}: {}", ways.travellers[way].name);
        let fastest =
            ways.pasta.iter().copied().max_by(|one, other| turns.median(*one).total_cmp(&turns.median(*other)));
        for reference in [LOOPBACK, WIRE].iter().chain(&ways.pasta) {
            table.reference(vec![name(*reference), format!("{:.1}", turns.median(*reference)), "".into(), "".into()]);
        }
        let compared = |one: usize, to: usize| {
            let ratio = turns.ratio(one, to);
            let against = ways.travellers[to].name.clone();
            (vec![name(one), format!("{:.1}", turns.median(one)), against, format!("{ratio:.2}")], ratio)
        };
        for (gate, none) in [(LOOPBACK_GATE, LOOPBACK), (GATE, WIRE)] {
            let (cells, ratio) = compared(gate, none);
            table.bounded(cells, ratio, AGAINST_NONE);
            match fastest.map(|pasta| compared(gate, pasta)) {
                Some((cells, ratio)) if order == "down" => table.bounded(cells, ratio, AGAINST_PASTA),
                Some((cells, _)) => table.reference(cells),
                None => {}
            }
        }
        let others = OTHERS + ways.pasta.len();
        for (other, gate) in (others..ways.travellers.len()).zip([LOOPBACK_GATE, GATE]) {
            table.reference(compared(other, gate).0);
        }
    }
    ways.close()?;
    Ok(table)
}

/// Bits a nanosecond.
fn rate(traveller: &mut Traveller, order: &str, bytes: u64) -> Outcome<f64> {
    let nanoseconds = middle(&traveller.ask(&format!("{order} {bytes}"))?)?;
    Ok(bytes as f64 * 8.0 / nanoseconds)
}
