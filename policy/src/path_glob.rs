//! Path patterns: `*` stays inside a component, `**` is any number of whole components. Compared by
//! component, never by prefix.

use std::fmt;

use crate::glob::{GlobError, STAR, has_star, is_plain, parse_runs, runs_match, write_run, write_runs};
use crate::path::AbsPath;

/// A path pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathGlob(Shape);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shape {
    /// One path and no other: compared at once.
    Only(AbsPath),
    /// A walk: components between slashes, each as runs between stars, or [`ANY`].
    Walk(Box<[u8]>),
}

/// Any number of components, none included: two stars, which no component has in a row.
const ANY: &[u8] = b"\0\0";

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
        if below.as_bytes().split(|byte| *byte == b'/').any(|component| matches!(component, b"" | b"." | b"..")) {
            return Err(GlobError::NotNormal);
        }
        if is_plain(pattern)
            && let Ok(only) = AbsPath::new(pattern)
        {
            return Ok(Self(Shape::Only(only)));
        }
        let mut walk = Vec::with_capacity(pattern.len());
        for component in below.split('/') {
            walk.push(b'/');
            match component {
                "**" => walk.extend_from_slice(ANY),
                name => parse_runs(name, &mut walk)?,
            }
        }
        let only = if has_star(&walk) { None } else { AbsPath::new(&walk).ok() };
        Ok(Self(only.map_or_else(|| Shape::Walk(walk.get(1..).unwrap_or_default().into()), Shape::Only)))
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
            Shape::Walk(walk) => walk_matches(walk, path),
        }
    }

    /// True when the last component matches this name: what an example without a directory is judged by.
    #[must_use]
    pub fn matches_name(&self, name: &[u8]) -> bool {
        match &self.0 {
            Shape::Only(path) => path.name() == Some(name),
            Shape::Walk(walk) => match steps(walk).next_back() {
                Some(ANY) | None => true,
                Some(last) => runs_match(last, name),
            },
        }
    }

    /// What every path that matches has among its components.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let (only, walk) = match &self.0 {
            Shape::Only(path) => (Some(path.components()), None),
            Shape::Walk(walk) => (None, Some(steps(walk).filter(|step| !has_star(step)))),
        };
        only.into_iter().flatten().chain(walk.into_iter().flatten())
    }

    /// As [`crate::glob::TextGlob::covers`].
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other
            || other.as_literal().is_some_and(|path| self.matches(path))
            || matches!(&self.0, Shape::Walk(walk) if **walk == *ANY)
    }
}

/// Shows the pattern the way it is written.
impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Only(path) => path.components().try_for_each(|name| {
                f.write_str("/")?;
                write_run(name, f)
            }),
            Shape::Walk(walk) => steps(walk).try_for_each(|step| {
                f.write_str("/")?;
                if step == ANY { f.write_str("**") } else { write_runs(step, f) }
            }),
        }
    }
}

fn steps(walk: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
    walk.split(|byte| *byte == b'/')
}

/// Walks pattern and path together, byte by byte, for it is asked for every rule of a long policy. A star takes up again
/// one byte further on in its component, a `**` one component further on; only the latest of each matters.
fn walk_matches(walk: &[u8], path: &AbsPath) -> bool {
    let text = path.as_bytes().get(1..).unwrap_or_default();
    if text.is_empty() {
        return steps(walk).all(|step| step == ANY);
    }
    let (mut step, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut any: Option<(usize, usize)> = None;
    loop {
        match (walk.get(step).copied(), text.get(at).copied()) {
            (None, None) => return true,
            (Some(STAR), _) if walk.get(step + 1) == Some(&STAR) => {
                // A last `**` takes whatever is left; a slash follows any other.
                if step + ANY.len() == walk.len() {
                    return true;
                }
                step += ANY.len() + 1;
                any = Some((step, at));
                star = None;
                continue;
            }
            (Some(STAR), _) => {
                step += 1;
                star = Some((step, at));
                continue;
            }
            (Some(wanted), Some(found)) if wanted == found => {
                if wanted == b'/' {
                    star = None;
                }
                (step, at) = (step + 1, at + 1);
                continue;
            }
            (Some(b'/'), None) if walk.get(step..).is_some_and(takes_nothing) => return true,
            (_, _) => {}
        }
        if let Some((after, from)) = star
            && text.get(from).is_some_and(|byte| *byte != b'/')
        {
            star = Some((after, from + 1));
            (step, at) = (after, from + 1);
            continue;
        }
        let Some((after, from)) = any else { return false };
        let Some(skipped) = text.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'/')) else {
            return false;
        };
        any = Some((after, from + skipped + 1));
        star = None;
        (step, at) = (after, from + skipped + 1);
    }
}

/// True when nothing but `/**` is left of a walk.
fn takes_nothing(walk: &[u8]) -> bool {
    walk.chunks(ANY.len() + 1).all(|step| step.strip_prefix(b"/") == Some(ANY))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::glob::TextGlob;

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

    /// The same question answered the slow and obvious way.
    fn obvious(steps: &[&str], names: &[&str]) -> bool {
        match (steps.split_first(), names.split_first()) {
            (None, None) => true,
            (Some((&"**", steps)), _) => (0..=names.len()).any(|skip| obvious(steps, &names[skip..])),
            (Some((step, steps)), Some((name, names))) => {
                TextGlob::new(step).unwrap().matches(name.as_bytes()) && obvious(steps, names)
            }
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn matching_agrees_with_the_obvious_definition(
            steps in proptest::collection::vec("\\*\\*|[ab]{1,2}|(\\*?[ab]){1,3}\\*?|\\*", 1..6),
            names in proptest::collection::vec("[ab]{1,4}", 0..6),
        ) {
            let (pattern, path) = (format!("/{}", steps.join("/")), format!("/{}", names.join("/")));
            let (steps, names): (Vec<&str>, Vec<&str>) =
                (steps.iter().map(String::as_str).collect(), names.iter().map(String::as_str).collect());
            prop_assert_eq!(path_matches(&pattern, &path), obvious(&steps, &names), "{} {}", pattern, path);
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
