//! Looks for a coding agent among the ancestors of this process. Stops accidents; a program that hides is not found.

use opaque_policy::coding_agent::BUILT_IN;
use opaque_policy::path::AbsPath;

use crate::process::Process;

/// How far up the tree a look goes.
const GENERATIONS: usize = 32;
/// Programs that say nothing about what they run: their first arguments do.
const RUNTIMES: [&str; 7] = ["node", "bun", "deno", "python", "python3", "uv", "npx"];

/// The nearest coding agent, by its usual name.
pub(crate) fn coding_agent() -> Option<&'static str> {
    coding_agent_from(Process::new(rustix::process::getppid()?.as_raw_nonzero().get()))
}

/// The nearest one among a process and all above it.
pub(crate) fn coding_agent_from(process: Process) -> Option<&'static str> {
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
        let mut child = std::process::Command::new(&agent).arg("60").spawn().unwrap();
        let found = executable(i32::try_from(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Some("aider"));
    }
}
