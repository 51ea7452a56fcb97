//! Private copies of the files whose content was judged and that somebody could still change.
//!
//! The bytes are read once, through the descriptor that was judged, into sealed memory; they are hashed on
//! the way and must be the ones that were judged. A program of the system needs no copy.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::path::AbsPath;
use opaque_policy::request::Program;
use opaque_sys::pinned::{DIRECTORY, Pinned};
use rustix::fs::{MemfdFlags, OFlags, SealFlags};
use sha2::{Digest, Sha256};

use crate::descriptor;
use crate::digest::hex;
use crate::outcome::Refusal;
use crate::program::Opened;

/// The copies of one run and what each stands for.
#[derive(Debug, Default)]
pub struct Copies {
    /// The copies.
    pub pinned: Vec<Pinned>,
    /// The copy of the program.
    pub program: Option<usize>,
    /// The copy of each interpreter, outermost first.
    pub interpreters: Vec<Option<usize>>,
}

impl Copies {
    /// Copies what has to be copied.
    ///
    /// # Errors
    /// The content is not the one that was judged any more, or memory is short.
    pub fn of(opened: &Opened) -> Result<Self, Refusal> {
        let Program { path, sha256, interpreters, .. } = &opened.program;
        let mut copies = Self::default();
        let is_binary = interpreters.is_empty();
        copies.program = copies.copy(&opened.file, path, sha256.as_deref(), is_binary)?;
        let innermost = interpreters.len().saturating_sub(1);
        for (index, (interpreter, file)) in interpreters.iter().zip(&opened.interpreters).enumerate() {
            let copy = copies.copy(file, &interpreter.path, interpreter.sha256.as_deref(), index == innermost)?;
            copies.interpreters.push(copy);
        }
        Ok(copies)
    }

    /// The path inside of a copy, for whoever is given the path of a script.
    #[must_use]
    pub fn path(&self, copy: Option<usize>) -> Option<CString> {
        let pinned = self.pinned.get(copy?)?;
        CString::new([b"/", pinned.target.to_bytes()].concat()).ok()
    }

    fn copy(
        &mut self,
        file: &OwnedFd,
        path: &AbsPath,
        sha256: Option<&str>,
        is_binary: bool,
    ) -> Result<Option<usize>, Refusal> {
        let Some(sha256) = sha256.filter(|_| !is_fixed(path)) else { return Ok(None) };
        let failed = |error: &dyn std::fmt::Display| Refusal::cannot_build(format!("cannot pin `{path}`: {error}"));
        let content = descriptor::reopen(file, OFlags::RDONLY | OFlags::NOCTTY).map_err(|errno| failed(&errno))?;
        let (content, length, digest) = sealed(content).map_err(|errno| failed(&errno))?;
        if digest != sha256 {
            return Err(failed(&"its content changed after it was judged"));
        }
        let index = self.pinned.len();
        let name = [DIRECTORY.to_bytes(), format!("/{index}-").as_bytes(), path.name().unwrap_or_default()].concat();
        let below_root = path.as_bytes().strip_prefix(b"/").unwrap_or_default();
        let c_string = |bytes: &[u8]| CString::new(bytes).map_err(|error| failed(&error));
        let over = is_binary.then(|| c_string(below_root)).transpose()?;
        self.pinned.push(Pinned { target: c_string(&name)?, content, length, over });
        Ok(Some(index))
    }
}

/// The content in memory that nobody can change any more, its length and its digest.
fn sealed(from: OwnedFd) -> Result<(OwnedFd, u64, String), rustix::io::Errno> {
    let memory = rustix::fs::memfd_create(c"pinned", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut hasher = Sha256::new();
    let mut length = 0_u64;
    let mut buffer = vec![0_u8; 256 * 1024];
    loop {
        let count = descriptor::fill(from.as_fd(), &mut buffer)?;
        let chunk = buffer.get(..count).unwrap_or_default();
        hasher.update(chunk);
        let mut rest = chunk;
        while !rest.is_empty() {
            let written = rustix::io::write(&memory, rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        length += count as u64;
        if count < buffer.len() {
            break;
        }
    }
    rustix::fs::fcntl_add_seals(&memory, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok((memory, length, hex(&hasher.finalize())))
}

/// Where the system's own programs are: no run can write there, not even one of root's.
const SYSTEM: [&str; 4] = ["/usr", "/opt", "/nix", "/gnu"];

/// True when only the administration of the system changes or replaces the file: it lies among the system's
/// programs, it and every directory above it belong to root and can be written by nobody else.
fn is_fixed(path: &AbsPath) -> bool {
    let is_system = SYSTEM.iter().any(|system| AbsPath::new(system).is_ok_and(|system| path.is_within(&system)));
    is_system
        && std::iter::successors(Some(path.clone()), AbsPath::parent).all(|path| {
            rustix::fs::lstat(path.as_path()).is_ok_and(|stat| stat.st_uid == 0 && stat.st_mode & 0o022 == 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_root_can_change_needs_no_copy() {
        assert!(is_fixed(&AbsPath::new("/usr/bin").unwrap()));
        assert!(!is_fixed(&AbsPath::new("/tmp").unwrap()));
        assert!(!is_fixed(&AbsPath::new("/does/not/exist").unwrap()));
    }

    #[test]
    fn sealed_content_is_hashed_and_cannot_be_written() {
        let text = vec![7_u8; 600_000];
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x"), &text).unwrap();
        let file = std::fs::File::open(directory.path().join("x")).unwrap();
        let (memory, length, digest) = sealed(file.into()).unwrap();
        assert_eq!(length, 600_000);
        assert_eq!(digest, hex(&Sha256::digest(&text)));
        assert_eq!(rustix::io::pwrite(&memory, b"x", 0), Err(rustix::io::Errno::PERM));
    }
}
