//! Start-up of a static `true` with an allowlist: namespaces, layers and the gate, against bubblewrap with the same
//! binds and no network at all.

use std::fs;
use std::path::{Path, PathBuf};

use opaque_tests::bench::{
    Binary, Bound, Contestant, Ground, Outcome, Peer, Place, Rounds, Table, binaries, bubblewrap, said, show_plan,
    static_program,
};
use serde_json::Value;

const ROUNDS: Rounds = Rounds { warm_up: 10, counted: 250 };
const OPEN: [&str; 2] = ["--allow-net", "api.example.test"];
const BOUND: Bound = Bound::AtMost(0.75);

/// Measures it.
///
/// # Errors
/// Something does not start.
pub fn measure() -> Outcome<Vec<Table>> {
    let bubblewrap = bubblewrap()?;
    let mut binaries = binaries()?;
    if let Some(named) = std::env::var_os("OPAQUE_BESIDE") {
        binaries.push(Binary { linkage: "beside", path: PathBuf::from(named) });
    }
    let ground = Ground::new()?;
    for binary in &mut binaries {
        binary.path = ground.bring(&binary.path, &format!("opaque-run-{}", binary.linkage))?;
    }
    let program = static_program("true", &ground.tools())?;
    ground.places()?.iter().map(|place| measure_as(place, &bubblewrap, &binaries, &program)).collect()
}

fn measure_as(place: &Place, bubblewrap: &Path, binaries: &[Binary], program: &Path) -> Outcome<Table> {
    place.bring(program, &place.project())?;
    let first = binaries.first().ok_or("nothing was built")?;
    let peer = Peer::of_plan(bubblewrap, place, &show_plan(place, &first.path, &OPEN)?["plan"])?;
    let mut contestants = vec![Contestant::new(place, peer.running(&["./true"]))];
    for binary in binaries {
        shows_gate(place, &binary.path)?;
        for options in [OPEN.as_slice(), &[]] {
            contestants.push(Contestant::new(place, running(&binary.path, options)));
        }
    }
    let samples = ROUNDS.measure(place, &contestants)?;
    let title = format!(
        "Start-up with an allowlist as {} ({} paired rounds; bubblewrap makes {} binds)",
        place.identity,
        ROUNDS.counted,
        peer.binds()
    );
    let mut table = Table::new(title, &["", "median ms", "ratio to bubblewrap", "µs for the allowlist"]);
    let cells = |name: String, one: usize, added: String| {
        vec![name, format!("{:.2}", samples.milliseconds(one)), format!("{:.3}", samples.ratio(one, 0)), added]
    };
    table.reference(cells("bubblewrap, same binds, no network".into(), 0, String::new()));
    for (binary, one) in binaries.iter().zip((1..).step_by(2)) {
        let added = format!("{:.0}", samples.microseconds_beyond(one, one + 1));
        let name = format!("opaque-run, {}", binary.linkage);
        table.bounded(cells(format!("{name}, one name open"), one, added), samples.ratio(one, 0), BOUND);
        table.reference(cells(format!("{name}, nothing open"), one + 1, String::new()));
    }
    Ok(table)
}

/// Fails where the option opens no gate: what would be measured is less than what is claimed.
fn shows_gate(place: &Place, opaque_run: &Path) -> Outcome<()> {
    let report = place.base().join("report.json");
    let line = running(opaque_run, &OPEN);
    let mut command = place.command(opaque_run);
    said(command.arg("--report").arg(&report).args(&line[1..]))?;
    let written = fs::read(&report)?;
    // The next build writes its own.
    fs::remove_file(report)?;
    let report: Value = serde_json::from_slice(&written)?;
    let controls = report["controls"].as_array().ok_or("the report has no controls")?;
    match controls.iter().find(|control| control["enforcement"] != "enforced") {
        Some(control) => Err(format!("runs without {control}").into()),
        None if report["network"].is_null() => Err("the report has no network".into()),
        None => Ok(()),
    }
}

fn running(opaque_run: &Path, options: &[&str]) -> Vec<String> {
    let line = options.iter().chain(&["--", "./true"]).map(|&word| word.to_owned());
    std::iter::once(opaque_run.display().to_string()).chain(line).collect()
}
