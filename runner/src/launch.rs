//! Carries an authorized plan out: journal, cgroups, placeholders, child, supervision, and afterwards
//! the removal of everything that was made for the run.

mod advice;
mod conclusion;
mod entries;
mod judged;
mod kept;

use std::time::Duration;

use opaque_egress::log::Record;
use opaque_policy::authorize::Authorized;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Content, Plan};
use opaque_policy::request::Inode;
use opaque_sys::cgroup::SwapBound;
use opaque_sys::channel::End;
use opaque_sys::fault::Fault;
use opaque_sys::namespaces::NamespaceInodes;
use opaque_sys::signals;
use opaque_sys::step::Step;

use crate::bounds::{Bound, Bounds};
use crate::ci::Job;
use crate::controls::{self, Control};
use crate::egress::Egress;
use crate::held::Held;
use crate::invocation::describe;
use crate::journal::{Decided, Journal, Receipt};
use crate::launch::conclusion::{Conclusion, Recording, record, refused};
use crate::launch::entries::Entries;
use crate::launch::judged::{judge, put_away};
use crate::launch::kept::Kept;
use crate::outcome::{Ending, Refusal};
use crate::prepare::{self, Materials, failed};
use crate::program::Opened;
use crate::protect::quarantine::Quarantine;
use crate::protect::registry::Placeholders;
use crate::protect::snapshot::Snapshot;
use crate::protect::watch::Watch;
use crate::report::Usage;
use crate::said::Said;
use crate::shown::Shown;
use crate::streams::Streams;
use crate::supervise::{self, Watched};
use crate::terminal::guard::TerminalGuard;

/// Time between the request to end and the kill, when a limit ends the run.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that launching needs.
pub struct Launch {
    /// The plan that may run.
    pub authorized: Authorized,
    /// How its limits are kept.
    pub bounds: Bounds,
    /// Identity of the working directory.
    pub cwd: Inode,
    /// What stands at absent protected paths.
    pub placeholders: Placeholders,
    /// The journal, open.
    pub journal: Journal,
    /// The request and its answer, for the journal.
    pub decided: Decided,
    /// The CI job that it is a step of.
    pub job: Job,
    /// The values of its secrets.
    pub held: Held,
    /// What is done to its output.
    pub shown: Shown,
    /// What is said of the run in words that the command chose.
    pub said: Said,
    /// The judged program, held so that its inode is not used again.
    pub program: Opened,
    /// What puts away a git directory that appears; `None` where none can.
    pub quarantine: Option<Quarantine>,
}

/// A run that started and ended.
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// The command's own end, when it was the command that ended.
    pub end: Option<End>,
    /// The run's id.
    pub run: String,
    /// The plan.
    pub plan: Plan,
    /// Its digest.
    pub digest: String,
    /// Each control.
    pub controls: Vec<Control>,
    /// Each limit.
    pub limits: Vec<Bound>,
    /// What was used.
    pub usage: Usage,
    /// What it did on the network.
    pub network: Record,
    /// Notes for the person.
    pub notes: Vec<String>,
    /// What the person has to know whatever came of the run.
    pub warnings: Vec<String>,
}

/// Runs the plan.
///
/// # Errors
/// What stopped the run before its command started; nothing that was made for it is left then.
pub fn launch(launch: Launch) -> Result<Ended, Refusal> {
    let Launch {
        authorized,
        mut bounds,
        cwd,
        placeholders,
        journal,
        decided,
        mut job,
        mut held,
        shown,
        said,
        program,
        quarantine,
    } = launch;
    let about_secrets = std::mem::take(&mut held.notes);
    let fault = Fault::from_environment();
    let plan = authorized.plan();
    let entries = Entries::of(plan);
    let mut egress = match Egress::prepare(&plan.network) {
        Ok(egress) => egress,
        Err(refusal) => {
            placeholders.leave();
            return Err(refused(&journal, Recording::Refusal(&decided), refusal));
        }
    };
    let start = Start { plan, opened: &program, bounds: &bounds, entries: &entries, shown: &shown, fault };
    let Started { kept, streams, terminal, landlock_abi } = match start.begin(held, cwd, placeholders) {
        Ok(started) => started,
        Err(refusal) => return Err(refused(&journal, Recording::Refusal(&decided), refusal)),
    };
    if kept.group.as_ref().is_some_and(|group| group.swap_bound() == SwapBound::Absent) {
        bounds.leave_out_swap();
    }
    let Standing { snapshot, receipt, digest, own, watch: _watch } =
        match stand_by(&authorized, &journal, &decided, fault) {
            Ok(standing) => standing,
            Err(refusal) => {
                kept.spawned.kill();
                kept.clear_up();
                return Err(refused(&journal, Recording::Refusal(&decided), refusal));
            }
        };
    let watched = Watched {
        spawned: &kept.spawned,
        input: streams.input,
        output: streams.output,
        terminals: streams.terminals,
        shown: &shown,
        protected: &snapshot,
        egress: &mut egress,
        fault,
        wall: plan.limits.wall.map(|limit| limit.max),
        output_limit: plan.limits.output.map(|limit| limit.max),
        on_overflow: plan.output.on_overflow,
        grace: GRACE,
    };
    let supervised = supervise::supervise(watched, |inside| permit(&inside, &own, fault));
    drop(terminal);

    let judged = judge(supervised, &kept, plan, &entries, &snapshot);
    let network = egress.close().in_words(|text| said.masked(text));
    kept.clear_up();
    let run = receipt.run().as_str().to_owned();
    let judged = match put_away(quarantine, &run, judged) {
        Ok(judged) => judged,
        Err(refusal) => return Err(refused(&journal, Recording::Conclusion(receipt), refusal)),
    };
    let recorded = record(&journal, Recording::Conclusion(receipt), &Conclusion::of(&judged, &network));
    let notes = [network.summary(), plan.notes.clone(), about_secrets, bounds.notes(), judged.notes].concat();
    let of_job: Vec<String> = job.warning.take().into_iter().collect();
    // The service takes commands again before anything of ours is printed.
    drop(job);
    // What the person relied on and did not get is said after every run.
    let warnings = [judged.warnings, bounds.warnings(), of_job, recorded].concat();
    Ok(Ended {
        ending: judged.ending,
        end: judged.end,
        run,
        controls: controls::of(plan, landlock_abi),
        digest,
        plan: plan.clone(),
        limits: bounds.bounds,
        usage: judged.usage,
        network,
        notes,
        warnings,
    })
}

