//! What of a git checkout is protected, and the settings that are shown inside.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::facts::{GitLayout, WorkspaceRoot};
use crate::grants::Grants;
use crate::path::AbsPath;

/// Names in a git directory from which git takes programs to run, or another place to take them from.
const EXECUTABLE: &[&str] = &["commondir", "config", "config.worktree", "hooks"];

/// Git directories outside the workspace that it cannot do without, all of them real paths.
pub(super) fn directories(git: &GitLayout) -> Vec<AbsPath> {
    match git {
        GitLayout::None | GitLayout::Directory { .. } => Vec::new(),
        GitLayout::File { git_dir, common_dir, .. } => {
            [Some(git_dir), common_dir.as_ref()].into_iter().flatten().cloned().collect()
        }
    }
}

/// Each protected path, sorted, with the directory of the checkout from which on the way to it has to be kept.
///
/// Where `.git` is a file, what the grants say about `.git/x` holds for `x` in the directories that the
/// file leads to, and for the file itself. Without any `.git` nothing below it is protected: `git init` works.
pub(super) fn protected_paths(grants: &Grants, root: &WorkspaceRoot) -> Vec<(AbsPath, AbsPath)> {
    let mut paths = BTreeSet::new();
    for below in &grants.protect {
        match (in_git_directory(below), &root.git) {
            (Some(_), GitLayout::None) => {}
            (None, _) | (Some(_), GitLayout::Directory { .. }) => add(&mut paths, &root.path, below.as_bytes()),
            (Some(inside), GitLayout::File { .. }) => {
                add(&mut paths, &root.path, b".git");
                for directory in directories(&root.git) {
                    add(&mut paths, &directory, inside);
                }
            }
        }
    }
    for module in modules(root) {
        for name in EXECUTABLE {
            add(&mut paths, module, name.as_bytes());
        }
    }
    let directories = directories(&root.git);
    let base = |path: &AbsPath| {
        let holding = directories.iter().chain([&root.path]).filter(|directory| path.is_within(directory));
        holding.min_by_key(|directory| directory.depth()).cloned()
    };
    paths.into_iter().filter_map(|path| Some((base(&path)?, path))).collect()
}

/// What stands, for the time of the run, at a protected path that does not exist in a git directory, when git
/// could not bear a directory there: text that means the same to git as no file.
pub(super) fn neutral_text(path: &AbsPath) -> Option<&'static str> {
    match path.name()? {
        // A common directory of `.` is the git directory itself.
        b"commondir" => Some(".\n"),
        b"config" | b"config.worktree" => Some(""),
        _ => None,
    }
}

/// True when the path lies in one of the workspace's git directories.
pub(super) fn is_in_git(path: &AbsPath, root: &WorkspaceRoot) -> bool {
    let inside = |directory: &AbsPath| path != directory && path.is_within(directory);
    root.path.join(".git").is_ok_and(|git| inside(&git)) || directories(&root.git).iter().any(inside)
}

/// A git configuration file with those of these settings that say who commits and how text is kept.
///
/// Names that are not `section.name` or `section.subsection.name`, and values with a control character other
/// than a tab, are left out: they could end the line or the section.
pub(super) fn configuration(settings: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in settings {
        let Some(heading) = heading(name).filter(|_| is_shown(name)) else { continue };
        let Some(key) = name.rsplit('.').next().filter(|key| is_word(key)) else { continue };
        if value.chars().any(|character| character.is_control() && character != '\t') {
            continue;
        }
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        let _ = write!(text, "{heading}\n\t{key} = \"{quoted}\"\n");
    }
    text
}

fn is_shown(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("user.") || name.starts_with("init.") || name == "core.autocrlf"
}

fn heading(name: &str) -> Option<String> {
    let (above, _) = name.rsplit_once('.')?;
    match above.split_once('.') {
        None => is_word(above).then(|| format!("[{above}]")),
        Some((section, subsection)) => {
            let is_plain = is_word(section) && !subsection.chars().any(char::is_control);
            is_plain.then(|| format!("[{section} \"{}\"]", subsection.replace('\\', "\\\\").replace('"', "\\\"")))
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn modules(root: &WorkspaceRoot) -> &[AbsPath] {
    match &root.git {
        GitLayout::None => &[],
        GitLayout::Directory { modules } | GitLayout::File { modules, .. } => modules,
    }
}

/// What follows `.git` in a protected path; `None` when it is about something else.
fn in_git_directory(below: &AbsPath) -> Option<&[u8]> {
    let rest = below.as_bytes().strip_prefix(b"/.git")?;
    (rest.is_empty() || rest.starts_with(b"/")).then(|| rest.strip_prefix(b"/").unwrap_or(rest))
}

fn add(paths: &mut BTreeSet<AbsPath>, directory: &AbsPath, below: &[u8]) {
    let relative = below.strip_prefix(b"/").unwrap_or(below);
    // A path that is too long for the kernel cannot come to be either.
    if let Ok(path) = directory.join(relative) {
        paths.insert(path);
    }
}
