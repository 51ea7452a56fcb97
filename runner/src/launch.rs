//! Carries an authorized plan out: journal, cgroups, placeholders, child, supervision, and afterwards
//! the removal of everything that was made for the run.

use std::time::Duration;

use opaque_policy::authorize::Authorized;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Content, Plan};
use opaque_policy::request::Inode;
use opaque_sys::attest::{Missing, NamespaceInodes};
use opaque_sys::cgroup::{self, Group, Name};
use opaque_sys::channel::End;
use opaque_sys::fault::Fault;
use opaque_sys::janitor::{self, Janitor};
use opaque_sys::step::{Failure, Step};
use opaque_sys::{Spawned, signals};
use serde::Serialize;

use crate::bounds::{Bound, Bounds};
use crate::controls::{self, Control};
use crate::invocation::describe;
use crate::journal::{Journal, Receipt};
use crate::outcome::{Class, Ending, LimitReached, Refusal};
use crate::prepare::{self, Materials, failed};
use crate::program::Opened;
use crate::protect::registry::Placeholders;
use crate::protect::snapshot::Snapshot;
use crate::protect::watch::Watch;
use crate::report::Usage;
use crate::streams::{Output, Streams};
use crate::supervise::{self, SuperviseError, Supervised, Watched};
use crate::terminal::TerminalGuard;

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
    /// The judged program, held so that its inode is not used again.
    pub program: Opened,
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
    /// Notes for the person.
    pub notes: Vec<String>,
}

/// Runs the plan.
///
/// # Errors
/// What stopped the run before its command started; nothing that was made for it is left then.
pub fn launch(launch: Launch) -> Result<Ended, Refusal> {
    let Launch { authorized, bounds, cwd, placeholders, journal, program: _held } = launch;
    let fault = Fault::from_environment();
    let plan = authorized.plan();
    let entries = Entries::of(plan);
    fault.check(Step::Placeholders).map_err(|errno| failed(Step::Placeholders, &errno))?;
    let streams = Streams::arrange(if plan.limits.output.is_some() { Output::Counted } else { Output::Direct })?;
    let protected: Vec<AbsPath> = plan.protected.iter().map(|protected| protected.path.clone()).collect();
    signals::block_all().map_err(|errno| Refusal::cannot_build(format!("cannot block signals: {errno}")))?;
    let _watch = watch(&protected)?;
    let snapshot = Snapshot::take(&protected);
    let materials = Materials {
        placeholders: placeholders.standing(),
        streams: streams.inside,
        resource_limits: bounds.resource_limits.clone(),
        cwd: is_on_host(plan).then_some(cwd),
        umask: umask(),
        joins_cgroups: bounds.cgroup.is_some(),
        fault,
    };
    let (image, landlock_abi) = prepare::prepare(plan, materials)?;

    let terminal = TerminalGuard::take();
    let spawned = opaque_sys::spawn(image).map_err(|failure| entries.refusal(&failure))?;
    let kept = Kept::start(spawned, placeholders, &bounds, fault)?;
    let watched = Watched {
        spawned: &kept.spawned,
        input: streams.input,
        output: streams.output,
        protected: &snapshot,
        wall: plan.limits.wall.map(|limit| limit.max),
        output_limit: plan.limits.output.map(|limit| limit.max),
        grace: GRACE,
    };
    let mut receipt = None;
    let supervised = supervise::supervise(watched, |inside| {
        permit(&inside, fault)?;
        fault.check(Step::Journal).map_err(|errno| failed(Step::Journal, &errno))?;
        receipt = Some(journal.intent(plan, authorized.digest()).map_err(|error| journal_refusal(&error))?);
        Ok(())
    });
    drop(terminal);

    let judged = judge(supervised, &kept, plan, &entries, &snapshot);
    kept.clear_up();
    let run = receipt.as_ref().map(|receipt| receipt.run().as_str().to_owned()).unwrap_or_default();
    let recorded = record(&journal, receipt, &judged);
    let judged = judged?;
    let notes = [plan.notes.clone(), bounds.notes(), judged.notes, recorded].concat();
    Ok(Ended {
        ending: judged.ending,
        end: judged.end,
        run,
        controls: controls::of(plan, landlock_abi),
        digest: authorized.digest().to_owned(),
        plan: plan.clone(),
        limits: bounds.bounds,
        usage: judged.usage,
        notes,
    })
}

/// What exists only for this run and must be gone after it.
struct Kept {
    spawned: Spawned,
    group: Option<Group>,
    placeholders: Placeholders,
    janitor: Option<Janitor>,
}

