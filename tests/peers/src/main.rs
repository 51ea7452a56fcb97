//! What a policy costs, beside the same policy in `cedar-policy`: to load and to decide by, for 1,000 rules and 10,000.
//!
//! Figures are medians over rounds in which every contestant has its turn; ratios are medians of ratios inside a round.

mod deciding;
mod loading;
mod policies;

use std::process::ExitCode;

use opaque_tests::bench::{Bound, Outcome, Table, bench_in_sections, median};

use deciding::Engine;
use loading::{Loader, Memory, STOPWATCH, Written};
use policies::Shape;

/// As in the product: what a process of one run allocates.
#[global_allocator]
static MEMORY: opaque_sys::arena::Allocator = opaque_sys::arena::Allocator;

const RULES: usize = 1_000;
const MANY_RULES: usize = 10_000;
const ROUNDS: usize = 31;
/// Ten times the rules may take so many times the time.
const LINEAR: Bound = Bound::AtMost(12.0);
/// The same where a thousand fit the processor's own cache, and ten thousand do not.
const LINEAR_BEYOND_THE_CACHE: Bound = Bound::AtMost(15.0);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((mark, rest)) = arguments.split_first()
        && mark == STOPWATCH
    {
        return match loading::carry_out(rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("{failure}");
                ExitCode::FAILURE
            }
        };
    }
    bench_in_sections("peers", &[("load", load), ("decide", decide)])
}

/// Times of every contestant, round by round; a round goes forwards, the next backwards.
fn rounds(contestants: &[&dyn Fn() -> Outcome<f64>]) -> Outcome<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(ROUNDS); contestants.len()];
    for round in 0..ROUNDS + 2 {
        for step in 0..contestants.len() {
            let index = if round % 2 == 0 { step } else { contestants.len() - 1 - step };
            let time = contestants[index]()?;
            // The first two only warm caches.
            if round >= 2 {
                times[index].push(time);
            }
        }
    }
    Ok(times)
}

fn middle(times: &[f64]) -> f64 {
    median(times.iter().copied())
}

fn ratio(times: &[f64], to: &[f64]) -> f64 {
    median(times.iter().zip(to).map(|(time, other)| time / other))
}

fn load() -> Outcome<Vec<Table>> {
    let directory = tempfile::tempdir()?;
    Shape::ALL.into_iter().map(|shape| load_one(shape, directory.path())).collect()
}

fn load_one(shape: Shape, directory: &std::path::Path) -> Outcome<Table> {
    let write = |rules: usize| {
        let (canonical, cedar) = (policies::canonical(shape, rules), policies::cedar(shape, rules));
        Written::new(&directory.join(format!("{}-{rules}", shape.name())), &canonical, &cedar)
    };
    let (some, many) = (write(RULES)?, write(MANY_RULES)?);
    let times = rounds(&[
        &|| some.load(Loader::First, Memory::Arena),
        &|| some.load(Loader::Again, Memory::Arena),
        &|| some.load(Loader::Cedar, Memory::Arena),
        &|| some.load(Loader::First, Memory::System),
        &|| some.load(Loader::Again, Memory::System),
        &|| many.load(Loader::First, Memory::System),
        &|| many.load(Loader::Again, Memory::System),
        &|| many.load(Loader::First, Memory::Arena),
        &|| many.load(Loader::Again, Memory::Arena),
    ])?;
    let bytes: usize = policies::canonical(shape, RULES).iter().map(String::len).sum();
    let title = format!("Loading, rules that differ in {} ({} bytes a rule)", shape.name(), bytes / RULES);
    let mut table = Table::new(title, &["", "ms", "ratio"]);
    let milliseconds = |index: usize| middle(&times[index]) / 1e6;
    let row = |name: &str, index: usize, ratio: Option<f64>| {
        let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("× {ratio:.2}"));
        vec![name.to_owned(), format!("{:.2}", milliseconds(index)), ratio]
    };
    let at_most = Bound::AtMost(5.0);
    table.bounded(row("1,000 rules, first sight", 0, None), milliseconds(0), at_most);
    table.bounded(row("1,000 rules, again", 1, None), milliseconds(1), at_most);
    table.reference(row("1,000 policies, cedar", 2, None));
    for (name, index) in [("first sight, of cedar", 0), ("again, of cedar", 1)] {
        let of_cedar = ratio(&times[index], &times[2]);
        table.bounded(row(name, index, Some(of_cedar)), of_cedar, Bound::AtMost(1.0));
    }
    // More than some five thousand rules leave the arena: what grows is compared on the same memory.
    for (name, index, to) in [("10,000 rules, first sight, of 1,000", 5, 3), ("10,000 rules, again, of 1,000", 6, 4)] {
        let growth = ratio(&times[index], &times[to]);
        table.bounded(row(name, index, Some(growth)), growth, LINEAR);
    }
    for (name, index, to) in [("the same with the arena, first sight", 7, 0), ("the same with the arena, again", 8, 1)]
    {
        table.reference(row(name, index, Some(ratio(&times[index], &times[to]))));
    }
    Ok(table)
}

fn decide() -> Outcome<Vec<Table>> {
    // Decisions are made one after another for as long as the process lives: both engines use the system's allocator.
    opaque_sys::arena::retire();
    Shape::ALL.into_iter().map(decide_one).collect()
}

fn decide_one(shape: Shape) -> Outcome<Table> {
    let (some, many, peer) =
        (Engine::opaque(shape, RULES)?, Engine::opaque(shape, MANY_RULES)?, Engine::cedar(shape, RULES)?);
    let times = rounds(&[&|| some.time(100), &|| many.time(100), &|| peer.time(10)])?;
    let title = format!("Deciding by the last rule, rules that differ in {}", shape.name());
    let mut table = Table::new(title, &["", "µs", "ratio"]);
    let microseconds = |index: usize| middle(&times[index]) / 1e3;
    let row = |name: &str, index: usize, ratio: Option<f64>| {
        let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("× {ratio:.3}"));
        vec![name.to_owned(), format!("{:.1}", microseconds(index)), ratio]
    };
    table.bounded(row("1,000 rules", 0, None), microseconds(0), Bound::AtMost(50.0));
    table.reference(row("1,000 policies, cedar", 2, None));
    let of_cedar = ratio(&times[0], &times[2]);
    table.bounded(row("1,000 rules, of cedar", 0, Some(of_cedar)), of_cedar, Bound::AtMost(1.0));
    let growth = ratio(&times[1], &times[0]);
    table.bounded(row("10,000 rules", 1, Some(growth)), growth, LINEAR_BEYOND_THE_CACHE);
    Ok(table)
}
