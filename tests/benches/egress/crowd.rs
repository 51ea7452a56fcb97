//! A thousand connections at once, none of whose clients reads what the server sends: what the supervisor holds
//! meanwhile, and that every byte arrives afterwards.

use std::fs;
use std::time::{Duration, Instant};

use opaque_tests::bench::{Bound, Outcome, Table};

use crate::ways::by_name;
use crate::world::{Traveller, World, each_world};

const CONNECTIONS: usize = 1_000;
const BYTES: usize = 1 << 20;
/// Mebibytes.
const SUPERVISOR: Bound = Bound::AtMost(32.0);
/// Longest wait until no more is read for those who do not take it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures it.
///
/// # Errors
/// The client fails.
pub fn measure() -> Outcome<Vec<Table>> {
    each_world(CONNECTIONS + 16, measure_as)
}

fn measure_as(world: &World) -> Outcome<Table> {
    let title = format!("{CONNECTIONS} connections with readers that stall, as {}", world.identity);
    let mut table = Table::new(title, &["", "figure"]);
    let builds = [("", Some(world.opaque_run())), ("the other build: ", world.beside()?)];
    for (build, opaque_run) in builds.into_iter().filter_map(|(build, path)| Some((build, path?))) {
        let crowd = gather(world, &by_name(&opaque_run))?;
        let mut row = |name: &str, figure: f64, shown: String, bound: Option<Bound>| {
            let cells = vec![format!("{build}{name}"), shown];
            match bound {
                Some(bound) => table.bounded(cells, figure, bound),
                None => table.reference(cells),
            }
        };
        let missing = (CONNECTIONS - crowd.whole) as f64;
        row("not all bytes in order", missing, missing.to_string(), Some(Bound::AtMost(0.0)));
        row("supervisor's peak, MiB", crowd.peak, format!("{:.1}", crowd.peak), Some(SUPERVISOR));
        row("before, MiB", crowd.before, format!("{:.1}", crowd.before), None);
        row("all stand after, s", crowd.stood, format!("{:.2}", crowd.stood), None);
        row("all bytes came after, s", crowd.drained, format!("{:.2}", crowd.drained), None);
    }
    Ok(table)
}

struct Crowd {
    before: f64,
    peak: f64,
    whole: usize,
    stood: f64,
    drained: f64,
}

/// Starts with the usual soft limit of descriptors; inside, the client takes what it may have.
fn gather(world: &World, line: &[String]) -> Outcome<Crowd> {
    let command = line.join(" ").replace("./client", "sh -c 'ulimit -Sn 4096; exec ./client \"$@\"' client");
    let line = ["sh".to_owned(), "-c".to_owned(), format!("ulimit -Sn 1024; exec {command}")];
    let mut traveller = Traveller::set_out("a crowd", world.launch(&line))?;
    let supervisor = traveller.pid().ok_or("the supervisor is gone")?;
    let before = peak(supervisor)?;
    let start = Instant::now();
    let stood = traveller.ask(&format!("crowd {CONNECTIONS} {BYTES}"))?;
    let gathered = start.elapsed();
    if stood != CONNECTIONS.to_string() {
        return Err(format!("only {stood} connections stand").into());
    }
    let full = settled(supervisor)?;
    let start = Instant::now();
    let whole = traveller.ask("drain")?.parse()?;
    let drained = start.elapsed().as_secs_f64();
    let peak = full.max(peak(supervisor)?);
    traveller.come_home()?;
    Ok(Crowd { before, peak, whole, stood: gathered.as_secs_f64(), drained })
}

/// The peak once it has stopped to grow.
fn settled(pid: i32) -> Outcome<f64> {
    let start = Instant::now();
    let (mut last, mut since) = (peak(pid)?, Instant::now());
    while since.elapsed() < Duration::from_secs(1) && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        let now = peak(pid)?;
        if now > last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

fn peak(pid: i32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}
