//! A terminal that a bench types on and looks at, with one command in it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::place::Place;
use super::session::Outcome;

/// A terminal as its emulator has it.
#[derive(Debug)]
pub struct Window {
    master: File,
    child: Child,
}

impl Window {
    /// Starts a command on a terminal of 24 lines and 80 columns, as the leader of its session.
    ///
    /// # Errors
    /// There is no terminal, or the command does not start.
    pub fn open(place: &Place, mut command: Command) -> Outcome<Self> {
        let mut ends = [-1; 2];
        let mut size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let (one, other) = (&raw mut ends[0], &raw mut ends[1]);
        // SAFETY: both descriptors are written; name and modes are not asked for.
        if unsafe { libc::openpty(one, other, std::ptr::null_mut(), std::ptr::null_mut(), &raw mut size) } < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        for end in ends {
            // SAFETY: the descriptor is ours.
            unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        // SAFETY: the descriptor is open and owned by nobody else.
        let master = unsafe { File::from_raw_fd(ends[0]) };
        // SAFETY: as above.
        let device = unsafe { OwnedFd::from_raw_fd(ends[1]) };
        // SAFETY: no pointer is passed.
        unsafe { libc::fchown(device.as_raw_fd(), place.identity.uid(), place.identity.gid()) };
        command.stdin(device.try_clone()?).stdout(device.try_clone()?).stderr(Stdio::from(device));
        // SAFETY: the closure makes two system calls without memory of its own.
        unsafe { command.pre_exec(lead_a_session) };
        Ok(Self { master, child: command.spawn()? })
    }

    /// Reads until a text was shown.
    ///
    /// # Errors
    /// It was not within twenty seconds of looking, or the command has ended.
    pub fn wait_for(&mut self, text: &str) -> Outcome<()> {
        let (mut shown, mut buffer, start) = (Vec::new(), [0; 4096], Instant::now());
        while !String::from_utf8_lossy(&shown).contains(text) {
            let read = self.master.read(&mut buffer)?;
            shown.extend_from_slice(&buffer[..read]);
            if start.elapsed() > Duration::from_secs(20) {
                return Err(format!("never showed `{text}` but `{}`", String::from_utf8_lossy(&shown)).into());
            }
        }
        Ok(())
    }

    /// The time from a key to its echo.
    ///
    /// # Errors
    /// Something else came back.
    pub fn echo(&mut self, key: u8) -> Outcome<Duration> {
        let mut back = [0];
        let start = Instant::now();
        self.master.write_all(&[key])?;
        self.master.read_exact(&mut back)?;
        let took = start.elapsed();
        if back == [key] { Ok(took) } else { Err(format!("typed {key}, saw {}", back[0]).into()) }
    }

    /// Reads everything until the command ends; answers how many bytes that were.
    ///
    /// # Errors
    /// The command fails.
    pub fn drain(mut self) -> Outcome<u64> {
        let (mut count, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            match self.master.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => count += read as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nobody has the terminal open any more.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let status = self.child.wait()?;
        if status.success() { Ok(count) } else { Err(format!("the command ended with {status}").into()) }
    }

    /// Ends the command.
    ///
    /// # Errors
    /// It is not ours to end.
    pub fn close(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

fn lead_a_session() -> std::io::Result<()> {
    // SAFETY: no pointer is passed.
    if unsafe { libc::setsid() } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: descriptor 0 is the terminal; the argument says not to steal it.
    if unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}