impl Kept {
    /// Makes the cgroups, with a janitor that clears up should this process be killed.
    fn start(spawned: Spawned, placeholders: Placeholders, bounds: &Bounds, fault: Fault) -> Result<Self, Refusal> {
        let mut kept = Self { spawned, group: None, placeholders, janitor: None };
        kept.watch_over(bounds, fault).inspect_err(|_| supervise::kill(&kept.spawned))?;
        Ok(kept)
    }

    fn watch_over(&mut self, bounds: &Bounds, fault: Fault) -> Result<(), Refusal> {
        if bounds.cgroup.is_none() && self.placeholders.is_empty() {
            return Ok(());
        }
        let name = Name::new(std::process::id(), random());
        let clear_up = || {
            if let Some((available, _)) = &bounds.cgroup {
                cgroup::clear(available, &name);
            }
            self.placeholders.clear();
        };
        let janitor = janitor::start(&self.placeholders.descriptors(), clear_up);
        self.janitor =
            Some(janitor.map_err(|errno| Refusal::cannot_build(format!("cannot start the janitor: {errno}")))?);
        let Some((available, wanted)) = &bounds.cgroup else { return Ok(()) };
        fault.check(Step::Cgroup).map_err(|errno| failed(Step::Cgroup, &errno))?;
        cgroup::sweep(available);
        let group = Group::create(available, &name, wanted).map_err(|error| failed(Step::Cgroup, &describe(&error)))?;
        fault.check(Step::JoinCgroup).map_err(|errno| failed(Step::JoinCgroup, &errno))?;
        if !fault.skips(Step::JoinCgroup) {
            group.attach(self.spawned.pid).map_err(|error| failed(Step::JoinCgroup, &describe(&error)))?;
            self.spawned.channel.go().map_err(|errno| failed(Step::JoinCgroup, &errno))?;
        }
        self.group = Some(group);
        Ok(())
    }

    /// Removes everything; the processes are gone by now.
    fn clear_up(self) {
        drop(self.group);
        // The janitor shares the locks on the placeholders: it leaves first.
        drop(self.janitor);
        self.placeholders.leave();
    }
}

/// The barrier: nothing is shared with the host.
fn permit(inside: &NamespaceInodes, fault: Fault) -> Result<(), Refusal> {
    fault.check(Step::Namespaces).map_err(|errno| failed(Step::Namespaces, &errno))?;
    let own = NamespaceInodes::own().map_err(|errno| failed(Step::Namespaces, &errno))?;
    match inside.shared_with(&own) {
        None => Ok(()),
        Some(name) => Err(failed(Step::Namespaces, &format!("the {name} namespace is shared with the host"))),
    }
}

/// What came of the supervision, before anything is written about it.
struct Judged {
    ending: Ending,
    end: Option<End>,
    usage: Usage,
    notes: Vec<String>,
}

fn judge(
    supervised: Result<Supervised, SuperviseError<Refusal>>,
    kept: &Kept,
    plan: &Plan,
    entries: &Entries,
    snapshot: &Snapshot,
) -> Result<Judged, Refusal> {
    let (ending, wall, vanished, output) = match supervised {
        Ok(Supervised::Ended { ending, wall, vanished, started: true, output }) => (ending, wall, vanished, output),
        Ok(Supervised::Ended { .. }) => {
            return Err(Refusal::cannot_build("the sandbox was killed while it was built"));
        }
        Ok(Supervised::Failed(failure)) => return Err(entries.refusal(&failure)),
        Ok(Supervised::NotExecuted(failure)) => return Err(entries.not_executed(&failure)),
        Ok(Supervised::Interrupted(signal)) => {
            let usage = Usage::default();
            let end = End::Signal(signal);
            return Ok(Judged { ending: Ending::Command(end), end: Some(end), usage, notes: Vec::new() });
        }
        Err(SuperviseError::NotPermitted(refusal)) => return Err(refusal),
        Err(SuperviseError::Kernel(errno)) => {
            supervise::kill(&kept.spawned);
            return Err(Refusal::cannot_build(format!("the supervisor failed: {errno}")));
        }
    };
    // A change on the host that the watch saw too late is seen here at the latest.
    let ending = match (ending, snapshot.changed().first()) {
        (Ending::Command(_), Some(changed)) => Ending::ProtectedPathChanged(changed.to_string()),
        (ending, _) => ending,
    };
    let group = kept.group.as_ref().map(Group::usage);
    let oom_kills = group.as_ref().and_then(|usage| usage.oom_kills);
    let mut notes = Vec::new();
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
        other => (None, other),
    };
    if let Some(refused) = group.as_ref().and_then(|usage| usage.pids_refused).filter(|refused| *refused > 0) {
        notes.push(format!("{refused} processes were refused by the pids limit"));
    }
    let mut usage = Usage::of_children();
    usage.wall_ms = wall.as_millis() as u64;
    usage.memory_peak_bytes = group.and_then(|usage| usage.memory_peak);
    usage.oom_kills = oom_kills;
    usage.output_bytes = plan.limits.output.map(|_| output);
    Ok(Judged { ending, end, usage, notes })
}

