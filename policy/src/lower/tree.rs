//! The file tree under construction: what was put where, by whom, and what of it is needed.
//!
//! Entries come in any order. [`Tree::finish`] drops what another entry already shows, names every directory
//! on the way, and returns the mounts with parents before children.

use std::collections::BTreeMap;

use crate::path::AbsPath;
use crate::plan::{Access, Content, Mount, Shape};
use crate::request::Inode;

/// Who put an entry into the tree. The later one wins at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Every sandbox has it.
    Skeleton,
    /// A curated set of directories.
    Curated,
    /// Granted by name: the workspace, `read`, `write`.
    Granted,
    /// It hides what lies below, whoever granted that.
    Mask,
}

#[derive(Debug, Clone)]
struct Entry {
    content: Content,
    rank: Rank,
}

/// Paths and what is there.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: BTreeMap<AbsPath, Entry>,
}

impl Tree {
    /// Puts content at a path. At the same path the higher rank stays, a writable bind beats a read-only one
    /// of the same rank, and otherwise the first comer stays.
    pub(super) fn put(&mut self, rank: Rank, target: AbsPath, content: Content) {
        let entry = Entry { content, rank };
        match self.entries.get_mut(&target) {
            None => {
                self.entries.insert(target, entry);
            }
            Some(there) if rank > there.rank || (rank == there.rank && is_wider(&entry, there)) => *there = entry,
            Some(_) => {}
        }
    }

    /// Shows a host file or directory at its own path.
    pub(super) fn bind(&mut self, rank: Rank, path: AbsPath, inode: Inode, shape: Shape, access: Access) {
        self.put(rank, path.clone(), Content::Bind { source: path, inode, shape, access });
    }

    /// Drops what is not needed and names what is missing on the way.
    pub(super) fn finish(self) -> Finished {
        let mut kept: BTreeMap<AbsPath, Entry> = BTreeMap::new();
        let mut hidden: Vec<AbsPath> = Vec::new();
        // INVARIANT: a path comes before everything below it, so what covers an entry stands already.
        for (target, entry) in self.entries {
            if hidden.iter().any(|hidden| target.is_within(hidden)) {
                continue;
            }
            let cover = cover(&kept, &target).map(|(_, cover)| cover);
            if entry.rank == Rank::Mask && !cover.is_some_and(shows_host) {
                // Without anything to mask the path just does not exist.
                hidden.push(target);
            } else if cover.is_none_or(|cover| is_needed(&entry, cover)) {
                name_the_way(&mut kept, &target);
                kept.insert(target, entry);
            }
        }
        Finished { entries: kept }
    }
}

/// A tree in which every entry is needed and every directory on the way is named.
#[derive(Debug)]
pub(super) struct Finished {
    entries: BTreeMap<AbsPath, Entry>,
}

impl Finished {
    /// The entry that decides what stands at a path: the one at the path or the nearest above it.
    pub(super) fn cover(&self, path: &AbsPath) -> Option<(&AbsPath, &Content)> {
        cover(&self.entries, path).map(|(target, entry)| (target, &entry.content))
    }

    /// How the host's file at this path is shown, when it is.
    pub(super) fn access(&self, path: &AbsPath) -> Option<Access> {
        match self.cover(path) {
            Some((target, Content::Bind { access, shape, .. })) if *shape == Shape::Directory || target == path => {
                Some(*access)
            }
            _ => None,
        }
    }

    /// Adds an entry to the finished tree, over what is there. A mask also covers what was put below it.
    pub(super) fn lay_over(&mut self, target: AbsPath, content: Content) {
        if !matches!(content, Content::Bind { .. }) {
            self.entries.retain(|path, _| !path.is_within(&target));
        }
        self.entries.insert(target, Entry { content, rank: Rank::Mask });
    }

    /// The mounts, parents before children.
    pub(super) fn into_mounts(self) -> Vec<Mount> {
        self.entries.into_iter().map(|(target, entry)| Mount { target, content: entry.content }).collect()
    }
}

fn cover<'a>(entries: &'a BTreeMap<AbsPath, Entry>, path: &AbsPath) -> Option<(&'a AbsPath, &'a Entry)> {
    let mut here = Some(path.clone());
    while let Some(path) = here {
        if let Some(found) = entries.get_key_value(&path) {
            return Some(found);
        }
        here = path.parent();
    }
    None
}

fn shows_host(entry: &Entry) -> bool {
    matches!(entry.content, Content::Bind { .. })
}

fn is_wider(new: &Entry, old: &Entry) -> bool {
    match (&new.content, &old.content) {
        (Content::Bind { access: new, .. }, Content::Bind { access: old, .. }) => new > old,
        _ => false,
    }
}

/// Whether an entry adds anything to what covers it.
fn is_needed(entry: &Entry, cover: &Entry) -> bool {
    match &cover.content {
        // Nothing can stand below these; a link leads to where the same thing is shown.
        Content::Symlink { .. }
        | Content::File { .. }
        | Content::Secret { .. }
        | Content::Device { .. }
        | Content::Proc
        | Content::Pts => false,
        Content::Bind { shape: Shape::File, .. } => false,
        Content::Private { .. } => true,
        Content::Directory => cover.rank != Rank::Mask,
        Content::Bind { access: above, shape: Shape::Directory, .. } => match &entry.content {
            _ if entry.rank == Rank::Mask => true,
            Content::Bind { access, .. } => access != above && entry.rank >= cover.rank,
            // What is granted is shown as it is; a curated directory may hold the home.
            Content::Private { .. } => cover.rank == Rank::Curated,
            Content::Symlink { .. }
            | Content::File { .. }
            | Content::Secret { .. }
            | Content::Device { .. }
            | Content::Directory
            | Content::Proc
            | Content::Pts => false,
        },
    }
}

/// Names each directory between the nearest entry above and `target`. Below a bind the host has them.
fn name_the_way(entries: &mut BTreeMap<AbsPath, Entry>, target: &AbsPath) {
    let mut missing = Vec::new();
    let mut above = target.parent();
    let content = loop {
        let Some(directory) = above.filter(|directory| !directory.is_root()) else { break Content::Directory };
        match entries.get(&directory).map(|entry| &entry.content) {
            Some(Content::Bind { .. }) => return,
            Some(Content::Private { .. }) => break Content::Private { mode: 0o755 },
            Some(_) => break Content::Directory,
            None => {
                above = directory.parent();
                missing.push(directory);
            }
        }
    };
    for directory in missing {
        entries.insert(directory, Entry { content: content.clone(), rank: Rank::Skeleton });
    }
}
