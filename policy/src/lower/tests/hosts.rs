//! Hosts made of values: a disk that is a map, and a request against it.

use std::collections::BTreeMap;

use crate::fact::Fact;
use crate::facts::{Account, GitLayout, HostFacts, Leads, PathFact, Workspace, WorkspaceRoot};
use crate::grants::{Grant, Grants, Origin, Place, Visibility, WorkspaceAccess};
use crate::limits::Limits;
use crate::lower::{Refusal, lower, questions};
use crate::path::AbsPath;
use crate::plan::{Authority, Plan, Tier};
use crate::principal::{ClientKind, Principal};
use crate::request::{Asked, Command, Inode, Program, Request};
use crate::text::Text;

pub(super) fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

/// An inode number that depends on the path alone, so that snapshots are stable.
pub(super) fn inode(path: &AbsPath) -> Inode {
    let number = path.as_bytes().iter().fold(17, |sum: u64, byte| (sum * 31 + u64::from(*byte)) % 1_000_003);
    Inode { device: 1, number }
}

/// A machine, a caller and a command.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) facts: HostFacts,
    pub(super) grants: Grants,
    pub(super) request: Request,
    disk: BTreeMap<AbsPath, PathFact>,
}

impl Host {
    /// A merged-usr machine with a plain user, `/usr/bin/true` to run, and no project.
    pub(super) fn debian() -> Self {
        let mut host = Self::bare("ann", 1000, "/home/ann");
        host.directories(&[
            "/usr",
            "/usr/bin",
            "/opt",
            "/home",
            "/home/ann",
            "/tmp",
            "/var",
            "/etc/alternatives",
            "/etc/ssl/certs",
        ]);
        for name in ["bin", "sbin", "lib", "lib64"] {
            host.link(&format!("/{name}"), &format!("usr/{name}"), &format!("/usr/{name}"));
        }
        host.files(&["/etc/ld.so.cache", "/etc/services", "/etc/shadow"]);
        host.link_to_file("/etc/os-release", "../usr/lib/os-release", "/usr/lib/os-release");
        host.directories(&["/home/ann/.cargo", "/home/ann/.cargo/bin", "/home/ann/.cargo/registry"]);
        host.directories(&["/home/ann/.ssh", "/home/ann/.local/bin", "/home/ann/.config", "/home/ann/.config/opaque"]);
        host.link("/home/ann/.rustup", "/data/rustup", "/data/rustup");
        host.disk.insert(
            path("/home/ann/.rustup/toolchains"),
            PathFact::Link {
                text: Text::from("/data/rustup/toolchains"),
                real: Some(path("/data/rustup/toolchains")),
                leads_to: Leads::Directory(inode(&path("/data/rustup/toolchains"))),
            },
        );
        host
    }

    /// A machine whose `/bin` and `/lib` are directories of their own.
    pub(super) fn unmerged() -> Self {
        let mut host = Self::bare("ann", 1000, "/home/ann");
        host.directories(&["/usr", "/bin", "/sbin", "/lib", "/lib64", "/home", "/home/ann"]);
        host.program("/bin/true");
        host
    }

    /// Nothing on the disk; the default profile; `/usr/bin/true` in the home directory.
    pub(super) fn bare(name: &str, id: u32, home: &str) -> Self {
        let account = Account { uid: id, gid: id, name: name.to_owned(), home: path(home) };
        let facts = HostFacts {
            endpoints: BTreeMap::new(),
            account,
            env: BTreeMap::new(),
            paths: BTreeMap::new(),
            workspace: Workspace::None { why: "the home directory is never a workspace".to_owned() },
            git_settings: Vec::new(),
            is_root: id == 0,
            guarded: vec![path("/etc/opaque"), path(home).join(".config/opaque").unwrap()],
        };
        let grants = Grants {
            profile: "default".to_owned(),
            profile_digest: "00".to_owned(),
            system: Visibility::ReadOnly,
            toolchains: Visibility::ReadOnly,
            read: Vec::new(),
            write: Vec::new(),
            workspace: WorkspaceAccess::ReadWrite,
            hide: Vec::new(),
            protect: [".git/hooks", ".git/config", ".git/commondir", ".github/workflows", ".envrc"]
                .map(|below| path(&format!("/{below}")))
                .to_vec(),
            env_pass: ["LANG", "TERM", "TZ"].map(Text::from).to_vec(),
            env_set: BTreeMap::new(),
            env_volatile: Vec::new(),
            network: crate::network_grants::NetworkGrants::default(),
            secrets: Vec::new(),
            declared: Vec::new(),
            limits: Limits::default(),
            output: crate::output::Output::default(),
            min_tier: Tier::Namespaces,
        };
        let command = Command {
            program: program("/usr/bin/true"),
            argv: vec![Text::from("true")],
            cwd: path(home),
            classes: Fact::Unknown,
        };
        let principal = Principal::new(id, ClientKind::Human);
        let request = Request::to_run(principal, command, Asked::default());
        Self { facts, grants, request, disk: BTreeMap::new() }
    }

