//! Executes the judged program: opened again inside, compared, run by descriptor.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::clone::last_errno;
use crate::image::{CStrings, Exec, File, Inode, Judged};
use crate::mount::sources::compare;

/// Opens the program inside, so that the sandbox's own mount flags hold, and insists on the inode
/// that was judged or on its private copy; for a script also looks at the script itself.
pub(crate) fn open(exec: &Exec, copies: &[Option<Inode>]) -> Result<OwnedFd, Errno> {
    for script in &exec.scripts {
        open_inside(script, copies)?;
    }
    open_inside(&exec.file, copies)
}

fn open_inside(judged: &Judged, copies: &[Option<Inode>]) -> Result<OwnedFd, Errno> {
    let expected = match judged.file {
        File::Itself(inode) => inode,
        File::Copy(index) => copies.get(index).copied().flatten().ok_or(Errno::STALE)?,
    };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(CWD, &*judged.path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    compare(&opened, expected)?;
    Ok(opened)
}

/// Becomes the program; comes back only when that fails.
pub(crate) fn execute(program: &OwnedFd, argv: &CStrings, env: &CStrings) -> Errno {
    // SAFETY: both vectors are NULL-terminated and live as long as the image; on success nothing of
    // this process is left.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    last_errno()
}
