//! Where the chain ends: file, length, number and hash of the last line. A hint to writers, a witness to the verifier.

use std::os::fd::BorrowedFd;

/// The file in the journal's directory.
pub(super) const NAME: &str = "head";
/// Bytes of the file, padded with spaces so that each write replaces all of it.
const LENGTH: usize = 160;

/// The end of the chain as the last writer left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Name of the file that holds the last line.
    pub(super) file: String,
    /// Its length then.
    pub(super) end: u64,
    /// Number of the last line.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) last: String,
}

impl Head {
    /// Reads it; `None` when there is none or it makes no sense.
    pub(super) fn read(file: BorrowedFd<'_>) -> Option<Self> {
        let mut bytes = [0; LENGTH + 1];
        let count = rustix::io::pread(file, &mut bytes, 0).ok()?;
        Self::parse(bytes.get(..count)?)
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == LENGTH && text.ends_with('\n'))?;
        let mut words = text.split_ascii_whitespace();
        let head = Self {
            file: words.next().filter(|file| super::line::is_file_name(file.as_bytes()))?.to_owned(),
            end: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
            last: words.next().filter(|last| last.len() == 64)?.to_owned(),
        };
        (head.text() == text).then_some(head)
    }

    /// Replaces it.
    pub(super) fn write(&self, file: BorrowedFd<'_>) -> Result<(), rustix::io::Errno> {
        let text = self.text();
        match rustix::io::pwrite(file, text.as_bytes(), 0)? {
            count if count == text.len() => Ok(()),
            _ => Err(rustix::io::Errno::NOSPC),
        }
    }

    fn text(&self) -> String {
        let words = format!("{} {} {} {}", self.file, self.end, self.seq, self.last);
        format!("{words:<width$}\n", width = LENGTH - 1)
    }
}
