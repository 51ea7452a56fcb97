//! Laws that hold for any grants and any environment.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;

use super::hosts::{Host, path};
use crate::environment::is_loader_variable;
use crate::facts::GitLayout;
use crate::path::AbsPath;
use crate::plan::{Access, Content, Plan, Protection};
use crate::text::Text;

/// Every directory below `/w` to a depth of three, names of which some are prefixes of others.
fn all_places() -> Vec<AbsPath> {
    let names = ["a", "a-b", "b"];
    let mut places = vec![path("/w")];
    let mut level = places.clone();
    for _ in 0..3 {
        level = level.iter().flat_map(|above| names.map(|name| above.join(name).unwrap())).collect();
        places.extend(level.clone());
    }
    places
}

fn places() -> impl Strategy<Value = Vec<AbsPath>> {
    vec(select(all_places()), 0..5)
}

fn host_with_places() -> Host {
    let mut host = Host::debian();
    for place in all_places() {
        host.directories(&[&place.to_string()]);
    }
    host
}

/// What a walk through the mounts finds, knowing nothing of how they were made.
fn access(plan: &Plan, at: &AbsPath) -> Option<Access> {
    let above = plan.mounts.iter().filter(|mount| at.is_within(&mount.target));
    match above.max_by_key(|mount| mount.target.depth()).map(|mount| &mount.content) {
        Some(Content::Bind { access, .. }) => Some(*access),
        _ => None,
    }
}

/// What the grants say: hidden beats granted, the longer path beats the shorter, writing beats reading.
fn granted(read: &[AbsPath], write: &[AbsPath], hide: &[AbsPath], at: &AbsPath) -> Option<Access> {
    if hide.iter().any(|hidden| at.is_within(hidden)) {
        return None;
    }
    let reads = read.iter().map(|path| (path.depth(), Access::ReadOnly, path));
    let writes = write.iter().map(|path| (path.depth(), Access::ReadWrite, path));
    reads.chain(writes).filter(|(_, _, path)| at.is_within(path)).max().map(|(_, access, _)| access)
}

proptest! {
    #[test]
    fn what_is_reachable_is_what_the_grants_say(read in places(), write in places(), hide in places()) {
        let mut host = host_with_places();
        read.iter().for_each(|place| host.read(&place.to_string()));
        write.iter().for_each(|place| host.write(&place.to_string()));
        hide.iter().for_each(|place| host.hide(&place.to_string()));
        let contradicts = read.iter().chain(&write).any(|grant| hide.iter().any(|hidden| grant.is_within(hidden)));
        let plan = host.lower();
        prop_assert_eq!(plan.is_err(), contradicts);
        if let Ok(plan) = plan {
            for place in all_places() {
                prop_assert_eq!(access(&plan, &place), granted(&read, &write, &hide, &place), "{}", place);
            }
        }
    }

    #[test]
    fn parents_come_first_once_and_every_directory_on_the_way_is_named(read in places(), write in places()) {
        let mut host = host_with_places();
        read.iter().for_each(|place| host.read(&place.to_string()));
        write.iter().for_each(|place| host.write(&place.to_string()));
        let mut seen: BTreeMap<AbsPath, bool> = BTreeMap::from([(AbsPath::root(), false)]);
        for mount in host.lower().unwrap().mounts {
            let parent = mount.target.parent().unwrap();
            let below_bind = seen.iter().any(|(above, is_bind)| *is_bind && mount.target.is_within(above));
            prop_assert!(seen.contains_key(&parent) || below_bind, "{} has no parent", mount.target);
            let is_bind = matches!(mount.content, Content::Bind { .. });
            prop_assert!(seen.insert(mount.target.clone(), is_bind).is_none(), "{} stands twice", mount.target);
        }
    }

    #[test]
    fn no_guarded_path_is_ever_writable(write in places(), guarded in places()) {
        let mut host = host_with_places();
        host.facts.guarded = guarded.clone();
        write.iter().for_each(|place| host.write(&place.to_string()));
        let reaches = write.iter().any(|place| guarded.iter().any(|guarded| place.is_within(guarded)));
        let plan = host.lower();
        prop_assert_eq!(plan.is_err(), reaches);
        if let Ok(plan) = plan {
            for place in all_places().iter().filter(|place| guarded.iter().any(|guarded| place.is_within(guarded))) {
                prop_assert_eq!(access(&plan, place), None, "{}", place);
            }
        }
    }

    #[test]
    fn every_protected_path_in_a_writable_workspace_is_kept_with_the_way_to_it(
        protect in places(), absent in places(), write in places(),
    ) {
        let mut host = Host::debian();
        for place in all_places().iter().filter(|place| !absent.iter().any(|gone| place.is_within(gone) && !gone.is_root())) {
            host.directories(&[&format!("/home/ann{place}")]);
        }
        let exists = |place: &AbsPath| !absent.iter().any(|gone| place.is_within(gone));
        let write: Vec<_> = write.into_iter().filter(exists).collect();
        host.workspace("/home/ann/project", GitLayout::None);
        for place in all_places().iter().filter(|place| exists(place)) {
            host.directories(&[&format!("/home/ann/project{place}")]);
        }
        host.grants.protect = protect.clone();
        write.iter().for_each(|place| host.write(&format!("/home/ann/project{place}")));
        let plan = host.lower().unwrap();
        for place in protect.iter().filter(|place| !write.contains(place)) {
            let place = path(&format!("/home/ann/project{place}"));
            let keeper = plan.protected.iter().find(|kept| place.is_within(&kept.path) && !matches!(kept.by, Protection::Pinned { .. }));
            prop_assert!(keeper.is_some(), "{} is not kept", place);
            let mut above = keeper.unwrap().path.parent();
            while let Some(step) = above.filter(|step| *step != path("/home/ann/project")) {
                let is_held = plan.protected.iter().any(|kept| kept.path == step)
                    || plan.mounts.iter().any(|mount| mount.target == step);
                prop_assert!(is_held, "{} could be renamed", step);
                above = step.parent();
            }
        }
    }

    #[test]
    fn nothing_of_the_callers_environment_comes_in_unnamed(
        env in btree_map("[A-Z_]{1,12}", any::<String>(), 0..20),
        famous in vec(select(vec!["LD_PRELOAD", "AWS_SECRET_ACCESS_KEY", "GIT_DIR", "RUSTUP_HOME", "PATH", "HOME", "TERM", "TZ"]), 0..8),
    ) {
        let mut host = Host::debian();
        env.iter().for_each(|(name, value)| host.env(name, value));
        famous.iter().for_each(|name| host.env(name, "/usr"));
        host.grants.env_set.insert(Text::from("CI"), Text::from("1"));
        let allowed: BTreeSet<Text> = [
            "CI", "HOME", "LOGNAME", "PATH", "SHELL", "USER", "LANG", "TERM", "TZ", "CARGO_HOME", "GOROOT", "NVM_DIR", "PYENV_ROOT",
            "RUSTUP_HOME", "VOLTA_HOME",
        ].map(Text::from).into();
        let plan = host.lower().unwrap();
        for variable in &plan.env {
            prop_assert!(allowed.contains(&variable.name) && !is_loader_variable(&variable.name), "{}", variable.name);
        }
        prop_assert!(plan.env.is_sorted_by(|a, b| a.name < b.name));
        let home = plan.env.iter().find(|variable| variable.name == Text::from("HOME")).unwrap();
        prop_assert_eq!(home.value.as_str(), Some("/home/ann"));
    }
}
