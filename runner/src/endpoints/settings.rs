//! What the person has set: files outside the workspace that only root and the person can write, and, in a direct run,
//! the caller's environment. Understands no tool.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use opaque_policy::facts::Resolved;
use opaque_policy::grants::{Grants, Visibility};
use opaque_policy::path::AbsPath;
use opaque_policy::request::Inode;
use opaque_policy::text::Text;

use super::url::{Leads, Url};
use crate::invocation::describe;
use crate::policy_files::error::PolicyFileError;
use crate::policy_files::walk::Walk;

/// Longest configuration file.
const LONGEST: usize = 1 << 20;

/// Directories that every sandbox with the system shows whole.
const SHOWN: [&str; 5] = ["/usr", "/opt", "/etc/ssl/certs", "/etc/pki/ca-trust", "/etc/pki/tls/certs"];

/// Where the person's settings are found.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    /// Where `/` is.
    pub(super) root: BorrowedFd<'a>,
    /// The person.
    pub(super) uid: u32,
    /// The person's home.
    pub(super) home: &'a AbsPath,
    /// The caller's environment; `None` when the caller is not the person.
    pub(super) environment: Option<&'a BTreeMap<Text, Text>>,
    /// The workspace: nothing in it is the person's word.
    pub(super) workspace: Option<Inode>,
    /// What the run is granted.
    pub(super) grants: &'a Grants,
}

/// A setting cannot be used: why, and what to do. Never holds a value, which may be a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) why: String,
    pub(super) hint: String,
}

/// Something that a person has set, and where.
#[derive(Clone)]
pub(super) struct Setting {
    /// The name of the setting, as messages show it.
    pub(super) name: String,
    /// Where it is set, as messages show it.
    pub(super) place: String,
    /// Its value.
    pub(super) value: String,
}

impl<'a> Settings<'a> {
    /// A variable of the person's, when it says anything.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.environment?.get(&Text::from(name))?.as_str().filter(|value| !value.is_empty())
    }

    /// The same as a setting.
    pub(super) fn variable_setting(&self, name: &str) -> Option<Setting> {
        let value = self.variable(name)?.to_owned();
        Some(Setting { name: name.to_owned(), place: "the environment".to_owned(), value })
    }

    /// A variable that names a place by an absolute path.
    pub(super) fn variable_path(&self, name: &str) -> Option<AbsPath> {
        AbsPath::new(self.variable(name)?).ok()
    }

    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub(super) fn config_home(&self) -> AbsPath {
        self.variable_path("XDG_CONFIG_HOME").unwrap_or_else(|| self.in_home(".config"))
    }

    /// A path below the home.
    pub(super) fn in_home(&self, relative: &str) -> AbsPath {
        below(self.home, relative)
    }

    /// The text of a file; `None` when there is none.
    pub(super) fn file(&self, path: &AbsPath) -> Result<Option<String>, Unusable> {
        let walk = Walk { root: self.root, uid: self.uid, outside: self.workspace };
        let Some(bytes) = walk.file(path.as_bytes(), LONGEST).map_err(|error| distrusted(&error))? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| Unusable::at(&path.to_string(), "it is not UTF-8 text"))
    }

    /// Tells the tool inside where its certificates are, when they are there.
    pub(super) fn certificates(&self, resolved: &mut Resolved, variable: &str, path: &str) {
        let Some(path) = AbsPath::new(path).ok().filter(|_| !path.contains('\n')) else { return };
        let is_system = self.grants.system == Visibility::ReadOnly
            && SHOWN.iter().any(|shown| AbsPath::new(shown).is_ok_and(|shown| path.is_within(&shown)));
        let granted = self.grants.read.iter().chain(&self.grants.write);
        let is_granted =
            granted.filter_map(|grant| grant.place.resolve(self.home).ok()).any(|place| path.is_within(&place));
        match Text::new(path.as_bytes()) {
            Some(value) if is_system || is_granted => {
                resolved.env.insert(Text::from(variable), value);
            }
            Some(_) | None => resolved.notes.push(format!(
                "the certificates in `{path}`, which `{variable}` would name, do not exist inside: show them with `--read {path}`"
            )),
        }
    }
}

impl Setting {
    /// What the setting leads to.
    pub(super) fn url(&self) -> Result<Leads, Unusable> {
        Url::parse(&self.value)
            .map_err(|_| Unusable::at(&self.place, &format!("`{}` is set to something that is not a URL", self.name)))
    }

    /// Opens the host that the setting leads to and answers the URL without credentials; `None` for a file of this machine.
    pub(super) fn open(&self, resolved: &mut Resolved) -> Result<Option<String>, Unusable> {
        let Leads::Url(url) = self.url()? else { return Ok(None) };
        open(&url, resolved).map_err(|why| Unusable::at(&self.place, &format!("`{}` {why}", self.name)))?;
        Ok(Some(url.to_string()))
    }
}

/// Opens the host of a URL; the machine's own loopback takes another flag.
pub(super) fn open(url: &Url, resolved: &mut Resolved) -> Result<(), &'static str> {
    let opening = url.opening().ok_or("names an address that nothing inside ever reaches")?;
    if let Some(address) = url.loopback() {
        let note = format!("`{url}` is on this machine's own loopback: reach it with `--loopback {address}`");
        resolved.notes.push(note);
    } else if !resolved.openings.contains(&opening) {
        resolved.openings.push(opening);
    }
    Ok(())
}

impl Unusable {
    pub(super) fn at(place: &str, why: &str) -> Self {
        Self { why: format!("{place}: {why}"), hint: format!("correct {place}") }
    }
}

/// A path below a directory; one that has become too long does not exist.
pub(super) fn below(directory: &AbsPath, relative: &str) -> AbsPath {
    directory.join(relative).unwrap_or_else(|_| directory.clone())
}

fn distrusted(error: &PolicyFileError) -> Unusable {
    let (why, hint) = match error {
        PolicyFileError::Writable { path } => {
            (format!("`{path}` can be written by others"), Some(format!("chmod go-w {path}")))
        }
        PolicyFileError::Owner { path, owner } => {
            (format!("`{path}` belongs to uid {owner}"), Some(format!("chown $(id -u) {path}")))
        }
        other @ (PolicyFileError::Missing { .. }
        | PolicyFileError::Both { .. }
        | PolicyFileError::Type { .. }
        | PolicyFileError::Workspace { .. }
        | PolicyFileError::Open { .. }) => (describe(other), other.hint()),
    };
    Unusable { why, hint: hint.unwrap_or_else(|| "make it readable, or move it away".to_owned()) }
}
