//! Where a link's text leads when every directory on the way is a real one.

use crate::path::AbsPath;

/// The path that `text` names, read from `directory`; `None` when it climbs past the root or is not a path.
pub(super) fn follow(directory: &AbsPath, text: &[u8]) -> Option<AbsPath> {
    let mut path = if text.starts_with(b"/") { AbsPath::root() } else { directory.clone() };
    for component in text.split(|byte| *byte == b'/') {
        path = match component {
            b"" | b"." => path,
            b".." => path.parent()?,
            name => path.join(name).ok()?,
        };
    }
    Some(path)
}