/// A child on its way to the barrier.
struct Started {
    kept: Kept,
    streams: Streams,
    terminal: Option<TerminalGuard>,
    landlock_abi: i32,
}

/// What a start looks at.
struct Start<'a> {
    plan: &'a Plan,
    opened: &'a Opened,
    bounds: &'a Bounds,
    entries: &'a Entries,
    shown: &'a Shown,
    fault: Fault,
}

impl Start<'_> {
    fn begin(self, held: Held, cwd: Inode, placeholders: Placeholders) -> Result<Started, Refusal> {
        let Self { plan, opened, bounds, entries, shown, fault } = self;
        fault.check(Step::Placeholders).map_err(|errno| failed(Step::Placeholders, &errno))?;
        let mut streams = Streams::arrange(shown.needs())?;
        shown.treat(&mut streams.output);
        signals::block_all().map_err(|errno| Refusal::cannot_build(format!("cannot block signals: {errno}")))?;
        let no_terminal = |errno| Refusal::cannot_build(format!("cannot take the place of the terminal: {errno}"));
        streams.terminals.stand_by().map_err(no_terminal)?;
        let materials = Materials {
            opened,
            held: &held,
            placeholders: placeholders.standing(),
            streams: std::mem::take(&mut streams.inside),
            terminals: streams.terminals.inside().map_err(no_terminal)?,
            controlling: streams.controlling,
            resource_limits: bounds.resource_limits.clone(),
            cwd: is_on_host(plan).then_some(cwd),
            umask: umask(),
            joins_cgroups: bounds.cgroup.is_some(),
            fault,
        };
        let (image, landlock_abi) = prepare::prepare(plan, materials)?;
        // The clone copies memory: from here on the values stand only where the command gets them from.
        drop(held);
        // A terminal in the place of the caller's leaves it alone; the keyboard looks after itself.
        let terminal = if streams.terminals.has_session() { None } else { TerminalGuard::take() };
        let kept = Kept::spawn(image, placeholders, bounds, entries, fault)?;
        Ok(Started { kept, streams, terminal, landlock_abi })
    }
}

/// What has to stand before the command may start; made while the child builds the sandbox.
struct Standing {
    snapshot: Snapshot,
    watch: Watch,
    receipt: Receipt,
    digest: String,
    own: NamespaceInodes,
}

fn stand_by(authorized: &Authorized, journal: &Journal, decided: &Decided, fault: Fault) -> Result<Standing, Refusal> {
    let plan = authorized.plan();
    let protected: Vec<AbsPath> = plan.protected.iter().map(|protected| protected.path.clone()).collect();
    let watch = watch(&protected)?;
    let snapshot = Snapshot::take(&protected);
    let own = NamespaceInodes::own().map_err(|errno| failed(Step::Namespaces, &errno))?;
    fault.check(Step::Journal).map_err(|errno| failed(Step::Journal, &errno))?;
    let digest = authorized.digest();
    let receipt =
        journal.intent(plan, &digest, authorized.consent(), decided).map_err(|error| journal_refusal(&error))?;
    Ok(Standing { snapshot, watch, receipt, digest, own })
}

/// The barrier: nothing is shared with the host.
fn permit(inside: &NamespaceInodes, own: &NamespaceInodes, fault: Fault) -> Result<(), Refusal> {
    fault.check(Step::Namespaces).map_err(|errno| failed(Step::Namespaces, &errno))?;
    if fault.skips(Step::Namespaces) {
        return Ok(());
    }
    match inside.shared_with(own) {
        None => Ok(()),
        Some(name) => Err(failed(Step::Namespaces, &format!("the {name} namespace is shared with the host"))),
    }
}

fn watch(protected: &[AbsPath]) -> Result<Watch, Refusal> {
    Watch::new(protected).map_err(|error| Refusal::cannot_build(describe(&error)).with_hint(error.hint()))
}

/// True when the working directory is a host directory, whose identity is compared inside.
fn is_on_host(plan: &Plan) -> bool {
    let covering = plan.mounts.iter().rfind(|mount| plan.cwd.is_within(&mount.target));
    covering.is_some_and(|mount| matches!(mount.content, Content::Bind { .. }))
}

/// The refusal for a journal that cannot be written.
pub fn journal_refusal(error: &crate::journal::JournalError) -> Refusal {
    Refusal::cannot_build(describe(error)).hint(error.hint())
}

fn umask() -> u32 {
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(umask);
    umask.as_raw_mode()
}
