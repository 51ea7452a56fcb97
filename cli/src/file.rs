//! Files that a person names: read whole and bounded, with the name in every complaint.

use std::path::Path;

use crate::Wrong;

/// Largest file that is read.
const LONGEST: u64 = 1 << 20;

/// The text of a file of at most 1 MiB.
pub(crate) fn read(file: &Path) -> Result<String, Wrong> {
    let length = std::fs::metadata(file).map_err(|error| at(file, &error))?;
    if !length.is_file() || length.len() > LONGEST {
        return Err(at(file, "this is no file of at most 1 MiB"));
    }
    std::fs::read_to_string(file).map_err(|error| at(file, &error))
}

/// A complaint about a file.
pub(crate) fn at(file: &Path, what: impl std::fmt::Display) -> Wrong {
    Wrong(format!("{}: {what}", file.display()))
}
