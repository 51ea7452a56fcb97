//! Resource limits: what may be asked for, how two of them combine, and what a plan carries.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::units::{self, UnitError};

/// A limit's value and whether the run is refused when the machine cannot give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit<T> {
    /// The bound.
    pub max: T,
    /// Refuse the run when the machine cannot enforce it; otherwise report it as absent.
    pub required: bool,
}

/// The limits of one run. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Wall time from the start of the command.
    #[serde(serialize_with = "milliseconds")]
    pub wall: Option<Limit<Duration>>,
    /// CPU bandwidth, in percent of one core (200 is two cores).
    pub cpu: Option<Limit<u32>>,
    /// Memory of the whole run, in bytes, swap included.
    pub memory: Option<Limit<u64>>,
    /// Processes and threads at once.
    pub pids: Option<Limit<u64>>,
    /// Open descriptors of each process.
    pub files: Option<Limit<u64>>,
    /// Bytes in the run's private directories (`/tmp`, home, `/dev/shm`).
    pub tmp: Option<Limit<u64>>,
    /// Files and directories in the run's private directories.
    pub inodes: Option<Limit<u64>>,
    /// Bytes written to standard output and standard error together.
    pub output: Option<Limit<u64>>,
}

/// What `--limit` and `--timeout` ask for; each is required by being asked for.
pub type LimitRequest = Limits;

