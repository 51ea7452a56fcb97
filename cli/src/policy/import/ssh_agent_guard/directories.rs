//! Patterns over directories. There `*` is any run of characters, `/` included; here it stays inside a component and
//! `**` is any number of them. A star of theirs is written as both, so that it means the same.

use opaque_policy::path_glob::PathGlob;

use super::conditions::Carried;
use crate::policy::import::pattern::{collapsed, literal};

/// The most patterns that one of theirs may come to.
const MOST: usize = 16;

/// A pattern over directories, or why it cannot be said.
pub(super) fn directory(written: &str) -> Result<Carried, String> {
    let cannot = |what: &str| Ok(Carried::not(format!("`cwd` with {what} cannot be said here")));
    if written.starts_with('~') {
        return cannot("a regular expression");
    }
    if written.contains('?') {
        return cannot("`?`");
    }
    let written = collapsed(written);
    // A path begins with `/`, so a star before one takes in components and no part of one.
    let below = if let Some(below) = written.strip_prefix('/') {
        below
    } else if written == "*" || written.starts_with("*/") {
        written.as_str()
    } else {
        return cannot("a pattern that does not begin with `/`");
    };
    let leads = written.starts_with('*');
    let mut alternatives = vec![String::new()];
    for (index, component) in below.split('/').enumerate() {
        let Some(ways) = component_ways(component, leads && index == 0) else {
            return cannot("several stars in one component");
        };
        let longer = |way: &String| alternatives.iter().map(|so_far| format!("{so_far}{way}")).collect::<Vec<_>>();
        alternatives = ways.iter().flat_map(longer).collect();
        if alternatives.len() > MOST {
            return cannot("so many stars inside of components");
        }
    }
    match alternatives.iter().find_map(|pattern| PathGlob::new(pattern).err()) {
        Some(error) => Err(format!("`{written}`: {error}")),
        None => Ok(Carried::exactly(alternatives)),
    }
}

/// How one component of theirs is written; any of these.
fn component_ways(component: &str, leads: bool) -> Option<Vec<String>> {
    match component.split_once('*') {
        None => Some(vec![format!("/{}", literal(component))]),
        Some((_, after)) if after.contains('*') => None,
        // Before the first `/` a star may take in nothing at all.
        Some(("", "")) if leads => Some(vec!["/**".to_owned()]),
        Some(("", "")) => Some(vec!["/*/**".to_owned()]),
        Some((before, "")) => Some(vec![format!("/{}*/**", literal(before))]),
        Some(("", after)) => Some(vec![format!("/**/*{}", literal(after))]),
        Some((before, after)) => {
            let (before, after) = (literal(before), literal(after));
            Some(vec![format!("/{before}*{after}"), format!("/{before}*/**/*{after}")])
        }
    }
}

#[cfg(test)]
mod tests {
    use opaque_policy::path::AbsPath;
    use opaque_policy::pattern::TextPattern;

    use super::*;
    use crate::policy::import::pattern::glob;

    fn matches(written: &str, path: &str) -> Option<bool> {
        let path = AbsPath::new(path).unwrap();
        let patterns = directory(written).unwrap().permitting?;
        Some(patterns.iter().any(|pattern| PathGlob::new(pattern).unwrap().matches(&path)))
    }

    #[test]
    fn a_star_crosses_directories_as_it_did() {
        for (written, path, expected) in [
            ("/home/*/src/*", "/home/ann/src/app", true),
            ("/home/*/src/*", "/home/ann/src/app/deep", true),
            ("/home/*/src/*", "/home/ann/x/src/y", true),
            ("/home/*/src/*", "/home/ann/src", false),
            ("/srv/app*", "/srv/app1/x", true),
            ("/srv/app*", "/srv/ap", false),
            ("*/src/*", "/src/x", true),
            ("*", "/", true),
        ] {
            assert_eq!(matches(written, path), Some(expected), "{written} {path}");
        }
        for written in ["~^/home", "/home/?", "src*", "/a*b*c"] {
            assert_eq!(matches(written, "/a"), None, "{written}");
        }
        assert!(directory("/home/../x").is_err() && directory("/a//b").is_err());
    }

    proptest::proptest! {
        #[test]
        fn it_matches_exactly_what_it_matched(written in "/?([a*]{1,3}/){0,3}[a*]{1,3}", path in "(/[ab]{1,2}){1,5}") {
            if let Some(ours) = directory(&written).ok().and_then(|_| matches(&written, &path)) {
                let theirs = TextPattern::new(&glob(&written)).unwrap().matches(path.as_bytes());
                assert_eq!(ours, theirs, "{written} {path}");
            }
        }
    }
}
