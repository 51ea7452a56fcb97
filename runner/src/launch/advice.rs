//! What a person may want to know after a run: what the sandbox kept the command from, and what is gone.

use opaque_policy::plan::{Plan, Protection};
use opaque_sys::channel::End;

use crate::outcome::Ending;

/// Advice after a run that ended like this and left so many files in its private home.
pub(super) fn after(plan: &Plan, ending: &Ending, left: u32) -> Vec<String> {
    let discarded = (left > 0).then(|| {
        let files = if left == 1 { "1 file".to_owned() } else { format!("{left} files") };
        format!("{files} in the private home discarded \u{b7} keep with `--write PATH`")
    });
    let failed = !matches!(ending, Ending::Command(End::Code(0)));
    let refused = (failed && changes_git_config(plan)).then(|| {
        "`.git/config` is protected: `--write .git/config` lets git change it, and with it what git runs on the host"
            .to_owned()
    });
    refused.into_iter().chain(discarded).collect()
}

/// True when the command looks like one that changes the repository's configuration, which is protected: git
/// itself, or a shell with a line about git. Only a hint follows from it.
fn changes_git_config(plan: &Plan) -> bool {
    let is_protected = plan.protected.iter().any(|protected| {
        protected.path.as_bytes().ends_with(b"/.git/config") && matches!(protected.by, Protection::ReadOnly { .. })
    });
    let line = plan.argv.iter().filter_map(opaque_policy::text::Text::as_str).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = line.split_whitespace().collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let sets_upstream = has(&["-u"]) || words.iter().any(|word| word.starts_with("--set-upstream"));
    let is_git = plan.program.path.name() == Some(b"git") || has(&["git"]);
    is_protected && is_git && (has(&["config", "remote", "submodule"]) || (sets_upstream && has(&["push", "branch"])))
}
