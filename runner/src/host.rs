//! Looks at the host once and puts what it sees into plain values. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use opaque_policy::facts::{Account, HostFacts, Leads, PathFact, Workspace};
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use rustix::thread::CapabilitySet;

use crate::descriptor;
use crate::git::settings;
use crate::protect::placeholder;

/// What is known before anybody looks at a path.
#[derive(Debug)]
pub struct Known {
    /// The caller's account.
    pub account: Account,
    /// The caller's environment.
    pub env: BTreeMap<Text, Text>,
    /// The workspace around the working directory.
    pub workspace: Workspace,
    /// Directories that are never writable inside.
    pub guarded: Vec<AbsPath>,
}

/// Looks at paths; remembers which directories are their own real path, so that most looks cost one system call.
#[derive(Debug, Default)]
pub struct Look {
    plain: BTreeMap<AbsPath, bool>,
    placeholders: BTreeSet<AbsPath>,
}

/// Host facts without any path: [`HostFacts::answer`] adds those that the grants ask about.
#[must_use]
pub fn facts(known: Known) -> HostFacts {
    let config_home = directory_variable(&known.env, "XDG_CONFIG_HOME");
    let git_settings = settings::shown(&known.account.home, config_home.as_ref());
    HostFacts {
        endpoints: BTreeMap::new(),
        account: known.account,
        env: known.env,
        paths: BTreeMap::new(),
        workspace: known.workspace,
        git_settings,
        is_root: is_root(),
        guarded: resolved(known.guarded),
    }
}

/// Where policy, profiles, trust and journal live by default.
#[must_use]
pub fn guarded(home: &AbsPath, env: &BTreeMap<Text, Text>, state: &AbsPath) -> Vec<AbsPath> {
    let config_home = directory_variable(env, "XDG_CONFIG_HOME").or_else(|| home.join(".config").ok());
    let configuration = config_home.and_then(|directory| directory.join("opaque").ok());
    let system = AbsPath::new("/etc/opaque").ok();
    let legacy = home.join(".opaque").ok();
    let usual = home.join(".local/state/opaque").ok().filter(|usual| usual != state);
    [system, configuration, legacy, usual, Some(state.clone())].into_iter().flatten().collect()
}

/// The state directory: `$XDG_STATE_HOME/opaque`, else `~/.local/state/opaque`.
#[must_use]
pub fn state_directory(home: &AbsPath, env: &BTreeMap<Text, Text>) -> AbsPath {
    let base = directory_variable(env, "XDG_STATE_HOME").or_else(|| home.join(".local/state").ok());
    base.and_then(|base| base.join("opaque").ok()).unwrap_or_else(|| home.clone())
}

/// A variable that names a directory by an absolute path; anything else counts as unset, as the base directory
/// specification wants it.
#[must_use]
pub fn directory_variable(env: &BTreeMap<Text, Text>, name: &str) -> Option<AbsPath> {
    AbsPath::new(env.get(&Text::from(name))?.as_bytes()).ok()
}

impl Look {
    /// A look in which these paths count as absent: what stands there is the mask of another run.
    #[must_use]
    pub fn new(placeholders: impl IntoIterator<Item = AbsPath>) -> Self {
        Self { plain: BTreeMap::new(), placeholders: placeholders.into_iter().collect() }
    }

    /// What stands at a path. What the caller may not see counts as absent.
    pub fn at(&mut self, path: &AbsPath) -> PathFact {
        if self.placeholders.contains(path) {
            return PathFact::Absent;
        }
        let Ok(stat) = rustix::fs::lstat(path.as_path()) else {
            return PathFact::Absent;
        };
        if placeholder::is_one(path, &stat) {
            return PathFact::Absent;
        }
        if descriptor::kind(&stat) == FileType::Symlink {
            let text = rustix::fs::readlink(path.as_path(), Vec::with_capacity(256));
            return text.map_or(PathFact::Absent, |text| link(text.as_bytes(), path));
        }
        let is_plain = path.parent().is_none_or(|parent| self.is_plain(&parent));
        if is_plain { fact(&stat) } else { linked(path) }
    }

