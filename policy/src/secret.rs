//! A secret before it has a value: its name, where the value is kept, how the command gets it and with what it may go.
//!
//! Nothing here ever holds a value. A reference to one (`keyring:npm/publish`) is no secret and may be shown.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::egress::EgressEntry;
use crate::environment::is_loader_variable;
use crate::grants::Place;
use crate::path::AbsPath;
use crate::request::AskedSecret;
use crate::text::Text;
use crate::units;

/// How long a program that gives out a secret may take when nobody says otherwise: a person may have to unlock something.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The longest of these times that may be written.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(600);
/// The first descriptor that a secret is delivered by; shells name one digit.
pub const FIRST_DESCRIPTOR: u32 = 3;
/// The most secrets that are delivered by descriptor.
pub const MOST_DESCRIPTORS: u32 = 7;
/// Where the identity for `age:` is, unless the profile says otherwise.
const AGE_IDENTITY: &str = "~/.config/age/keys.txt";

/// One secret that a run is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretGrant {
    /// Its name, which is also the variable through which the command finds it.
    pub name: Text,
    /// Where the value is kept.
    pub source: Source,
    /// How the command gets it.
    pub deliver: Delivery,
    /// With which program and ways out it may go; with any when absent.
    pub only_with: Option<Coupling>,
    /// How it is treated in what the command prints.
    pub masking: Masking,
    /// How long a program that gives it out may take.
    #[serde(serialize_with = "shown_duration")]
    pub timeout: Duration,
}

/// Where a value is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A variable of the caller's environment.
    Env(Text),
    /// A file.
    File(Place),
    /// What a program prints, by its argument vector; the first element is an absolute path.
    Command(Vec<Text>),
    /// The desktop's keyring, by service and user name.
    Keyring {
        /// The service.
        service: String,
        /// The user name.
        username: String,
    },
    /// A file that is encrypted with age.
    Age {
        /// The encrypted file.
        file: Place,
        /// The identity that opens it.
        identity: Place,
    },
    /// 1Password, by reference without `op://`.
    OnePassword(String),
    /// HashiCorp Vault's key-value store.
    Vault {
        /// The path of the entry.
        path: String,
        /// The field in it.
        field: String,
    },
    /// The first line of an entry of the password store.
    Pass(String),
}

/// How a command gets a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// In the variable itself.
    #[default]
    Env,
    /// In a private file, mode 0400; the variable holds its path.
    File,
    /// From a pipe that can be read once; the variable holds its descriptor's number.
    Fd,
}

/// How a value is treated in what the command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Masking {
    /// Every form of it is masked. A value under eight bytes is refused.
    Masked,
    /// The same, and a value of four to seven bytes is taken.
    MaskedShort,
    /// It is not masked.
    Unmasked,
}

/// What a secret may go with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coupling {
    /// The program that is started.
    pub program: Option<AbsPath>,
    /// SHA-256 of its content, lower-case hex.
    pub sha256: Option<String>,
    /// The most that the run may reach.
    #[serde(serialize_with = "shown_egress")]
    pub egress: Option<Vec<EgressEntry>>,
}

/// Why a text names no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// It begins like none.
    #[error("`{0}` is no source of a secret")]
    Unknown(String),
    /// A program would have to be run for it.
    #[error("`{0}` is taken only from a profile: a program gives that secret out")]
    NotOnTheSpot(String),
    /// Not the name of a variable that is free for it.
    #[error("a secret cannot be called `{0}`")]
    Name(String),
    /// What follows is not what this kind of source needs.
    #[error("`{text}` is no source of a secret: {why}")]
    Wrong {
        /// What was written.
        text: String,
        /// What is missing or wrong.
        why: &'static str,
    },
}

impl SourceError {
    /// What may be written.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotOnTheSpot(_) => {
                "declare it under `[secrets.NAME]` in a profile of yours or of the machine, and name it with `--secret NAME`"
            }
            Self::Name(_) => {
                "a name has letters, digits and `_`, and is no variable that means something to every program"
            }
            Self::Unknown(_) | Self::Wrong { .. } => SOURCES,
        }
    }
}

