//! Takes times: every contestant once a round, so that whatever else the machine does meets all of them alike.
//!
//! Figures are medians of ratios inside a round (paired), never ratios of medians: on a shared machine absolute
//! times drift by half and paired ratios do not. A round goes through the contestants forwards, the next backwards.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::place::Place;
use super::session::Outcome;

/// Tells a bench to take times only.
pub(super) const MEASURE: &str = "--measure";

/// One command line whose time from spawn to end is taken.
#[derive(Debug, Clone)]
pub struct Contestant {
    argv: Vec<String>,
    cwd: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Contestant {
    /// A command in the place's workspace with the place's environment.
    #[must_use]
    pub fn new(place: &Place, argv: Vec<String>) -> Self {
        Self { argv, cwd: place.project(), env: place.env() }
    }

    /// The same command in another directory.
    #[must_use]
    pub fn at(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.cwd);
        self
    }

    /// The same command with another value of a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.into()));
        self
    }

    fn to_json(&self) -> Outcome<Value> {
        let text = |value: &OsString| value.clone().into_string().map_err(|value| format!("{value:?} is not UTF-8"));
        let env = self.env.iter().map(|(name, value)| Ok((text(name)?, text(value)?)));
        let env = env.collect::<Result<BTreeMap<_, _>, String>>()?;
        Ok(json!({ "argv": self.argv, "cwd": self.cwd, "env": env }))
    }

    fn from_json(value: &Value) -> Option<Command> {
        let argv: Option<Vec<&str>> = value["argv"].as_array()?.iter().map(Value::as_str).collect();
        let argv = argv?;
        let (program, arguments) = argv.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(value["cwd"].as_str()?);
        for (name, value) in value["env"].as_object()? {
            command.env(name, value.as_str()?);
        }
        Some(command)
    }
}

/// How often.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// Rounds that only warm caches.
    pub warm_up: usize,
    /// Rounds that count.
    pub counted: usize,
}

/// Times of every contestant, round by round, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Samples(Vec<Vec<f64>>);

impl Rounds {
    /// Measures the contestants as the place's identity.
    ///
    /// # Errors
    /// A contestant does not start or does not end well.
    pub fn measure(self, place: &Place, contestants: &[Contestant]) -> Outcome<Samples> {
        let contestants = contestants.iter().map(Contestant::to_json).collect::<Outcome<Vec<_>>>()?;
        let order = json!({ "warm_up": self.warm_up, "counted": self.counted, "contestants": contestants });
        let (question, answer) = (place.base().join("order.json"), place.base().join("times.json"));
        place.write(&question, order.to_string())?;
        place.write(&answer, "")?;
        let mut stopwatch = place.stopwatch();
        stopwatch.arg(MEASURE).args([&question, &answer]).stdout(Stdio::null());
        let ended = stopwatch.stderr(Stdio::piped()).output()?;
        if !ended.status.success() {
            return Err(format!("as {}: {}", place.identity, String::from_utf8_lossy(&ended.stderr).trim()).into());
        }
        let times: Value = serde_json::from_slice(&fs::read(&answer)?)?;
        let row = |row: &Value| row.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
        let times = times.as_array().and_then(|rows| rows.iter().map(row).collect());
        Ok(Samples(times.ok_or("the stopwatch answered something else than times")?))
    }
}

impl Samples {
    /// Median time of a contestant, in milliseconds.
    #[must_use]
    pub fn milliseconds(&self, contestant: usize) -> f64 {
        median(self.0[contestant].iter().map(|time| time / 1e6))
    }

    /// Median over the rounds of a contestant's time in units of another's.
    #[must_use]
    pub fn ratio(&self, contestant: usize, to: usize) -> f64 {
        median(self.0[contestant].iter().zip(&self.0[to]).map(|(time, other)| time / other))
    }

    /// Median over the rounds of a contestant's time beyond another's, in microseconds.
    #[must_use]
    pub fn microseconds_beyond(&self, contestant: usize, other: usize) -> f64 {
        median(self.0[contestant].iter().zip(&self.0[other]).map(|(time, other)| (time - other) / 1e3))
    }
}

/// The middle value; of an even count the upper one of the two.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The stopwatch's own work: reads an order, writes an answer.
pub(super) fn carry_out(order: &Path, answer: &Path) -> Outcome<()> {
    let order: Value = serde_json::from_slice(&fs::read(order)?)?;
    let count = |name: &str| order[name].as_u64().and_then(|count| usize::try_from(count).ok());
    let (warm_up, counted) = count("warm_up").zip(count("counted")).ok_or("the order has no count of rounds")?;
    let commands = order["contestants"].as_array().ok_or("the order has no contestants")?;
    let commands: Option<Vec<Command>> = commands.iter().map(Contestant::from_json).collect();
    let mut commands = commands.ok_or("a contestant makes no sense")?;
    let mut times = vec![Vec::with_capacity(counted); commands.len()];
    for round in 0..warm_up + counted {
        for step in 0..commands.len() {
            let index = if round % 2 == 0 { step } else { commands.len() - 1 - step };
            let time = run(&mut commands[index])?;
            if round >= warm_up {
                times[index].push(time);
            }
        }
    }
    Ok(fs::write(answer, json!(times).to_string())?)
}

/// Runs a command to its end. Its streams are the stopwatch's: nothing, nothing, and a pipe for complaints.
fn run(command: &mut Command) -> Outcome<u64> {
    let start = Instant::now();
    let status = command.status();
    let elapsed = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(u64::try_from(elapsed.as_nanos())?),
        Ok(status) => Err(format!("`{}` ended with {status}", command.get_program().display()).into()),
        Err(error) => Err(format!("cannot start `{}`: {error}", command.get_program().display()).into()),
    }
}
