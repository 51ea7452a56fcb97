//! A compiled filter, and its installation in the calling thread.

use std::io;
use std::ptr;

use libc::{c_ulong, sock_filter, sock_fprog};
use rustix::io::Errno;

use super::machine::ARCHITECTURE;
use super::table::{Profile, table};
use super::tree::{self, Error};

/// The instructions of one profile, ready for the kernel.
#[derive(Clone)]
pub struct Filter {
    instructions: Vec<sock_filter>,
}

impl Filter {
    /// Compiles the table of `profile`.
    ///
    /// # Errors
    /// When the table needs more instructions than the kernel takes.
    pub fn compile(profile: Profile) -> Result<Self, Error> {
        Ok(Self { instructions: tree::compile(ARCHITECTURE, &table(profile))? })
    }

    /// Returns how many instructions the kernel checks and translates when the filter is installed.
    #[must_use]
    pub fn instructions(&self) -> usize {
        self.instructions.len()
    }
}

/// Confines the calling thread, and whatever it starts, for good.
///
/// Neither allocates nor locks, so it may be called between clone and exec. The caller has set no-new-privileges.
///
/// # Errors
/// What the kernel answered: `EACCES` without no-new-privileges, `EINVAL` or `ENOSYS` where filters are not supported.
pub fn install(filter: &Filter) -> Result<(), Errno> {
    // The compiler bounds a program to 4096 instructions, so its length is never cut.
    let program = sock_fprog { len: filter.instructions.len() as u16, filter: filter.instructions.as_ptr().cast_mut() };
    let no_flags: c_ulong = 0;
    // SAFETY: `program` points at instructions that `filter` keeps alive and unchanged during the call; the kernel
    // copies them and writes nothing back.
    let answer =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, no_flags, ptr::from_ref(&program)) };
    if answer == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
