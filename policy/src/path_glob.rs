//! Path patterns: `*` stays inside a component, `**` is any number of whole components. Compared by
//! component, never by prefix.

use std::fmt;

use crate::glob::{GlobError, TextGlob, is_plain};
use crate::path::AbsPath;

/// A path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathGlob(Shape);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// One path and no other: compared at once.
    Only(AbsPath),
    /// A walk, component by component.
    Walk(Vec<Step>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// One component.
    One(TextGlob),
    /// `**`: any number of components, none included.
    Any,
}

impl PathGlob {
    /// Parses a pattern.
    ///
    /// # Errors
    /// See [`GlobError`].
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        if pattern.is_empty() {
            return Err(GlobError::Empty);
        }
        if pattern.starts_with('~') {
            return Err(GlobError::Regex);
        }
        let below = pattern.strip_prefix('/').ok_or(GlobError::NotAbsolute)?;
        if below.split('/').any(|component| matches!(component, "" | "." | "..")) {
            return Err(GlobError::NotNormal);
        }
        if is_plain(pattern)
            && let Ok(only) = AbsPath::new(pattern)
        {
            return Ok(Self(Shape::Only(only)));
        }
        let steps = below.split('/').map(Step::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(only_path(&steps).map_or(Shape::Walk(steps), Shape::Only)))
    }

    /// The only path that matches, when there is only one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&AbsPath> {
        match &self.0 {
            Shape::Only(path) => Some(path),
            Shape::Walk(_) => None,
        }
    }

    /// True when the whole path matches.
    #[must_use]
    pub fn matches(&self, path: &AbsPath) -> bool {
        match &self.0 {
            Shape::Only(only) => only == path,
            Shape::Walk(steps) => matches_from(steps, path),
        }
    }

    /// True when the last component matches this name: what an example without a directory is judged by.
    #[must_use]
    pub fn matches_name(&self, name: &[u8]) -> bool {
        match &self.0 {
            Shape::Only(path) => path.name() == Some(name),
            Shape::Walk(steps) => match steps.last() {
                Some(Step::One(glob)) => glob.matches(name),
                Some(Step::Any) | None => true,
            },
        }
    }

    /// As [`TextGlob::covers`].
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other
            || other.as_literal().is_some_and(|path| self.matches(path))
            || matches!(&self.0, Shape::Walk(steps) if matches!(steps.as_slice(), [Step::Any]))
    }
}

/// Shows the pattern the way it is written.
impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Only(path) => path.components().try_for_each(|name| write!(f, "/{}", TextGlob::literal(name))),
            Shape::Walk(steps) => steps.iter().try_for_each(|step| match step {
                Step::One(glob) => write!(f, "/{glob}"),
                Step::Any => f.write_str("/**"),
            }),
        }
    }
}

impl Step {
    fn new(component: &str) -> Result<Self, GlobError> {
        match component {
            "**" => Ok(Self::Any),
            name => TextGlob::part(name).map(Self::One),
        }
    }
}

fn only_path(steps: &[Step]) -> Option<AbsPath> {
    let mut bytes = Vec::new();
    for step in steps {
        match step {
            Step::One(glob) => {
                bytes.push(b'/');
                bytes.extend_from_slice(glob.as_literal()?);
            }
            Step::Any => return None,
        }
    }
    AbsPath::new(bytes).ok()
}

/// Walks pattern and path together. After a `**` it remembers where to take up again, with one
/// more component swallowed; only the latest `**` matters, so the cost is steps × components.
fn matches_from(steps: &[Step], path: &AbsPath) -> bool {
    let names: Vec<&[u8]> = path.components().collect();
    let (mut step, mut name) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    loop {
        match (steps.get(step), names.get(name)) {
            (None, None) => return true,
            (Some(Step::Any), _) => {
                again = Some((step + 1, name));
                step += 1;
                continue;
            }
            (Some(Step::One(glob)), Some(component)) if glob.matches(component) => {
                step += 1;
                name += 1;
                continue;
            }
            (Some(Step::One(_)) | None, _) => {}
        }
        match again {
            Some((after, from)) if from < names.len() => {
                again = Some((after, from + 1));
                (step, name) = (after, from + 1);
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_matches(pattern: &str, path: &str) -> bool {
        PathGlob::new(pattern).unwrap().matches(&AbsPath::new(path).unwrap())
    }

    #[test]
    fn a_path_star_stays_inside_its_component() {
        for (pattern, path, expected) in [
            ("/usr/bin/npm", "/usr/bin/npm", true),
            ("/usr/bin/*", "/usr/bin/npm", true),
            ("/usr/bin/*", "/usr/bin/x/npm", false),
            ("/home/*", "/homeless", false),
            ("/home/**", "/homeless", false),
            ("/opt/**/git", "/opt/git", true),
            ("/opt/**/git", "/opt/a/b/git", true),
            ("/opt/**/git", "/opt/a/b/gitk", false),
            ("/**/b/**/d", "/a/b/c/b/d", true),
            ("/**/b/**/d", "/a/c/d", false),
            ("/**", "/", true),
            ("/a/**", "/a", true),
            ("/usr/lib/**/claude*", "/usr/lib/x/y/claude-1", true),
        ] {
            assert_eq!(path_matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_bad_path_pattern_is_refused() {
        for (pattern, error) in [
            ("", GlobError::Empty),
            ("npm", GlobError::NotAbsolute),
            ("~/bin/x", GlobError::Regex),
            ("/a//b", GlobError::NotNormal),
            ("/a/", GlobError::NotNormal),
            ("/a/../b", GlobError::NotNormal),
            ("/a**/b", GlobError::DoubleStar),
            ("/a/b?", GlobError::Reserved('?')),
        ] {
            assert_eq!(PathGlob::new(pattern), Err(error), "{pattern}");
        }
    }
}
