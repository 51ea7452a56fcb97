//! Which host paths lowering will read, so that the edge can look at each once.
//!
//! Parents come first: what lies below an absent path needs no look. The lists hold about 90 paths; a checkout
//! and `PATH` add 10 to 20. On an ordinary machine two thirds of them need a look.

use std::collections::BTreeSet;

use super::ci;
use super::{git, system, toolchains};
use crate::environment;
use crate::facts::{HostFacts, Workspace};
use crate::grants::{Grants, Visibility, WorkspaceAccess};
use crate::path::AbsPath;

/// Every host path whose [`crate::facts::PathFact`] lowering will read, parents first.
///
/// Reads the account, the environment, the workspace and the guarded paths, never [`HostFacts::paths`].
#[must_use]
pub fn questions(grants: &Grants, facts: &HostFacts) -> Vec<AbsPath> {
    let mut asked = BTreeSet::new();
    let home = &facts.account.home;
    asked.insert(home.clone());
    if grants.system == Visibility::ReadOnly {
        asked.extend(system::DIRECTORIES.iter().filter_map(|path| AbsPath::new(path).ok()));
        asked.extend(system::ETC.iter().filter_map(|name| AbsPath::new(format!("/etc/{name}")).ok()));
    }
    if grants.toolchains == Visibility::ReadOnly {
        for place in toolchains::places(home, &facts.env) {
            asked.insert(place.root);
            asked.extend(place.shown);
        }
    }
    let places = grants.read.iter().chain(&grants.write).map(|grant| &grant.place);
    let hidden = ci::hidden(grants, facts);
    asked.extend(places.chain(&grants.hide).chain(&hidden).filter_map(|place| place.resolve(home).ok()));
    asked.extend(environment::search_path(&facts.env).into_iter().filter(|path| !environment::is_in_usr(path)));
    ask_protected(grants, facts, &mut asked);
    ask_guarded(grants, facts, &mut asked);
    asked.into_iter().collect()
}

/// Protected paths, with every directory on the way to them.
fn ask_protected(grants: &Grants, facts: &HostFacts, asked: &mut BTreeSet<AbsPath>) {
    let Workspace::Root(root) = &facts.workspace else { return };
    asked.insert(root.path.clone());
    asked.extend(git::directories(&root.git));
    for (base, path) in git::protected_paths(grants, root) {
        ask_way(&base, &path, asked);
    }
}

/// Guarded paths that lie inside something writable, with every directory on the way to them.
fn ask_guarded(grants: &Grants, facts: &HostFacts, asked: &mut BTreeSet<AbsPath>) {
    let granted = grants.write.iter().filter_map(|grant| grant.place.resolve(&facts.account.home).ok());
    let workspace = match &facts.workspace {
        Workspace::Root(root) if grants.workspace == WorkspaceAccess::ReadWrite => Some(root.path.clone()),
        Workspace::Root(_) | Workspace::None { .. } => None,
    };
    let writable: Vec<AbsPath> = granted.chain(workspace).collect();
    for guarded in &facts.guarded {
        for above in writable.iter().filter(|above| guarded.is_within(above)) {
            ask_way(above, guarded, asked);
        }
    }
}

fn ask_way(above: &AbsPath, path: &AbsPath, asked: &mut BTreeSet<AbsPath>) {
    let mut next = Some(path.clone());
    while let Some(path) = next.filter(|path| path != above && path.is_within(above)) {
        next = path.parent();
        asked.insert(path);
    }
}
