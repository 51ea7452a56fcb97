//! Looks for a coding agent: among the ancestors of a process, and by the marks that one leaves in the environment. Stops accidents; a program that hides is not found.

use opaque_policy::coding_agent::{BUILT_IN, CodingAgent};
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;

use crate::invocation::Environment;
use crate::process::{GENERATIONS, Process};

/// The variable by which one says that it is there.
const CLAUDE: &str = "CLAUDECODE";
/// Programs that say nothing about what they run: their first arguments do.
const RUNTIMES: [&str; 7] = ["node", "bun", "deno", "python", "python3", "uv", "npx"];

/// The coding agent that a process belongs to: one above it, or one whose marks stand in the environment. `known` are those
/// that policies know besides the built-in ones.
pub(crate) fn coding_agent(process: Option<Process>, environment: &Environment, known: &[CodingAgent]) -> Option<Text> {
    let above = process.and_then(coding_agent_from).map(Text::from);
    let marked = || environment.contains_key(&Text::from(CLAUDE)).then(|| Text::from("claude"));
    above.or_else(marked).or_else(|| {
        // Nobody walks up the tree for nothing.
        let names = if known.is_empty() { Vec::new() } else { names(process) };
        let here = known.iter().find(|agent| agent.is_here(&names, environment));
        here.map(|agent| Text::from(agent.name.as_str()))
    })
}

fn names(process: Option<Process>) -> Vec<Text> {
    process.map_or_else(Vec::new, |process| process.lineage().iter().filter_map(Process::name).collect())
}

/// The nearest one among a process and all above it.
fn coding_agent_from(process: Process) -> Option<&'static str> {
    let mut pid = process.pid();
    for _ in 0..GENERATIONS {
        let (name, parent) = Process::new(pid).status()?;
        if let Some(agent) = known(&name).or_else(|| executable(pid)) {
            return Some(agent);
        }
        if parent <= 1 {
            return None;
        }
        pid = parent;
    }
    None
}

fn executable(pid: i32) -> Option<&'static str> {
    let link = rustix::fs::readlink(format!("/proc/{pid}/exe"), Vec::with_capacity(256)).ok()?;
    let path = AbsPath::new(link.as_bytes()).ok()?;
    let name = path.name()?;
    if let Some(agent) = known(name) {
        return Some(agent);
    }
    if !is_runtime(name) {
        return None;
    }
    let arguments = Process::new(pid).read("cmdline", 4096)?;
    arguments.split(|byte| *byte == 0).skip(1).take(4).find_map(|argument| {
        let name = argument.rsplit(|byte| *byte == b'/').next()?;
        known(name.strip_suffix(b".js").or_else(|| name.strip_suffix(b".py")).unwrap_or(name))
    })
}

fn known(name: &[u8]) -> Option<&'static str> {
    BUILT_IN.into_iter().find(|agent| agent.as_bytes() == name)
}

fn is_runtime(name: &[u8]) -> bool {
    // `python3.12` is `python3`, as far as this goes.
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or(name);
    RUNTIMES.into_iter().any(|runtime| runtime.as_bytes() == stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alone::Alone;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn agents_are_known_by_whole_names_only() {
        assert_eq!(known(b"claude"), Some("claude"));
        assert_eq!(known(b"claude2"), None);
        assert!(is_runtime(b"python3.12"));
        assert!(!is_runtime(b"bash"));
    }

    #[test]
    fn a_running_agent_is_found_by_its_executable() {
        let directory = tempfile::tempdir().unwrap();
        let agent = directory.path().join("aider");
        std::fs::copy("/bin/sleep", &agent).unwrap();
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut child = std::process::Command::new(&agent).arg("60").spawn_alone().unwrap();
        let found = executable(i32::try_from(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Some("aider"));
    }
}
