//! What was enforced in a run, control by control.

use opaque_policy::plan::{Plan, Protection};
use serde::Serialize;

use crate::bounds::Enforcement;

/// One layer of the sandbox and how it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Its name.
    pub name: &'static str,
    /// How it holds.
    pub enforcement: Enforcement,
    /// What enforces it, or why nothing does.
    pub by: String,
}

/// The controls of a run whose every layer was attested from inside.
#[must_use]
pub fn of(plan: &Plan, landlock_abi: i32) -> Vec<Control> {
    let enforced = |name, by: &str| Control { name, enforcement: Enforcement::Enforced, by: by.to_owned() };
    let mut controls = vec![
        enforced("user-namespace", "clone3, no further user namespaces"),
        enforced("mount-namespace", "clone3, private propagation"),
        enforced("pid-namespace", "clone3, own init that dies with the supervisor"),
        enforced("network-namespace", "clone3, no interface but loopback"),
        enforced("egress", if plan.network.has_gate() { "own packet filter and gate" } else { "no way out" }),
        enforced("ipc-namespace", "clone3"),
        enforced("uts-namespace", "clone3"),
        enforced("cgroup-namespace", "clone3"),
        enforced("own-root", "tmpfs root, pivot_root, old root detached"),
        enforced("landlock", &format!("Landlock ABI {landlock_abi}")),
        enforced("seccomp", "allow-list filter"),
        enforced("capabilities", "dropped from every set, securebits locked"),
        enforced("no-new-privileges", "prctl"),
        enforced("core-dumps", "RLIMIT_CORE and an empty dump filter"),
        enforced("descriptors", "close_range"),
    ];
    controls.push(if landlock_abi >= 6 {
        enforced("signal-scope", "Landlock scope")
    } else {
        Control {
            name: "signal-scope",
            enforcement: Enforcement::Absent,
            by: format!("Landlock ABI {landlock_abi} has no scopes (Linux 6.12 has)"),
        }
    });
    if !plan.protected.is_empty() {
        let placeholders = plan
            .protected
            .iter()
            .filter(|protected| match protected.by {
                Protection::Placeholder | Protection::PlaceholderFile { .. } => true,
                Protection::ReadOnly { .. } | Protection::Pinned { .. } => false,
            })
            .count();
        controls.push(enforced(
            "protected-paths",
            &format!("read-only binds, {placeholders} placeholders, watched on the host"),
        ));
    }
    controls
}
