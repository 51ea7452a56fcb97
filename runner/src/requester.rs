//! Finds out who asks for a run and what stands around them, as far as rules read it. All of it can be influenced by
//! the caller's own uid; what cannot be read is not known.

use std::collections::{BTreeMap, BTreeSet};

use opaque_policy::coding_agent::CodingAgent;
use opaque_policy::fact::Fact;
use opaque_policy::facts::Workspace;
use opaque_policy::policy_set::Need;
use opaque_policy::principal::{ClientKind, Executable};
use opaque_policy::request::Request;
use opaque_policy::surroundings::{Origin, Surroundings};
use opaque_policy::text::Text;
use rustix::fs::{Mode, OFlags};

use crate::account::{ancestors, is_foreground};
use crate::digest::Cache;
use crate::invocation::Environment;
use crate::process::Process;
use crate::tmux;

/// Where a program says that it is inside a container, and where container managers say so.
const CONTAINER_FILES: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// The inode numbers of the machine's first pid and user namespace (`include/linux/proc_ns.h`).
const FIRST_NAMESPACES: [(&str, u64); 2] = [("pid", 4_026_531_836), ("user", 4_026_531_837)];
/// The file system of namespaces (`include/uapi/linux/magic.h`).
const NSFS: u64 = 0x6e73_6673;

/// What the look needs.
pub struct Known<'a> {
    /// What rules read.
    pub needs: &'a BTreeSet<Need>,
    /// Coding agents beyond the built-in ones.
    pub coding_agents: &'a [CodingAgent],
    /// The caller's environment.
    pub environment: &'a Environment,
    /// Digests of files.
    pub cache: &'a Cache,
    /// Where the run happens.
    pub workspace: &'a Workspace,
}

/// Adds to a request what rules read of its requester: the process that started this one, unless another is named.
pub fn tell(request: &mut Request, known: &Known<'_>, named: Option<Process>) {
    // A direct run comes over no socket, so nobody has given it a role.
    request.principal.roles = Fact::Absent;
    let parent = named.or_else(Process::parent_of_this);
    if known.needs.contains(&Need::Client) {
        let client = parent.as_ref().and_then(|parent| executable(parent, known));
        request.principal.executable = Fact::looked(client);
    }
    if known.needs.contains(&Need::Surroundings) {
        let is_whole = named.unwrap_or_else(Process::this).has_its_lineage();
        let agent = ancestors::coding_agent(parent, known.environment, known.coding_agents);
        // No agent was seen: whether there is none only a whole lineage tells.
        let agent = if is_whole { Fact::found(agent) } else { Fact::looked(agent) };
        request.surroundings = surroundings(parent.as_ref(), request.principal.kind, agent, known);
    }
}

fn executable(process: &Process, known: &Known<'_>) -> Option<Executable> {
    let file = process.open_executable()?;
    let path = crate::descriptor::real_path(&file).ok()??;
    let sha256 = if known.needs.contains(&Need::ClientContent) {
        Fact::looked(known.cache.sha256(&file).ok())
    } else {
        Fact::Unknown
    };
    Some(Executable { path, sha256, codesign_team_id: Fact::Absent })
}

fn surroundings(
    parent: Option<&Process>,
    kind: ClientKind,
    coding_agent_name: Fact<Text>,
    known: &Known<'_>,
) -> Surroundings {
    let environment = known.environment;
    let lineage = parent.map_or_else(Vec::new, |parent| parent.lineage());
    let names: Option<Vec<Text>> = lineage.iter().map(Process::name).collect();
    let name = |at: usize| Fact::looked(lineage.get(at).and_then(Process::name));
    let is_in_container = is_in_container();
    Surroundings {
        process_name: name(0),
        parent_process_name: name(1),
        ancestors: Fact::looked(names),
        command: Fact::looked(parent.and_then(Process::command)),
        cgroup: Fact::looked(parent.and_then(Process::cgroup)),
        tmux_window: tmux_window(known),
        is_in_container: Fact::Known(is_in_container),
        coding_agent_name,
        env: Fact::Known(chosen(environment, known.needs)),
        env_read: Some(variables(known.needs).cloned().collect()),
        // These belong to requests that come over an agent's socket.
        ssh_dest: Fact::Absent,
        is_in_known_hosts: Fact::Absent,
        is_forwarded: Fact::Absent,
        forwarded_via: Fact::Absent,
        key: Fact::Absent,
        origin: Fact::found(origin(kind, is_in_container, environment)),
        provenance: Fact::Absent,
    }
}

