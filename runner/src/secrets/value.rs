//! What a value may be, and how its bytes get into locked memory.

use std::os::fd::AsFd;

use opaque_sys::locked::Locked;
use rustix::io::Errno;

use super::failure::Why;

/// The longest value.
pub(super) const LONGEST: usize = 64 << 10;
/// The most that is ever read: the longest value, a line end, and one byte by which a longer one is told.
pub(super) const MOST: usize = LONGEST + 3;
/// How much room there is at first: most values are short, and locked memory is scarce.
const FIRST: usize = 4 << 10;

/// How much of what was read is the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything, as it is kept.
    Whole,
    /// Everything but the line end behind it: tools print one after what they keep.
    Printed,
    /// The first line.
    FirstLine,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// To the end.
    All,
    /// As far as there is something now.
    ForNow,
    /// There is more than a value may have.
    TooMuch,
}

/// Memory to read into.
pub(super) fn room() -> Result<Locked, Why> {
    Locked::with_capacity(FIRST).map_err(Why::Memory)
}

/// Reads what there is; `failed` says why a descriptor that cannot be read ends everything.
pub(super) fn take(from: impl AsFd, into: &mut Locked, failed: impl Fn(Errno) -> Why) -> Result<Taken, Why> {
    loop {
        if into.len() == into.capacity() {
            if into.capacity() >= MOST {
                return Ok(Taken::TooMuch);
            }
            *into = into.grown((into.capacity() * 4).min(MOST)).map_err(Why::Memory)?;
        }
        match into.fill_from(&from) {
            Ok(0) => return Ok(Taken::All),
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(Taken::ForNow),
            Err(errno) => return Err(failed(errno)),
        }
    }
}

/// A value without the line end behind it, as `$(…)` gives it to a variable.
pub fn bare(value: &[u8]) -> &[u8] {
    value.strip_suffix(b"\n").map_or(value, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The value in what was read, and nothing that no variable or file could hold.
pub(super) fn checked(mut read: Locked, part: Part) -> Result<Locked, Why> {
    let line = || read.as_bytes().iter().position(|byte| *byte == b'\n');
    if let (Part::FirstLine, Some(end)) = (part, line()) {
        read.truncate(end + 1);
    }
    let length = bare(read.as_bytes()).len();
    match part {
        Part::Whole => {}
        Part::Printed | Part::FirstLine => read.truncate(length),
    }
    if length == 0 {
        return Err(Why::Empty);
    }
    if length > LONGEST {
        return Err(Why::Long);
    }
    if read.as_bytes().contains(&0) {
        return Err(Why::Nul);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    fn locked(bytes: &[u8]) -> Locked {
        let mut locked = Locked::with_capacity(bytes.len()).unwrap();
        locked.extend(bytes).unwrap();
        locked
    }

    fn value(bytes: &[u8], part: Part) -> Result<Vec<u8>, Why> {
        checked(locked(bytes), part).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn what_is_kept_is_given_whole_and_what_is_printed_without_a_line_end() {
        for (read, wanted) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"abc\n", b"abc"),
            (b"abc\r\n", b"abc"),
            (b"abc\n\n", b"abc\n"),
            (b"abc\r", b"abc\r"),
            (b" a b ", b" a b "),
            (b"a\nb\n", b"a\nb"),
            (b"\xff\xfe\n", b"\xff\xfe"),
        ] {
            assert_eq!(value(read, Part::Printed).unwrap(), wanted, "{read:?}");
            assert_eq!(bare(read), wanted, "{read:?}");
            assert_eq!(value(read, Part::Whole).unwrap(), read, "{read:?}");
        }
        assert_eq!(value(b"abc\r\nuser: ann\n", Part::FirstLine).unwrap(), b"abc");
        assert_eq!(value(b"abc", Part::FirstLine).unwrap(), b"abc");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for empty in [&b""[..], b"\n", b"\r\n"] {
            assert!(matches!(value(empty, Part::Whole), Err(Why::Empty)), "{empty:?}");
        }
        assert!(matches!(value(b"\nsecond\n", Part::FirstLine), Err(Why::Empty)));
        assert!(matches!(value(b"a\0b", Part::Whole), Err(Why::Nul)));
        let longest = vec![b'x'; LONGEST];
        assert_eq!(value(&[&longest[..], b"\r\n"].concat(), Part::Printed).unwrap(), longest);
        assert_eq!(value(&[&longest[..], b"\r\n"].concat(), Part::Whole).unwrap().len(), LONGEST + 2);
        assert!(matches!(value(&[&longest[..], b"x"].concat(), Part::Whole), Err(Why::Long)));
    }

    #[test]
    fn reading_stops_where_no_value_can_be() {
        let mut file = tempfile::tempfile().unwrap();
        for (length, wanted) in [(0, Taken::All), (FIRST, Taken::All), (MOST - 1, Taken::All), (MOST, Taken::TooMuch)] {
            file.set_len(0).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            file.write_all(&vec![b'x'; length]).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            let mut read = room().unwrap();
            assert_eq!(take(&file, &mut read, Why::Memory).unwrap(), wanted, "{length}");
            assert_eq!(read.len(), length);
        }
        let mut read = room().unwrap();
        assert_eq!(take(File::open("/dev/zero").unwrap(), &mut read, Why::Memory).unwrap(), Taken::TooMuch);
    }
}
