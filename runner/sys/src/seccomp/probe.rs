//! Harmless calls that tell from inside whether the filter is in force.

use std::io;

use libc::c_long;

/// A call whose error differs with and without the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// What it shows.
    pub name: &'static str,
    // INVARIANT: private, so that `PROBES` alone says which calls are made.
    number: c_long,
    arguments: [c_long; 4],
    expected: i32,
}

/// One call for each kind of answer. Without the filter they end in success, `EINVAL` and `EBADF`.
pub const PROBES: &[Probe] = &[
    Probe { name: "refused call", number: libc::SYS_unshare, arguments: [0; 4], expected: libc::EPERM },
    Probe { name: "unlisted call", number: libc::SYS_remap_file_pages, arguments: [0; 4], expected: libc::ENOSYS },
    Probe {
        name: "refused argument",
        number: libc::SYS_ioctl,
        arguments: [-1, libc::TIOCSTI as c_long, 0, 0],
        expected: libc::EPERM,
    },
];

/// Makes every probe call and tells whether the filter answered each.
///
/// Neither allocates nor locks, so it may be called between clone and exec.
#[must_use]
pub fn probes_hold() -> bool {
    PROBES.iter().all(Probe::holds)
}

impl Probe {
    /// Makes the call and tells whether the filter answered it; allocates nothing.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.errno() == Some(self.expected)
    }

    /// Makes the call; `None` when it succeeded.
    fn errno(&self) -> Option<i32> {
        let [first, second, third, fourth] = self.arguments;
        // SAFETY: only the constants of `PROBES` come here: `unshare(0)` changes nothing, an empty range is refused
        // before any mapping is looked at, and there is no descriptor -1. No argument is a pointer.
        let answer = unsafe { libc::syscall(self.number, first, second, third, fourth, 0) };
        if answer == -1 { io::Error::last_os_error().raw_os_error() } else { None }
    }
}
