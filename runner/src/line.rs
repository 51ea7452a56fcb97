//! The line, on one screen: invocation, request, decision, plan, authorization, run, outcome.
//!
//! Each value can only be made from the one before it. What goes wrong on the way is a [`Refusal`],
//! which ends the run before the command has started.

mod gathered;
mod loaded;
mod place;
mod planning;
mod recording;

use opaque_policy::authorize;
use opaque_policy::decision::Decision;
use opaque_policy::intent::Intent;

use crate::account;
use crate::bounds;
use crate::ci::Job;
use crate::consent::{self, Asking, Attended};
use crate::explain;
use crate::flags::Flags;
use crate::held::Held;
use crate::journal::Decided;
use crate::launch::{self, Ended, Launch};
use crate::line::gathered::Gathered;
use crate::line::loaded::Loaded;
use crate::line::place::Place;
use crate::line::planning::Planning;
use crate::line::recording::{Recording, denied, unauthorized};
use crate::outcome::{Class, Refusal};
use crate::protect::quarantine::Quarantine;
use crate::report::Destination;
use crate::said::Said;
use crate::shown::Shown;

/// What the line came to.
pub enum Came {
    /// `--plan` or `--explain`: this text goes to standard output.
    Shown(String),
    /// The command ran.
    Ran(Box<Ended>),
}

/// Walks the line.
///
/// # Errors
/// Everything that stops a run before its command has started.
pub fn walk(flags: &Flags, report: Option<&Destination>) -> Result<Came, Refusal> {
    let place = Place::find()?;
    let loaded = Loaded::at(&place, flags)?;
    let Gathered { request, program, untrusted } = Gathered::at(&place, &loaded, flags)?;

    let policies = &loaded.policies;
    let decision = policies.decide(&request, &loaded.profiles);
    let decided = Decided::new(&request, &decision, policies.digest());
    let state = place.state.clone();
    let recording =
        Recording { flags, state: &state, policies, request: &request, decision: &decision, decided: &decided };

    let planning = Planning::begin(place, flags, &request, &decision, untrusted)?;
    let planned = match planning.plan() {
        // What the rules permit the floor may refuse, and a link may lead out of a ceiling.
        Err(refusal) if refusal.class == Class::Denied && !flags.explain => return Err(recording.refused(refusal)),
        planned => planned?,
    };
    if flags.explain {
        return Ok(Came::Shown(explain::decision(&decision, planned.as_ref(), flags.form())));
    }
    let Some(planned) = planned else { return Err(recording.refused(denied(&decision))) };
    let bounds = bounds::choose(&planned.limits, rustix::process::getuid().is_root())?;
    // What policy asks about, and by which name it can be approved beforehand.
    let asked = match &decision {
        Decision::Ask(permission) => Some((permission, Intent::of(&planned, permission, &request))),
        Decision::Allow(_) | Decision::Deny(_) => None,
    };
    if flags.plan {
        let intent = asked.as_ref().and_then(|(_, intent)| intent.as_ref().ok());
        return Ok(Came::Shown(explain::plan(&planned, &bounds, intent, flags.form())));
    }
    if let Some(report) = report {
        report.check_outside(&planned)?;
    }

    let journal = recording.journal()?;
    // Before anything stands on the host for this run: a person may take their time.
    let consent = asked.map(|(permission, intent)| {
        consent::obtain(&Asking {
            permission,
            plan: &planned,
            bounds: &bounds,
            intent: &intent,
            approved: flags.approved.as_deref(),
            attended: if flags.unattended { Attended::ByNobody } else { Attended::ByPerson },
            coding_agent: account::coding_agent(&planning.facts.env, policies.coding_agents()),
            state: &state,
        })
    });
    let consent = consent.transpose().map_err(|refusal| recording.refuse(&journal, refusal))?;
    let (planned, placeholders) = planning.stand(planned)?;
    let authorized = authorize::authorize(&decision, &request, planned, consent)
        .map_err(|refused| recording.refuse(&journal, unauthorized(refused)))?;
    let held = Held::read(authorized.plan(), &planning.facts).map_err(|refusal| recording.refuse(&journal, refusal))?;
    let shown = Shown::of(authorized.plan(), &held).map_err(|refusal| recording.refuse(&journal, refusal))?;
    let said = Said::without(&held).map_err(|refusal| recording.refuse(&journal, refusal))?;
    let job = Job::begin(authorized.plan(), &held, &planning.facts.env);
    let quarantine = Quarantine::over(authorized.plan(), &planning.facts, planning.root);
    let cwd = planning.cwd;
    let launch =
        Launch { authorized, bounds, cwd, placeholders, journal, decided, job, held, shown, said, program, quarantine };
    launch::launch(launch).map(|ended| Came::Ran(Box::new(ended)))
}