    /// A workspace, which is the working directory too.
    pub(super) fn workspace(&mut self, root: &str, git: GitLayout) -> &mut WorkspaceRoot {
        self.directories(&[root]);
        self.cwd(root);
        let (owner_uid, owner_gid) = (self.facts.account.uid, self.facts.account.gid);
        let root = WorkspaceRoot { inode: inode(&path(root)), path: path(root), owner_uid, owner_gid, git };
        self.facts.workspace = Workspace::Root(root);
        let Workspace::Root(root) = &mut self.facts.workspace else { panic!("it was set just now") };
        root
    }

    /// A git checkout with hooks and a configuration.
    pub(super) fn checkout(&mut self, root: &str) -> &mut WorkspaceRoot {
        self.directories(&[&format!("{root}/.git"), &format!("{root}/.git/hooks"), &format!("{root}/src")]);
        self.files(&[&format!("{root}/.git/config")]);
        self.workspace(root, GitLayout::Directory { modules: Vec::new() })
    }

    pub(super) fn directories(&mut self, paths: &[&str]) {
        for text in paths {
            self.disk.insert(path(text), PathFact::Directory(inode(&path(text))));
        }
    }

    pub(super) fn files(&mut self, paths: &[&str]) {
        for text in paths {
            self.disk.insert(path(text), PathFact::File(inode(&path(text))));
        }
    }

    pub(super) fn special(&mut self, text: &str) {
        self.disk.insert(path(text), PathFact::Special(inode(&path(text))));
    }

    pub(super) fn link(&mut self, at: &str, text: &str, real: &str) {
        let leads_to = Leads::Directory(inode(&path(real)));
        self.disk.insert(path(at), PathFact::Link { text: Text::from(text), real: Some(path(real)), leads_to });
    }

    pub(super) fn link_to_file(&mut self, at: &str, text: &str, real: &str) {
        let leads_to = Leads::File(inode(&path(real)));
        self.disk.insert(path(at), PathFact::Link { text: Text::from(text), real: Some(path(real)), leads_to });
    }

    pub(super) fn cwd(&mut self, cwd: &str) {
        self.request.command.cwd = path(cwd);
    }

    pub(super) fn program(&mut self, named: &str) {
        self.request.command.program = program(named);
    }

    pub(super) fn env(&mut self, name: &str, value: &str) {
        self.facts.env.insert(Text::from(name), Text::from(value));
    }

    pub(super) fn read(&mut self, text: &str) {
        self.grants.read.push(flag(text));
    }

    pub(super) fn write(&mut self, text: &str) {
        self.grants.write.push(flag(text));
    }

    pub(super) fn hide(&mut self, text: &str) {
        self.grants.hide.push(Place::Absolute(path(text)));
    }

    /// Answers the questions from the disk and lowers.
    pub(super) fn lower(&self) -> Result<Plan, Refusal> {
        let facts = self.answered();
        let authority = Authority {
            profile: "default".to_owned(),
            profile_digest: "00".to_owned(),
            policy_digest: "00".to_owned(),
            rule: "built-in:any".to_owned(),
        };
        lower(&self.grants, authority, &self.request, &facts)
    }

    pub(super) fn answered(&self) -> HostFacts {
        let mut facts = self.facts.clone();
        let asked = questions(&self.grants, &facts);
        facts.answer(asked, |path| self.look(path));
        facts
    }

    /// A directory that only the entries below it imply exists too.
    fn look(&self, path: &AbsPath) -> PathFact {
        let implied = || self.disk.keys().any(|there| there != path && there.is_within(path));
        match self.disk.get(path) {
            Some(fact) => fact.clone(),
            None if implied() => PathFact::Directory(inode(path)),
            None => PathFact::Absent,
        }
    }
}

pub(super) fn flag(text: &str) -> Grant {
    Grant { place: Place::Absolute(path(text)), origin: Origin::Flag }
}

pub(super) fn program(named: &str) -> Program {
    Program {
        path: path(named),
        named: path(named),
        inode: inode(&path(named)),
        sha256: None,
        interpreters: Vec::new(),
    }
}