impl Limits {
    /// The names of all limits, as profiles and `--limit` spell them.
    pub const NAMES: [&'static str; 8] = ["wall", "cpu", "memory", "pids", "files", "tmp", "inodes", "output"];

    /// The same limits, each refusing the run where the machine cannot enforce it.
    #[must_use]
    pub(crate) fn demanded(mut self) -> Self {
        fn demand<T>(limit: &mut Option<Limit<T>>) {
            if let Some(limit) = limit {
                limit.required = true;
            }
        }
        let Self { wall, cpu, memory, pids, files, tmp, inodes, output } = &mut self;
        demand(wall);
        demand(cpu);
        [memory, pids, files, tmp, inodes, output].into_iter().for_each(demand);
        self
    }

    /// Sets one limit by name from its text, e.g. `memory` and `256MiB`.
    ///
    /// # Errors
    /// When there is no such limit or the text is not a bound for it.
    pub fn set(&mut self, name: &str, text: &str, required: bool) -> Result<(), UnitError> {
        match name {
            "wall" => self.wall = Some(Limit { max: units::duration(text)?, required }),
            "cpu" => self.cpu = Some(Limit { max: units::percent(text)?, required }),
            "memory" => self.memory = Some(Limit { max: units::size(text)?, required }),
            "pids" => self.pids = Some(Limit { max: units::count(text)?, required }),
            "files" => self.files = Some(Limit { max: units::count(text)?, required }),
            "tmp" => self.tmp = Some(Limit { max: units::size(text)?, required }),
            "inodes" => self.inodes = Some(Limit { max: units::count(text)?, required }),
            "output" => self.output = Some(Limit { max: units::size(text)?, required }),
            unknown => return Err(UnitError::Limit(unknown.to_owned())),
        }
        Ok(())
    }

    /// These limits, with every limit of `child` in place of the one here.
    #[must_use]
    pub fn overridden_by(&self, child: &Self) -> Self {
        Self {
            wall: child.wall.or(self.wall),
            cpu: child.cpu.or(self.cpu),
            memory: child.memory.or(self.memory),
            pids: child.pids.or(self.pids),
            files: child.files.or(self.files),
            tmp: child.tmp.or(self.tmp),
            inodes: child.inodes.or(self.inodes),
            output: child.output.or(self.output),
        }
    }

    /// The minimum of both, limit by limit; required when either is.
    #[must_use]
    pub fn tightened_by(&self, other: &Self) -> Self {
        Self {
            wall: tighter(self.wall, other.wall),
            cpu: tighter(self.cpu, other.cpu),
            memory: tighter(self.memory, other.memory),
            pids: tighter(self.pids, other.pids),
            files: tighter(self.files, other.files),
            tmp: tighter(self.tmp, other.tmp),
            inodes: tighter(self.inodes, other.inodes),
            output: tighter(self.output, other.output),
        }
    }

    /// Each limit here that is looser than the bound that `ceiling` states for it.
    #[must_use]
    pub fn beyond(&self, ceiling: &Self) -> Vec<Beyond> {
        [
            beyond("wall", self.wall, ceiling.wall, units::show_duration),
            beyond("cpu", self.cpu, ceiling.cpu, |share| format!("{share}%")),
            beyond("memory", self.memory, ceiling.memory, units::show_size),
            beyond("pids", self.pids, ceiling.pids, |count| count.to_string()),
            beyond("files", self.files, ceiling.files, |count| count.to_string()),
            beyond("tmp", self.tmp, ceiling.tmp, units::show_size),
            beyond("inodes", self.inodes, ceiling.inodes, |count| count.to_string()),
            beyond("output", self.output, ceiling.output, units::show_size),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A limit that was asked for above what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The limit's name.
    pub name: &'static str,
    /// What was asked for.
    pub asked: String,
    /// The most that may be asked for.
    pub allowed: String,
}

fn tighter<T: Ord>(one: Option<Limit<T>>, other: Option<Limit<T>>) -> Option<Limit<T>> {
    match (one, other) {
        (Some(one), Some(other)) => {
            Some(Limit { max: one.max.min(other.max), required: one.required || other.required })
        }
        (one, other) => one.or(other),
    }
}

fn beyond<T: Ord>(
    name: &'static str,
    asked: Option<Limit<T>>,
    ceiling: Option<Limit<T>>,
    show: impl Fn(T) -> String,
) -> Option<Beyond> {
    let (asked, ceiling) = (asked?, ceiling?);
    (asked.max > ceiling.max).then(|| Beyond { name, asked: show(asked.max), allowed: show(ceiling.max) })
}

fn milliseconds<S: Serializer>(limit: &Option<Limit<Duration>>, serializer: S) -> Result<S::Ok, S::Error> {
    limit.map(|limit| Limit { max: limit.max.as_millis() as u64, required: limit.required }).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(texts: &[(&str, &str, bool)]) -> Limits {
        let mut limits = Limits::default();
        for (name, text, required) in texts {
            limits.set(name, text, *required).unwrap();
        }
        limits
    }

    const ALL: [(&str, &str, bool); 8] = [
        ("wall", "2s", false),
        ("cpu", "200%", false),
        ("memory", "2GiB", false),
        ("pids", "2", false),
        ("files", "2", false),
        ("tmp", "2MiB", false),
        ("inodes", "2", false),
        ("output", "2KiB", false),
    ];

    #[test]
    fn every_name_sets_its_own_limit() {
        assert_eq!(ALL.map(|(name, ..)| name), Limits::NAMES);
        let all = limits(&ALL);
        for (name, text, _) in ALL {
            let mut one = Limits::default();
            one.set(name, text, true).unwrap();
            assert_ne!(one, Limits::default(), "{name}");
            assert_eq!(Limits::default().overridden_by(&all), all, "{name}");
        }
        assert_eq!(Limits::default().set("wal", "2s", true), Err(UnitError::Limit("wal".into())));
    }

    #[test]
    fn the_tighter_of_two_limits_wins_and_stays_required() {
        let one = limits(&[("memory", "2GiB", true), ("pids", "5", false)]);
        let other = limits(&[("memory", "3GiB", false), ("pids", "4", false), ("wall", "1s", false)]);
        let both = limits(&[("memory", "2GiB", true), ("pids", "4", false), ("wall", "1s", false)]);
        assert_eq!(one.tightened_by(&other), both);
        assert_eq!(other.tightened_by(&one), both);
    }

    #[test]
    fn a_limit_above_its_ceiling_is_named_with_both_figures() {
        let twice = [
            ("wall", "4s", false),
            ("cpu", "400%", false),
            ("memory", "4GiB", false),
            ("pids", "4", false),
            ("files", "4", false),
            ("tmp", "4MiB", false),
            ("inodes", "4", false),
            ("output", "4KiB", false),
        ];
        let found = limits(&twice).beyond(&limits(&ALL));
        let expected: Vec<_> = twice
            .iter()
            .zip(ALL)
            .map(|((name, asked, _), (_, allowed, _))| Beyond {
                name,
                asked: (*asked).to_owned(),
                allowed: allowed.to_owned(),
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(limits(&ALL).beyond(&limits(&ALL)), []);
        assert_eq!(limits(&ALL).beyond(&Limits::default()), []);
    }
}
