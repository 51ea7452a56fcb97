//! Places that no grant reaches, whatever a profile, a flag or a policy says.

use super::refusal::Refusal;
use crate::facts::{HostFacts, Leads, PathFact};
use crate::path::AbsPath;
use crate::plan::Access;

/// Made by the sandbox itself: the host's would reach other processes and devices.
const OWN: &[&str] = &["/dev", "/proc"];

/// Where daemons and agents put their sockets: a whole directory would hand them over.
const SOCKETS: &[&str] = &["/run", "/var/run"];

/// Below the places of sockets, but for removable disks.
const NO_SOCKETS: &[&str] = &["/run/media"];

/// Shared by every program of the machine, sockets included; what lies below them is not.
const SHARED: &[&str] = &["/tmp", "/var/tmp"];

/// Never writable, nor anything below.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/nix",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
];

/// Below the system, but where people keep their own work.
const WORK_IN_SYSTEM: &[&str] = &["/usr/local", "/usr/src"];

/// Not writable themselves; what lies below them may be.
const SYSTEM_PARENTS: &[&str] =
    &["/home", "/home/linuxbrew", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib", "/var/log"];

/// Refuses a place that the floor keeps from this access.
pub(super) fn check(path: &AbsPath, fact: &PathFact, access: Access, facts: &HostFacts) -> Result<(), Refusal> {
    let refuse = |reason: &str, hint: &str| Err(Refusal::denied(format!("`{path}` cannot be granted: {reason}"), hint));
    if path.is_root() {
        return refuse("it is the whole machine", "name the directories that the command needs");
    }
    if within(path, OWN) {
        return refuse("the sandbox has its own", "leave it out");
    }
    if is_socket_place(path, fact) {
        return refuse("it may hold the sockets of services", "name single files in it");
    }
    if exactly(path, SHARED) {
        return refuse("every program of the machine keeps files and sockets there", "name a directory below it");
    }
    if matches!(fact, PathFact::Special(_) | PathFact::Link { leads_to: Leads::Special(_), .. }) {
        return refuse("it is a socket, pipe or device", "only directories and regular files are granted");
    }
    match access {
        Access::ReadOnly => Ok(()),
        Access::ReadWrite => check_write(path, facts),
    }
}

/// True when this place holds the whole home directory, as it is named or as it resolves.
pub(super) fn shows_home(path: &AbsPath, facts: &HostFacts) -> bool {
    let home = &facts.account.home;
    let resolved = match facts.at(home) {
        Some(PathFact::Link { real: Some(real), .. }) => real,
        Some(_) | None => home,
    };
    home.is_within(path) || resolved.is_within(path)
}

/// True when a directory of the host may be shown at this path.
pub(super) fn can_be_read(directory: &AbsPath, facts: &HostFacts) -> bool {
    check(directory, &PathFact::Absent, Access::ReadOnly, facts).is_ok()
}

fn check_write(path: &AbsPath, facts: &HostFacts) -> Result<(), Refusal> {
    let refuse =
        |reason: &str, hint: &str| Err(Refusal::denied(format!("`{path}` cannot be writable: {reason}"), hint));
    let is_system = within(path, SYSTEM) && !WORK_IN_SYSTEM.iter().any(|place| is_below(path, place));
    if is_system || exactly(path, SYSTEM_PARENTS) {
        return refuse("it belongs to the system", "grant a directory of your own, or `--read` it");
    }
    if shows_home(path, facts) {
        return refuse("it holds the whole home directory", "grant the directories that the command needs");
    }
    if facts.guarded.iter().any(|guarded| path.is_within(guarded)) {
        return refuse("it holds policy or journal files", "grant a directory outside it, or `--read` it");
    }
    Ok(())
}

fn is_socket_place(path: &AbsPath, fact: &PathFact) -> bool {
    // A link is harmless where it stands; what it leads to is judged under its own path.
    let is_single = matches!(fact, PathFact::File(_) | PathFact::Link { .. });
    within(path, SOCKETS) && !is_single && !NO_SOCKETS.iter().any(|place| is_below(path, place))
}

fn within(path: &AbsPath, places: &[&str]) -> bool {
    places.iter().any(|place| path.as_bytes() == place.as_bytes() || is_below(path, place))
}

fn exactly(path: &AbsPath, places: &[&str]) -> bool {
    places.iter().any(|place| path.as_bytes() == place.as_bytes())
}

fn is_below(path: &AbsPath, place: &str) -> bool {
    path.as_bytes().strip_prefix(place.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
}
