//! A pseudo-terminal whose other end the test holds.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::identity::Identity;

/// A terminal as a person would have it; what is shown on it is collected.
pub struct Terminal {
    master: File,
    device: OwnedFd,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Opens a terminal of 24 lines and 80 columns that the identity owns.
    ///
    /// # Panics
    /// When the machine has no pseudo-terminals.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let terminal = Self::unread(identity);
        let mut reader = terminal.master.try_clone().expect("a descriptor can be copied");
        let told = Arc::clone(&terminal.shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                told.lock().expect("no reader panics").extend_from_slice(&buffer[..read]);
            }
        });
        terminal
    }

    /// The same, where nobody looks at the screen: what is written stays in the way of what comes after it.
    ///
    /// # Panics
    /// When the machine has no pseudo-terminals.
    #[must_use]
    pub fn unread(identity: Identity) -> Self {
        let mut ends = [-1; 2];
        let mut size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let (one, other) = (&raw mut ends[0], &raw mut ends[1]);
        // SAFETY: both descriptors are written; name and modes are not asked for.
        let result = unsafe { libc::openpty(one, other, std::ptr::null_mut(), std::ptr::null_mut(), &raw mut size) };
        assert_eq!(result, 0, "no pseudo-terminal: {}", std::io::Error::last_os_error());
        for end in ends {
            // SAFETY: the descriptor is ours.
            unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        // SAFETY: the descriptor is open and owned by nobody else.
        let master = unsafe { File::from_raw_fd(ends[0]) };
        // SAFETY: as above.
        let device = unsafe { OwnedFd::from_raw_fd(ends[1]) };
        // SAFETY: no pointer is passed.
        unsafe { libc::fchown(device.as_raw_fd(), identity.uid(), identity.gid()) };
        let shown = Arc::new(Mutex::new(Vec::new()));
        Self { master, device, shown }
    }

    pub(crate) fn device(&self) -> OwnedFd {
        self.device.try_clone().expect("a descriptor can be copied")
    }

    /// Types on the keyboard.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// Everything that was shown so far.
    #[must_use]
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no reader panics")).into_owned()
    }

    /// The bytes of it.
    ///
    /// # Panics
    /// When the reader did.
    #[must_use]
    pub fn shown(&self) -> Vec<u8> {
        self.shown.lock().expect("no reader panics").clone()
    }

    /// Waits until a text was shown.
    ///
    /// # Panics
    /// When it was not within twenty seconds.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.screen().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "never showed `{text}` but `{}`", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Changes the window's size, which tells the foreground.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the structure lives through the call.
        unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    }

    /// The terminal's modes, as one comparable value.
    #[must_use]
    pub fn modes(&self) -> Vec<u32> {
        // SAFETY: an all-zero structure is valid and is overwritten.
        let mut modes: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is ours to be written.
        unsafe { libc::tcgetattr(self.device.as_raw_fd(), &raw mut modes) };
        let flags = [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag];
        flags.into_iter().chain(modes.c_cc.map(u32::from)).collect()
    }

    /// True when lines are edited and echoed, as a shell leaves a terminal to its commands.
    #[must_use]
    pub fn is_cooked(&self) -> bool {
        let wanted = libc::ICANON | libc::ECHO | libc::ISIG;
        self.modes()[3] & wanted == wanted
    }

    /// The process group in the foreground.
    #[must_use]
    pub fn foreground(&self) -> i32 {
        // SAFETY: no pointer is passed.
        unsafe { libc::tcgetpgrp(self.master.as_raw_fd()) }
    }
}
