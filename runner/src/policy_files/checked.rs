//! Remembers which policies were checked whole, so that examples and shadowed rules are looked at once for each
//! content and not at every start. A cache: without it everything is checked again.

use opaque_policy::path::AbsPath;
use opaque_policy::sources::{PolicySources, Sight};
use rustix::fs::{FileType, Mode, OFlags};

use crate::descriptor;
use crate::journal::make_directory;

/// The directory below the state directory.
const DIRECTORY: &str = "checked-policies";

/// The mark of one policy's content.
#[derive(Debug)]
pub struct Checked {
    digest: String,
    mark: Option<AbsPath>,
}

impl Checked {
    /// The mark for these documents; without documents there is none.
    #[must_use]
    pub fn of(sources: &PolicySources, state: &AbsPath) -> Self {
        let is_empty = sources.files().next().is_none();
        let digest = sources.digest();
        let mark = state.join(DIRECTORY).and_then(|directory| directory.join(&digest));
        Self { digest, mark: mark.ok().filter(|_| !is_empty) }
    }

    /// The digest of the documents.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the same content was checked before. Only a mark of the caller's own counts.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let is_marked = self.mark.as_ref().is_some_and(|mark| {
            rustix::fs::lstat(mark.as_path()).is_ok_and(|stat| {
                descriptor::kind(&stat) == FileType::RegularFile
                    && stat.st_uid == rustix::process::geteuid().as_raw()
                    && stat.st_mode & 0o022 == 0
            })
        });
        if is_marked { Sight::Again } else { Sight::First }
    }

    /// Marks the content as checked; a mark that cannot be made costs the next start a few milliseconds.
    pub fn remember(&self) {
        let Some((mark, directory)) = self.mark.as_ref().and_then(|mark| Some((mark, mark.parent()?))) else { return };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let make = || rustix::fs::open(mark.as_path(), flags, Mode::RUSR | Mode::WUSR);
        if make().is_err() && make_directory(&directory).is_ok() {
            let _ = make();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opaque_policy::document::SourceFile;

    fn sources(text: &str) -> PolicySources {
        let user = vec![SourceFile { file: "policy.toml".into(), bytes: text.into() }];
        PolicySources { home: AbsPath::root(), system: Vec::new(), user, repo: None }
    }

    #[test]
    fn a_content_is_first_seen_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = AbsPath::new(directory.path().as_os_str().as_encoded_bytes()).unwrap();
        let one = Checked::of(&sources("version = 1\n"), &state);
        assert_eq!(one.sight(), Sight::First);
        one.remember();
        assert_eq!(one.sight(), Sight::Again);
        assert_eq!(Checked::of(&sources("version = 1 \n"), &state).sight(), Sight::First);
        let none = PolicySources { home: AbsPath::root(), system: Vec::new(), user: Vec::new(), repo: None };
        Checked::of(&none, &state).remember();
        assert_eq!(Checked::of(&none, &state).sight(), Sight::First);
    }
}
