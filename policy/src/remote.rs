//! Where a repository comes from: one form for every spelling of a remote, and patterns over it.

use std::fmt;

use crate::destination::{DestinationError, HostGlob};
use crate::glob::GlobError;
use crate::path::AbsPath;
use crate::path_glob::PathGlob;

/// A remote as `host/path`, however it was written: without scheme, user, port, trailing slash or `.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    host: String,
    path: AbsPath,
}

impl Remote {
    /// Reads a remote of git's: a URL, or `[user@]host:path`. `None` for a path of this machine and for what names no
    /// host: those are nobody's repository but this machine's; and for what is ambiguous.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        if is_ambiguous(url) {
            return None;
        }
        let (host, path) = split(url)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let is_plain = parts.iter().all(|part| !matches!(*part, "." | "..") && !part.contains('%'));
        if parts.is_empty() || !is_plain {
            return None;
        }
        Some(Self { host: host.to_owned(), path: AbsPath::new(format!("/{}", parts.join("/"))).ok()? })
    }
}

/// True for what clients read in different ways: `https://evil.test#@git.example/x` goes to `evil.test`, and with `ssh` to
/// another host.
#[must_use]
pub fn is_ambiguous(url: &str) -> bool {
    url.contains(['?', '#', '\\']) || url.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
}

/// Shows `host/path`, the host in lower case.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host.to_ascii_lowercase(), self.path)
    }
}

/// Host and path of a remote.
fn split(url: &str) -> Option<(&str, &str)> {
    let (authority, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let known = ["https", "http", "ssh", "git", "git+ssh", "ssh+git", "ftp", "ftps"];
            if !known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                return None;
            }
            let (authority, path) = rest.split_once('/')?;
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            (without_port(host), path)
        }
        // `host:path`, unless a slash comes first: then it is a path with a colon in it. `name::address` starts a helper.
        None => {
            let is_host = |(before, path): &(&str, &str)| !before.contains('/') && !path.starts_with(':');
            let (authority, path) = url.split_once(':').filter(is_host)?;
            (authority.rsplit_once('@').map_or(authority, |(_, host)| host), path)
        }
    };
    let host = authority.strip_suffix('.').unwrap_or(authority);
    (!host.is_empty() && !host.ends_with('.') && !path.contains(['?', '#'])).then_some((host, path))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A pattern over remotes: `host/path`, the path's components with stars that stay inside them, `**` for any number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemotePattern {
    host: HostGlob,
    path: PathGlob,
}

/// Why a text is not a pattern over remotes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The host's part is wrong.
    #[error(transparent)]
    Host(#[from] DestinationError),
    /// A component of the path is wrong.
    #[error(transparent)]
    Path(#[from] GlobError),
    /// There is no path.
    #[error("a remote is written `host/path`, e.g. `github.example/team/*`")]
    NoPath,
}

impl RemotePattern {
    /// Parses a pattern. A scheme, a user, a port and `.git` are left out of it, as they are of remotes.
    ///
    /// # Errors
    /// See [`RemoteError`].
    pub fn new(pattern: &str) -> Result<Self, RemoteError> {
        let (host, path) = split(pattern).or_else(|| pattern.split_once('/')).ok_or(RemoteError::NoPath)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        Ok(Self { host: HostGlob::new(host)?, path: PathGlob::new(&format!("/{path}"))? })
    }

    /// True when a remote matches.
    #[must_use]
    pub fn matches(&self, remote: &Remote) -> bool {
        self.host.matches(remote.host.as_bytes()) && self.path.matches(&remote.path)
    }
}

/// Shows the pattern the way it is written.
impl fmt::Display for RemotePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, url: &str) -> bool {
        Remote::new(url).is_some_and(|remote| RemotePattern::new(pattern).unwrap().matches(&remote))
    }

    #[test]
    fn every_spelling_of_a_remote_is_the_same_one() {
        for url in [
            "https://github.example/team/app",
            "https://github.example/team/app.git",
            "https://ann:secret@GitHub.example:443/team/app.git/",
            "git@github.example:team/app.git",
            "github.example:team/app",
            "ssh://git@github.example:22/team/app.git",
            "ssh://git@github.example./team//app",
        ] {
            assert!(matches("github.example/team/*", url), "{url}");
            assert!(matches("https://github.example/team/app", url), "{url}");
            assert!(matches("git@github.example:team/*", url), "{url}");
            assert!(!matches("github.example/other/*", url), "{url}");
        }
    }

    #[test]
    fn what_only_looks_like_it_does_not_match() {
        for url in [
            "https://evilgithub.example/team/app",
            "https://github.example.evil.test/team/app",
            "https://evil.test/github.example/team/app",
            "https://github.example@evil.test/team/app",
            "https://github.example/team-evil/app",
            "https://github.example/team/app/more",
            "https://github.example/team/../other/app",
            "https://github.example/team/%2e%2e/app",
            "https://github.example/team/app?x=1",
            "/srv/github.example/team/app",
            "./github.example:team/app",
            "file:///github.example/team/app",
            "ext::sh -c x",
            "https://github.example",
            "https://evil.test#@github.example/team/app",
            "https://evil.test?@github.example/team/app",
            "https://evil.test\\@github.example/team/app",
            "https://github.example\\.evil.test/team/app",
            "https://ann@github.example@evil.test/team/app",
            "git@github.example@evil.test:team/app",
            "https://github.example.:443.evil.test/team/app",
            "https://g\u{456}thub.example/team/app",
            "https://xn--gthub-n4a.example/team/app",
            "https://github\u{ff0e}example/team/app",
            "https://github.example\t.evil.test/team/app",
            "github.example::team/app",
            "https://github.example../team/app",
            "",
        ] {
            assert!(!matches("github.example/team/*", url), "{url}");
        }
    }

    #[test]
    fn stars_stay_in_their_component() {
        assert!(!matches("github.example/*", "https://github.example/team/app"));
        assert!(matches("github.example/**", "https://github.example/team/app"));
        assert!(matches("*/team/*", "https://any.example/team/app"));
        assert!(matches("*.example/**/app", "https://git.example/a/b/app"));
        assert_eq!(RemotePattern::new("github.example"), Err(RemoteError::NoPath));
        assert!(RemotePattern::new("*hub.example/x").is_err());
    }
}
