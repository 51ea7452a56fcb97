//! Asks a tool for its own default: in a sandbox without network, files of the person's or a workspace, for ten seconds at
//! most. The question runs in another `opaque-run`, so that it is held by policy and stands in the journal as any run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;

use crate::{answer, host};

/// How long the tool may take.
const TIMEOUT: &str = "10s";
/// How long we wait for the sandbox around it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer.
const ANSWER: usize = 4096;
/// The same as a limit of the sandbox.
const OUTPUT: &str = "output=4KiB";

/// What of the caller's environment the question needs: where policy and toolchains are, and no setting of any tool.
const PASSED: [&str; 9] = [
    "GOROOT",
    "HOME",
    "NVM_BIN",
    "NVM_DIR",
    "OPAQUE_CONFIG",
    "PYENV_ROOT",
    "VOLTA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// How a tool is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// `--policy` of this run.
    pub policy: Option<&'a Path>,
    /// `--journal` of this run.
    pub journal: Option<&'a Path>,
}

impl Asking<'_> {
    /// The tool's answer, or why there is none.
    pub(super) fn ask(
        &self,
        environment: Option<&BTreeMap<Text, Text>>,
        workspace: Option<&AbsPath>,
        command: &[&str],
    ) -> Result<String, String> {
        let name = command.first().copied().unwrap_or_default();
        let failed = |why: &str| format!("`{name}` could not be asked: {why}");
        let mut asking = Command::new("/proc/self/exe");
        asking.args(["--quiet", "--profile", "default", "--timeout", TIMEOUT, "--limit", OUTPUT]);
        for (flag, path) in [("--policy", self.policy), ("--journal", self.journal)] {
            if let Some(path) = path {
                asking.arg(flag).arg(std::path::absolute(path).map_err(|error| failed(&error.to_string()))?);
            }
        }
        asking.arg("--").args(command);
        // The root directory is never a workspace, and inside it holds nothing of anybody's.
        asking.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(environment) = environment {
            let passed = PASSED.iter().filter_map(|name| Some((*name, environment.get(&Text::from(*name))?)));
            asking.envs(passed.map(|(name, value)| (name, OsStr::from_bytes(value.as_bytes()))));
            asking.env("PATH", OsStr::from_bytes(&search_path(environment, workspace)));
        }
        let mut child = asking.spawn().map_err(|error| failed(&error.to_string()))?;
        let answer = answer::listen(&mut child, Instant::now() + PATIENCE, ANSWER);
        if answer.is_err() {
            // It has ended already, or it ends now; the kernel ends everything inside with it.
            drop(child.kill());
        }
        let status = child.wait().map_err(|error| failed(&error.to_string()))?;
        let answer = answer.map_err(|why| failed(&why))?;
        match status.code() {
            Some(0) => String::from_utf8(answer).map_err(|_| failed("its answer is not text")),
            Some(127) => Err(format!("`{name}` does not exist in a sandbox")),
            Some(code) => Err(failed(&format!("it ended with {code}"))),
            None => Err(failed("it was killed")),
        }
    }
}

/// The caller's `PATH` without directories in the workspace: a program there is not the person's.
pub(crate) fn search_path(environment: &BTreeMap<Text, Text>, workspace: Option<&AbsPath>) -> Vec<u8> {
    let path = environment.get(&Text::from("PATH")).map(Text::as_bytes).unwrap_or_default();
    let directories = path.split(|byte| *byte == b':').filter_map(|directory| AbsPath::new(directory).ok());
    let is_outside = |directory: &AbsPath| {
        workspace.is_none_or(|root| !directory.is_within(root) && !host::real(directory).is_within(root))
    };
    let kept: Vec<AbsPath> = directories.filter(is_outside).collect();
    kept.iter().map(AbsPath::as_bytes).collect::<Vec<_>>().join(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_question_passes_a_variable_that_loads_code() {
        assert!(PASSED.iter().all(|name| !opaque_policy::environment::is_loader_variable(&Text::from(*name))));
    }

    #[test]
    fn a_program_of_the_workspace_is_never_asked() {
        let directory = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(directory.path()).unwrap();
        let root = AbsPath::new(real.join("w").as_os_str().as_encoded_bytes()).unwrap();
        std::fs::create_dir_all(real.join("w/bin")).unwrap();
        std::os::unix::fs::symlink("w/bin", real.join("link")).unwrap();
        let path = format!("{}/bin:{}/link:bin::/usr/bin", root, real.display());
        let environment = BTreeMap::from([(Text::from("PATH"), Text::from(path.as_str()))]);
        assert_eq!(search_path(&environment, Some(&root)), b"/usr/bin");
        let all = format!("{}/bin:{}/link:/usr/bin", root, real.display());
        assert_eq!(search_path(&environment, None), all.as_bytes());
    }
}