/// What may be written.
const SOURCES: &str = "the sources are `env:NAME`, `file:/path`, `cmd:/path`, `keyring:SERVICE/USER`, `age:/path`, \
         `op://VAULT/ITEM/FIELD`, `vault:PATH#FIELD` and `pass:ENTRY`";

impl SecretGrant {
    /// One that is named on the spot.
    pub(crate) fn on_the_spot(asked: &AskedSecret) -> Self {
        Self {
            name: asked.name.clone(),
            source: asked.source.clone(),
            deliver: asked.deliver,
            only_with: None,
            masking: Masking::Masked,
            timeout: PATIENCE,
        }
    }
}

impl AskedSecret {
    /// A secret that is named on the spot.
    ///
    /// # Errors
    /// It cannot be called so, the source is none, or one that only a profile may name.
    pub fn parse(name: &str, source: &str, deliver: Delivery) -> Result<Self, SourceError> {
        let free = |name: &Text| !is_reserved(name) && !is_loader_variable(name);
        let name =
            variable_name(name).filter(free).ok_or_else(|| SourceError::Name(name.escape_debug().to_string()))?;
        let source = Source::parse(source)?;
        if !source.is_on_the_spot() {
            return Err(SourceError::NotOnTheSpot(source.to_string()));
        }
        Ok(Self { name, source, deliver })
    }
}

impl Source {
    /// Parses a source as a profile and `--secret` write it.
    ///
    /// # Errors
    /// It is none, or one that a program could take for an option.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let wrong = |why| SourceError::Wrong { text: text.to_owned(), why };
        if text.chars().any(char::is_control) {
            return Err(SourceError::Wrong {
                text: text.escape_default().to_string(),
                why: "it holds a control character",
            });
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| SourceError::Unknown(text.to_owned()))?;
        let place = || Place::new(rest).map_err(|_| wrong("a path is absolute or begins with `~/`"));
        match kind {
            "env" => {
                let name = variable_name(rest).ok_or_else(|| wrong("a variable has letters, digits and `_`"))?;
                Ok(Self::Env(name))
            }
            "file" => place().map(Self::File),
            "cmd" => {
                let path = AbsPath::new(rest).map_err(|_| wrong("a program is an absolute path"))?;
                Ok(Self::Command(vec![
                    Text::new(path.as_bytes()).ok_or_else(|| wrong("a program is an absolute path"))?,
                ]))
            }
            "keyring" => {
                let (service, username) = rest.rsplit_once('/').ok_or_else(|| wrong("write `keyring:SERVICE/USER`"))?;
                match (word(service), word(username)) {
                    (Some(service), Some(username)) => Ok(Self::Keyring { service, username }),
                    (None, _) | (_, None) => Err(wrong("write `keyring:SERVICE/USER`, neither beginning with `-`")),
                }
            }
            "age" => Ok(Self::Age {
                file: place()?,
                identity: Self::default_identity().ok_or_else(|| wrong("there is no identity"))?,
            }),
            "op" => {
                let reference = rest.strip_prefix("//").ok_or_else(|| wrong("write `op://VAULT/ITEM/FIELD`"))?;
                let parts: Vec<&str> = reference.split('/').collect();
                match parts.as_slice() {
                    [_, _, _] | [_, _, _, _] if parts.iter().all(|part| !part.is_empty()) => {
                        Ok(Self::OnePassword(reference.to_owned()))
                    }
                    _ => Err(wrong("write `op://VAULT/ITEM/FIELD`")),
                }
            }
            "vault" => match rest.split_once('#') {
                Some((path, field)) => match (word(path), word(field)) {
                    (Some(path), Some(field)) => Ok(Self::Vault { path, field }),
                    (None, _) | (_, None) => Err(wrong("write `vault:PATH#FIELD`, neither beginning with `-`")),
                },
                None => Err(wrong("write `vault:PATH#FIELD`")),
            },
            "pass" => match word(rest) {
                Some(entry) if !entry.split('/').any(|part| matches!(part, "" | "." | "..")) => Ok(Self::Pass(entry)),
                Some(_) | None => Err(wrong("write `pass:ENTRY`, as `pass show` takes it")),
            },
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }

    /// The identity for `age:` where nobody says otherwise.
    fn default_identity() -> Option<Place> {
        Place::new(AGE_IDENTITY).ok()
    }

