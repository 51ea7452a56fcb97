//! Whether a workspace holds anything that is not committed. Git says so, in a sandbox of its own: no network, no secret,
//! nothing of the person's, everything read-only; never on the host.
//!
//! What a repository's configuration makes git execute is executed inside and can make git lie: the answer is a derived
//! fact. That sandbox asks no policy, as a policy may be what wants to know.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use opaque_policy::fact::Fact;
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;

use crate::endpoints::search_path;
use crate::flags::{Flags, Parsed, parse};

/// The word by which `opaque-run` asks itself. It grants nothing: whoever uses it gets the answer of `git status`.
const QUESTION: &str = "--is-the-workspace-clean";

/// The sandbox, and git with everything turned off that would run for speed or show less than there is.
const COMMAND: [&str; 24] = [
    "--quiet",
    "--profile",
    "offline-read",
    "--timeout",
    "60s",
    "--limit",
    "pids=64",
    "--",
    "git",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.excludesFile=/dev/null",
    "status",
    "--porcelain",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules=none",
    "--no-renames",
];

/// Where directories are that a run reads by itself.
const PASSED: [&str; 2] = ["HOME", "XDG_STATE_HOME"];

/// The run behind a question, when the command line is one.
#[must_use]
pub fn asked(arguments: &[OsString]) -> Option<Box<Flags>> {
    let [_, word] = arguments else { return None };
    if word != QUESTION {
        return None;
    }
    let words: Vec<OsString> = std::iter::once("opaque-run").chain(COMMAND).map(OsString::from).collect();
    let Parsed::Flags(mut flags) = parse(&words) else { return None };
    flags.asks_no_policy = true;
    Some(flags)
}

/// Asks.
#[must_use]
pub fn is_clean(root: &AbsPath, environment: &BTreeMap<Text, Text>) -> Fact<bool> {
    let mut asking = Command::new("/proc/self/exe");
    asking.arg(QUESTION).env_clear().current_dir(root.as_path());
    asking.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let passed = PASSED.iter().filter_map(|name| Some((*name, environment.get(&Text::from(*name))?)));
    asking.envs(passed.map(|(name, value)| (name, OsStr::from_bytes(value.as_bytes()))));
    asking.env("PATH", OsStr::from_bytes(&search_path(environment, Some(root))));
    let Ok(mut child) = asking.spawn() else { return Fact::Unknown };
    // One byte is a file that is not as it was committed; the rest of the list is of no interest.
    let said = child.stdout.take().map(|mut output| output.read(&mut [0]));
    if !matches!(said, Some(Ok(0))) {
        drop(child.kill());
    }
    match (said, child.wait()) {
        (Some(Ok(0)), Ok(status)) if status.success() => Fact::Known(true),
        (Some(Ok(1..)), _) => Fact::Known(false),
        (Some(Ok(0) | Err(_)) | None, _) => Fact::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_question_is_one_word_and_runs_one_command() {
        let flags = asked(&words(&["opaque-run", QUESTION])).unwrap();
        assert!(flags.asks_no_policy);
        assert_eq!(flags.profile.as_deref(), Some("offline-read"));
        assert_eq!(flags.command.first().unwrap(), "git");
        assert!(flags.read.is_empty() && flags.write.is_empty() && flags.allow_net.is_empty() && flags.env.is_empty());
        assert!(asked(&words(&["opaque-run", QUESTION, "--", "true"])).is_none());
        assert!(asked(&words(&["opaque-run", "--", QUESTION])).is_none());
        assert!(asked(&words(&["opaque-run", "ls"])).is_none());
    }
}
