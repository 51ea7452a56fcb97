//! Replaces the content of a file at once: whoever opens it meets the old content or the new one, whole.
//!
//! A link stays and the file that it leads to is replaced. Mode and owner stay; a file that has several names, or an owner
//! that we cannot give the new one, is refused. Access lists and other attributes are not carried over.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use crate::Wrong;
use crate::file::at;

/// Puts `new` where `old` was read.
pub(crate) fn replace(file: &Path, old: &str, new: &str) -> Result<(), Wrong> {
    let target = file.canonicalize().map_err(|error| at(file, &error))?;
    let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(at(file, "this is no file"));
    };
    let before = fs::metadata(&target).map_err(|error| at(file, &error))?;
    if before.nlink() > 1 {
        let names = before.nlink();
        return Err(at(file, format!("the file has {names} names, and only one of them would change\nhint: copy it")));
    }
    let beside = directory.join(format!(".{}.{}", name.display(), std::process::id()));
    let written = write(&beside, &before, new).and_then(|()| {
        // What somebody else wrote meanwhile is not lost.
        if fs::read(&target)? != old.as_bytes() {
            return Err(io::Error::other("the file was changed meanwhile; nothing was replaced"));
        }
        fs::rename(&beside, &target)
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        return Err(at(file, &error));
    }
    // The new content is in place; that it survives a power cut is worth a try.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

fn write(beside: &Path, before: &fs::Metadata, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.write_all(text.as_bytes())?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        fchown(&file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("opaque-replace-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        place
    }

    #[test]
    fn the_mode_stays_and_a_link_leads_to_the_new_content() {
        let place = place("link");
        let (file, link) = (place.join("real.toml"), place.join("link.toml"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real.toml", &link).unwrap();
        replace(&link, "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(&place).unwrap().count(), 2);
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn what_was_changed_meanwhile_or_has_another_name_is_not_replaced() {
        let place = place("kept");
        let file = place.join("a.toml");
        fs::write(&file, "theirs").unwrap();
        assert!(replace(&file, "old", "new").unwrap_err().0.contains("changed meanwhile"));
        fs::hard_link(&file, place.join("b.toml")).unwrap();
        assert!(replace(&file, "theirs", "new").unwrap_err().0.contains("2 names"));
        fs::remove_file(place.join("b.toml")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
        replace(&file, "theirs", "new").unwrap();
        fs::remove_dir_all(place).unwrap();
    }
}
