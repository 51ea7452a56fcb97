//! What the child walks: a plan made ready, so that nothing has to be built after the clone.
//!
//! INVARIANT: an image is complete before `clone3`; the child reads it and never allocates.

use std::ffi::{CStr, CString};
use std::os::fd::{OwnedFd, RawFd};

use rustix::io::Errno;

use crate::fault::Fault;
use crate::locked::Locked;
use crate::network::Network;
use crate::pinned::Pinned;
use crate::seccomp::Filter;
use crate::terminal::Terminal;

/// Everything that the child needs between clone and exec.
pub struct Image {
    /// Ids and their mapping.
    pub identity: Identity,
    /// The sandbox's file tree, parents before children.
    pub entries: Vec<Entry>,
    /// `size=` and `nr_inodes=` of the tmpfs that holds everything private.
    pub scratch: Scratch,
    /// Landlock ruleset, made by the supervisor, and the rights that it handles.
    pub ruleset: Ruleset,
    /// The run's own network.
    pub network: Network,
    /// The system call filter.
    pub filter: Filter,
    /// Working directory inside.
    pub cwd: Place,
    /// The private home, and how many files the tree itself puts there.
    pub home: Option<(CString, u32)>,
    /// The values that are delivered as files; see [`Content::Secret`].
    pub secrets: Vec<Locked>,
    /// Descriptors that the command gets besides its standard streams, from 3 on.
    pub handed: Vec<OwnedFd>,
    /// Private copies of files whose content was pinned.
    pub pinned: Vec<Pinned>,
    /// What is executed.
    pub exec: Exec,
    /// Resource limits.
    pub limits: Vec<ResourceLimit>,
    /// The caller's umask, restored for the command.
    pub umask: u32,
    /// Standard streams that the command gets instead of the caller's own, by number.
    pub streams: [Option<OwnedFd>; 3],
    /// Terminals of the run's own: at most one of each role, the session's first.
    pub terminals: Vec<Terminal>,
    /// True when the child waits to be put into cgroups before it starts the command's process.
    pub joins_cgroups: bool,
    /// The fault that a test wants.
    pub fault: Fault,
}

impl Image {
    /// True when the command is given a secret in any way.
    pub(crate) fn has_secrets(&self) -> bool {
        !(self.secrets.is_empty() && self.handed.is_empty() && self.exec.env.secrets.is_empty())
    }
}

/// Ids and their mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// User id of the command.
    pub uid: u32,
    /// Group id of the command.
    pub gid: u32,
    /// Who writes the map.
    pub map: IdMap,
}

/// Which ids exist inside, and who writes the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdMap {
    /// Only the caller's own; the child writes it.
    Single,
    /// Every id of this namespace onto itself; the supervisor writes it.
    Full,
}

/// An absolute path and the identity that is expected there.
#[derive(Debug)]
pub struct Place {
    /// Absolute path.
    pub path: CString,
    /// Expected device and inode; `None` when the place is made by the tree itself.
    pub inode: Option<Inode>,
}

/// A file that runs, or that an interpreter is given, and what it must be.
#[derive(Debug)]
pub struct Judged {
    /// Absolute path inside.
    pub path: CString,
    /// The file itself, or a private copy of it.
    pub file: File,
}

/// What a judged path must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// The file that was judged.
    Itself(Inode),
    /// The private copy of this index in [`Image::pinned`].
    Copy(usize),
}

/// The identity of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub number: u64,
}

/// One entry of the file tree.
#[derive(Debug)]
pub struct Entry {
    /// Path below the new root, without a leading slash; never empty.
    pub target: CString,
    /// What is put there.
    pub content: Content,
    /// The cloned mount between taking the sources and putting the tree together.
    pub(crate) taken: Option<OwnedFd>,
}

impl Entry {
    /// An entry that is ready to be walked.
    #[must_use]
    pub fn new(target: CString, content: Content) -> Self {
        Self { target, content, taken: None }
    }
}

