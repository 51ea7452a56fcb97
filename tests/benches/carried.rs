//! What it costs that output passes the supervisor, beside `cat` alone: 512 MiB of log lines through a pipe, inherited,
//! carried, and with twenty secrets masked in all their forms. Every contestant once a round, in turn. Printed only: a pipe
//! between two processes is the bound here; masking by itself is held to its speed by `redact`.

use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use opaque_tests::bench::{Ground, Outcome, Place, Table, bench, binaries, median};

const ROUNDS: usize = 7;
const BYTES: usize = 512 << 20;
const SECRETS: usize = 20;

fn main() -> ExitCode {
    bench("carried", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let binary = binaries()?.into_iter().next().ok_or("there is no opaque-run")?;
    let ground = Ground::new()?;
    let opaque_run = ground.bring(&binary.path, "opaque-run")?;
    ground.places()?.iter().map(|place| output(place, &opaque_run)).collect()
}

fn output(place: &Place, opaque_run: &Path) -> Outcome<Table> {
    place.write(&place.project().join("much"), log())?;
    let secrets = secrets(place)?;
    let run = |options: &[String]| {
        let mut command = place.command(opaque_run);
        command.args(options).args(["--", "cat", "much"]);
        command
    };
    let variants: [(&str, &dyn Fn() -> Command); 4] = [
        ("cat alone", &|| {
            let mut command = place.command("cat");
            command.arg("much");
            command
        }),
        ("inherited", &|| run(&[])),
        ("carried", &|| run(&["--limit".to_owned(), "output=1TiB".to_owned()])),
        ("20 secrets masked", &|| run(&secrets)),
    ];
    let mut times = vec![Vec::new(); variants.len()];
    for round in 0..=ROUNDS {
        for ((_, command), times) in variants.iter().zip(&mut times) {
            let took = drain(command())?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    let title = format!("512 MiB of log lines through a pipe as {} ({ROUNDS} paired rounds)", place.identity);
    let mut table = Table::new(title, &["", "GiB/s", "time, in units of cat alone"]);
    for ((name, _), own) in variants.iter().zip(&times) {
        let speed = median(own.iter().map(|time| BYTES as f64 / f64::from(1 << 30) / time));
        let ratio = median(own.iter().zip(&times[0]).map(|(own, alone)| own / alone));
        let cells = vec![(*name).to_owned(), format!("{speed:.2}"), format!("{ratio:.2}")];
        table.reference(cells);
    }
    Ok(table)
}

/// Reads all that a command prints and throws it away; says how long that took.
fn drain(mut command: Command) -> Outcome<f64> {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().ok_or("no standard output")?;
    let (mut buffer, mut all) = (vec![0; 256 << 10], 0);
    loop {
        match output.read(&mut buffer)? {
            0 => break,
            read => all += read,
        }
    }
    let status = child.wait()?;
    if !status.success() || all != BYTES {
        return Err(format!("{status}, {all} bytes").into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Lines as a server writes them; none holds anything of a secret.
fn log() -> Vec<u8> {
    let mut text = Vec::with_capacity(BYTES + 256);
    let mut number = 0_u64;
    while text.len() < BYTES {
        number += 1;
        let line = format!(
            "2031-05-06T07:08:{:02}.{:03}Z INFO  worker-{} request {number} GET /api/items/{} 200 {}ms\n",
            number % 60,
            number % 997,
            number % 17,
            number.wrapping_mul(7919) % 100_003,
            number % 250
        );
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(BYTES);
    text
}

/// Options that give so many secrets of 32 to 64 characters.
fn secrets(place: &Place) -> Outcome<Vec<String>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut options = Vec::new();
    for number in 0..SECRETS {
        let value: String = (0..32 + number * 32 / SECRETS)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state % 64) as usize])
            })
            .collect();
        let path = place.base().join(format!("secret-{number}"));
        place.write(&path, value)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        options.extend(["--secret".to_owned(), format!("S{number}=file:{}", path.display())]);
    }
    Ok(options)
}
