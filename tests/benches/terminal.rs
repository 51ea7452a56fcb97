//! What a terminal of the run's own costs: from a key to its echo, and 64 MiB of output, beside the caller's terminal
//! inherited and no sandbox at all. All stand side by side and are measured in turn.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use opaque_tests::bench::{Bound, Ground, Outcome, Place, Table, Window, bench, binaries, median};

/// Keys that are typed in each window.
const KEYS: usize = 3000;
/// Of these, the first ones only warm up.
const WARM_UP: usize = 200;
/// Times that the output is shown.
const SHOWS: usize = 7;
const BYTES: u64 = 64 << 20;
/// Added to a key's way, in microseconds.
const ADDED: Bound = Bound::AtMost(2000.0);

/// What stands side by side.
const VARIANTS: [(&str, Option<&[&str]>); 3] = [
    ("no sandbox", None),
    ("inherited terminal", Some(&["--"])),
    ("terminal of its own", Some(&["--limit", "output=1GiB", "--"])),
];

fn main() -> ExitCode {
    bench("terminal", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let binary = binaries()?.into_iter().next().ok_or("there is no opaque-run")?;
    let ground = Ground::new()?;
    let opaque_run = ground.bring(&binary.path, "opaque-run")?;
    let mut tables = Vec::new();
    for place in ground.places()? {
        tables.push(keys(&place, &opaque_run)?);
        tables.push(output(&place, &opaque_run)?);
    }
    Ok(tables)
}

fn open(place: &Place, opaque_run: &Path, flags: Option<&[&str]>, script: &str) -> Outcome<Window> {
    let command = match flags {
        None => {
            let mut command = place.command("sh");
            command.args(["-c", script]);
            command
        }
        Some(flags) => {
            let mut command = place.command(opaque_run);
            command.args(flags).args(["sh", "-c", script]);
            command
        }
    };
    Window::open(place, command)
}

fn keys(place: &Place, opaque_run: &Path) -> Outcome<Table> {
    let script = "stty raw -echo; echo ready.; exec cat";
    let mut windows = Vec::new();
    for (_, flags) in VARIANTS {
        let mut window = open(place, opaque_run, flags, script)?;
        window.wait_for("ready.\n")?;
        windows.push(window);
    }
    let mut times = vec![Vec::new(); windows.len()];
    for round in 0..KEYS {
        for (window, times) in windows.iter_mut().zip(&mut times) {
            let took = window.echo(b"opaque"[round % 6])?;
            if round >= WARM_UP {
                times.push(took.as_secs_f64() * 1e6);
            }
        }
    }
    for window in windows {
        window.close()?;
    }
    let title = format!("From a key to its echo as {} ({} keys, in turn)", place.identity, KEYS - WARM_UP);
    let mut table = Table::new(title, &["", "median µs", "beyond the inherited one, µs", "99th of 100, µs"]);
    for ((name, _), own) in VARIANTS.iter().zip(&times) {
        let beyond = median(own.iter().zip(&times[1]).map(|(own, direct)| own - direct));
        let mut sorted = own.clone();
        sorted.sort_by(f64::total_cmp);
        let slow = sorted[sorted.len() * 99 / 100];
        let cells = vec![
            (*name).to_owned(),
            format!("{:.1}", median(own.iter().copied())),
            format!("{beyond:.1}"),
            format!("{slow:.1}"),
        ];
        if *name == VARIANTS[2].0 { table.bounded(cells, beyond, ADDED) } else { table.reference(cells) }
    }
    Ok(table)
}

fn output(place: &Place, opaque_run: &Path) -> Outcome<Table> {
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    place.write(&place.project().join("much"), line.repeat(usize::try_from(BYTES)? / line.len()))?;
    let mut times = vec![Vec::new(); VARIANTS.len()];
    for round in 0..=SHOWS {
        for ((_, flags), times) in VARIANTS.iter().zip(&mut times) {
            let start = Instant::now();
            let shown = open(place, opaque_run, *flags, "cat much")?.drain()?;
            if shown < BYTES {
                return Err(format!("only {shown} bytes were shown").into());
            }
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let title = format!("64 MiB of lines on a terminal as {} ({SHOWS} paired rounds)", place.identity);
    let mut table = Table::new(title, &["", "MiB/s", "time, in units of the inherited one"]);
    for ((name, _), own) in VARIANTS.iter().zip(&times) {
        let ratio = median(own.iter().zip(&times[1]).map(|(own, direct)| own / direct));
        let speed = median(own.iter().map(|time| 64.0 / time));
        table.reference(vec![(*name).to_owned(), format!("{speed:.0}"), format!("{ratio:.2}")]);
    }
    Ok(table)
}