    /// True for what `--secret` may name on the spot: what the caller holds already, without a program of someone's.
    #[must_use]
    pub fn is_on_the_spot(&self) -> bool {
        match self {
            Self::Env(_) | Self::File(_) => true,
            Self::Command(_)
            | Self::Keyring { .. }
            | Self::Age { .. }
            | Self::OnePassword(_)
            | Self::Vault { .. }
            | Self::Pass(_) => false,
        }
    }
}

/// What a tool's own command line takes as one word that is no option.
fn word(text: &str) -> Option<String> {
    (!text.is_empty() && !text.starts_with('-')).then(|| text.to_owned())
}

/// True for a variable that means something to every program.
#[must_use]
pub fn is_reserved(name: &Text) -> bool {
    matches!(name.as_bytes(), b"HOME" | b"LOGNAME" | b"PATH" | b"PWD" | b"SHELL" | b"TERM" | b"TMPDIR" | b"USER")
}

/// A variable's name: letters, digits and `_`, not beginning with a digit.
#[must_use]
pub fn variable_name(name: &str) -> Option<Text> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty() && name.len() <= 255 && starts_well && name.chars().all(is_plain)).then(|| Text::from(name))
}

/// The reference as it is written.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(place) => write!(f, "file:{place}"),
            Self::Command(argv) => {
                f.write_str("cmd:")?;
                for (index, argument) in argv.iter().enumerate() {
                    write!(f, "{}{argument}", if index == 0 { "" } else { " " })?;
                }
                Ok(())
            }
            Self::Keyring { service, username } => write!(f, "keyring:{service}/{username}"),
            Self::Age { file, identity } => {
                write!(f, "age:{file}")?;
                if Self::default_identity().as_ref() == Some(identity) { Ok(()) } else { write!(f, " by {identity}") }
            }
            Self::OnePassword(reference) => write!(f, "op://{reference}"),
            Self::Vault { path, field } => write!(f, "vault:{path}#{field}"),
            Self::Pass(entry) => write!(f, "pass:{entry}"),
        }
    }
}

fn shown_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&units::show_duration(*duration))
}

fn shown_egress<S: Serializer>(egress: &Option<Vec<EgressEntry>>, serializer: S) -> Result<S::Ok, S::Error> {
    let words: Option<Vec<String>> = egress.as_ref().map(|entries| entries.iter().map(ToString::to_string).collect());
    words.serialize(serializer)
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_as_it_is_written() {
        for text in [
            "env:GITHUB_TOKEN",
            "file:/etc/keys/deploy",
            "file:~/.keys/deploy",
            "cmd:/usr/local/bin/token",
            "keyring:npm/publish",
            "keyring:https://npm.example/team/ann",
            "age:~/secrets/npm.age",
            "op://private/npm/token",
            "op://private/npm/section/token",
            "vault:secret/npm#token",
            "pass:work/npm",
        ] {
            assert_eq!(Source::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_a_tool_could_take_for_an_option_or_a_way_up_is_no_source() {
        for text in [
            "",
            "GITHUB_TOKEN",
            "env:",
            "env:1X",
            "env:A-B",
            "file:relative",
            "file:../up",
            "cmd:sh -c id",
            "cmd:",
            "keyring:npm",
            "keyring:/publish",
            "keyring:npm/",
            "keyring:--all/x",
            "age:x.age",
            "op:private/npm/token",
            "op://private/npm",
            "op://private//token",
            "op://a/b/c/d/e",
            "vault:secret/npm",
            "vault:-x#y",
            "vault:secret#-y",
            "pass:",
            "pass:-c",
            "pass:../x",
            "pass:a//b",
            "env:A\n",
            "bitwarden:x",
        ] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_the_caller_holds_is_named_on_the_spot() {
        let is_on_the_spot = |text| Source::parse(text).unwrap().is_on_the_spot();
        assert!(is_on_the_spot("env:A") && is_on_the_spot("file:/a"));
        for text in ["cmd:/bin/a", "keyring:a/b", "age:/a", "op://a/b/c", "vault:a#b", "pass:a"] {
            assert!(!is_on_the_spot(text), "{text}");
        }
    }
}
