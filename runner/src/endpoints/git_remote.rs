//! The remotes of the workspace's repository. The workspace alone names them, so each counts only where the person names
//! its host too: in `endpoints.toml`, or as the base of an `insteadOf` in git's own configuration. Never refuses a run.

use std::os::fd::{AsFd, BorrowedFd};

use opaque_policy::egress::Opening;
use opaque_policy::facts::{GitLayout, Resolved};
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use rustix::fs::{CWD, Mode, OFlags};

use super::settings::{Settings, below, open};
use super::url::{Leads, Url};
use crate::git::{self, settings as configuration};

/// The most remotes that are looked at.
const REMOTES: usize = 32;

/// A base that the person substitutes for beginnings of URLs.
struct Instead {
    base: String,
    of: String,
}

/// The remotes that the person names as well.
pub(super) fn look(
    settings: &Settings<'_>,
    workspace: Option<BorrowedFd<'_>>,
    layout: &GitLayout,
    stated: &[Opening],
) -> Resolved {
    let mut resolved = Resolved::default();
    let rules = match substitutions(settings) {
        Ok(rules) => rules,
        Err(note) => {
            resolved.notes.push(note);
            Vec::new()
        }
    };
    let mut used = Vec::new();
    for remote in remotes(workspace, layout) {
        let rule = rules.iter().filter(|rule| remote.starts_with(&rule.of)).max_by_key(|rule| rule.of.len());
        let rewritten = rule.and_then(|rule| Some(format!("{}{}", rule.base, remote.strip_prefix(&rule.of)?)));
        let Ok(Leads::Url(url)) = Url::of_remote(rewritten.as_deref().unwrap_or(&remote)) else { continue };
        let Some(opening) = url.opening() else { continue };
        let is_stated = stated.iter().any(|stated| stated.covers(&opening));
        let is_base = rules.iter().filter_map(base_opening).any(|base| base.covers(&opening));
        if is_stated || is_base {
            // A loopback address becomes a note by itself.
            if open(&url, &mut resolved).is_ok() {
                used.extend(rule);
            }
            continue;
        }
        let host = url.host();
        let note = format!("the remote {host} is named by the workspace alone: allow it with `--allow-net {opening}`");
        if !resolved.notes.contains(&note) {
            resolved.notes.push(note);
        }
    }
    tell(&used, &mut resolved);
    resolved
}

fn base_opening(rule: &Instead) -> Option<Opening> {
    match Url::of_remote(&rule.base) {
        Ok(Leads::Url(url)) => url.opening(),
        Ok(Leads::File) | Err(_) => None,
    }
}

/// `url.BASE.insteadOf` of the person's own configuration.
fn substitutions(settings: &Settings<'_>) -> Result<Vec<Instead>, String> {
    let mut rules = Vec::new();
    for path in [below(&settings.config_home(), "git/config"), settings.in_home(".gitconfig")] {
        let text = settings.file(&path).map_err(|unusable| format!("{}: {}", unusable.why, unusable.hint))?;
        for (name, of) in configuration::parse(text.unwrap_or_default().as_bytes()) {
            let base = name.strip_prefix("url.").and_then(|name| name.strip_suffix(".insteadof"));
            if let Some(base) = base.filter(|base| !base.is_empty() && !of.is_empty()) {
                rules.push(Instead { base: base.to_owned(), of });
            }
        }
    }
    Ok(rules)
}

/// Tells git inside the same substitutions; one with a user name in it stays outside.
fn tell(used: &[&Instead], resolved: &mut Resolved) {
    let mut count = 0;
    let mut told: Vec<(&str, &str)> = Vec::new();
    for rule in used {
        let (Ok(Leads::Url(base)), Ok(Leads::Url(of))) = (Url::of_remote(&rule.base), Url::of_remote(&rule.of)) else {
            continue;
        };
        let may_hold_token = [&rule.base, &rule.of].iter().any(|text| text.contains(['?', '#']));
        if base.had_user() || of.had_user() || may_hold_token || told.contains(&(&rule.base, &rule.of)) {
            continue;
        }
        told.push((&rule.base, &rule.of));
        let key = format!("url.{}.insteadOf", rule.base);
        resolved.env.insert(Text::from(format!("GIT_CONFIG_KEY_{count}").as_str()), Text::from(key.as_str()));
        resolved.env.insert(Text::from(format!("GIT_CONFIG_VALUE_{count}").as_str()), Text::from(rule.of.as_str()));
        count += 1;
    }
    if count > 0 {
        resolved.env.insert(Text::from("GIT_CONFIG_COUNT"), Text::from(count.to_string().as_str()));
    }
}

/// The URLs of every remote, as the workspace writes them.
fn remotes(workspace: Option<BorrowedFd<'_>>, layout: &GitLayout) -> Vec<String> {
    let content = match layout {
        GitLayout::None => return Vec::new(),
        GitLayout::Directory { .. } => workspace.and_then(|root| read(root, ".git")),
        GitLayout::File { git_dir, common_dir, .. } => {
            let directory: &AbsPath = common_dir.as_ref().unwrap_or(git_dir);
            read(CWD, directory.as_path())
        }
    };
    let settings = configuration::parse(&content.unwrap_or_default()).into_iter();
    let is_remote = |name: &str| name.starts_with("remote.") && (name.ends_with(".url") || name.ends_with(".pushurl"));
    settings.filter(|(name, _)| is_remote(name)).map(|(_, url)| url).take(REMOTES).collect()
}

fn read(parent: BorrowedFd<'_>, git: impl rustix::path::Arg) -> Option<Vec<u8>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(parent, git, flags, Mode::empty()).ok()?;
    git::regular(directory.as_fd(), "config", configuration::LONGEST).ok()
}
