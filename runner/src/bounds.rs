//! Which mechanism keeps each limit on this machine, and what becomes of one that none can keep.
//!
//! A cgroup keeps memory, CPU and processes for the whole run. Without one, memory is kept for each
//! process (`RLIMIT_DATA`, degraded), processes by `RLIMIT_NPROC` (which binds a plain user in its own
//! user namespace and never the superuser), and CPU not at all.

use opaque_policy::limits::Limits;
use opaque_sys::cgroup::{Available, Mechanism, Resource, Wanted};
use opaque_sys::image::{Resource as PerProcess, ResourceLimit};
use serde::Serialize;

use crate::outcome::Refusal;

/// How a control or limit holds in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// It holds as planned.
    Enforced,
    /// It holds in a weaker form, which the report names.
    Degraded,
    /// It does not hold.
    Absent,
}

/// One limit as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// The limit's name, as `--limit` takes it.
    pub name: &'static str,
    /// The bound: bytes, a count, percent of one core, or milliseconds.
    pub max: u64,
    /// Whether the run would have been refused without it.
    pub required: bool,
    /// How it holds.
    pub enforcement: Enforcement,
    /// What keeps it, or why nothing does.
    pub mechanism: String,
}

/// Every limit with its mechanism, and what has to be done for them.
#[derive(Debug, Default)]
pub struct Bounds {
    /// For the report.
    pub bounds: Vec<Bound>,
    /// What the cgroup must keep, when one is needed.
    pub cgroup: Option<(Available, Wanted)>,
    /// What `setrlimit` keeps.
    pub resource_limits: Vec<ResourceLimit>,
}

/// Chooses a mechanism for each limit.
///
/// # Errors
/// A required limit that nothing on this machine can keep.
pub fn choose(limits: &Limits, is_root: bool) -> Result<Bounds, Refusal> {
    let mut chosen = Bounds::default();
    if let Some(limit) = limits.wall {
        chosen.keep("wall", limit.max.as_millis() as u64, limit.required, "timer of the supervisor".to_owned());
    }
    chosen.choose_cgroup(limits, is_root)?;
    if let Some(limit) = limits.files {
        chosen.keep("files", limit.max, limit.required, "RLIMIT_NOFILE".to_owned());
        chosen.resource_limits.push(ResourceLimit { resource: PerProcess::Files, soft: limit.max, hard: limit.max });
    }
    if let Some(limit) = limits.tmp {
        chosen.keep("tmp", limit.max, limit.required, "size of the private tmpfs".to_owned());
    }
    if let Some(limit) = limits.inodes {
        chosen.keep("inodes", limit.max, limit.required, "inodes of the private tmpfs".to_owned());
    }
    if let Some(limit) = limits.output {
        chosen.keep("output", limit.max, limit.required, "counted by the supervisor".to_owned());
    }
    Ok(chosen)
}

