//! The file that runs of one workspace share: a list of placeholders, the gate to it, and who is still there.
//!
//! Both locks are open-file-description locks on one byte each, so that they work on every file system and end with
//! the process that holds them. INVARIANT: the list names a placeholder before it is made.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use opaque_policy::path::AbsPath;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::placeholder::Placeholder;
use crate::descriptor;

/// Longest list that is read.
const LIST: usize = 1024 * 1024;
/// How long a run waits at the gate.
const PATIENCE: Duration = Duration::from_secs(10);

/// One of the two locks, by the byte that it is on.
#[derive(Clone, Copy)]
enum Byte {
    Gate = 0,
    Users = 1,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Alone,
    Shared,
    Released,
}

/// A place in the room. As long as it is kept, no other run removes a placeholder that the list names.
#[derive(Debug)]
pub(super) struct Room {
    path: AbsPath,
    file: OwnedFd,
}

impl Room {
    /// Enters; what crashed runs left behind is swept on the way. `None` when there is no room and none is to be made.
    pub(super) fn enter(path: &AbsPath, make: OFlags) -> Result<Option<Self>, Errno> {
        loop {
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | make;
            let file = match rustix::fs::open(path.as_path(), flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => file,
                Err(Errno::NOENT) if make.is_empty() => return Ok(None),
                Err(errno) => return Err(errno),
            };
            let stat = rustix::fs::fstat(&file)?;
            let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0;
            if descriptor::kind(&stat) != FileType::RegularFile || !is_ours {
                return Err(Errno::PERM);
            }
            let room = Unentered { path, file };
            room.gate()?;
            // The last run out takes the room with it; who waited at the gate meanwhile opens a new one.
            if rustix::fs::fstat(&room.file)?.st_nlink == 0 {
                continue;
            }
            return room.enter().map(Some);
        }
    }

    /// Runs `work` with the gate closed to all others.
    pub(super) fn at_the_gate<T>(&self, work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        wait(&self.file)?;
        let done = work();
        lock(&self.file, Byte::Gate, Hold::Released)?;
        done
    }

    /// Leaves: the last one out removes the placeholders and the room.
    pub(super) fn leave(&self) {
        let _ = self.at_the_gate(|| {
            lock(&self.file, Byte::Users, Hold::Alone)?;
            sweep(&self.list()?);
            rustix::fs::unlink(self.path.as_path())
        });
    }

    /// The descriptor that holds the locks.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The placeholders that the list names.
    pub(super) fn list(&self) -> Result<Vec<Placeholder>, Errno> {
        read(&self.file)
    }

    /// Replaces the list.
    pub(super) fn write(&self, placeholders: &[Placeholder]) -> Result<(), Errno> {
        write(&self.file, placeholders)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.leave();
    }
}

struct Unentered<'a> {
    path: &'a AbsPath,
    file: OwnedFd,
}

impl Unentered<'_> {
    fn gate(&self) -> Result<(), Errno> {
        wait(&self.file)
    }

    fn enter(self) -> Result<Room, Errno> {
        if lock(&self.file, Byte::Users, Hold::Alone).is_ok() {
            let left = read(&self.file)?;
            if !left.is_empty() {
                sweep(&left);
                write(&self.file, &[])?;
            }
        }
        lock(&self.file, Byte::Users, Hold::Shared)?;
        lock(&self.file, Byte::Gate, Hold::Released)?;
        Ok(Room { path: self.path.clone(), file: self.file })
    }
}

fn sweep(placeholders: &[Placeholder]) {
    for placeholder in placeholders.iter().rev() {
        placeholder.remove();
    }
}

/// Waits at the gate, but not for a run that was stopped inside.
fn wait(file: &OwnedFd) -> Result<(), Errno> {
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_micros(50);
    loop {
        match lock(file, Byte::Gate, Hold::Alone) {
            Err(Errno::AGAIN | Errno::ACCESS) if waited < PATIENCE => {
                std::thread::sleep(pause);
                waited += pause;
                pause = (pause * 2).min(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn lock(file: &OwnedFd, byte: Byte, hold: Hold) -> Result<(), Errno> {
    let kind = match hold {
        Hold::Alone => libc::F_WRLCK,
        Hold::Shared => libc::F_RDLCK,
        Hold::Released => libc::F_UNLCK,
    };
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0,
    };
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&lock)) {
        Ok(_) => Ok(()),
        Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
    }
}

/// The list: for each placeholder `d`, its path and NUL, or `f`, its path, NUL, its text and NUL.
fn read(file: &OwnedFd) -> Result<Vec<Placeholder>, Errno> {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0))?;
    let content = descriptor::read_bounded(file, LIST)?;
    let mut fields = content.split(|byte| *byte == 0);
    let mut placeholders = Vec::new();
    while let Some((kind, path)) = fields.next().and_then(|field| field.split_first()) {
        let Ok(path) = AbsPath::new(path) else { break };
        match kind {
            b'd' => placeholders.push(Placeholder { path, text: None }),
            b'f' => match fields.next() {
                Some(text) => placeholders.push(Placeholder { path, text: Some(text.to_vec()) }),
                None => break,
            },
            _ => break,
        }
    }
    Ok(placeholders)
}

fn write(file: &OwnedFd, placeholders: &[Placeholder]) -> Result<(), Errno> {
    let mut content = Vec::new();
    for Placeholder { path, text } in placeholders {
        content.push(if text.is_some() { b'f' } else { b'd' });
        content.extend_from_slice(path.as_bytes());
        content.push(0);
        if let Some(text) = text {
            content.extend_from_slice(text);
            content.push(0);
        }
    }
    if rustix::io::pwrite(file, &content, 0)? != content.len() {
        return Err(Errno::NOSPC);
    }
    rustix::fs::ftruncate(file, content.len() as u64)
}
