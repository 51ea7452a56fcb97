//! Hashes the content of files, through a cache keyed by what changes whenever content does. Never trusts a cache that others can write.

use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opaque_policy::path::AbsPath;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::descriptor;

/// The cache file in the state directory.
const NAME: &str = "digests";
/// Entries kept; the oldest go first.
const ENTRIES: usize = 512;
/// More than [`ENTRIES`] lines can be; a longer file is not ours.
const LONGEST: usize = ENTRIES * 256;
/// A file that changed this recently can change again within one tick of its time stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// A cache of content digests, one file in the state directory.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: AbsPath,
}

/// Says why a file has no digest.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// It could not be read.
    #[error("cannot read the content")]
    Read(#[source] Errno),
    /// Somebody wrote to it meanwhile.
    #[error("the content changed while it was read")]
    Changed,
}

impl Cache {
    /// A cache in `directory`, which need not exist.
    #[must_use]
    pub fn new(directory: AbsPath) -> Self {
        Self { directory }
    }

    /// The SHA-256 of an open file, lower-case hex. A cache that is missing, foreign or full of nonsense only costs time.
    ///
    /// # Errors
    /// See [`DigestError`].
    pub fn sha256(&self, file: impl AsFd) -> Result<String, DigestError> {
        let stat = rustix::fs::fstat(&file).map_err(DigestError::Read)?;
        let key = key(&stat);
        let known = self.load();
        if let Some(digest) = known.iter().find_map(|(entry, digest)| (*entry == key).then_some(digest)) {
            return Ok(digest.clone());
        }
        let digest = sha256(&file)?;
        if is_settled(&stat, SystemTime::now()) {
            let _ = self.store(&known, (key, digest.clone()));
        }
        Ok(digest)
    }

    fn load(&self) -> Vec<(String, String)> {
        let content = self.open().and_then(|directory| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&directory, NAME, flags, Mode::empty())?;
            let stat = rustix::fs::fstat(&file)?;
            if descriptor::kind(&stat) != FileType::RegularFile || !is_ours(&stat) {
                return Err(Errno::PERM);
            }
            descriptor::read_bounded(&file, LONGEST)
        });
        let text = content.ok().and_then(|content| String::from_utf8(content).ok()).unwrap_or_default();
        text.lines().filter_map(entry).collect()
    }

    fn store(&self, known: &[(String, String)], new: (String, String)) -> Result<(), Errno> {
        let directory = self.open()?;
        let kept = known.len().saturating_sub(ENTRIES - 1);
        let mut text = String::new();
        for (key, digest) in known.iter().skip(kept).chain([&new]) {
            let _ = writeln!(text, "{key} {digest}");
        }
        let draft = format!("{NAME}.{}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, &draft, flags, Mode::RUSR | Mode::WUSR)?;
        let written = match rustix::io::write(&file, text.as_bytes()) {
            Ok(count) if count == text.len() => rustix::fs::renameat(&directory, &draft, &directory, NAME),
            Ok(_) => Err(Errno::NOSPC),
            Err(errno) => Err(errno),
        };
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&directory, &draft, AtFlags::empty());
        }
        written
    }

    fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(self.directory.as_path(), flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&directory)?;
        if is_ours(&stat) { Ok(directory) } else { Err(Errno::PERM) }
    }
}

/// The SHA-256 of an open file's content, lower-case hex; streams, so size costs time only.
///
/// # Errors
/// See [`DigestError`].
pub fn sha256(file: impl AsFd) -> Result<String, DigestError> {
    let content = descriptor::reopen(&file, OFlags::RDONLY | OFlags::NOCTTY).map_err(DigestError::Read)?;
    let before = rustix::fs::fstat(&content).map_err(DigestError::Read)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 128 * 1024];
    loop {
        let count = descriptor::fill(&content, &mut block).map_err(DigestError::Read)?;
        hash.update(block.get(..count).unwrap_or_default());
        if count < block.len() {
            break;
        }
    }
    let after = rustix::fs::fstat(&content).map_err(DigestError::Read)?;
    if key(&before) != key(&after) {
        return Err(DigestError::Changed);
    }
    Ok(hex(&hash.finalize()))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn key(stat: &Stat) -> String {
    let (mtime, ctime) = ((stat.st_mtime, stat.st_mtime_nsec), (stat.st_ctime, stat.st_ctime_nsec));
    let (device, number, size) = (stat.st_dev, stat.st_ino, stat.st_size);
    format!("{device}:{number}:{size}:{}.{}:{}.{}", mtime.0, mtime.1, ctime.0, ctime.1)
}