impl Bounds {
    /// Limits that hold in a weaker form or not at all, though nobody required them: worth a note.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.weaker(false)
    }

    /// Limits that were required and hold in a weaker form: said after every run, whatever its end.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.weaker(true)
    }

    /// The kernel does not count swap for the cgroup that keeps memory: the limit is a weaker one than planned.
    pub fn leave_out_swap(&mut self) {
        for bound in
            self.bounds.iter_mut().filter(|bound| bound.name == "memory" && bound.enforcement == Enforcement::Enforced)
        {
            bound.enforcement = Enforcement::Degraded;
            bound.mechanism.push_str(", without swap, which this kernel does not count");
        }
    }

    fn weaker(&self, required: bool) -> Vec<String> {
        let chosen = self.bounds.iter().filter(|bound| bound.required == required);
        chosen
            .filter_map(|bound| match bound.enforcement {
                Enforcement::Enforced => None,
                Enforcement::Degraded => {
                    Some(format!("the {} limit holds in a weaker form: {}", bound.name, bound.mechanism))
                }
                Enforcement::Absent => Some(format!("the {} limit does not hold: {}", bound.name, bound.mechanism)),
            })
            .collect()
    }

    fn choose_cgroup(&mut self, limits: &Limits, is_root: bool) -> Result<(), Refusal> {
        // A plain user's process limit has a mechanism of its own, so it alone is no reason to look for cgroups.
        let pids_need_group = limits.pids.is_some() && is_root;
        if limits.memory.is_none() && limits.cpu.is_none() && !pids_need_group {
            self.keep_pids_by_rlimit(limits);
            return Ok(());
        }
        let available = Available::probe();
        let mut wanted = Wanted::default();
        if let Some(limit) = limits.memory {
            match available.mechanism(Resource::Memory) {
                Mechanism::V1 | Mechanism::V2 => {
                    wanted.memory = Some(limit.max);
                    self.keep("memory", limit.max, limit.required, group(available.mechanism(Resource::Memory)));
                }
                Mechanism::None(reason) => {
                    let (soft, hard) = (limit.max, limit.max);
                    self.resource_limits.push(ResourceLimit { resource: PerProcess::Data, soft, hard });
                    self.bounds.push(Bound {
                        name: "memory",
                        max: limit.max,
                        required: limit.required,
                        enforcement: Enforcement::Degraded,
                        mechanism: format!("RLIMIT_DATA, for each process and not for the whole run: {reason}"),
                    });
                }
            }
        }
        if let Some(limit) = limits.cpu {
            match available.mechanism(Resource::Cpu) {
                Mechanism::V1 | Mechanism::V2 => {
                    wanted.cpu_percent = Some(limit.max);
                    self.keep("cpu", u64::from(limit.max), limit.required, group(available.mechanism(Resource::Cpu)));
                }
                Mechanism::None(reason) => {
                    self.lack("cpu", u64::from(limit.max), limit.required, &reason.to_string())?;
                }
            }
        }
        if let Some(limit) = limits.pids {
            match available.mechanism(Resource::Pids) {
                Mechanism::V1 | Mechanism::V2 => {
                    // The run's init counts as well.
                    wanted.pids = Some(limit.max.saturating_add(1));
                    self.keep("pids", limit.max, limit.required, group(available.mechanism(Resource::Pids)));
                }
                Mechanism::None(reason) if is_root => {
                    let reason = format!("RLIMIT_NPROC does not bind root, and {reason}");
                    self.lack("pids", limit.max, limit.required, &reason)?;
                }
                Mechanism::None(_) => self.keep_pids_by_rlimit(limits),
            }
        }
        if wanted != Wanted::default() {
            self.cgroup = Some((available, wanted));
        }
        Ok(())
    }

    fn keep_pids_by_rlimit(&mut self, limits: &Limits) {
        if let Some(limit) = limits.pids {
            self.keep("pids", limit.max, limit.required, "RLIMIT_NPROC in the run's own user namespace".to_owned());
            // The run's init counts as well.
            let max = limit.max.saturating_add(1);
            self.resource_limits.push(ResourceLimit { resource: PerProcess::Processes, soft: max, hard: max });
        }
    }

    fn keep(&mut self, name: &'static str, max: u64, required: bool, mechanism: String) {
        self.bounds.push(Bound { name, max, required, enforcement: Enforcement::Enforced, mechanism });
    }

    fn lack(&mut self, name: &'static str, max: u64, required: bool, reason: &str) -> Result<(), Refusal> {
        if required {
            return Err(Refusal::cannot_build(format!("the {name} limit is required and cannot be kept: {reason}"))
                .hint(format!("delegate a cgroup with the {name} controller, or leave the limit out")));
        }
        self.bounds.push(Bound { name, max, required, enforcement: Enforcement::Absent, mechanism: reason.to_owned() });
        Ok(())
    }
}

fn group(mechanism: Mechanism) -> String {
    match mechanism {
        Mechanism::V2 => "cgroup v2".to_owned(),
        Mechanism::V1 => "cgroup v1".to_owned(),
        Mechanism::None(reason) => reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_limit_that_holds_in_a_weaker_form_is_a_warning_and_not_a_note() {
        let mut bounds = Bounds::default();
        bounds.keep("memory", 5, true, "cgroup v1".to_owned());
        bounds.keep("pids", 5, true, "cgroup v1".to_owned());
        assert_eq!(bounds.warnings(), Vec::<String>::new());
        bounds.leave_out_swap();
        let said = "the memory limit holds in a weaker form: cgroup v1, without swap, which this kernel does not count";
        assert_eq!(bounds.warnings(), [said]);
        assert_eq!(bounds.notes(), Vec::<String>::new());
        bounds.lack("cpu", 5, false, "no controller").unwrap();
        assert_eq!(bounds.notes(), ["the cpu limit does not hold: no controller"]);
        assert!(bounds.lack("cpu", 5, true, "no controller").is_err());
    }
}
