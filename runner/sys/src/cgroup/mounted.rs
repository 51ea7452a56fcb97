//! Where each hierarchy can be seen, as `/proc/self/mountinfo` tells it (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// One mount of a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounted<'a> {
    pub(super) is_unified: bool,
    /// The controllers of a version 1 hierarchy stand among these, joined by commas.
    options: &'a str,
    /// The cgroup that is mounted; not `/` for a bind mount, as in containers.
    root: PathBuf,
    point: PathBuf,
}

impl<'a> Mounted<'a> {
    /// Reads `id parent device root point options fields… - type source options`.
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut file_system = file_system.split(' ');
        let is_unified = match file_system.next()? {
            "cgroup2" => true,
            "cgroup" => false,
            _ => return None,
        };
        let options = file_system.nth(1).unwrap_or_default();
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (unescape(mount.next()?), unescape(mount.next()?));
        Some(Self { is_unified, options, root, point })
    }

    pub(super) fn has(&self, controller: &str) -> bool {
        !self.is_unified && self.options.split(',').any(|name| name == controller)
    }

    /// Returns the directory of the cgroup `path`, if it lies below the mounted one.
    pub(super) fn directory(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        // Seen from a cgroup namespace, what lies outside of it begins with `..`: that is not below the mount.
        if below.components().any(|component| component == Component::ParentDir) {
            return None;
        }
        Some(if below.as_os_str().is_empty() { self.point.clone() } else { self.point.join(below) })
    }
}

/// Reads the whole file; lines of other file systems are left out.
pub(super) fn mounts(text: &str) -> Vec<Mounted<'_>> {
    text.lines().filter_map(Mounted::parse).collect()
}

/// Undoes the octal escapes of blanks and backslashes.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(b'\\');
                rest = after;
            }
        }
    }
    bytes.extend(rest.as_bytes());
    PathBuf::from(OsString::from_vec(bytes))
}
