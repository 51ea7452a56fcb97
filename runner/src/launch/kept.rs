//! What exists only for one run: its processes, cgroups and placeholders. None of it outlives the run.

use opaque_sys::Spawned;
use opaque_sys::cgroup::{self, Group, Name};
use opaque_sys::channel::Message;
use opaque_sys::fault::Fault;
use opaque_sys::janitor::{self, Janitor};
use opaque_sys::step::Step;

use crate::bounds::Bounds;
use crate::invocation::describe;
use crate::launch::entries::Entries;
use crate::outcome::Refusal;
use crate::prepare::failed;
use crate::protect::registry::Placeholders;

/// What exists only for this run and must be gone after it.
pub(super) struct Kept {
    pub(super) spawned: Spawned,
    pub(super) group: Option<Group>,
    placeholders: Placeholders,
    janitor: Option<Janitor>,
}

impl Kept {
    /// Makes the cgroups, with a janitor that clears up should this process be killed.
    ///
    /// # Errors
    /// See [`Refusal`]; the child is dead then and nothing is left.
    pub(super) fn start(
        spawned: Spawned,
        placeholders: Placeholders,
        bounds: &Bounds,
        entries: &Entries,
        fault: Fault,
    ) -> Result<Self, Refusal> {
        let mut kept = Self { spawned, group: None, placeholders, janitor: None };
        match kept.watch_over(bounds, fault) {
            Ok(()) => Ok(kept),
            Err(refusal) => {
                kept.spawned.kill();
                let said = kept.spawned.channel.receive();
                kept.clear_up();
                // A child that failed by itself is why the rest failed.
                Err(match said {
                    Ok(Some(Message::Failed(failure))) => entries.refusal(&failure),
                    Ok(_) | Err(_) => refusal,
                })
            }
        }
    }

    fn watch_over(&mut self, bounds: &Bounds, fault: Fault) -> Result<(), Refusal> {
        // Without cgroups nothing needs a janitor: processes die with us, and the next run sweeps placeholders.
        let Some((available, wanted)) = &bounds.cgroup else { return Ok(()) };
        let name = Name::new(std::process::id(), random());
        let clear_up = || {
            cgroup::clear(available, &name);
            self.placeholders.clear();
        };
        let janitor = janitor::start(&self.placeholders.descriptors(), clear_up);
        self.janitor =
            Some(janitor.map_err(|errno| Refusal::cannot_build(format!("cannot start the janitor: {errno}")))?);
        fault.check(Step::Cgroup).map_err(|errno| failed(Step::Cgroup, &errno))?;
        cgroup::sweep(available);
        let group = Group::create(available, &name, wanted).map_err(|error| failed(Step::Cgroup, &describe(&error)))?;
        let group = self.group.insert(group);
        fault.check(Step::JoinCgroup).map_err(|errno| failed(Step::JoinCgroup, &errno))?;
        if !fault.skips(Step::JoinCgroup) {
            group.attach(self.spawned.pid).map_err(|error| failed(Step::JoinCgroup, &describe(&error)))?;
            self.spawned.channel.go().map_err(|errno| failed(Step::JoinCgroup, &errno))?;
        }
        Ok(())
    }

    /// Removes everything; the processes are gone by now.
    pub(super) fn clear_up(self) {
        drop(self.group);
        // The janitor shares the locks on the placeholders: it leaves first.
        drop(self.janitor);
        self.placeholders.leave();
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds this from the kernel; it only keeps two names apart.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
