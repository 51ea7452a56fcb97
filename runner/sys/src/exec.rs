//! Executes the judged program: opened again inside, compared, run by descriptor.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::clone::last_errno;
use crate::image::{CStrings, Exec, Inode, Place};
use crate::mount::sources::compare;

/// Opens the program inside, so that the sandbox's own mount flags hold, and insists on the inode
/// that was judged; for a script also looks at the script itself.
pub(crate) fn open(exec: &Exec) -> Result<OwnedFd, Errno> {
    if let Some(Place { path, inode: Some(inode) }) = &exec.script {
        open_inside(path, *inode)?;
    }
    let Place { path, inode: Some(inode) } = &exec.file else { return Err(Errno::INVAL) };
    open_inside(path, *inode)
}

fn open_inside(path: &CStr, inode: Inode) -> Result<OwnedFd, Errno> {
    let opened =
        rustix::fs::openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    compare(&opened, inode)?;
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