    /// True when no link is on the way to a directory.
    fn is_plain(&mut self, directory: &AbsPath) -> bool {
        if let Some(known) = self.plain.get(directory) {
            return *known;
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let opened = rustix::fs::openat2(CWD, directory.as_path(), flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
        self.plain.insert(directory.clone(), opened.is_ok());
        opened.is_ok()
    }
}

/// What stands at each of these paths.
#[must_use]
pub fn path_facts(paths: &[AbsPath]) -> BTreeMap<AbsPath, PathFact> {
    let mut look = Look::default();
    paths.iter().map(|path| (path.clone(), look.at(path))).collect()
}

/// A path with every link resolved; what does not exist yet is joined to the deepest directory that does.
#[must_use]
pub fn real(path: &AbsPath) -> AbsPath {
    if let Some(real) = open(path).ok().and_then(|opened| descriptor::real_path(opened).ok().flatten()) {
        return real;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
        return path.clone();
    };
    real(&parent).join(name).unwrap_or_else(|_| path.clone())
}

/// Each path as it is named and, where that differs, as it resolves.
fn resolved(paths: Vec<AbsPath>) -> Vec<AbsPath> {
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        for path in [real(&path), path] {
            if !all.contains(&path) {
                all.push(path);
            }
        }
    }
    all
}

/// Real uid 0 with the capabilities that a full identity map takes.
fn is_root() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::SETFCAP;
    rustix::process::getuid().is_root()
        && rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

fn open(path: &AbsPath) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path.as_path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

fn fact(stat: &Stat) -> PathFact {
    let inode = descriptor::inode(stat);
    match descriptor::kind(stat) {
        FileType::Directory => PathFact::Directory(inode),
        FileType::RegularFile => PathFact::File(inode),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => PathFact::Special(inode),
    }
}

/// Something below a linked directory: named by one path and really at another.
fn linked(path: &AbsPath) -> PathFact {
    let text = real(path);
    link(text.as_bytes(), path)
}

fn link(text: &[u8], path: &AbsPath) -> PathFact {
    let Some(text) = Text::new(text) else {
        return PathFact::Absent;
    };
    let (real, leads_to) = follow(path).map_or((None, Leads::Nowhere), |(real, leads)| (Some(real), leads));
    PathFact::Link { text, real, leads_to }
}

fn follow(path: &AbsPath) -> Option<(AbsPath, Leads)> {
    let opened = open(path).ok()?;
    let stat = rustix::fs::fstat(&opened).ok()?;
    let real = descriptor::real_path(&opened).ok()??;
    let inode = descriptor::inode(&stat);
    let leads = match descriptor::kind(&stat) {
        FileType::Directory => Leads::Directory(inode),
        FileType::RegularFile => Leads::File(inode),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Leads::Special(inode),
    };
    Some((real, leads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn place() -> (tempfile::TempDir, AbsPath) {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let path = AbsPath::new(real.as_os_str().as_encoded_bytes()).unwrap();
        (directory, path)
    }

    fn inode(path: &AbsPath) -> opaque_policy::request::Inode {
        descriptor::inode(&rustix::fs::stat(path.as_path()).unwrap())
    }

    #[test]
    fn every_kind_of_thing_is_told_apart() {
        let (_directory, top) = place();
        let at = |name: &str| top.join(name).unwrap();
        fs::create_dir(at("d").as_path()).unwrap();
        fs::write(at("d/f").as_path(), "").unwrap();
        nix::unistd::mkfifo(at("p").as_path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        symlink("d/f", at("l").as_path()).unwrap();
        symlink("nothing", at("x").as_path()).unwrap();
        symlink("d", at("e").as_path()).unwrap();
        let mut look = Look::default();
        assert_eq!(look.at(&at("d")), PathFact::Directory(inode(&at("d"))));
        assert_eq!(look.at(&at("d/f")), PathFact::File(inode(&at("d/f"))));
        assert_eq!(look.at(&at("p")), PathFact::Special(inode(&at("p"))));
        assert_eq!(look.at(&at("nothing")), PathFact::Absent);
        let leads_to = Leads::File(inode(&at("d/f")));
        assert_eq!(look.at(&at("l")), PathFact::Link { text: "d/f".into(), real: Some(at("d/f")), leads_to });
        let nowhere = PathFact::Link { text: "nothing".into(), real: None, leads_to: Leads::Nowhere };
        assert_eq!(look.at(&at("x")), nowhere);
        let text = Text::new(at("d/f").as_bytes()).unwrap();
        assert_eq!(look.at(&at("e/f")), PathFact::Link { text, real: Some(at("d/f")), leads_to });
    }

    #[test]
    fn a_placeholder_of_another_run_counts_as_absent() {
        let (_directory, top) = place();
        let hooks = top.join("hooks").unwrap();
        fs::create_dir(hooks.as_path()).unwrap();
        assert_ne!(Look::default().at(&hooks), PathFact::Absent, "control");
        assert_eq!(Look::new([hooks.clone()]).at(&hooks), PathFact::Absent);
    }

    #[test]
    fn a_path_that_does_not_exist_yet_resolves_by_its_directories() {
        let (_directory, top) = place();
        fs::create_dir(top.join("d").unwrap().as_path()).unwrap();
        symlink("d", top.join("l").unwrap().as_path()).unwrap();
        assert_eq!(real(&top.join("l/a/b").unwrap()), top.join("d/a/b").unwrap());
    }

    #[test]
    fn policy_and_state_are_guarded_wherever_they_are() {
        let path = |text| AbsPath::new(text).unwrap();
        let env =
            BTreeMap::from([(Text::from("XDG_STATE_HOME"), "/s".into()), (Text::from("XDG_CONFIG_HOME"), "/c".into())]);
        let home = path("/home/ann");
        assert_eq!(state_directory(&home, &env), path("/s/opaque"));
        assert_eq!(state_directory(&home, &BTreeMap::new()), path("/home/ann/.local/state/opaque"));
        let expected = ["/etc/opaque", "/c/opaque", "/home/ann/.opaque", "/home/ann/.local/state/opaque", "/s/opaque"];
        assert_eq!(guarded(&home, &env, &path("/s/opaque")), expected.map(path));
    }

    #[test]
    fn a_relative_directory_variable_counts_as_unset() {
        let env = BTreeMap::from([(Text::from("XDG_STATE_HOME"), "state".into())]);
        assert_eq!(directory_variable(&env, "XDG_STATE_HOME"), None);
    }
}
