//! Removes a group by its name, for whoever stands in when the supervisor that made it was killed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::discover::Available;
use super::name::Name;
use super::sweep::homes;

/// How long the dying processes of a run may keep its cgroups busy.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Removes the cgroups of this name wherever they could have been made, as soon as their last process has gone.
pub fn clear(available: &Available, name: &Name) {
    let deadline = Instant::now() + PATIENCE;
    for home in homes(available) {
        let path = home.join(name.to_string());
        while rustix::fs::rmdir(&path) == Err(Errno::BUSY) && Instant::now() < deadline {
            sleep(PAUSE);
        }
    }
}
