//! One cgroup of a group: a directory whose files are controls. Knows no controller.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use super::error::Error;

/// How long killed processes may take to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a cgroup may stay busy after its last process has gone.
const SETTLING: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_micros(500);

/// A cgroup that this process made.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

impl Directory {
    /// Makes the cgroup; one that exists already is an error.
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let made = fs::create_dir(&path);
        made.and_then(|()| Ok(open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
            .map(|handle| Self { path: path.clone(), handle })
            .map_err(|source| Error::Create { path, source })
    }

    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Writes a control.
    pub(super) fn write(&self, file: &str, value: &str) -> Result<(), Error> {
        let failed = |source| Error::Write { file: self.path.join(file), value: value.to_owned(), source };
        self.try_write(file, value).map_err(failed)
    }

    /// Writes a control that not every kernel has; tells whether it is there.
    pub(super) fn write_if_present(&self, file: &str, value: &str) -> Result<bool, Error> {
        match self.try_write(file, value) {
            Ok(()) => Ok(true),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::Write { file: self.path.join(file), value: value.to_owned(), source }),
        }
    }

    fn try_write(&self, file: &str, value: &str) -> io::Result<()> {
        let file = openat(&self.handle, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).write_all(value.as_bytes())
    }

    /// Reads a control as text.
    pub(super) fn read(&self, file: &str) -> io::Result<String> {
        let file = openat(&self.handle, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = String::new();
        File::from(file).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Reads a control that holds one number; `None` when it is absent or says `max`.
    pub(super) fn number(&self, file: &str) -> Option<u64> {
        self.read(file).ok()?.trim().parse().ok()
    }

    /// Reads one number of a control that holds a table of names and numbers.
    pub(super) fn field(&self, file: &str, name: &str) -> Option<u64> {
        let text = self.read(file).ok()?;
        let mut rows = text.lines().filter_map(|line| line.split_once(' '));
        rows.find(|(key, _)| *key == name)?.1.trim().parse().ok()
    }

    /// Opens the file to which a thread writes `0` to move itself here (version 1).
    pub(super) fn door(&self) -> Result<OwnedFd, Error> {
        let failed = |source: Errno| Error::Write {
            file: self.path.join("tasks"),
            value: "0".to_owned(),
            source: source.into(),
        };
        openat(&self.handle, "tasks", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)
    }

    /// Moves a process here.
    #[cfg(test)]
    pub(super) fn attach(&self, pid: Pid) -> Result<(), Error> {
        self.write("cgroup.procs", &pid.as_raw_nonzero().to_string())
    }

    /// Kills every process in the cgroup and waits until they are gone.
    pub(super) fn kill(&self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = self.processes()?;
            if listed.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::StillThere { path: self.path.clone() });
            }
            // The kernel's own way misses no fork; it exists from Linux 5.14 on, in version 2.
            if !self.write_if_present("cgroup.kill", "1")? {
                self.kill_each(&listed)?;
            }
            sleep(PAUSE);
        }
    }

    /// Kills the listed processes, each only while it is certain who has the number.
    fn kill_each(&self, listed: &[Pid]) -> Result<(), Error> {
        let held: Vec<_> = listed
            .iter()
            .filter(|pid| **pid != getpid())
            .filter_map(|pid| pidfd_open(*pid, PidfdFlags::empty()).ok().map(|handle| (*pid, handle)))
            .collect();
        // INVARIANT: a number listed *after* its descriptor was opened belongs to a member of this cgroup, and the
        // descriptor names the same process, unless that one has died: then the signal goes nowhere.
        let still = self.processes()?;
        for (_, handle) in held.iter().filter(|(pid, _)| still.contains(pid)) {
            match pidfd_send_signal(handle, Signal::KILL) {
                // A process that has gone needs no signal; one that we may not kill shows when patience ends.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Lists the members that our pid namespace can see; the others read as 0 and are left out.
    fn processes(&self) -> Result<Vec<Pid>, Error> {
        let text = self.read("cgroup.procs").map_err(|source| Error::List { path: self.path.clone(), source })?;
        Ok(text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect())
    }

    /// Removes the cgroup, which settles a moment after its last process has gone.
    pub(super) fn remove(&self) -> Result<(), Error> {
        let deadline = Instant::now() + SETTLING;
        loop {
            match rustix::fs::rmdir(&self.path) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::BUSY) if Instant::now() < deadline => sleep(PAUSE),
                Err(errno) => return Err(Error::Remove { path: self.path.clone(), source: errno.into() }),
            }
        }
    }

    /// Removes the cgroup if it is empty at this moment; tells whether it is gone.
    pub(super) fn remove_now(&self) -> bool {
        matches!(rustix::fs::rmdir(&self.path), Ok(()) | Err(Errno::NOENT))
    }
}
