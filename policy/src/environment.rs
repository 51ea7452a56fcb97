//! The environment inside: cleared, then exact names, each value checked.
//!
//! Nothing comes from the caller but the names that the grants pass, `PATH` reduced to directories that exist
//! inside, and the variables that say where a shown toolchain is. The sandbox sets no variable of its own
//! that would tell a program that it is confined.

use std::collections::BTreeMap;

use crate::path::AbsPath;
use crate::plan::Variable;
use crate::text::Text;

/// The `PATH` of a caller that has none that exists inside.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The longest value that is passed, in bytes.
const LONGEST_VALUE: usize = 32 * 1024;

/// Names whose values make a loader, shell, resolver or interpreter load or run something. They come only from a profile's `set`.
const LOADERS: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "CLASSPATH",
    "ENV",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LOCALDOMAIN",
    "LOCPATH",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONBREAKPOINT",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "SHELLOPTS",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of such names.
const LOADER_PREFIXES: &[&str] = &["BASH_FUNC_", "DYLD_", "GIT_", "LD_"];

/// What the environment is made of.
pub(crate) struct Sources<'a> {
    /// The caller's environment.
    pub caller: &'a BTreeMap<Text, Text>,
    /// Names that are passed.
    pub pass: &'a [Text],
    /// Names of toolchain variables whose directories are shown.
    pub toolchains: &'a [&'static str],
    /// Variables that the grants set; they win over everything else.
    pub set: &'a BTreeMap<Text, Text>,
    /// Home directory inside.
    pub home: &'a AbsPath,
    /// Login name inside.
    pub user: &'a str,
    /// The directories of `PATH`, in order, that exist inside.
    pub path: Vec<AbsPath>,
}

/// The whole environment, sorted by name, and what the person should know about it.
pub(crate) fn environment(sources: &Sources<'_>) -> (Vec<Variable>, Vec<String>) {
    let mut notes = Vec::new();
    let mut variables: BTreeMap<Text, Text> = BTreeMap::new();
    let toolchains = sources.toolchains.iter().map(|name| Text::from(*name));
    for name in sources.pass.iter().cloned().chain(toolchains) {
        let Some(value) = sources.caller.get(&name) else { continue };
        match checked(&name, value) {
            Ok(value) => {
                variables.insert(name, value);
            }
            Err(reason) => notes.push(format!("variable `{name}` is not passed: {reason}")),
        }
    }
    let home = bytes(sources.home.as_bytes().to_vec());
    for (name, value) in [
        ("HOME", home),
        ("LOGNAME", Text::from(sources.user)),
        ("PATH", joined(&sources.path)),
        ("SHELL", Text::from("/bin/sh")),
        ("USER", Text::from(sources.user)),
    ] {
        variables.insert(Text::from(name), value);
    }
    variables.extend(sources.set.iter().map(|(name, value)| (name.clone(), value.clone())));
    (variables.into_iter().map(|(name, value)| Variable { name, value }).collect(), notes)
}

/// The caller's `PATH`: its absolute directories in order, each once. Relative and empty elements, and those
/// that climb, are dropped.
pub(crate) fn search_path(caller: &BTreeMap<Text, Text>) -> Vec<AbsPath> {
    let Some(value) = caller.get(&Text::from("PATH")).filter(|value| value.as_bytes().len() <= LONGEST_VALUE) else {
        return Vec::new();
    };
    let mut path: Vec<AbsPath> = Vec::new();
    for element in value.as_bytes().split(|byte| *byte == b':').filter_map(|element| AbsPath::new(element).ok()) {
        if !path.contains(&element) {
            path.push(element);
        }
    }
    path
}

/// True for paths below `/usr`, which exist inside as they do outside whenever `/usr` does.
pub(crate) fn is_in_usr(path: &AbsPath) -> bool {
    path.components().next() == Some(b"usr")
}

/// True for a name whose value makes a loader, shell or interpreter run something (the floor).
#[must_use]
pub fn is_loader_variable(name: &Text) -> bool {
    let Some(name) = name.as_str() else { return false };
    LOADERS.contains(&name) || LOADER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn checked(name: &Text, value: &Text) -> Result<Text, &'static str> {
    if value.as_bytes().contains(&b'\n') {
        return Err("its value has more than one line");
    }
    if value.as_bytes().len() > LONGEST_VALUE {
        return Err("its value is longer than 32 KiB");
    }
    match name.as_bytes() {
        b"TERM" if !is_terminal_name(value.as_bytes()) => Ok(Text::from("dumb")),
        b"TZ" if !is_time_zone(value.as_bytes()) => Err("its value is not the name of a time zone"),
        _ => Ok(value.clone()),
    }
}

fn is_terminal_name(value: &[u8]) -> bool {
    (1..=32).contains(&value.len()) && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(byte))
}

/// A name below the zone directory or a POSIX rule (tzset(3)), never a file name.
fn is_time_zone(value: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+/,.:<>-".contains(byte);
    (1..=64).contains(&value.len())
        && value.iter().all(is_plain)
        && !value.starts_with(b":")
        && !value.starts_with(b"/")
        && !value.windows(2).any(|pair| pair == b"..")
}

fn joined(path: &[AbsPath]) -> Text {
    if path.is_empty() {
        return Text::from(DEFAULT_PATH);
    }
    bytes(path.iter().map(AbsPath::as_bytes).collect::<Vec<_>>().join(&b':'))
}

/// Text of bytes that come from paths, which never hold a NUL.
fn bytes(bytes: Vec<u8>) -> Text {
    Text::new(bytes).unwrap_or_else(|| Text::from(""))
}
