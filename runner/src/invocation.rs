//! What the command line means here: the only place that reads arguments, working directory and
//! environment, and turns them into a [`Request`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use opaque_policy::coding_agent::CodingAgent;
use opaque_policy::egress::{self, EgressEntry, EgressError};
use opaque_policy::fact::Fact;
use opaque_policy::facts::Account;
use opaque_policy::limits::{LimitRequest, Limits};
use opaque_policy::load::delivery;
use opaque_policy::network_grants::NetworkGrants;
use opaque_policy::path::{AbsPath, PathError};
use opaque_policy::principal::Principal;
use opaque_policy::request::{Asked, AskedSecret, AskedTier, AskedVariable, Command, Request};
use opaque_policy::secret::{Delivery, variable_name};
use opaque_policy::text::Text;

use crate::account;
use crate::flags::Flags;
use crate::outcome::{Class, Refusal};
use crate::program::error::Failure;
use crate::program::{self, Content, Opened, Search};
use crate::workspace::Cwd;

/// The caller's environment; names and values are bytes.
pub type Environment = BTreeMap<Text, Text>;

/// Reads the caller's environment. A variable without a usable name does not exist for us.
#[must_use]
pub fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((Text::new(name.into_vec())?, Text::new(value.into_vec())?)))
        .filter(|(name, _)| !name.as_bytes().is_empty() && !name.as_bytes().contains(&b'='))
        .collect()
}

/// The request and the descriptors by which its program was judged.
#[derive(Debug)]
pub struct Invocation {
    /// What is asked.
    pub request: Request,
    /// The opened program; held until the run has ended, so that its inode cannot be used again.
    pub opened: Opened,
}

/// Turns flags into a request.
///
/// # Errors
/// The command cannot be found or executed, or a flag makes no sense.
pub fn read(
    flags: &Flags,
    account: &Account,
    cwd: &Cwd,
    environment: &Environment,
    content: Content<'_>,
    coding_agents: &[CodingAgent],
) -> Result<Invocation, Refusal> {
    let argv = argv(flags)?;
    let Some(name) = argv.first() else { return Err(Refusal::cannot_build("no command was given")) };
    let path = environment.get(&Text::from("PATH")).map(Text::as_bytes);
    let opened = program::resolve(name, Search { path, cwd: &cwd.path, content }).map_err(|error| {
        let class = match error.failure() {
            Failure::NotFound => Class::NotFound,
            Failure::NotExecutable => Class::NotExecutable,
        };
        Refusal::new(class, describe(&error)).with_hint(error.hint())
    })?;
    let kind = account::client_kind(environment, coding_agents);
    let command = Command { program: opened.program.clone(), argv, cwd: cwd.path.clone(), classes: Fact::Unknown };
    let mut request = Request::to_run(Principal::new(account.uid, kind), command, asked(flags, cwd)?);
    request.operation.secrets = secret_names(&flags.secret)?;
    Ok(Invocation { request, opened })
}

/// An error with its causes on one line.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn argv(flags: &Flags) -> Result<Vec<Text>, Refusal> {
    flags
        .command
        .iter()
        .map(|argument| {
            Text::new(argument.as_bytes()).ok_or_else(|| Refusal::cannot_build("an argument holds a NUL byte"))
        })
        .collect()
}

fn asked(flags: &Flags, cwd: &Cwd) -> Result<Asked, Refusal> {
    let paths = |flag: &str, given: &[std::path::PathBuf]| {
        given.iter().map(|path| absolute(flag, path, &cwd.path)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Asked {
        profile: flags.profile.clone(),
        read: paths("--read", &flags.read)?,
        write: paths("--write", &flags.write)?,
        env: flags.env.iter().map(|given| variable(given)).collect::<Result<_, _>>()?,
        secrets: secrets(flags, &cwd.path)?,
        network: network(flags)?,
        limits: limits(flags)?,
        tier: tier(&flags.tier)?,
    })
}

/// A path of a flag, relative to the working directory; `..` is resolved by the file system, since
/// dropping it from the text would name another place where a link is on the way.
///
/// # Errors
/// The path makes no sense, or what `..` climbs from does not exist.
pub fn absolute(flag: &str, given: &Path, cwd: &AbsPath) -> Result<AbsPath, Refusal> {
    let wrong =
        |error: PathError| Refusal::cannot_build(format!("`{flag} {}` cannot be used: {error}", given.display()));
    let bytes = given.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Err(Refusal::cannot_build(format!("`{flag}` needs a path")));
    }
    let joined = if given.is_absolute() { AbsPath::new(bytes) } else { cwd.join(bytes) };
    match joined {
        Err(PathError::Climbs) => {
            let resolved = std::fs::canonicalize(cwd.as_path().join(given)).map_err(|error| {
                Refusal::cannot_build(format!("`{flag} {}` cannot be used: {error}", given.display()))
            })?;
            AbsPath::new(resolved.as_os_str().as_bytes()).map_err(wrong)
        }
        other => other.map_err(wrong),
    }
}

