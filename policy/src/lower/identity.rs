//! Who the command is inside: ids, login name, home, and the account files that say so.

use crate::facts::{HostFacts, PathFact, Workspace};
use crate::grants::{Grants, WorkspaceAccess};
use crate::path::AbsPath;
use crate::plan::{IdMap, Identity};

/// Homes that system accounts have and that the sandbox cannot hide behind an empty directory.
const UNUSABLE: &[&str] =
    &["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp", "usr"];

/// Below these a home is shown on top of what is read-only, where the host has a directory for it.
const SHOWN_WHOLE: &[&str] = &["nix", "opt"];

/// The home of an account whose own cannot be used.
const SPARE_HOME: &str = "/home/user";

/// The account inside.
#[derive(Debug)]
pub(super) struct Person {
    /// Ids and their map.
    pub(super) identity: Identity,
    /// Login name.
    pub(super) name: String,
    /// Private home directory.
    pub(super) home: AbsPath,
    /// True when the ids are the workspace owner's and not the caller's.
    pub(super) is_owner: bool,
}

/// Who the command is. Without capabilities root cannot work on what another uid owns, so in a workspace that
/// another uid owns it becomes that owner.
pub(super) fn person(grants: &Grants, facts: &HostFacts) -> Person {
    let account = &facts.account;
    let own =
        Identity { uid: account.uid, gid: account.gid, map: if facts.is_root { IdMap::Full } else { IdMap::Single } };
    let person = |identity, name, is_owner| Person { identity, name, home: home(facts), is_owner };
    match (&facts.workspace, grants.workspace) {
        (Workspace::Root(root), WorkspaceAccess::ReadOnly | WorkspaceAccess::ReadWrite)
            if facts.is_root && root.owner_uid != account.uid =>
        {
            let identity = Identity { uid: root.owner_uid, gid: root.owner_gid, map: IdMap::Full };
            person(identity, "user".to_owned(), true)
        }
        (Workspace::Root(_) | Workspace::None { .. }, _) => person(own, login_name(&account.name), false),
    }
}

/// `/etc/passwd` inside: root, the person, and the owner of what belongs to nobody here.
pub(super) fn passwd(person: &Person) -> String {
    let home = std::str::from_utf8(person.home.as_bytes())
        .ok()
        .filter(|home| !home.contains([':', '\n']))
        .unwrap_or("/nonexistent");
    let Identity { uid, gid, .. } = person.identity;
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
    match uid {
        0 => format!("{}:x:0:{gid}:root:{home}:/bin/sh\n{nobody}", person.name),
        65534 => {
            format!("root:x:0:0:root:/root:/bin/sh\n{}:x:65534:{gid}:{}:{home}:/bin/sh\n", person.name, person.name)
        }
        _ => format!(
            "root:x:0:0:root:/root:/bin/sh\n{}:x:{uid}:{gid}:{}:{home}:/bin/sh\n{nobody}",
            person.name, person.name
        ),
    }
}

/// `/etc/group` inside.
pub(super) fn group(person: &Person) -> String {
    match person.identity.gid {
        0 => "root:x:0:\nnogroup:x:65534:\n".to_owned(),
        65534 => "root:x:0:\nnogroup:x:65534:\n".to_owned(),
        gid => format!("root:x:0:\n{}:x:{gid}:\nnogroup:x:65534:\n", person.name),
    }
}

/// The account's own home where that can be a private directory, else a spare one.
fn home(facts: &HostFacts) -> AbsPath {
    let home = &facts.account.home;
    let is_first =
        |names: &[&str]| home.components().next().is_none_or(|first| names.iter().any(|name| name.as_bytes() == first));
    let has_place = || home.depth() > 1 && matches!(facts.at(home), Some(PathFact::Directory(_)));
    let is_usable = !is_first(UNUSABLE) && (!is_first(SHOWN_WHOLE) || has_place());
    if is_usable { home.clone() } else { AbsPath::new(SPARE_HOME).unwrap_or_else(|_| home.clone()) }
}

/// A name that fits into a line of `passwd` and into `USER`.
fn login_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_usable = (1..=32).contains(&name.len()) && name.bytes().all(is_plain);
    if is_usable { name.to_owned() } else { "user".to_owned() }
}
