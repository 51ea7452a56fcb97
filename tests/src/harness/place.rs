//! Puts a started process in its place: a mount namespace with the test's account file, and its user; where asked for,
//! in a network namespace of a lab's.
//!
//! Everything is prepared before the fork; [`Place::enter`] runs between fork and exec and only makes system calls.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::identity::Identity;

/// Namespaces that stand already, for processes to enter.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// The user namespace that owns the other, unless it is the suite's own. Its superuser is the suite's user.
    pub(crate) user: Option<Arc<OwnedFd>>,
    /// The network namespace.
    pub(crate) network: Arc<OwnedFd>,
}

/// Where and as whom a process runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    identity: Identity,
    binds: Vec<(CString, CString)>,
    empty: Vec<CString>,
    full: Option<CString>,
    standing: Option<Standing>,
    id_maps: [(CString, CString); 3],
}

impl Place {
    /// A place for `identity` where each source stands at its target as well.
    pub(crate) fn new(identity: Identity, binds: &[(PathBuf, PathBuf)], empty: &[PathBuf]) -> Self {
        Self {
            identity,
            binds: c_binds(binds),
            empty: empty.iter().map(|path| c_path(path)).collect(),
            full: None,
            standing: None,
            id_maps: id_maps((identity.uid(), identity.gid()), (identity.uid(), identity.gid())),
        }
    }

    /// The same place in these namespaces, where each source stands at its target as well.
    pub(crate) fn within(mut self, standing: Standing, binds: &[(PathBuf, PathBuf)]) -> Self {
        self.binds.extend(c_binds(binds));
        if standing.user.is_some() {
            self.id_maps = id_maps((self.identity.uid(), self.identity.gid()), (0, 0));
        }
        self.standing = Some(standing);
        self
    }

    /// The same place where a directory has no room for a byte (its only inode is its root).
    pub(crate) fn with_full(mut self, directory: &Path) -> Self {
        self.full = Some(c_path(directory));
        self
    }

    /// Enters the place. Called in the child, before exec.
    pub(crate) fn enter(&self) -> io::Result<()> {
        if let Some(standing) = &self.standing {
            if let Some(user) = &standing.user {
                enter(user, libc::CLONE_NEWUSER)?;
            }
            enter(&standing.network, libc::CLONE_NEWNET)?;
        }
        let user = matches!(self.identity, Identity::Caller { .. });
        let namespaces = libc::CLONE_NEWNS | if user { libc::CLONE_NEWUSER } else { 0 };
        // SAFETY: no pointer is passed.
        check(unsafe { libc::unshare(namespaces) })?;
        if user {
            for (file, content) in &self.id_maps {
                write(file, content)?;
            }
        }
        mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE)?;
        for (source, target) in &self.binds {
            mount(Some(source), target, libc::MS_BIND | libc::MS_REC)?;
        }
        for target in &self.empty {
            // SAFETY: every string ends in NUL; no data is passed.
            check(unsafe { libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) })?;
        }
        if let Some(target) = &self.full {
            let data = c"nr_inodes=1,mode=1777".as_ptr().cast();
            // SAFETY: every string ends in NUL, the data included.
            check(unsafe { libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), 0, data) })?;
        }
        self.become_user()?;
        // SAFETY: no pointer is passed.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })
    }

    fn become_user(&self) -> io::Result<()> {
        if !matches!(self.identity, Identity::Plain) {
            return Ok(());
        }
        let (uid, gid) = (self.identity.uid(), self.identity.gid());
        // SAFETY: an empty list needs no memory.
        check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
        // SAFETY: no pointer is passed.
        check(unsafe { libc::setresgid(gid, gid, gid) })?;
        // SAFETY: no pointer is passed.
        check(unsafe { libc::setresuid(uid, uid, uid) })
    }
}

fn enter(namespace: &OwnedFd, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointer is passed; the descriptor is open.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) })
}

fn mount(source: Option<&CString>, target: &std::ffi::CStr, flags: libc::c_ulong) -> io::Result<()> {
    let source = source.map_or(std::ptr::null(), |source| source.as_ptr());
    // SAFETY: the strings end in NUL; no type or data is passed.
    check(unsafe { libc::mount(source, target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
}

fn write(file: &CString, content: &CString) -> io::Result<()> {
    // SAFETY: the path ends in NUL.
    let descriptor = unsafe { libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(descriptor)?;
    let bytes = content.as_bytes();
    // SAFETY: the buffer has the length that is passed.
    let written = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
    // SAFETY: the descriptor is ours and not used again.
    check(unsafe { libc::close(descriptor) })?;
    check(if written < 0 { -1 } else { 0 })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL in a test's path")
}

fn c_binds(binds: &[(PathBuf, PathBuf)]) -> Vec<(CString, CString)> {
    binds.iter().map(|(source, target)| (c_path(source), c_path(target))).collect()
}

/// What maps the ids inside to those outside, in the order of writing.
fn id_maps(inside: (u32, u32), outside: (u32, u32)) -> [(CString, CString); 3] {
    [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{} {} 1", inside.0, outside.0)),
        ("gid_map", format!("{} {} 1", inside.1, outside.1)),
    ]
    .map(|(file, content)| (c_path(&Path::new("/proc/self").join(file)), c_path(Path::new(&content))))
}
