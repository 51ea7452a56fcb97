//! Reads `/proc/self/mountinfo` (proc(5)) and holds every mount against the tree that was planned.
//!
//! The law: every mount is nosuid and private; it is read-only unless the deepest planned entry
//! around it is writable; it is nodev unless it is a device of the plan. And nothing planned is missing.

use std::ffi::CStr;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::image::{Access, Content, Entry};

/// Compares what is mounted with what was planned, without allocating.
pub(crate) fn check(entries: &[Entry]) -> Result<(), Errno> {
    let file = rustix::fs::open(c"/proc/self/mountinfo", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut found = Found::default();
    let mut buffer = [0_u8; 8192];
    let mut filled = 0;
    loop {
        let space = buffer.get_mut(filled..).ok_or(Errno::OVERFLOW)?;
        if space.is_empty() {
            return Err(Errno::OVERFLOW);
        }
        let read = rustix::io::read(&file, space)?;
        filled += read;
        let mut start = 0;
        while let Some(length) = buffer.get(start..filled).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        {
            found.line(buffer.get(start..start + length).unwrap_or_default(), entries)?;
            start += length + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        if read == 0 {
            break;
        }
    }
    let planned = entries.iter().filter(|entry| expectation(&entry.content).is_some()).count();
    if filled == 0 && found.root && found.planned >= planned { Ok(()) } else { Err(Errno::NOENT) }
}

#[derive(Default)]
struct Found {
    root: bool,
    planned: usize,
    /// Where the next planned mount is looked for first: the kernel lists mounts in the order in which they were made.
    next: usize,
}

impl Found {
    fn line(&mut self, line: &[u8], entries: &[Entry]) -> Result<(), Errno> {
        let mount = Mount::parse(line).ok_or(Errno::BADMSG)?;
        if mount.propagates || !mount.has(b"nosuid") {
            return Err(Errno::PERM);
        }
        let mut point = [0_u8; 4096];
        let point = unescape(mount.point, &mut point).ok_or(Errno::NAMETOOLONG)?;
        if point == b"/" {
            self.root = true;
        }
        let expected = match self.planned_at(point, entries) {
            Some(planned) => planned,
            None => deepest_around(point, entries),
        };
        let is_safe = (expected.writable || mount.has(b"ro")) && (expected.devices || mount.has(b"nodev"));
        if is_safe { Ok(()) } else { Err(Errno::PERM) }
    }
}

impl Found {
    /// What is expected of the mount that was planned at exactly this point.
    fn planned_at(&mut self, point: &[u8], entries: &[Entry]) -> Option<Expected> {
        let below_root = point.get(1..)?;
        let order = (self.next..entries.len()).chain(0..self.next.min(entries.len()));
        for index in order {
            let entry = entries.get(index)?;
            if entry.target.to_bytes() == below_root
                && let Some(expected) = expectation(&entry.content)
            {
                self.planned += 1;
                self.next = index + 1;
                return Some(expected);
            }
        }
        None
    }
}

/// What is expected of a mount that came with another: what the deepest planned entry around it allows.
fn deepest_around(point: &[u8], entries: &[Entry]) -> Expected {
    let mut expected = Expected { writable: false, devices: false };
    let mut deepest = 0;
    for entry in entries {
        let Some(around) = expectation(&entry.content) else { continue };
        let length = entry.target.to_bytes().len();
        if length >= deepest && lies_within(point, &entry.target) {
            deepest = length;
            expected = around;
        }
    }
    expected
}

#[derive(Clone, Copy)]
struct Expected {
    writable: bool,
    devices: bool,
}

/// What a planned entry lets a mount be; `None` for entries that are no mounts.
fn expectation(content: &Content) -> Option<Expected> {
    match content {
        Content::Bind { access, .. } => Some(Expected { writable: *access == Access::ReadWrite, devices: false }),
        Content::Device { .. } | Content::Pts => Some(Expected { writable: true, devices: true }),
        Content::Private { .. } => Some(Expected { writable: true, devices: false }),
        Content::Proc | Content::MaskDirectory | Content::MaskFile => {
            Some(Expected { writable: false, devices: false })
        }
        Content::Directory | Content::Symlink(_) | Content::File { .. } | Content::Secret { .. } => None,
    }
}

fn lies_within(point: &[u8], target: &CStr) -> bool {
    let Some(below_root) = point.strip_prefix(b"/") else { return false };
    below_root.strip_prefix(target.to_bytes()).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

struct Mount<'a> {
    point: &'a [u8],
    options: &'a [u8],
    propagates: bool,
}

impl<'a> Mount<'a> {
    /// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let point = fields.nth(4)?;
        let options = fields.next()?;
        let mut propagates = false;
        for field in fields.by_ref() {
            if field == b"-" {
                return Some(Self { point, options, propagates });
            }
            propagates |= field.starts_with(b"shared:") || field.starts_with(b"master:");
        }
        None
    }

    fn has(&self, option: &[u8]) -> bool {
        self.options.split(|byte| *byte == b',').any(|given| given == option)
    }
}

/// Decodes the octal escapes of mountinfo (`\040` is a space).
fn unescape<'a>(text: &[u8], into: &'a mut [u8; 4096]) -> Option<&'a [u8]> {
    let mut length = 0;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        let decoded = if byte == b'\\' {
            let mut value = 0_u32;
            for _ in 0..3 {
                value = value * 8 + u32::from(bytes.next()?.checked_sub(b'0')?);
            }
            u8::try_from(value).ok()?
        } else {
            byte
        };
        *into.get_mut(length)? = decoded;
        length += 1;
    }
    into.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Inode, MountPoint};

    fn bind(target: &CStr, access: Access) -> Entry {
        let content = Content::Bind {
            source: target.into(),
            inode: Inode { device: 1, number: 1 },
            point: MountPoint::Directory,
            access,
        };
        Entry::new(target.into(), content)
    }

    fn judge(line: &str) -> Result<(), Errno> {
        let entries = [bind(c"work", Access::ReadWrite), bind(c"work/.git/hooks", Access::ReadOnly)];
        Found::default().line(line.as_bytes(), &entries)
    }

    #[test]
    fn a_mount_is_read_only_unless_the_deepest_planned_entry_is_writable() {
        assert_eq!(judge("1 2 0:1 / /usr ro,nosuid,nodev - ext4 x rw"), Ok(()));
        assert_eq!(judge("1 2 0:1 / /usr rw,nosuid,nodev - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /work rw,nosuid,nodev - ext4 x rw"), Ok(()));
        assert_eq!(judge("1 2 0:1 / /work/.git/hooks rw,nosuid,nodev - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /work/.git/hooks/x rw,nosuid,nodev - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /workshop rw,nosuid,nodev - ext4 x rw"), Err(Errno::PERM));
    }

    #[test]
    fn set_user_id_devices_and_propagation_are_refused() {
        assert_eq!(judge("1 2 0:1 / /work rw,nodev - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /work rw,nosuid - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /work rw,nosuid,nodev shared:3 - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("1 2 0:1 / /work rw,nosuid,nodev master:3 - ext4 x rw"), Err(Errno::PERM));
        assert_eq!(judge("garbage"), Err(Errno::BADMSG));
    }

    #[test]
    fn names_with_spaces_are_decoded() {
        let mut into = [0; 4096];
        assert_eq!(unescape(b"/a\\040b\\134", &mut into), Some(&b"/a b\\"[..]));
        assert_eq!(unescape(b"/a\\0", &mut [0; 4096]), None);
    }
}
