//! Real clients: the same command outside and inside, and what it said and left compared byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ended::Ended;
use super::host::{Processes, missing, program};
use super::lab::Lab;
use super::sandbox::Sandbox;

/// The system's own interpreter.
pub const PYTHON: &str = "/usr/bin/python3";

const PATIENCE: Duration = Duration::from_secs(120);

/// True when all these programs are installed; says aloud which is not.
///
/// # Panics
/// In CI, where one is not.
#[must_use]
pub fn has(programs: &[&str]) -> bool {
    let absent = programs.iter().find(|name| program(name).is_none() && !Path::new("/usr/sbin").join(name).is_file());
    if let Some(name) = absent {
        missing(name);
    }
    absent.is_none()
}

/// So many bytes without a pattern.
#[must_use]
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let mut bytes: Vec<u8> = next.take(length.div_ceil(8)).flatten().collect();
    bytes.truncate(length);
    bytes
}

impl Lab {
    /// Runs a command outside and, with these flags, inside, and demands the same end: exit code 0, the same output,
    /// the same files in a fresh directory `made` of the workspace. Answers with the run inside.
    ///
    /// # Panics
    /// When they differ.
    #[track_caller]
    pub fn is_the_same(&self, sandbox: &Sandbox, flags: &[&str], command: &[&str]) -> Ended {
        self.put_certificate(sandbox);
        fresh(sandbox);
        let outside = self.launch_outside(sandbox, command).patience(PATIENCE).finish();
        outside.expect(0);
        let left = files(&sandbox.project().join("made"));
        assert!(!outside.stdout.is_empty() || !left.is_empty(), "nothing to compare\n{outside}");
        fresh(sandbox);
        let inside = self.inside(sandbox, flags, command);
        let same = (inside.code, &inside.stdout) == (outside.code, &outside.stdout);
        assert!(same, "differs\ninside:\n{inside}\noutside:\n{outside}");
        let found = files(&sandbox.project().join("made"));
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert!(found == left, "other files: {:?} and {:?}\n{inside}", names(&found), names(&left));
        inside
    }

    /// Runs a command inside with these flags, and a report; it leaves no process, and nothing in the workspace but in
    /// `made`.
    ///
    /// # Panics
    /// When something is left.
    #[track_caller]
    #[must_use]
    pub fn inside(&self, sandbox: &Sandbox, flags: &[&str], command: &[&str]) -> Ended {
        self.put_certificate(sandbox);
        let around = || {
            let tree = super::host::tree(&sandbox.project()).into_iter();
            tree.filter(|path| !path.starts_with("made")).collect::<Vec<_>>()
        };
        let before = around();
        let words = flags.iter().chain(&["--"]).chain(command);
        let ended = self.launch_reporting(sandbox, words).patience(PATIENCE).finish();
        assert_eq!(around(), before, "left in the workspace\n{ended}");
        let mark = sandbox.base().join("tools/opaque-run").display().to_string();
        assert_eq!(Processes::marked(&mark), [0; 0], "left running\n{ended}");
        ended
    }

    /// The authority's certificate as `ca.pem` in the workspace, for clients that are told of it by an ordinary option.
    fn put_certificate(&self, sandbox: &Sandbox) {
        if !sandbox.project().join("ca.pem").exists() {
            sandbox.write("ca.pem", std::fs::read(self.ca()).expect("the lab wrote it"));
        }
    }
}

fn fresh(sandbox: &Sandbox) {
    let made = sandbox.project().join("made");
    let _ = std::fs::remove_dir_all(&made);
    sandbox.directory(&made);
}

/// Every file below a directory with its content.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = super::host::tree(directory).into_iter();
    relative.filter_map(|path| Some((path.clone(), std::fs::read(directory.join(path)).ok()?))).collect()
}
