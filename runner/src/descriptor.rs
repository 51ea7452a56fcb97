//! Asks the kernel about descriptors that are already open: their path, their identity, their content. Never opens by a caller's path.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// The path of an open file with every link resolved; `None` when it was removed or lies outside this root.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn real_path(file: impl AsFd) -> Result<Option<AbsPath>, Errno> {
    let link = rustix::fs::readlink(magic_link(&file), Vec::with_capacity(256))?;
    let Ok(path) = AbsPath::new(link.as_bytes()) else {
        return Ok(None);
    };
    // The kernel marks a removed file so, but a name may also end like this.
    if link.as_bytes().ends_with(b" (deleted)") {
        let here = rustix::fs::lstat(path.as_path()).map(|stat| inode(&stat));
        if here != rustix::fs::fstat(&file).map(|stat| inode(&stat)) {
            return Ok(None);
        }
    }
    Ok(Some(path))
}

/// Opens the same file again, with other rights. The file is the one that was judged, whatever its path names by now.
///
/// # Errors
/// What `open` answers.
pub fn reopen(file: impl AsFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(magic_link(&file), flags | OFlags::CLOEXEC, Mode::empty())
}

/// True when the caller may execute an open file, by its mode and by its mount.
#[must_use]
pub fn is_executable(file: impl AsFd) -> bool {
    // `AT_EMPTY_PATH` would say it without `/proc`, but the libraries in use refuse to pass it on.
    rustix::fs::accessat(CWD, magic_link(&file), Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// The identity in a `stat` result.
#[must_use]
pub fn inode(stat: &Stat) -> Inode {
    Inode { device: stat.st_dev, number: stat.st_ino }
}

/// The type in a `stat` result.
#[must_use]
pub fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Reads until `buffer` is full or the file ends; answers how many bytes there are.
///
/// # Errors
/// What `read` answers.
pub fn fill(file: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..)
        && !rest.is_empty()
    {
        match rustix::io::read(&file, rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

/// Reads a whole file of at most `bound` bytes; a longer one is `EFBIG`.
///
/// # Errors
/// What `read` answers.
pub fn read_bounded(file: impl AsFd, bound: usize) -> Result<Vec<u8>, Errno> {
    // A regular file says its size; one that grows meanwhile, or says nothing, is read on.
    let size = rustix::fs::fstat(&file).map_or(0, |stat| usize::try_from(stat.st_size).unwrap_or(0));
    let mut content = vec![0; size.saturating_add(1).clamp(4096, 1 << 20).min(bound + 1)];
    let mut filled = fill(&file, &mut content)?;
    while filled == content.len() && filled <= bound {
        content.resize((filled * 4).min(bound + 1), 0);
        filled += fill(&file, content.get_mut(filled..).unwrap_or_default())?;
    }
    if filled > bound {
        return Err(Errno::FBIG);
    }
    content.truncate(filled);
    Ok(content)
}

fn magic_link(file: &impl AsFd) -> String {
    // By reference: a descriptor that is closed before its link is used names another file, or none.
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}
