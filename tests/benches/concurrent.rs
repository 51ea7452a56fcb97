//! Many runs alive at the same moment: each waits inside until all have started.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, pipe};
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use opaque_tests::bench::{Bound, Ground, Outcome, Place, Table, bench, binaries};

const RUNS: usize = 500;
/// Longest wait for a run to start, after which the bench gives up and ends them all.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let (voices, closing) = (heard, std::thread::spawn(move || open_gate(opener)));
    let lines = BufReader::new(voices).lines();
    let mut count = 0;
    for line in lines {
        line?;
        count += 1;
        if count == RUNS {
            break;
        }
    }
    let started = start.elapsed();
    closing.thread().unpark();
    let failed =
        runs.into_iter().map(|mut run| run.wait()).filter(|ended| !ended.as_ref().is_ok_and(|end| end.success()));
    let failed = failed.count();
    let _ = closing.join();
    if failed > 0 {
        let mut text = String::new();
        File::open(errors)?.take(2_000).read_to_string(&mut text)?;
        eprintln!("{text}");
    }
    // A run that ended before the gate opened was not there with the others.
    Ok(Crowd { started, ended: start.elapsed(), failed: failed.max(RUNS - count) })
}

/// Holds the gate until it is woken, or for as long as the bench is patient. Dropping it lets every run end.
fn open_gate(opener: std::io::PipeWriter) {
    std::thread::park_timeout(PATIENCE);
    drop(opener);
}