fn variable(given: &OsStr) -> Result<AskedVariable, Refusal> {
    let bytes = given.as_bytes();
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..)),
        None => (bytes, None),
    };
    let shown = given.display();
    let text = |bytes: &[u8]| {
        Text::new(bytes).ok_or_else(|| Refusal::cannot_build(format!("`--env {shown}` holds a NUL byte")))
    };
    if name.is_empty() {
        return Err(Refusal::cannot_build(format!("`--env {shown}` names no variable")));
    }
    Ok(AskedVariable { name: text(name)?, value: value.map(text).transpose()? })
}

/// The names of all secrets that are asked for, each once.
///
/// # Errors
/// One is no name, or stands twice.
pub fn secret_names(given: &[String]) -> Result<Vec<String>, Refusal> {
    let mut names: Vec<String> = Vec::new();
    for text in given {
        let (name, _) = text.split_once('=').unwrap_or((text, ""));
        if variable_name(name).is_none() {
            return Err(Refusal::cannot_build(format!("`--secret {}` names no secret", text.escape_debug()))
                .hint("write `--secret NAME`, or `--secret NAME=env:VARIABLE`; a name has letters, digits and `_`"));
        }
        if names.iter().any(|known| known == name) {
            return Err(
                Refusal::cannot_build(format!("the secret `{name}` is asked for twice")).hint("name each secret once")
            );
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// The secrets that are named on the spot, a relative file from the working directory.
fn secrets(flags: &Flags, cwd: &AbsPath) -> Result<Vec<AskedSecret>, Refusal> {
    let on_the_spot = || flags.secret.iter().filter_map(|text| text.split_once('='));
    let deliver = match flags.deliver.as_deref() {
        None => Delivery::Env,
        Some(_) if on_the_spot().next().is_none() => {
            return Err(Refusal::cannot_build("`--deliver` is for secrets whose source is named on the spot")
                .hint("a profile says `deliver` for the secrets that it declares"));
        }
        Some(word) => delivery(word).ok_or_else(|| {
            Refusal::cannot_build(format!("`--deliver {}` cannot be used", word.escape_debug()))
                .hint("write env, file or fd")
        })?,
    };
    let parse = |(name, source): (&str, &str)| {
        let absolute = match source.strip_prefix("file:").map(Path::new) {
            Some(path) if !path.has_root() && !path.starts_with("~") => {
                let path = absolute("--secret", path, cwd)?;
                let text = std::str::from_utf8(path.as_bytes())
                    .map_err(|_| Refusal::cannot_build(format!("the path of the secret `{name}` is not UTF-8 text")))?;
                Some(format!("file:{text}"))
            }
            Some(_) | None => None,
        };
        AskedSecret::parse(name, absolute.as_deref().unwrap_or(source), deliver).map_err(|error| {
            Refusal::cannot_build(format!("the secret `{name}` cannot be given: {error}")).hint(error.hint())
        })
    };
    on_the_spot().map(parse).collect()
}

fn network(flags: &Flags) -> Result<NetworkGrants, Refusal> {
    Ok(NetworkGrants {
        egress: each("--allow-net", &flags.allow_net, EgressEntry::parse)?,
        loopback: each("--loopback", &flags.loopback, egress::parse_loopback)?,
        publish: each("--publish", &flags.publish, egress::parse_publish)?,
    })
}

fn each<T>(flag: &str, given: &[String], parse: impl Fn(&str) -> Result<T, EgressError>) -> Result<Vec<T>, Refusal> {
    let wrong = |text: &str, error: EgressError| {
        Refusal::cannot_build(format!("`{flag} {text}` cannot be used: {error}")).hint(error.hint())
    };
    given.iter().map(|text| parse(text).map_err(|error| wrong(text, error))).collect()
}

fn limits(flags: &Flags) -> Result<LimitRequest, Refusal> {
    let mut limits = Limits::default();
    let timeout = flags.timeout.as_ref().map(|text| ("wall", text.as_str(), format!("--timeout {text}")));
    let named = flags.limit.iter().map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name, value, format!("--limit {text}"))
    });
    for (name, value, flag) in named.chain(timeout) {
        limits
            .set(name, value, true)
            .map_err(|error| Refusal::cannot_build(format!("`{flag}` cannot be used: {error}")).hint(error.hint()))?;
    }
    Ok(limits)
}

fn tier(text: &str) -> Result<AskedTier, Refusal> {
    match text {
        "auto" => Ok(AskedTier::Auto),
        "namespaces" => Ok(AskedTier::Namespaces),
        other => Err(Refusal::cannot_build(format!("`--tier {other}` is not a tier of this version"))
            .hint("the tiers are `auto` and `namespaces`")),
    }
}
