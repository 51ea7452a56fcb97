//! The namespaces of a process, by inode: two processes are in the same one when the numbers are equal.

use std::ffi::CStr;

use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

/// The inodes of the process's namespaces, in the order of [`NAMESPACES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceInodes(pub [u64; 7]);

/// The namespaces that must differ from the supervisor's.
pub const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

const NAMESPACE_FILES: [&CStr; 7] = [
    c"/proc/self/ns/user",
    c"/proc/self/ns/mnt",
    c"/proc/self/ns/pid",
    c"/proc/self/ns/net",
    c"/proc/self/ns/ipc",
    c"/proc/self/ns/uts",
    c"/proc/self/ns/cgroup",
];

impl NamespaceInodes {
    /// Those of this process.
    ///
    /// # Errors
    /// `/proc` is not readable.
    pub fn own() -> Result<Self, Errno> {
        let mut inodes = [0; 7];
        for (inode, file) in inodes.iter_mut().zip(NAMESPACE_FILES) {
            *inode = rustix::fs::statat(CWD, file, AtFlags::empty())?.st_ino;
        }
        Ok(Self(inodes))
    }

    /// The first namespace that both have in common.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Option<&'static str> {
        NAMESPACES.iter().zip(self.0.iter().zip(other.0)).find(|(_, (a, b))| **a == *b).map(|(name, _)| *name)
    }
}