/// Writes the conclusion, whatever came; what cannot be written is said.
fn record(journal: &Journal, receipt: Option<Receipt>, judged: &Result<Judged, Refusal>) -> Vec<String> {
    let conclusion = Conclusion::of(judged);
    let written = match receipt {
        Some(receipt) => journal.conclude(receipt, &conclusion),
        None => journal.refuse(&conclusion).map(drop),
    };
    match written {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("the end of this run is not recorded: {}", describe(&error))],
    }
}

/// What the journal says about the end of a run.
#[derive(Debug, Serialize)]
struct Conclusion<'a> {
    class: Class,
    code: u8,
    message: Option<String>,
    usage: Option<&'a Usage>,
}

impl<'a> Conclusion<'a> {
    fn of(judged: &'a Result<Judged, Refusal>) -> Self {
        match judged {
            Ok(judged) => Self {
                class: judged.ending.class(),
                code: judged.ending.code(),
                message: judged.ending.message(),
                usage: Some(&judged.usage),
            },
            Err(refusal) => Self {
                class: refusal.class,
                code: refusal.class.code().unwrap_or(125),
                message: Some(refusal.message.clone()),
                usage: None,
            },
        }
    }
}

/// The tree's entries by name, to say where a step failed.
struct Entries {
    names: Vec<String>,
    program: AbsPath,
}

impl Entries {
    fn of(plan: &Plan) -> Self {
        Self {
            names: plan.steps().iter().map(|step| step.target().to_string()).collect(),
            program: plan.program.path.clone(),
        }
    }

    fn refusal(&self, failure: &Failure) -> Refusal {
        let errno = failure.errno;
        let step = failure.step.name();
        let name = usize::try_from(failure.detail).ok().and_then(|index| self.names.get(index));
        match (failure.step, name) {
            (Step::Sources | Step::Tree, Some(name)) if errno == rustix::io::Errno::STALE => Refusal::cannot_build(
                format!("cannot build the sandbox: step `{step}`: `{name}` changed after it was judged"),
            ),
            (Step::Sources | Step::Tree, Some(name)) => {
                Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: `{name}`: {errno}"))
            }
            (Step::Attest, _) => Refusal::cannot_build(format!(
                "cannot build the sandbox: step `{step}`: {} does not hold: {errno}",
                Missing::name(failure.detail)
            )),
            (Step::Program, _) => Refusal::cannot_build(format!(
                "cannot build the sandbox: step `{step}`: `{}` inside is not the file that was judged: {errno}",
                self.program
            )),
            (Step::Clone, _) => Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: {errno}"))
                .hint(namespaces_hint()),
            _ => Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: {errno}")),
        }
    }

    fn not_executed(&self, failure: &Failure) -> Refusal {
        let errno = failure.errno;
        let message = format!("cannot execute `{}`: {errno}", self.program);
        match errno {
            rustix::io::Errno::NOENT => Refusal::new(Class::NotExecutable, message)
                .hint("its loader (the ELF interpreter) is not visible inside; show it with --read"),
            rustix::io::Errno::TOOBIG => {
                Refusal::new(Class::NotExecutable, message).hint("the arguments and the environment are too large")
            }
            _ => Refusal::new(Class::NotExecutable, message),
        }
    }
}

fn namespaces_hint() -> String {
    let limit = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let restricted =
        std::fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").unwrap_or_default();
    if limit.trim() == "0" {
        "user namespaces are turned off here: `sysctl user.max_user_namespaces`".to_owned()
    } else if restricted.trim() == "1" {
        "AppArmor restricts user namespaces here: give opaque-run a profile with `userns,`".to_owned()
    } else {
        "the namespaces tier needs unprivileged user namespaces; a container's seccomp filter may forbid them"
            .to_owned()
    }
}

fn watch(protected: &[AbsPath]) -> Result<Watch, Refusal> {
    Watch::new(protected).map_err(|error| Refusal::cannot_build(describe(&error)).with_hint(error.hint()))
}

/// True when the working directory is a host directory, whose identity is compared inside.
fn is_on_host(plan: &Plan) -> bool {
    let covering = plan.mounts.iter().filter(|mount| plan.cwd.is_within(&mount.target)).next_back();
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

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds this from the kernel; it only keeps two names apart.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
