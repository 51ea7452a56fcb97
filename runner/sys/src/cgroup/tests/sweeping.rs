//! What a killed supervisor leaves behind goes; what is in use stays.

use std::fs;
use std::process::Command;

use rustix::process::Pid;

use super::super::directory::Directory;
use super::super::discover::Home;
use super::super::{Name, Resource, sweep};
use super::limiting::{available, unused_name};

#[test]
fn empty_groups_of_dead_supervisors_go_and_all_others_stay() {
    let Some(available) = available(&[Resource::Pids]) else { return };
    let home = match available.home(Resource::Pids) {
        Home::Legacy(home) => home.clone(),
        Home::Unified => available.unified.as_ref().unwrap().home().to_owned(),
        Home::Nowhere(reason) => panic!("{reason}"),
    };
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
