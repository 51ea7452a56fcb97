//! What a killed supervisor leaves behind goes; what is in use stays.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Pid;

use super::super::directory::Directory;
use super::super::discover::Home;
use super::super::{Available, Group, Name, Resource, Wanted, clear, sweep};
use super::limiting::{available, unused_name};

/// Where groups that bound processes are made.
fn home(available: &Available) -> PathBuf {
    match available.home(Resource::Pids) {
        Home::Legacy(home) => home.clone(),
        Home::Unified => available.unified.as_ref().unwrap().home().to_owned(),
        Home::Nowhere(reason) => panic!("{reason}"),
    }
}

#[test]
fn clearing_a_name_removes_its_group_once_its_processes_end_and_no_other() {
    let Some(available) = available(&[Resource::Pids]) else { return };
    let names = [unused_name(), unused_name()];
    let wanted = Wanted { pids: Some(16), ..Wanted::default() };
    let groups = names.map(|name| Group::create(&available, &name, &wanted).unwrap());
    let mut children = [(); 2].map(|()| Command::new("/bin/sleep").arg("60").spawn().unwrap());
    for (group, child) in groups.iter().zip(&children) {
        group.attach(Pid::from_child(child)).unwrap();
    }
    children[0].kill().unwrap();
    clear(&available, &names[0]);
    clear(&available, &unused_name());
    assert!(!home(&available).join(names[0].to_string()).exists());
    assert!(!children[0].wait().unwrap().success());
    assert_eq!(children[1].try_wait().unwrap(), None);
    drop(groups);
    assert!(!children[1].wait().unwrap().success());
    assert!(!home(&available).join(names[1].to_string()).exists());
}

#[test]
fn empty_groups_of_dead_supervisors_go_and_all_others_stay() {
    let Some(available) = available(&[Resource::Pids]) else { return };
    let home = home(&available);
    let mut dead = Command::new("/bin/true").spawn().unwrap();
    dead.wait().unwrap();

    let left_behind = home.join(Name::new(dead.id(), 0xA).to_string());
    let still_used = home.join(Name::new(dead.id(), 0xB).to_string());
    let of_the_living = home.join(unused_name().to_string());
    let of_another = home.join(format!("opaquely-{}-a", dead.id()));
    for path in [&left_behind, &of_the_living, &of_another] {
        fs::create_dir(path).unwrap();
    }
    let used = Directory::create(still_used.clone()).unwrap();
    let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    used.attach(Pid::from_child(&child)).unwrap();

    let removed = sweep(&available);
    let stand = [&left_behind, &still_used, &of_the_living, &of_another].map(|path| path.exists());

    used.kill().unwrap();
    child.wait().unwrap();
    used.remove().unwrap();
    fs::remove_dir(&of_the_living).unwrap();
    fs::remove_dir(&of_another).unwrap();
    assert!(removed >= 1);
    assert_eq!(stand, [false, true, true, true]);
}
