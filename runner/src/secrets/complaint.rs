//! What a program complains: the end of it, in locked memory, because it may repeat the value.

use std::os::fd::AsFd;

use opaque_sys::locked::Locked;
use rustix::io::Errno;

use super::failure::Why;
use super::value::Taken;

/// How much is kept.
const KEPT: usize = 4 << 10;
/// How often is read at a time: whoever never stops is not listened to for ever.
const READS: usize = 256;

/// The end of what was complained.
pub(super) struct Complaint {
    text: Locked,
    is_cut: bool,
}

impl Complaint {
    pub(super) fn new() -> Result<Self, Why> {
        Ok(Self { text: Locked::with_capacity(KEPT).map_err(Why::Memory)?, is_cut: false })
    }

    /// Reads what there is, without waiting.
    pub(super) fn hear(&mut self, from: impl AsFd) -> Result<Taken, Errno> {
        for _ in 0..READS {
            if self.text.len() == self.text.capacity() {
                self.text.forget_first(KEPT / 2);
                self.is_cut = true;
            }
            match self.text.fill_from(&from) {
                Ok(0) => return Ok(Taken::All),
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(Taken::ForNow),
                Err(errno) => return Err(errno),
            }
        }
        Ok(Taken::ForNow)
    }

    /// The last line that says something and does not begin with any of `noise`.
    pub(super) fn last_line(&self, noise: &[&str]) -> Option<&[u8]> {
        let text = self.text.as_bytes();
        // Of whoever talks without end, the first and the last line may be parts of what they were to be: parts of a value, too.
        let end_of_line = |byte: &u8| *byte == b'\n';
        let whole = if self.is_cut {
            let (first, last) = (text.iter().position(end_of_line)?, text.iter().rposition(end_of_line)?);
            text.get(first + 1..last)?
        } else {
            text
        };
        let lines = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let says_something =
            |line: &&[u8]| !line.is_empty() && !noise.iter().any(|noise| line.starts_with(noise.as_bytes()));
        lines.rev().find(says_something)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    fn last_line(text: &[u8]) -> Option<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut complaint = Complaint::new().unwrap();
        assert_eq!(complaint.hear(&file).unwrap(), Taken::All);
        complaint.last_line(&["tool: report"]).map(<[u8]>::to_vec)
    }

    #[test]
    fn the_last_line_that_says_something_is_kept() {
        assert_eq!(last_line(b"first\nsecond\n\n").unwrap(), b"second");
        assert_eq!(last_line(b"second\r\n  \n").unwrap(), b"second");
        assert_eq!(last_line(b"the reason\ntool: report it there\n").unwrap(), b"the reason");
        assert_eq!(last_line(b"\n\n"), None);
        let long = [&vec![b'x'; 3 * KEPT][..], b"\nthe reason\n"].concat();
        assert_eq!(last_line(&long).unwrap(), b"the reason");
        assert_eq!(last_line(&vec![b'x'; 3 * KEPT]), None, "a line whose beginning is gone");
        let unfinished = [&b"the reason\n".repeat(KEPT)[..], b"the rea"].concat();
        assert_eq!(last_line(&unfinished).unwrap(), b"the reason");
        assert_eq!(last_line(b"first\nPassphrase: ").unwrap(), b"Passphrase:", "a question");
    }

    #[test]
    fn nobody_is_listened_to_for_ever() {
        let mut complaint = Complaint::new().unwrap();
        assert_eq!(complaint.hear(File::open("/dev/zero").unwrap()).unwrap(), Taken::ForNow);
    }
}
