//! Memory of a run's own processes while a command sleeps: the supervisor at its peak, and what stands beside it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ExitCode, Stdio};

use opaque_tests::bench::{Bound, Ground, Outcome, Place, Table, bench, binaries};

/// Mebibytes.
const SUPERVISOR: Bound = Bound::AtMost(8.0);

fn main() -> ExitCode {
    bench("memory", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let binaries = binaries()?;
    let ground = Ground::new()?;
    let mut table =
        Table::new("Memory while a command sleeps, in MiB", &["", "supervisor's peak", "all of its own, shared once"]);
    for place in ground.places()? {
        for binary in &binaries {
            let opaque_run = ground.bring(&binary.path, &format!("opaque-run-{}", binary.linkage))?;
            for (what, options) in [("", Vec::new()), (", 20 secrets and patterns masked", secrets(&place)?)] {
                let run = sleep_in(&place, &opaque_run, &options)?;
                let name = format!("{}, as {}{what}", binary.linkage, place.identity);
                let cells = vec![name, format!("{:.2}", run.supervisor_peak), format!("{:.2}", run.own)];
                // With the system's libraries in it a process that masks so much is beyond the bound: printed, not held.
                match (options.is_empty(), binary.linkage) {
                    (true, _) | (false, "static") => table.bounded(cells, run.supervisor_peak, SUPERVISOR),
                    (false, _) => table.reference(cells),
                }
            }
        }
    }
    Ok(vec![table])
}

struct Memory {
    /// Largest resident set of the supervisor so far.
    supervisor_peak: f64,
    /// Supervisor, init and janitor together, each shared page counted once.
    own: f64,
}

/// Options under which so many secrets of 40 characters are masked, and the formats of tokens.
fn secrets(place: &Place) -> Outcome<Vec<String>> {
    let mut options = vec!["--profile".to_owned(), "agent".to_owned()];
    for number in 0..20 {
        let path = place.base().join(format!("secret-{number}"));
        // No two have more in common than chance gives them.
        let value: String = (0..40_u64)
            .map(|at| {
                char::from(
                    b"abcdefghijklmnopqrstuvwxyz0123456789"
                        [((number * 40 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % 36],
                )
            })
            .collect();
        place.write(&path, value)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        options.extend(["--secret".to_owned(), format!("S{number}=file:{}", path.display())]);
    }
    Ok(options)
}

fn sleep_in(place: &Place, opaque_run: &Path, options: &[String]) -> Outcome<Memory> {
    let mut command = place.command(opaque_run);
    command
        .args(options)
        .args(["--", "sh", "-c", "echo started && read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = command.spawn()?;
    let mut said = String::new();
    BufReader::new(run.stdout.as_mut().ok_or("no standard output")?).read_line(&mut said)?;
    let measured = if said == "started\n" { memory_of(run.id()) } else { Err("the command did not start".into()) };
    // Its standard input closes here, which ends the command.
    run.wait()?;
    measured
}

fn memory_of(supervisor: u32) -> Outcome<Memory> {
    let own =
        descendants(supervisor).into_iter().filter(|pid| name(*pid).is_some_and(|name| name.starts_with("opaque")));
    let own: Vec<u32> = own.collect();
    if own.first() != Some(&supervisor) || own.len() < 2 {
        return Err(format!("the run's own processes were not found: {own:?}").into());
    }
    Ok(Memory {
        supervisor_peak: kibibytes(supervisor, "status", "VmHWM:")? / 1024.0,
        own: own.iter().map(|pid| kibibytes(*pid, "smaps_rollup", "Pss:")).sum::<Outcome<f64>>()? / 1024.0,
    })
}

/// A process and everything that it started, itself first.
fn descendants(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(descendants);
    std::iter::once(pid).chain(below).collect()
}

fn name(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok()
}

fn kibibytes(pid: u32, file: &str, field: &str) -> Outcome<f64> {
    let text =
        fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| format!("{file} of {pid}: {error}"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(field)).ok_or_else(|| format!("{file} has no {field}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
