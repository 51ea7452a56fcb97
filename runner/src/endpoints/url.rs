//! A small, strict reading of the URLs in tools' configuration. Keeps no user name, password, query or fragment: those may
//! be credentials, and neither a plan nor a message ever shows them.

use std::fmt;
use std::net::IpAddr;

use opaque_policy::egress::Opening;
use opaque_policy::host_name::HostName;

/// A URL that names a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Before `://`, with what cargo puts before the scheme (`sparse+`).
    scheme: String,
    host: Host,
    port: Option<u16>,
    path: String,
    had_user: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Name(HostName),
    Address(IpAddr),
}

/// What a text in a tool's configuration leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// To a host.
    Url(Url),
    /// To a file of this machine.
    File,
}

/// The text is no URL that is understood. It is not repeated: it may hold a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoUrl;

/// Schemes with their port and what is spoken there.
const SCHEMES: [(&str, u16, &str); 5] =
    [("https", 443, "tls"), ("http", 80, "http"), ("ssh", 22, "tcp"), ("git+ssh", 22, "tcp"), ("git", 9418, "tcp")];

/// The longest URL.
const LONGEST: usize = 2048;

impl Url {
    /// Reads `scheme://[user@]host[:port][/path]`; `file://` and paths lead to a file.
    pub(super) fn parse(text: &str) -> Result<Leads, NoUrl> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"'`<>^{|}".contains(&byte);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_plain) {
            return Err(NoUrl);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.starts_with(['/', '.']) { Ok(Leads::File) } else { Err(NoUrl) };
        };
        let scheme = scheme.to_ascii_lowercase();
        let plain = scheme.strip_prefix("sparse+").unwrap_or(&scheme);
        if plain == "file" {
            return Ok(Leads::File);
        }
        if !SCHEMES.iter().any(|(known, _, _)| *known == plain) {
            return Err(NoUrl);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(NoUrl)?;
        // A password with a bare `/`, `?` or `#` in it would end up behind the host; `/@scope` is how npm names things.
        if path.replace("/@", "/").contains('@') {
            return Err(NoUrl);
        }
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        // The last `@`, as a password may hold one.
        let (had_user, place) = authority.rsplit_once('@').map_or((false, authority), |(_, place)| (true, place));
        let (host, port) = place_of(place)?;
        Ok(Leads::Url(Self { scheme, host, port, path, had_user }))
    }

    /// The same, and `[user@]host:path` as git and ssh know it; anything else is a file.
    pub(super) fn of_remote(text: &str) -> Result<Leads, NoUrl> {
        if text.contains("://") {
            return Self::parse(text);
        }
        // A path with a colon behind a slash is a path.
        let Some((place, _)) = text.split_once(':').filter(|(place, _)| !place.contains('/')) else {
            return Ok(Leads::File);
        };
        let (had_user, host) = place.rsplit_once('@').map_or((false, place), |(_, host)| (true, host));
        let (host, port) = place_of(host)?;
        Ok(Leads::Url(Self { scheme: "ssh".to_owned(), host, port, path: String::new(), had_user }))
    }

    /// The way out that leads there; `None` for an address that nothing inside ever reaches.
    pub(super) fn opening(&self) -> Option<Opening> {
        let plain = self.scheme.strip_prefix("sparse+").unwrap_or(&self.scheme);
        let (_, usual, protocol) = SCHEMES.iter().find(|(known, _, _)| *known == plain)?;
        Opening::parse(&format!("{}:{}/{protocol}", self.host, self.port.unwrap_or(*usual))).ok()
    }

    /// `127.0.0.1:PORT` when it leads to the machine's own loopback, which the sandbox has one of its own of.
    pub(super) fn loopback(&self) -> Option<String> {
        let port = self.opening()?.port;
        match &self.host {
            Host::Name(name) if name.as_str() == "localhost" || name.as_str().ends_with(".localhost") => {
                Some(format!("127.0.0.1:{port}"))
            }
            Host::Address(address) if address.is_loopback() => Some(format!("{}:{port}", self.host)),
            Host::Name(_) | Host::Address(_) => None,
        }
    }

    /// The host alone.
    pub(super) fn host(&self) -> String {
        self.host.to_string()
    }

    /// True when a user name or password stood in it.
    pub(super) fn had_user(&self) -> bool {
        self.had_user
    }
}

fn place_of(text: &str) -> Result<(Host, Option<u16>), NoUrl> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']').ok_or(NoUrl)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| NoUrl)?;
            (Host::Address(IpAddr::V6(address)), port)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let (host, port) = text.split_at_checked(end).ok_or(NoUrl)?;
            let address = host.parse().map(|address| Host::Address(IpAddr::V4(address)));
            (address.or_else(|_| HostName::new(host.as_bytes()).map(Host::Name)).map_err(|_| NoUrl)?, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some("") => Ok((host, None)),
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port: u16 = digits.parse().map_err(|_| NoUrl)?;
            if port == 0 { Err(NoUrl) } else { Ok((host, Some(port))) }
        }
        None | Some(_) => Err(NoUrl),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
        }
    }
}

