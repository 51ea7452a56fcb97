//! The controls of version 1 hierarchies, from the kernel's `admin-guide/cgroup-v1`.

use super::directory::Directory;
use super::error::Error;
use super::group::{SwapBound, Usage};

/// Microseconds of the period in which processor time is counted.
const PERIOD: u64 = 100_000;

/// Bounds memory and, where the kernel counts it, swap.
pub(super) fn limit_memory(directory: &Directory, bytes: u64) -> Result<SwapBound, Error> {
    let bytes = bytes.to_string();
    // First the memory, then memory and swap together, which may never be the smaller of the two.
    directory.write("memory.limit_in_bytes", &bytes)?;
    let counted = directory.write_if_present("memory.memsw.limit_in_bytes", &bytes)?;
    directory.write_if_present("memory.swappiness", "0")?;
    Ok(if counted { SwapBound::Held } else { SwapBound::Absent })
}

pub(super) fn limit_pids(directory: &Directory, most: u64) -> Result<(), Error> {
    directory.write("pids.max", &most.to_string())
}

pub(super) fn limit_cpu(directory: &Directory, percent: u32) -> Result<(), Error> {
    directory.write("cpu.cfs_period_us", &PERIOD.to_string())?;
    directory.write("cpu.cfs_quota_us", &(u64::from(percent) * PERIOD / 100).to_string())
}

/// Reads what this hierarchy counted; the rest stays unknown.
pub(super) fn usage(directory: &Directory) -> Usage {
    Usage {
        memory_peak: directory.number("memory.max_usage_in_bytes"),
        oom_kills: directory.field("memory.oom_control", "oom_kill"),
        pids_peak: directory.number("pids.peak"),
        pids_refused: directory.field("pids.events", "max"),
        // Present when the accounting controller is mounted together with `cpu`.
        cpu_usec: directory.number("cpuacct.usage").map(|nanoseconds| nanoseconds / 1000),
    }
}
