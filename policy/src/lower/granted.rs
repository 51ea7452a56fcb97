//! Puts what is granted by name into the tree: `read`, `write`, the workspace, and what is hidden.

use super::ci;
use super::protect::{self, Kept};
use super::refusal::Refusal;
use super::tree::{Finished, Rank, Tree};
use super::{floor, git, lexical};
use crate::facts::{HostFacts, Leads, PathFact, Workspace};
use crate::grants::{Grant, Grants, Origin, Place, WorkspaceAccess};
use crate::path::AbsPath;
use crate::plan::{Access, Content, Shape};
use crate::request::Inode;
use crate::text::Text;

/// What was granted by name, so that the finished tree can be held to it.
#[derive(Debug, Default)]
pub(super) struct Promised(Vec<Promise>);

#[derive(Debug)]
struct Promise {
    path: AbsPath,
    inode: Inode,
    shape: Shape,
    access: Access,
}

impl Promised {
    /// Refuses a tree that gives less than was granted: grants are never silently narrowed. What is granted
    /// for writing by its own name stays writable below a protected directory.
    pub(super) fn hold(self, tree: &mut Finished, kept: &Kept) -> Result<(), Refusal> {
        for Promise { path, inode, shape, access } in self.0 {
            if tree.access(&path).is_none_or(|given| given < access) {
                let what = format!("`{path}` is granted and hidden at once");
                return Err(Refusal::unbuildable(what, "take it out of `hide`, or do not grant it"));
            }
            if access == Access::ReadWrite && protect::is_below_kept(kept, &path) {
                tree.lay_over(path.clone(), Content::Bind { source: path, inode, shape, access });
            }
        }
        Ok(())
    }
}

/// What stands behind a path once links are followed: where, which file, and the link to recreate.
struct Found {
    real: AbsPath,
    inode: Inode,
    shape: Shape,
    link: Option<Text>,
}

/// Grants `read` and `write`.
pub(super) fn grants(
    tree: &mut Tree,
    grants: &Grants,
    facts: &HostFacts,
    notes: &mut Vec<String>,
) -> Result<Promised, Refusal> {
    let mut promised = Promised::default();
    let reads = grants.read.iter().map(|grant| (grant, Access::ReadOnly));
    for (grant, access) in reads.chain(grants.write.iter().map(|grant| (grant, Access::ReadWrite))) {
        let path = resolve(&grant.place, facts)?;
        let fact = facts.at(&path).ok_or_else(|| Refusal::unasked(&path))?;
        if !is_nothing(fact) {
            floor::check(&path, fact, access, facts)?;
        }
        let Some(found) = found(&path, fact) else {
            skip_or_refuse(grant, &path, access)?;
            continue;
        };
        floor::check(&found.real, &found.as_fact(), access, facts)?;
        if floor::shows_home(&found.real, facts) {
            notes.push(format!("the whole home directory is visible inside, read-only: `{}` is granted", found.real));
        }
        put(tree, Rank::Granted, &path, found, access, &mut promised);
    }
    Ok(promised)
}

/// Grants the workspace, with the git directories that it cannot do without.
pub(super) fn workspace(
    tree: &mut Tree,
    grants: &Grants,
    facts: &HostFacts,
    promised: &mut Promised,
) -> Result<Option<AbsPath>, Refusal> {
    let (root, access) = match (&facts.workspace, grants.workspace) {
        (Workspace::None { .. }, _) | (_, WorkspaceAccess::None) => return Ok(None),
        (Workspace::Root(root), WorkspaceAccess::ReadOnly) => (root, Access::ReadOnly),
        (Workspace::Root(root), WorkspaceAccess::ReadWrite) => (root, Access::ReadWrite),
    };
    floor::check(&root.path, &PathFact::Directory(root.inode), access, facts)?;
    tree.bind(Rank::Granted, root.path.clone(), root.inode, Shape::Directory, access);
    promised.0.push(Promise { path: root.path.clone(), inode: root.inode, shape: Shape::Directory, access });
    for path in git::directories(&root.git) {
        let fact = facts.at(&path).ok_or_else(|| Refusal::unasked(&path))?;
        let PathFact::Directory(inode) = fact else {
            let what = format!("`{path}`, the git directory of this checkout, is not a directory of its own");
            return Err(Refusal::unbuildable(what, "repair the checkout with `git worktree repair`"));
        };
        floor::check(&path, fact, access, facts)?;
        tree.bind(Rank::Granted, path.clone(), *inode, Shape::Directory, access);
        promised.0.push(Promise { path, inode: *inode, shape: Shape::Directory, access });
    }
    Ok(Some(root.path.clone()))
}

