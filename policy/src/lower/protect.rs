//! Keeps protected and guarded paths read-only below what is writable.
//!
//! The directories on the way are bound onto themselves, so that none can be renamed and replaced by another
//! with the same name. A link on the way, or at the end of it, cannot be bound: the run is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::Refusal;
use super::tree::Finished;
use super::{git, granted};
use crate::facts::{HostFacts, PathFact, Workspace};
use crate::grants::Grants;
use crate::path::AbsPath;
use crate::plan::{Access, Content, Protected, Protection, Shape};

/// What is kept at each path.
pub(super) type Kept = BTreeMap<AbsPath, Protection>;

/// Protects what the grants protect in the workspace, but for paths that a `write` grant names exactly.
pub(super) fn protect(tree: &Finished, grants: &Grants, facts: &HostFacts, kept: &mut Kept) -> Result<(), Refusal> {
    let Workspace::Root(root) = &facts.workspace else { return Ok(()) };
    let named: BTreeSet<AbsPath> =
        grants.write.iter().map(|grant| granted::resolve(&grant.place, facts)).collect::<Result<_, _>>()?;
    for (base, path) in git::protected_paths(grants, root).iter().filter(|(_, path)| !named.contains(path)) {
        // What lies above the checkout is free to move: the grant that holds it gives all of that away.
        for step in way(tree, path).into_iter().filter(|step| step.is_within(base)) {
            if is_kept(kept, &step) {
                break;
            }
            let protection = match facts.at(&step).ok_or_else(|| Refusal::unasked(&step))? {
                PathFact::Absent if git::is_in_git(&step, root) => placeholder_in_git(path, &step),
                PathFact::Absent => Protection::Placeholder,
                PathFact::Directory(inode) if step == *path => {
                    Protection::ReadOnly { inode: *inode, shape: Shape::Directory }
                }
                PathFact::Directory(inode) => Protection::Pinned { inode: *inode },
                PathFact::File(inode) | PathFact::Special(inode) => {
                    Protection::ReadOnly { inode: *inode, shape: Shape::File }
                }
                PathFact::Link { .. } => return Err(linked(path, &step)),
            };
            let is_last = !matches!(protection, Protection::Pinned { .. });
            kept.insert(step, protection);
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

/// Masks guarded paths inside what is writable. One that does not exist gets a placeholder.
pub(super) fn guard(tree: &mut Finished, facts: &HostFacts, kept: &mut Kept) -> Result<(), Refusal> {
    // What holds another guarded path is masked first, as a whole.
    for path in facts.guarded.iter().collect::<BTreeSet<_>>() {
        for step in way(tree, path) {
            let content = match facts.at(&step) {
                None | Some(PathFact::Link { .. }) => return Err(guarded_behind_link(path)),
                Some(PathFact::Absent) => {
                    kept.insert(step, Protection::Placeholder);
                    break;
                }
                Some(PathFact::Directory(_)) if step == *path => Content::Directory,
                Some(PathFact::Directory(inode)) => Content::Bind {
                    source: step.clone(),
                    inode: *inode,
                    shape: Shape::Directory,
                    access: Access::ReadWrite,
                },
                Some(PathFact::File(_) | PathFact::Special(_)) => Content::File { text: String::new() },
            };
            let is_last = !matches!(content, Content::Bind { .. });
            tree.lay_over(step, content);
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

/// Protections in the order in which they are carried out.
pub(super) fn in_order(kept: Kept) -> Vec<Protected> {
    kept.into_iter().map(|(path, by)| Protected { path, by }).collect()
}

/// Each path from below the writable mount that covers `path` down to it; empty when it is not writable.
fn way(tree: &Finished, path: &AbsPath) -> Vec<AbsPath> {
    let Some((above, _)) = tree.cover(path).filter(|_| tree.access(path) == Some(Access::ReadWrite)) else {
        return Vec::new();
    };
    let mut way = Vec::new();
    let mut next = Some(path.clone());
    while let Some(path) = next.filter(|path| path != above) {
        next = path.parent();
        way.push(path);
    }
    way.reverse();
    way
}

/// True when something above the path is kept read-only.
pub(super) fn is_below_kept(kept: &Kept, path: &AbsPath) -> bool {
    kept.iter().any(|(above, by)| path != above && path.is_within(above) && !matches!(by, Protection::Pinned { .. }))
}

/// True when the path cannot be written any more, itself or because of what stands above it.
fn is_kept(kept: &Kept, path: &AbsPath) -> bool {
    kept.get(path).is_some_and(|by| !matches!(by, Protection::Pinned { .. }))
}

fn placeholder_in_git(path: &AbsPath, step: &AbsPath) -> Protection {
    match git::neutral_text(path).filter(|_| path == step) {
        Some(text) => Protection::PlaceholderFile { text: text.to_owned() },
        None => Protection::Placeholder,
    }
}

fn linked(path: &AbsPath, link: &AbsPath) -> Refusal {
    let what = format!("`{path}` is protected, but `{link}` is a symbolic link, which could be replaced");
    Refusal::denied(
        what,
        format!("put a real directory or file in its place, or give up its protection with `--write {path}`"),
    )
}

fn guarded_behind_link(path: &AbsPath) -> Refusal {
    let what =
        format!("a writable grant reaches `{path}`, which holds policy or journal files, through a symbolic link");
    Refusal::denied(what, "grant the real path of a directory that does not hold it")
}
