//! Absolute paths that are compared by component and never by prefix.
//!
//! A value of [`AbsPath`] has no `.`, `..`, empty component, trailing slash or NUL. It says nothing
//! about the disk: symbolic links are followed by the edge, before a path becomes a fact.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{self, Text};

/// An absolute, normalised path.
///
/// Paths sort by component: a path, then everything below it, then its next sibling.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AbsPath(Vec<u8>);

/// Says why bytes are not an [`AbsPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path does not begin with `/`.
    #[error("the path is not absolute")]
    NotAbsolute,
    /// The path climbs with `..`.
    #[error("the path contains `..`")]
    Climbs,
    /// The path holds a NUL byte.
    #[error("the path contains a NUL byte")]
    Nul,
    /// The path is longer than the kernel takes (`PATH_MAX`, 4096 bytes).
    #[error("the path is longer than 4095 bytes")]
    TooLong,
}

impl AbsPath {
    /// Parses bytes; repeated slashes and `.` components are dropped, `..` is refused.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let bytes = bytes.as_ref();
        if bytes.contains(&0) {
            return Err(PathError::Nul);
        }
        if !bytes.starts_with(b"/") {
            return Err(PathError::NotAbsolute);
        }
        if bytes.len() > 4095 {
            return Err(PathError::TooLong);
        }
        let mut path = Self(Vec::with_capacity(bytes.len()));
        path.0.push(b'/');
        for component in bytes.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(PathError::Climbs),
                name => path.push(name),
            }
        }
        Ok(path)
    }

    /// The root directory, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// This path followed by the components of a relative one.
    ///
    /// # Errors
    /// As [`AbsPath::new`].
    pub fn join(&self, relative: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let mut bytes = self.0.clone();
        bytes.push(b'/');
        bytes.extend_from_slice(relative.as_ref());
        Self::new(bytes)
    }

    /// The directory that holds this path; `None` for `/`.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|byte| *byte == b'/')?;
        let parent = self.0.get(..slash.max(1))?;
        Some(Self(parent.to_vec()))
    }

    /// The last component; `None` for `/`.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.components().last()
    }

    /// The components from the root on.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// True when this path is `ancestor` or lies below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self
                .0
                .strip_prefix(ancestor.0.as_slice())
                .is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
    }

    /// What follows `ancestor`, without a leading slash; `None` when this path is not within it.
    #[must_use]
    pub fn relative_to(&self, ancestor: &Self) -> Option<&[u8]> {
        if !self.is_within(ancestor) {
            return None;
        }
        let rest = self.0.strip_prefix(ancestor.0.as_slice())?;
        Some(rest.strip_prefix(b"/").unwrap_or(rest))
    }

    /// True for `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == b"/"
    }

    /// The number of components; 0 for `/`.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The bytes, always beginning with `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same path for the standard library.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    fn push(&mut self, name: &[u8]) {
        if !self.is_root() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }
}

impl Ord for AbsPath {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        // A slash ends a component, so it comes before every byte that goes on with one.
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        match pairs.into_iter().find(|(a, b)| a != b) {
            Some((a, b)) => rank(a).cmp(&rank(b)),
            None => self.0.len().cmp(&other.0.len()),
        }
    }
}

impl PartialOrd for AbsPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_visible(&self.0, f)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for AbsPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::new(text.as_bytes()).map_err(|error| D::Error::custom(format!("`{text}` is no path: {error}")))
    }
}

impl Serialize for AbsPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize_bytes(&self.0, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn a_path_is_normalised_once() {
        assert_eq!(path("//usr/./bin//").as_bytes(), b"/usr/bin");
        assert_eq!(AbsPath::new("usr"), Err(PathError::NotAbsolute));
        assert_eq!(AbsPath::new("/a/../b"), Err(PathError::Climbs));
        assert_eq!(AbsPath::new("/a\0"), Err(PathError::Nul));
    }

    #[test]
    fn containment_goes_by_component() {
        assert!(path("/home/ann").is_within(&path("/home")));
        assert!(path("/home").is_within(&path("/home")));
        assert!(!path("/homeless").is_within(&path("/home")));
        assert_eq!(path("/home/ann/x").relative_to(&path("/home")), Some(&b"ann/x"[..]));
        assert_eq!(path("/x").relative_to(&AbsPath::root()), Some(&b"x"[..]));
    }

    #[test]
    fn a_path_is_followed_by_everything_below_it() {
        let mut paths = ["/b", "/a/b", "/a-b/c", "/a", "/a-b", "/", "/a/b/c"].map(path);
        paths.sort();
        assert_eq!(paths, ["/", "/a", "/a/b", "/a/b/c", "/a-b", "/a-b/c", "/b"].map(path));
    }

    #[test]
    fn a_parent_is_one_component_shorter() {
        assert_eq!(path("/a/b").parent(), Some(path("/a")));
        assert_eq!(path("/a").parent(), Some(AbsPath::root()));
        assert_eq!(AbsPath::root().parent(), None);
    }
}
