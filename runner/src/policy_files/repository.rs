//! What a workspace's `.opaque.toml` asks for, as far as that can be told without understanding it.
//! INVARIANT: a doubtful line counts as [`Asks::More`].

/// What the file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing but its version.
    Nothing,
    /// Grants, which it is not trusted with.
    Request,
    /// Rules, or something that nobody understands.
    More,
}

/// Looks at the beginning of each line: in TOML every table header stands at one.
pub(super) fn asks(text: &[u8]) -> Asks {
    let Ok(text) = std::str::from_utf8(text) else {
        return Asks::More;
    };
    let mut asks = Asks::Nothing;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            if !is_request(line) {
                return Asks::More;
            }
            asks = Asks::Request;
        } else if asks == Asks::Nothing && !is_version(line) {
            return Asks::More;
        }
    }
    asks
}

fn is_request(header: &str) -> bool {
    let header = header.split('#').next().unwrap_or_default().trim_end();
    header == "[request]" || (header.starts_with("[request.") && header.ends_with(']'))
}

fn is_version(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default();
    line.split_once('=').is_some_and(|(key, value)| key.trim() == "version" && value.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_harmless_is_not_more() {
        assert_eq!(asks(b""), Asks::Nothing);
        assert_eq!(asks(b"# c\nversion = 1 # v\n\n"), Asks::Nothing);
        assert_eq!(asks(b"version = 1\n[request]\nprofile = \"npm\"\n[request.limits]\npids = 5\n"), Asks::Request);
        assert_eq!(asks(b"[[rules]]\naction = \"deny\"\n"), Asks::More);
        assert_eq!(asks(b"[request]\nprofile = \"npm\"\n  [[rules]]\n"), Asks::More);
        assert_eq!(asks(b"rules = [{ action = \"deny\" }]\n"), Asks::More);
        assert_eq!(asks(b"version = 2\n"), Asks::More);
        assert_eq!(asks(b"\xff"), Asks::More);
    }
}
