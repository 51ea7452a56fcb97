//! Many runs alive at the same moment: each waits inside until all have started.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, pipe};
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use opaque_tests::bench::{Bound, Ground, Outcome, Place, Table, bench, binaries};

const RUNS: usize = 500;
/// Longest wait until all have started, after which the bench gives up and ends them.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    bench("concurrent", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let binaries = binaries()?;
    let ground = Ground::new()?;
    let title = format!("{RUNS} runs at once");
    let mut table = Table::new(title, &["", "all started after s", "all ended after s", "not ended well"]);
    for place in ground.places()? {
        for binary in &binaries {
            let opaque_run = ground.bring(&binary.path, &format!("opaque-run-{}", binary.linkage))?;
            let crowd = gather(&place, &opaque_run)?;
            let cells = vec![
                format!("{}, as {}", binary.linkage, place.identity),
                format!("{:.2}", crowd.started.as_secs_f64()),
                format!("{:.2}", crowd.ended.as_secs_f64()),
                crowd.failed.to_string(),
            ];
            table.bounded(cells, crowd.failed as f64, Bound::AtMost(0.0));
        }
    }
    Ok(vec![table])
}

struct Crowd {
    started: Duration,
    ended: Duration,
    failed: usize,
}

fn gather(place: &Place, opaque_run: &Path) -> Outcome<Crowd> {
    let (gate, opener) = pipe()?;
    let (heard, said) = pipe()?;
    let (errors, complaints) = (place.base().join("errors"), File::create(place.base().join("errors"))?);
    let start = Instant::now();
    let mut runs: Vec<Child> = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let mut command = place.command(opaque_run);
        command.args(["--", "sh", "-c", "echo started; read line; exit 0"]);
        command.stdin(Stdio::from(gate.try_clone()?)).stdout(Stdio::from(said.try_clone()?));
        runs.push(command.stderr(Stdio::from(complaints.try_clone()?)).spawn()?);
    }
    // From here on only the runs hold the other end, so that hearing ends when they are all gone.
    drop(said);
    let voices = std::thread::spawn(move || BufReader::new(heard).lines().take(RUNS).flatten().count());
    while !voices.is_finished() && start.elapsed() < PATIENCE && !has_lost_one(&mut runs)? {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = start.elapsed();
    drop(opener);
    let failed =
        runs.iter_mut().map(Child::wait).filter(|ended| !ended.as_ref().is_ok_and(|end| end.success())).count();
    let count = voices.join().unwrap_or(0);
    if failed > 0 {
        let mut text = String::new();
        File::open(errors)?.take(2_000).read_to_string(&mut text)?;
        eprintln!("{text}");
    }
    Ok(Crowd { started, ended: start.elapsed(), failed: failed.max(RUNS - count) })
}

/// True when a run ended while the gate was shut: it was not there with the others, and waiting on is pointless.
fn has_lost_one(runs: &mut [Child]) -> Outcome<bool> {
    for run in runs {
        if run.try_wait()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