/// tmux is asked only where a rule wants to know.
fn tmux_window(known: &Known<'_>) -> Fact<Text> {
    let is_asked = known.needs.contains(&Need::TmuxWindow);
    if is_asked || !tmux::is_around(known.environment) {
        tmux::window(known.environment, known.workspace)
    } else {
        Fact::Unknown
    }
}

fn chosen(environment: &Environment, needs: &BTreeSet<Need>) -> BTreeMap<Text, Text> {
    variables(needs).filter_map(|name| Some((name.clone(), environment.get(name)?.clone()))).collect()
}

/// The variables that rules read.
fn variables(needs: &BTreeSet<Need>) -> impl Iterator<Item = &Text> {
    needs.iter().filter_map(|need| match need {
        Need::Variable(name) => Some(name),
        Need::ProgramContent
        | Need::Classes
        | Need::Client
        | Need::ClientContent
        | Need::Repository
        | Need::Clean
        | Need::Surroundings
        | Need::TmuxWindow => None,
    })
}

/// True in other namespaces than the machine's first ones, and where a container manager says so. A doubt counts as one.
fn is_in_container() -> bool {
    // The namespace itself and not the text of the link: whoever may mount can put another link there.
    let is_first = |(kind, first)| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(file) = rustix::fs::open(format!("/proc/self/ns/{kind}"), flags, Mode::empty()) else { return false };
        let is_namespace = rustix::fs::fstatfs(&file).is_ok_and(|system| u64::try_from(system.f_type) == Ok(NSFS));
        is_namespace && rustix::fs::fstat(&file).is_ok_and(|stat| stat.st_ino == first)
    };
    let exists = |path: &&str| rustix::fs::open(*path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).is_ok();
    !FIRST_NAMESPACES.into_iter().all(is_first) || CONTAINER_FILES.iter().any(exists)
}

fn origin(kind: ClientKind, is_in_container: bool, environment: &Environment) -> Option<Origin> {
    let has = |name: &str| environment.contains_key(&Text::from(name));
    match kind {
        ClientKind::Ci => Some(Origin::Ci),
        ClientKind::Human | ClientKind::Agent if is_in_container => Some(Origin::Container),
        ClientKind::Human | ClientKind::Agent if has("SSH_CONNECTION") || has("SSH_TTY") => Some(Origin::Ssh),
        ClientKind::Human | ClientKind::Agent => is_foreground().then_some(Origin::Tty),
    }
}

#[cfg(test)]
mod tests {
    use opaque_policy::path::AbsPath;

    use super::*;
    use crate::process::GENERATIONS;

    #[test]
    fn the_requester_of_this_test_is_found_with_its_lineage() {
        let parent = Process::new(rustix::process::getppid().unwrap().as_raw_nonzero().get());
        let lineage = parent.lineage();
        assert!(!lineage.is_empty() && lineage.len() <= GENERATIONS);
        assert!(parent.name().is_some());
        let path: Option<AbsPath> =
            parent.open_executable().and_then(|file| crate::descriptor::real_path(&file).ok()?);
        assert!(path.is_some());
    }

    #[test]
    fn only_variables_that_rules_read_are_carried() {
        let environment: Environment =
            [("A", "1"), ("SECRET", "x")].map(|(name, value)| (Text::from(name), Text::from(value))).into();
        let needs = ["A", "B"].map(|name| Need::Variable(Text::from(name))).into();
        assert_eq!(chosen(&environment, &needs), [(Text::from("A"), Text::from("1"))].into());
    }

    #[test]
    fn the_road_is_told_from_the_strongest_sign() {
        let environment: Environment = [(Text::from("SSH_TTY"), Text::from("/dev/pts/1"))].into();
        assert_eq!(origin(ClientKind::Ci, true, &environment), Some(Origin::Ci));
        assert_eq!(origin(ClientKind::Agent, true, &environment), Some(Origin::Container));
        assert_eq!(origin(ClientKind::Human, false, &environment), Some(Origin::Ssh));
    }
}
