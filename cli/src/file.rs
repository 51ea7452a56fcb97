//! Files that a person names: read whole and bounded, with the name in every complaint.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::Wrong;

/// Largest file that is read.
const LONGEST: u64 = 1 << 20;

/// The text of a file of at most 1 MiB.
pub(crate) fn read(file: &Path) -> Result<String, Wrong> {
    String::from_utf8(bytes(file)?).map_err(|error| at(file, &error))
}

/// The bytes of a file of at most 1 MiB.
pub(crate) fn bytes(file: &Path) -> Result<Vec<u8>, Wrong> {
    let too_long = || at(file, "this is no file of at most 1 MiB");
    // Looked at before it is opened: a pipe would wait for a writer.
    if !std::fs::metadata(file).map_err(|error| at(file, &error))?.is_file() {
        return Err(too_long());
    }
    let opened = File::open(file).map_err(|error| at(file, &error))?;
    let mut bytes = Vec::new();
    opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| at(file, &error))?;
    if bytes.len() as u64 > LONGEST { Err(too_long()) } else { Ok(bytes) }
}

/// A complaint about a file.
pub(crate) fn at(file: &Path, what: impl std::fmt::Display) -> Wrong {
    Wrong(format!("{}: {what}", file.display()))
}
