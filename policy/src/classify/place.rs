//! Where a path lies, as far as its words tell. Never looks at a disk.

use super::set::{DESTROY, HOME, NOTHING, OPAQUE, SECRET, SYSTEM, Set, VCS, WORK};
use super::word::Word;

/// Where something is written, the least strict first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Into nothing that lasts, such as `/dev/null`.
    Nowhere,
    /// Below the working directory, or in a temporary one.
    Workspace,
    /// Below the home directory.
    Home,
    /// Anywhere else.
    System,
    /// To a device.
    Device,
    /// Where the shell opens a connection instead of a file.
    Socket,
}

impl Place {
    /// Where a word leads that is taken as a path, for a process that is in `base`.
    #[must_use]
    pub(super) fn of(word: &Word, base: Self) -> Self {
        let Some(path) = word.text() else { return Self::System };
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
        if names.clone().any(|name| name == b"..") {
            return Self::System;
        }
        if path.starts_with(b"/") {
            return Self::of_absolute(names.next(), names.next());
        }
        match names.next() {
            Some(b"~") => Self::Home,
            Some(first) if first.starts_with(b"~") => Self::System,
            Some(b"-") if path == b"-" => Self::Nowhere,
            Some(_) | None => base,
        }
    }

    fn of_absolute(first: Option<&[u8]>, second: Option<&[u8]>) -> Self {
        match (first, second) {
            (Some(b"tmp"), _) | (Some(b"var"), Some(b"tmp")) | (Some(b"dev"), Some(b"shm")) => Self::Workspace,
            (
                Some(b"dev"),
                Some(
                    b"null" | b"zero" | b"full" | b"tty" | b"stdin" | b"stdout" | b"stderr" | b"fd" | b"random"
                    | b"urandom",
                ),
            ) => Self::Nowhere,
            (Some(b"dev"), Some(b"tcp" | b"udp")) => Self::Socket,
            (Some(b"dev"), Some(_)) => Self::Device,
            (Some(_) | None, _) => Self::System,
        }
    }

    /// What writing there is.
    #[must_use]
    pub(super) fn class(self) -> Set {
        match self {
            Self::Nowhere => NOTHING,
            Self::Workspace => WORK,
            Self::Home => HOME,
            Self::System => SYSTEM,
            Self::Device => SYSTEM.and(DESTROY),
            Self::Socket => SYSTEM.and(OPAQUE),
        }
    }
}

/// What writing to this path is.
#[must_use]
pub(super) fn written(word: &Word, base: Place) -> Set {
    let repository = if components(word.start()).any(|name| name == b".git") { VCS } else { NOTHING };
    Place::of(word, base).class().and(repository)
}

/// `credential` when the word names a file that is known to hold some.
#[must_use]
pub(super) fn secrets(word: &Word) -> Set {
    if components(word.start()).any(holds_credentials) { SECRET } else { NOTHING }
}

fn components(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'/' | b'=' | b':' | b'@'))
}

fn holds_credentials(name: &[u8]) -> bool {
    matches!(
        name,
        b".ssh"
            | b".gnupg"
            | b".aws"
            | b".azure"
            | b".kube"
            | b".netrc"
            | b".pgpass"
            | b".my.cnf"
            | b".npmrc"
            | b".pypirc"
            | b".git-credentials"
            | b".password-store"
            | b".vault-token"
            | b"gcloud"
            | b"keyrings"
            | b"shadow"
            | b"gshadow"
            | b"sudoers"
            | b"sudoers.d"
            | b"id_rsa"
            | b"id_dsa"
            | b"id_ecdsa"
            | b"id_ed25519"
            | b"authorized_keys"
            | b"credentials.json"
            | b"credentials.toml"
            | b"environ"
    )
}