fn entry(line: &str) -> Option<(String, String)> {
    let (key, digest) = line.split_once(' ')?;
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then(|| (key.to_owned(), digest.to_owned()))
}

fn is_settled(stat: &Stat, now: SystemTime) -> bool {
    let changed = u64::try_from(stat.st_ctime).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > SETTLED))
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn cache() -> (tempfile::TempDir, Cache, AbsPath) {
        let directory = tempfile::tempdir().unwrap();
        let path = AbsPath::new(directory.path().as_os_str().as_encoded_bytes()).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        (directory, Cache::new(path.clone()), path.join(NAME).unwrap())
    }

    /// A file whose time of change lies in the past, as far as a test can arrange that.
    fn settled_program() -> fs::File {
        fs::File::open("/proc/self/exe").unwrap()
    }

    #[test]
    fn the_digest_is_the_sha256_of_the_content() {
        let (directory, cache, _) = cache();
        let path = directory.path().join("file");
        fs::write(&path, "hello").unwrap();
        assert_eq!(cache.sha256(fs::File::open(&path).unwrap()).unwrap(), HELLO);
        fs::write(&path, "hellp").unwrap();
        assert_ne!(cache.sha256(fs::File::open(&path).unwrap()).unwrap(), HELLO);
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_cached() {
        let (directory, cache, stored) = cache();
        let path = directory.path().join("file");
        fs::write(&path, "hello").unwrap();
        cache.sha256(fs::File::open(&path).unwrap()).unwrap();
        assert!(!stored.as_path().exists());
        let stat = rustix::fs::stat(&path).unwrap();
        assert!(is_settled(&stat, SystemTime::now() + Duration::from_secs(10)));
        assert!(!is_settled(&stat, SystemTime::now()));
    }

    #[test]
    fn a_settled_file_is_hashed_once() {
        let (_directory, cache, stored) = cache();
        let file = settled_program();
        std::thread::sleep(SETTLED.saturating_add(Duration::from_millis(1100)));
        let digest = cache.sha256(&file).unwrap();
        let text = fs::read_to_string(stored.as_path()).unwrap();
        assert!(text.contains(&digest));
        fs::write(stored.as_path(), text.replace(&digest, HELLO)).unwrap();
        assert_eq!(cache.sha256(&file).unwrap(), HELLO, "the cached value answers");
    }

    #[test]
    fn a_cache_that_others_can_write_is_ignored() {
        let (_directory, cache, stored) = cache();
        let file = settled_program();
        let stat = rustix::fs::fstat(&file).unwrap();
        fs::write(stored.as_path(), format!("{} {HELLO}\n", key(&stat))).unwrap();
        fs::set_permissions(stored.as_path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(cache.sha256(&file).unwrap(), HELLO, "control: a private cache answers");
        fs::set_permissions(stored.as_path(), fs::Permissions::from_mode(0o622)).unwrap();
        assert_ne!(cache.sha256(&file).unwrap(), HELLO);
    }

    #[test]
    fn the_cache_stays_bounded() {
        let (_directory, cache, stored) = cache();
        let known: Vec<_> = (0..ENTRIES + 50).map(|number| (format!("{number}:0"), HELLO.to_owned())).collect();
        cache.store(&known, ("new".to_owned(), HELLO.to_owned())).unwrap();
        let text = fs::read_to_string(stored.as_path()).unwrap();
        assert_eq!(text.lines().count(), ENTRIES);
        assert!(text.ends_with(&format!("new {HELLO}\n")));
    }
}
