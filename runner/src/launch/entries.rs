//! Says which step failed, at what, and what to do about it.

use opaque_policy::path::AbsPath;
use opaque_policy::plan::Plan;
use opaque_sys::attest::Missing;
use opaque_sys::step::{Failure, Step};

use crate::outcome::{Class, Refusal};
use crate::prepare::failed;

/// The tree's entries by name, to say where a step failed.
pub(super) struct Entries {
    names: Vec<String>,
    program: AbsPath,
}

impl Entries {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            names: plan.steps().iter().map(|step| step.target().to_string()).collect(),
            program: plan.program.path.clone(),
        }
    }

    pub(super) fn refusal(&self, failure: &Failure) -> Refusal {
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
                "cannot build the sandbox: step `{step}`: `{}` does not hold: {errno}",
                Missing::name(failure.detail)
            )),
            (Step::Program, _) => Refusal::cannot_build(format!(
                "cannot build the sandbox: step `{step}`: `{}` inside is not the file that was judged: {errno}",
                self.program
            )),
            (Step::Proc, _) if errno == rustix::io::Errno::PERM => {
                Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: {errno}")).hint(PROC_HINT)
            }
            (Step::Clone, _) => Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: {errno}"))
                .hint(namespaces_hint()),
            _ => Refusal::cannot_build(format!("cannot build the sandbox: step `{step}`: {errno}")),
        }
    }

    /// What `execveat` said: some answers are about the program, all others about this machine.
    pub(super) fn not_executed(&self, failure: &Failure) -> Refusal {
        use rustix::io::Errno;
        let errno = failure.errno;
        let message = format!("cannot execute `{}`: {errno}", self.program);
        match errno {
            Errno::NOENT => Refusal::new(Class::NotExecutable, message)
                .hint("its loader (the ELF interpreter) is not visible inside; show it with --read"),
            Errno::TOOBIG => {
                Refusal::new(Class::NotExecutable, message).hint("the arguments and the environment are too large")
            }
            Errno::NOSYS | Errno::PERM | Errno::IO | Errno::NOMEM | Errno::AGAIN | Errno::MFILE | Errno::NFILE => {
                failed(Step::Exec, &message)
            }
            _ => Refusal::new(Class::NotExecutable, message),
        }
    }
}

/// The kernel shows no new procfs to whoever sees only a part of the old one.
const PROC_HINT: &str = "parts of /proc are covered here, as in a container: start it with an uncovered /proc \
     (`--security-opt systempaths=unconfined`, `procMount: Unmasked`)";

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