/// Masks what is hidden. A link is hidden where it leads.
pub(super) fn hide(tree: &mut Tree, grants: &Grants, facts: &HostFacts) -> Result<(), Refusal> {
    for place in grants.hide.iter().chain(&ci::hidden(grants, facts)) {
        let path = resolve(place, facts)?;
        match facts.at(&path).ok_or_else(|| Refusal::unasked(&path))? {
            PathFact::Absent | PathFact::Link { real: None, .. } => {}
            PathFact::Directory(_) => tree.put(Rank::Mask, path, Content::Directory),
            PathFact::File(_) | PathFact::Special(_) => {
                tree.put(Rank::Mask, path, Content::File { text: String::new() })
            }
            PathFact::Link { real: Some(real), leads_to, .. } => match leads_to {
                Leads::Nowhere => {}
                Leads::Directory(_) => tree.put(Rank::Mask, real.clone(), Content::Directory),
                Leads::File(_) | Leads::Special(_) => {
                    tree.put(Rank::Mask, real.clone(), Content::File { text: String::new() })
                }
            },
        }
    }
    Ok(())
}

/// Shows one entry of a curated set, read-only. What is absent or leads to a place that the floor keeps is left out.
pub(super) fn show(tree: &mut Tree, path: &AbsPath, facts: &HostFacts) -> Result<(), Refusal> {
    let fact = facts.at(path).ok_or_else(|| Refusal::unasked(path))?;
    let Some(found) = found(path, fact) else { return Ok(()) };
    let is_kept = floor::check(&found.real, &found.as_fact(), Access::ReadOnly, facts).is_err();
    let leads_above_home = found.link.is_some() && floor::shows_home(&found.real, facts);
    if is_kept || leads_above_home {
        return Ok(());
    }
    put(tree, Rank::Curated, path, found, Access::ReadOnly, &mut Promised::default());
    Ok(())
}

/// The path that a place means for this caller.
pub(super) fn resolve(place: &Place, facts: &HostFacts) -> Result<AbsPath, Refusal> {
    let home = &facts.account.home;
    place.resolve(home).map_err(|error| {
        Refusal::unbuildable(format!("a granted path below `{home}` cannot be used: {error}"), "shorten it")
    })
}

fn put(tree: &mut Tree, rank: Rank, path: &AbsPath, found: Found, access: Access, promised: &mut Promised) {
    promised.0.push(Promise { path: found.real.clone(), inode: found.inode, shape: found.shape, access });
    tree.bind(rank, found.real, found.inode, found.shape, access);
    if let Some(text) = found.link {
        tree.put(rank, path.clone(), Content::Symlink { text });
    }
}

fn is_nothing(fact: &PathFact) -> bool {
    matches!(
        fact,
        PathFact::Absent | PathFact::Link { real: None, .. } | PathFact::Link { leads_to: Leads::Nowhere, .. }
    )
}

fn found(path: &AbsPath, fact: &PathFact) -> Option<Found> {
    let own = |inode: &Inode, shape| Some(Found { real: path.clone(), inode: *inode, shape, link: None });
    match fact {
        PathFact::Absent | PathFact::Special(_) | PathFact::Link { real: None, .. } => None,
        PathFact::Directory(inode) => own(inode, Shape::Directory),
        PathFact::File(inode) => own(inode, Shape::File),
        PathFact::Link { text, real: Some(real), leads_to } => {
            let link = Some(direct_text(path, text, real));
            match leads_to {
                Leads::Nowhere | Leads::Special(_) => None,
                Leads::Directory(inode) => {
                    Some(Found { real: real.clone(), inode: *inode, shape: Shape::Directory, link })
                }
                Leads::File(inode) => Some(Found { real: real.clone(), inode: *inode, shape: Shape::File, link }),
            }
        }
    }
}

impl Found {
    fn as_fact(&self) -> PathFact {
        match self.shape {
            Shape::Directory => PathFact::Directory(self.inode),
            Shape::File => PathFact::File(self.inode),
        }
    }
}

/// The text of the recreated link: its own when that leads straight to the real path, else the real path, as the
/// links between them may not exist inside.
fn direct_text(path: &AbsPath, text: &Text, real: &AbsPath) -> Text {
    let leads_straight =
        path.parent().is_some_and(|parent| lexical::follow(&parent, text.as_bytes()).as_ref() == Some(real));
    if leads_straight { text.clone() } else { Text::new(real.as_bytes()).unwrap_or_else(|| text.clone()) }
}

fn skip_or_refuse(grant: &Grant, path: &AbsPath, access: Access) -> Result<(), Refusal> {
    match (grant.origin, access) {
        (Origin::Profile, _) => Ok(()),
        (Origin::Flag, Access::ReadOnly) => Err(Refusal::unbuildable(
            format!("`{path}` is granted with `--read` and does not exist"),
            "check the spelling",
        )),
        (Origin::Flag, Access::ReadWrite) => Err(Refusal::unbuildable(
            format!("`{path}` is granted with `--write` and does not exist"),
            "create it first, for a directory with `mkdir -p`",
        )),
    }
}
