//! The well-known per-user toolchain directories: programs and caches, never credentials.
//!
//! A tool's root becomes a private directory with the listed parts in it, read-only. Files that may hold
//! tokens (`.cargo/config.toml`, `.cargo/credentials.toml`, `.npmrc`, `.m2/settings.xml`) are not listed.

use std::collections::BTreeMap;

use super::refusal::Refusal;
use super::tree::{Rank, Tree};
use super::{floor, granted};
use crate::facts::{HostFacts, Leads, PathFact};
use crate::path::AbsPath;
use crate::plan::Content;
use crate::text::Text;

/// One tool's directory below the home and the parts of it that are shown.
pub(super) struct Toolchain {
    /// The variable that moves the root elsewhere; it is then passed into the sandbox too.
    pub(super) variable: Option<&'static str>,
    /// Root, relative to the home.
    pub(super) root: &'static str,
    /// What is shown, relative to the root; empty for the whole root.
    pub(super) parts: &'static [&'static str],
}

const fn tool(variable: Option<&'static str>, root: &'static str, parts: &'static [&'static str]) -> Toolchain {
    Toolchain { variable, root, parts }
}

/// The toolchains.
pub(super) const TOOLCHAINS: &[Toolchain] = &[
    tool(Some("RUSTUP_HOME"), ".rustup", &["settings.toml", "toolchains"]),
    tool(Some("CARGO_HOME"), ".cargo", &["bin", "env", "git", "registry"]),
    tool(Some("PYENV_ROOT"), ".pyenv", &[]),
    tool(Some("NVM_DIR"), ".nvm", &["alias", "nvm-exec", "nvm.sh", "versions"]),
    tool(Some("VOLTA_HOME"), ".volta", &["bin", "tools"]),
    tool(Some("GOROOT"), ".go", &["bin", "go.env", "lib", "pkg", "src", "VERSION"]),
    tool(None, "go", &["bin", "pkg/mod"]),
    tool(None, ".asdf", &["asdf.sh", "bin", "installs", "lib", "libexec", "plugins", "shims"]),
    tool(None, ".bun", &["bin"]),
    tool(None, ".deno", &["bin"]),
    tool(None, ".local/bin", &[]),
    tool(None, ".local/lib", &[]),
    tool(None, ".local/share/mise", &["installs", "shims"]),
    tool(None, ".local/share/pipx", &["venvs"]),
    tool(None, ".local/share/uv", &[]),
    tool(None, ".sdkman", &["bin", "candidates"]),
];

/// A toolchain's place on this host.
pub(super) struct Place {
    /// Its root.
    pub(super) root: AbsPath,
    /// What is shown: the root itself, or paths below it.
    pub(super) shown: Vec<AbsPath>,
    /// The variable that named the root, when it did.
    pub(super) variable: Option<&'static str>,
}

/// Where the toolchains are for this caller: below the home, and where their variables say.
pub(super) fn places(home: &AbsPath, env: &BTreeMap<Text, Text>) -> Vec<Place> {
    let mut places = Vec::with_capacity(TOOLCHAINS.len() + 2);
    for toolchain in TOOLCHAINS {
        let below_home = home.join(toolchain.root).ok().map(|root| (root, None));
        let moved = toolchain.variable.and_then(|name| Some((named_by(name, env)?, Some(name))));
        // A variable that repeats the usual place counts as the variable's.
        let usual = below_home.filter(|(root, _)| moved.as_ref().is_none_or(|(elsewhere, _)| elsewhere != root));
        for (root, variable) in usual.into_iter().chain(moved) {
            let shown = match toolchain.parts {
                [] => vec![root.clone()],
                parts => parts.iter().filter_map(|part| root.join(part).ok()).collect(),
            };
            places.push(Place { root, shown, variable });
        }
    }
    places
}

/// Shows the toolchains; returns the variables that say where some of them are.
pub(super) fn show(tree: &mut Tree, facts: &HostFacts) -> Result<Vec<&'static str>, Refusal> {
    let mut variables = Vec::new();
    for place in places(&facts.account.home, &facts.env) {
        let root = facts.at(&place.root).ok_or_else(|| Refusal::unasked(&place.root))?;
        if !is_directory(root) {
            continue;
        }
        // A variable that names the home or a directory above it makes nothing private.
        if place.shown.first() != Some(&place.root) && !floor::shows_home(&place.root, facts) {
            tree.put(Rank::Skeleton, place.root.clone(), Content::Private { mode: 0o755 });
        }
        for path in &place.shown {
            granted::show(tree, path, facts)?;
        }
        variables.extend(place.variable);
    }
    Ok(variables)
}

fn is_directory(fact: &PathFact) -> bool {
    matches!(fact, PathFact::Directory(_) | PathFact::Link { leads_to: Leads::Directory(_), .. })
}

fn named_by(variable: &str, env: &BTreeMap<Text, Text>) -> Option<AbsPath> {
    AbsPath::new(env.get(&Text::from(variable))?.as_bytes()).ok()
}
