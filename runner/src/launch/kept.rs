//! What exists only for one run: its processes, cgroups and placeholders. None of it outlives the run.

use std::os::fd::AsFd;

use opaque_sys::Spawned;
use opaque_sys::cgroup::{self, Group, Name};
use opaque_sys::channel::Message;
use opaque_sys::fault::Fault;
use opaque_sys::image::Image;
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
    /// Clones the child and puts it into its cgroups, with a janitor that clears up should this process be killed.
    ///
    /// A cgroup of version 2 is made before, since only the clone puts a process there at once. Those of version 1 are
    /// made while the child builds the sandbox; it joins them itself, before it starts the command's process.
    ///
    /// # Errors
    /// See [`Refusal`]; the child is dead then and nothing is left.
    pub(super) fn spawn(
        image: Image,
        placeholders: Placeholders,
        bounds: &Bounds,
        entries: &Entries,
        fault: Fault,
    ) -> Result<Self, Refusal> {
        let mut cgroups = Cgroups::default();
        let before = cgroups.make(bounds, &placeholders, Version::Two, fault);
        let spawned = before.and_then(|()| {
            let unified = cgroups.group.as_ref().and_then(Group::fd_for_clone);
            opaque_sys::spawn(image, unified).map_err(|failure| entries.refusal(&failure))
        });
        let spawned = match spawned {
            Ok(spawned) => spawned,
            Err(refusal) => {
                cgroups.remove();
                placeholders.leave();
                return Err(refusal);
            }
        };
        let after =
            cgroups.make(bounds, &placeholders, Version::One, fault).and_then(|()| cgroups.let_in(&spawned, fault));
        let Cgroups { group, janitor } = cgroups;
        let kept = Self { spawned, group, placeholders, janitor };
        match after {
            Ok(()) => Ok(kept),
            Err(refusal) => {
                kept.spawned.kill();
                let mut said = kept.spawned.channel.receive();
                while let Ok(Some(Message::Doors(_) | Message::Terminals(_))) = said {
                    said = kept.spawned.channel.receive();
                }
                kept.clear_up();
                // A child that failed by itself is why the rest failed.
                Err(match said {
                    Ok(Some(Message::Failed(failure))) => entries.refusal(&failure),
                    Ok(_) | Err(_) => refusal,
                })
            }
        }
    }

    /// Removes everything; the processes are gone by now.
    pub(super) fn clear_up(self) {
        // The janitor shares the locks on the placeholders: it leaves first.
        Cgroups { group: self.group, janitor: self.janitor }.remove();
        self.placeholders.leave();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

#[derive(Default)]
struct Cgroups {
    group: Option<Group>,
    janitor: Option<Janitor>,
}

impl Cgroups {
    /// Makes the cgroups that the limits need, when this is the time for theirs.
    fn make(
        &mut self,
        bounds: &Bounds,
        placeholders: &Placeholders,
        version: Version,
        fault: Fault,
    ) -> Result<(), Refusal> {
        // Without cgroups nothing needs a janitor: processes die with us, and the next run sweeps placeholders.
        let Some((available, wanted)) = &bounds.cgroup else { return Ok(()) };
        let needs = if available.uses_unified(wanted) { Version::Two } else { Version::One };
        if needs != version {
            return Ok(());
        }
        fault.check(Step::Cgroup).map_err(|errno| failed(Step::Cgroup, &errno))?;
        let name = Name::new(std::process::id(), random());
        let clear_up = || {
            cgroup::clear(available, &name);
            placeholders.clear();
        };
        let janitor = janitor::start(&placeholders.descriptors(), clear_up);
        self.janitor =
            Some(janitor.map_err(|errno| failed(Step::Cgroup, &format!("cannot start the janitor: {errno}")))?);
        cgroup::sweep(available);
        let group = Group::create(available, &name, wanted).map_err(|error| failed(Step::Cgroup, &describe(&error)))?;
        self.group = Some(group);
        Ok(())
    }

    /// Opens the cgroups to the child, which waits for that.
    fn let_in(&self, spawned: &Spawned, fault: Fault) -> Result<(), Refusal> {
        let Some(group) = &self.group else { return Ok(()) };
        fault.check(Step::JoinCgroup).map_err(|errno| failed(Step::JoinCgroup, &errno))?;
        if fault.skips(Step::JoinCgroup) {
            return Ok(());
        }
        let doors = group.doors().map_err(|error| failed(Step::JoinCgroup, &describe(&error)))?;
        let doors: Vec<_> = doors.iter().map(AsFd::as_fd).collect();
        spawned.channel.hand_over(&doors).map_err(|errno| failed(Step::JoinCgroup, &errno))
    }

    /// Removes them; the processes in them are gone by now.
    fn remove(self) {
        drop(self.group);
        drop(self.janitor);
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds this from the kernel; it only keeps two names apart.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