/// What is put at a path.
#[derive(Debug)]
pub enum Content {
    /// A host file or directory.
    Bind {
        /// Absolute host path without symbolic links.
        source: CString,
        /// Expected identity.
        inode: Inode,
        /// Whether a mount point must be made, and of which kind.
        point: MountPoint,
        /// Read-only or writable.
        access: Access,
    },
    /// A host device node.
    Device {
        /// Absolute host path.
        source: CString,
        /// Whether it can be opened for writing.
        access: Access,
    },
    /// A writable directory of the run's own.
    Private {
        /// Permission bits.
        mode: u32,
    },
    /// A directory that only holds other entries.
    Directory,
    /// An empty read-only directory over one that exists.
    MaskDirectory,
    /// An empty read-only file over one that exists.
    MaskFile,
    /// A symbolic link with this text.
    Symlink(CString),
    /// A generated file.
    File {
        /// Its content.
        text: Vec<u8>,
        /// Where it lies decides whether it can be written.
        access: Access,
    },
    /// A file that the command alone can read.
    Secret {
        /// Its content's place in [`Image::secrets`].
        index: usize,
    },
    /// The run's own procfs.
    Proc,
    /// A new devpts instance.
    Pts,
}

/// The mount point of a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountPoint {
    /// It exists: the target lies below another bind.
    Exists,
    /// A directory is made.
    Directory,
    /// An empty file is made.
    File,
}

/// Read-only or writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read and execute.
    ReadOnly,
    /// Read, execute and write.
    ReadWrite,
}

/// The tmpfs that holds everything private, as mount options.
#[derive(Debug)]
pub struct Scratch {
    /// `size=`: bytes, as decimal text.
    pub size: CString,
    /// `nr_inodes=`: as decimal text.
    pub inodes: CString,
}

/// A Landlock ruleset that was created and what it handles.
#[derive(Debug)]
pub struct Ruleset {
    /// The ruleset.
    pub descriptor: OwnedFd,
    /// Bits of the file rights that it handles.
    pub handled: u64,
    /// Landlock ABI of this kernel.
    pub abi: i32,
}

/// What is executed.
pub struct Exec {
    /// The file that is opened inside and executed: the program, or the innermost interpreter.
    pub file: Judged,
    /// For a script: the script itself and the interpreters that are scripts, compared inside before the
    /// innermost interpreter starts.
    pub scripts: Vec<Judged>,
    /// Argument vector.
    pub argv: CStrings,
    /// Environment, `NAME=value`.
    pub env: CStrings,
}

/// A NULL-terminated vector of C strings, as `execve` takes it.
pub struct CStrings {
    pointers: Vec<*const libc::c_char>,
    // Keep what the pointers point to.
    _strings: Vec<CString>,
    secrets: Vec<Locked>,
}

impl CStrings {
    /// Takes the strings; they stay where they are.
    #[must_use]
    pub fn new(strings: Vec<CString>) -> Self {
        Self::with_secrets(strings, Vec::new())
    }

    /// The same, and behind them strings that stay in their own memory. One that does not end with its only NUL is left out.
    #[must_use]
    pub fn with_secrets(strings: Vec<CString>, secrets: Vec<Locked>) -> Self {
        let plain = strings.iter().map(|string| string.as_ptr());
        let locked =
            secrets.iter().filter_map(|secret| CStr::from_bytes_with_nul(secret.as_bytes()).ok()).map(CStr::as_ptr);
        let pointers = plain.chain(locked).chain([std::ptr::null()]).collect();
        Self { pointers, _strings: strings, secrets }
    }

    /// Lets the child that is cloned next have the secret ones.
    pub(crate) fn give_to_child(&self) -> Result<(), Errno> {
        self.secrets.iter().try_for_each(Locked::give_to_child)
    }

    /// Gives up all strings and overwrites the secret ones.
    pub(crate) fn forget(&mut self) {
        self.pointers.clear();
        self.secrets.clear();
    }

    pub(crate) fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

/// A limit of `setrlimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimit {
    /// Which resource.
    pub resource: Resource,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// The resources that are limited this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Open descriptors.
    Files,
    /// Processes of this uid in this user namespace.
    Processes,
    /// Bytes of private writable memory.
    Data,
}

pub(crate) const STDIO: [RawFd; 3] = [0, 1, 2];
