//! Counts what a command leaves in its private home, so that the person can be told that it is gone.
//!
//! Runs in the run's init after the command has ended; what it finds is a number and nothing else.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries that are looked at at most.
const MOST: u32 = 10_000;

/// The number of files below a private directory that are not part of what was mounted into it.
pub(crate) fn count(home: &Path) -> u32 {
    let Ok(device) = std::fs::symlink_metadata(home).map(|status| status.dev()) else { return 0 };
    let mut open: Vec<PathBuf> = vec![home.to_owned()];
    let (mut seen, mut files) = (0, 0);
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MOST {
                return files;
            }
            let Ok(status) = entry.metadata() else { continue };
            if status.dev() != device {
                continue;
            }
            if status.is_dir() {
                open.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_in_every_depth_and_directories_are_not() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        assert_eq!(count(home.path()), 0);
        std::fs::write(home.path().join("a/b/x"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", home.path().join("y")).unwrap();
        assert_eq!(count(home.path()), 2);
        assert_eq!(count(&home.path().join("absent")), 0);
    }
}
