//! What a run came to, from how its supervision ended and from what was counted meanwhile.

use opaque_policy::plan::Plan;
use opaque_sys::cgroup::Group;
use opaque_sys::channel::End;

use super::advice;
use super::entries::Entries;
use super::kept::Kept;
use crate::invocation::describe;
use crate::outcome::{Ending, LimitReached, Refusal};
use crate::protect::quarantine::Quarantine;
use crate::protect::snapshot::Snapshot;
use crate::report::Usage;
use crate::shown::Shown;
use crate::supervise::{SuperviseError, Supervised};

/// What came of the supervision, before anything is written about it.
pub(super) struct Judged {
    pub(super) ending: Ending,
    pub(super) end: Option<End>,
    pub(super) usage: Usage,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What a supervised run came to.
pub(super) fn judge(
    supervised: Result<Supervised, SuperviseError<Refusal>>,
    kept: &Kept,
    plan: &Plan,
    entries: &Entries,
    snapshot: &Snapshot,
) -> Result<Judged, Refusal> {
    let (ending, wall, vanished, printed, left) = match supervised {
        Ok(Supervised::Ended { ending, wall, vanished, started: true, printed, left }) => {
            (ending, wall, vanished, printed, left)
        }
        Ok(Supervised::Ended { .. }) => {
            return Err(Refusal::cannot_build("the sandbox was killed while it was built"));
        }
        Ok(Supervised::Failed(failure)) => return Err(entries.refusal(&failure)),
        Ok(Supervised::NotExecuted(failure)) => return Err(entries.not_executed(&failure)),
        Ok(Supervised::Interrupted(signal)) => {
            let usage = Usage::default();
            let end = End::Signal(signal);
            let ending = Ending::Command(end);
            return Ok(Judged { ending, end: Some(end), usage, notes: Vec::new(), warnings: Vec::new() });
        }
        Err(SuperviseError::NotPermitted(refusal) | SuperviseError::NoEgress(refusal)) => return Err(refusal),
        Err(SuperviseError::Kernel(errno)) => {
            kept.spawned.kill();
            return Err(Refusal::cannot_build(format!("the supervisor failed: {errno}")));
        }
    };
    // A change on the host that the watch saw too late is seen here at the latest.
    let ending = match (ending, snapshot.changed().first()) {
        (Ending::Command(_), Some(changed)) => Ending::ProtectedPathChanged(changed.to_string()),
        (ending, _) => ending,
    };
    // A clean end under no memory limit has nothing to look up.
    let asks_group = plan.limits.memory.is_some() || !matches!(ending, Ending::Command(End::Code(0)));
    let group = kept.group.as_ref().filter(|_| asks_group).map(Group::usage);
    let oom_kills = group.as_ref().and_then(|usage| usage.oom_kills);
    let mut notes = advice::after(plan, &ending, left);
    let (end, ending) = match ending {
        Ending::Command(end) => {
            let out_of_memory = oom_kills.is_some_and(|kills| kills > 0);
            let failed = vanished || end != End::Code(0);
            match plan.limits.memory {
                Some(limit) if out_of_memory && failed => (Some(end), Ending::Limit(LimitReached::Memory(limit.max))),
                Some(limit) if out_of_memory => {
                    notes.push(format!("a process was killed for want of memory: the limit is {} bytes", limit.max));
                    (Some(end), Ending::Command(end))
                }
                Some(_) | None => (Some(end), Ending::Command(end)),
            }
        }
        other @ (Ending::Limit(_) | Ending::ProtectedPathChanged(_) | Ending::NotPutAway(_)) => (None, other),
    };
    if let Some(refused) = group.as_ref().and_then(|usage| usage.pids_refused).filter(|refused| *refused > 0) {
        notes.push(format!("{refused} processes were refused by the pids limit"));
    }
    let mut usage = Usage::of_children();
    usage.wall_ms = wall.as_millis() as u64;
    usage.memory_peak_bytes = group.and_then(|usage| usage.memory_peak);
    usage.oom_kills = oom_kills;
    notes.extend(printed.notes(plan));
    usage.output = Shown::is_carried(plan).then_some(printed);
    Ok(Judged { ending, end, usage, notes, warnings: Vec::new() })
}

/// Everything inside is dead: what git on the host would execute of a git directory that appeared is put away. When it
/// cannot be, that is how the run ended.
pub(super) fn put_away(
    quarantine: Option<Quarantine>,
    run: &str,
    judged: Result<Judged, Refusal>,
) -> Result<Judged, Refusal> {
    let put = quarantine.map_or(Ok(None), |quarantine| quarantine.put_away(run));
    match (put, judged) {
        (Ok(None), judged) => judged,
        (Ok(Some(put)), Ok(judged)) => Ok(Judged { warnings: vec![put.to_string()], ..judged }),
        (Err(error), Ok(judged)) => Ok(Judged { ending: Ending::NotPutAway(describe(&error)), ..judged }),
        (Ok(Some(put)), Err(refusal)) => Err(refusal.hint(put.to_string())),
        (Err(error), Err(refusal)) => Err(refusal.hint(describe(&error))),
    }
}
