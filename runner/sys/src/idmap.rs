//! Which ids exist inside: user_namespaces(7).

use std::ffi::CStr;
use std::fmt::Write as _;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::image::Identity;

/// Maps the caller's own uid and gid onto themselves, written by the child itself.
pub(crate) fn map_own(identity: Identity) -> Result<(), Errno> {
    write_file(c"/proc/self/setgroups", b"deny")?;
    let mut line = Line::default();
    line.map(identity.uid);
    write_file(c"/proc/self/uid_map", line.as_bytes())?;
    let mut line = Line::default();
    line.map(identity.gid);
    write_file(c"/proc/self/gid_map", line.as_bytes())
}

/// Maps every id that exists here onto itself, written by the supervisor for the child.
///
/// # Errors
/// The maps of this namespace cannot be read, or the kernel refuses (a superuser without `CAP_SETUID`).
pub(crate) fn map_all(child: Pid) -> Result<(), Errno> {
    for name in ["uid_map", "gid_map"] {
        let own = std::fs::read_to_string(format!("/proc/self/{name}")).map_err(|error| errno_of(&error))?;
        let mut map = String::new();
        for line in own.lines() {
            let mut fields = line.split_whitespace();
            if let (Some(inside), Some(_), Some(count)) = (fields.next(), fields.next(), fields.next()) {
                let _ = writeln!(map, "{inside} {inside} {count}");
            }
        }
        let path = format!("/proc/{}/{name}", child.as_raw_nonzero());
        std::fs::write(path, map).map_err(|error| errno_of(&error))?;
    }
    Ok(())
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

pub(crate) fn write_file(path: &CStr, bytes: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write_all(&file, bytes)
}

pub(crate) fn write_all(file: impl AsFd, bytes: &[u8]) -> Result<(), Errno> {
    match rustix::io::write(file, bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(Errno::IO),
    }
}

/// `ID ID 1\n` without allocating.
#[derive(Default)]
struct Line {
    bytes: [u8; 32],
    length: usize,
}

impl Line {
    fn map(&mut self, id: u32) {
        self.number(id);
        self.push(b' ');
        self.number(id);
        for byte in *b" 1\n" {
            self.push(byte);
        }
    }

    fn number(&mut self, id: u32) {
        let mut divisor = 1_000_000_000;
        let mut started = false;
        while divisor > 0 {
            let digit = (id / divisor) % 10;
            started |= digit != 0 || divisor == 1;
            if started {
                self.push(b'0' + digit as u8);
            }
            divisor /= 10;
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_mapped_onto_itself() {
        for (id, text) in
            [(0, "0 0 1\n"), (7, "7 7 1\n"), (1000, "1000 1000 1\n"), (u32::MAX, "4294967295 4294967295 1\n")]
        {
            let mut line = Line::default();
            line.map(id);
            assert_eq!(line.as_bytes(), text.as_bytes());
        }
    }
}