/// The URL without what may be a credential.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        match Url::of_remote(text) {
            Ok(Leads::Url(url)) => url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_url_opens_its_host_at_its_port() {
        for (text, opening) in [
            ("https://npm.example.test", "npm.example.test:443/tls"),
            ("HTTPS://NPM.Example.Test:8443/x", "npm.example.test:8443/tls"),
            ("http://npm.example.test/", "npm.example.test:80/http"),
            ("http://npm.example.test:4873/", "npm.example.test:4873/http"),
            ("sparse+https://cargo.example.test/index/", "cargo.example.test:443/tls"),
            ("ssh://git@git.example.test/a", "git.example.test:22/tcp"),
            ("ssh://git.example.test:2222/a", "git.example.test:2222/tcp"),
            ("git@git.example.test:a/b.git", "git.example.test:22/tcp"),
            ("git.example.test:a/b.git", "git.example.test:22/tcp"),
            ("git://git.example.test/a", "git.example.test:9418/tcp"),
            ("https://10.1.2.3/simple", "10.1.2.3:443/tls"),
            ("https://[2001:db8::1]:444/simple", "[2001:db8::1]:444/tls"),
        ] {
            let text_of = |url: Url| url.opening().map(|opening| opening.to_string());
            assert_eq!(text_of(url(text)).as_deref(), Some(opening.replace("/32", "").as_str()), "{text}");
        }
        assert_eq!(url("http://169.254.169.254/latest").opening(), None);
    }

    #[test]
    fn what_may_be_a_credential_is_gone() {
        for (text, shown) in [
            ("https://ann:s3cret@npm.example.test/a", "https://npm.example.test/a"),
            ("https://s3cret@npm.example.test:1/a", "https://npm.example.test:1/a"),
            ("https://ann:p@s3cret@npm.example.test", "https://npm.example.test"),
            ("https://npm.example.test/a?token=s3cret#s3cret", "https://npm.example.test/a"),
            ("https://npm.example.test?s3cret", "https://npm.example.test"),
        ] {
            assert_eq!(url(text).to_string(), shown);
        }
        assert!(!format!("{:?}", url("https://s3cret@npm.example.test")).contains("s3cret"));
    }

    proptest! {
        // `a/SECRET/@host` cannot be told from the path of an npm scope: the last character is no slash.
        #[test]
        fn no_user_or_password_of_any_spelling_is_shown(before in "[!-~]{0,8}", after in "([!-~]{0,7}[!-.0-~])?") {
            for scheme in ["https", "sparse+https", "ssh"] {
                let text = format!("{scheme}://{before}S3CRET{after}@npm.example.test/@team/x");
                if let Ok(Leads::Url(url)) = Url::of_remote(&text) {
                    prop_assert!(!url.to_string().contains("S3CRET"), "{text}: {url}");
                    prop_assert!(!format!("{url:?}").contains("S3CRET"), "{text}: {url:?}");
                }
            }
        }
    }

    #[test]
    fn the_machines_own_loopback_is_told_apart() {
        assert_eq!(url("http://localhost:4873/").loopback().as_deref(), Some("127.0.0.1:4873"));
        assert_eq!(url("http://127.0.0.2/").loopback().as_deref(), Some("127.0.0.2:80"));
        assert_eq!(url("http://[::1]:9/").loopback().as_deref(), Some("[::1]:9"));
        assert_eq!(url("http://npm.example.test/").loopback(), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "x",
            "ftp://a.test",
            "https://",
            "https://a b.test",
            "https://a.test:0",
            "https://a.test:x",
            "https://a.test:99999",
            "https://${HOST}/",
            "https://a.test\\@b.test/",
            "https://[::1",
            "https://0x7f.1/",
            "https://a.test\n",
            "https://b\u{fc}cher.test",
            "javascript:x",
            "https://to/ken@a.test/",
            "https://to?ken@a.test/",
            "https:a.test",
            "https://@/",
        ] {
            assert_eq!(Url::parse(text), Err(NoUrl), "{text}");
        }
        for text in ["file:///a", "/srv/git", "./a", "../a"] {
            assert_eq!(Url::parse(text), Ok(Leads::File), "{text}");
            assert_eq!(Url::of_remote(text), Ok(Leads::File), "{text}");
        }
        assert_eq!(Url::of_remote("a/b:c"), Ok(Leads::File));
    }
}
