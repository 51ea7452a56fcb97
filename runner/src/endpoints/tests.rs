//! A machine below a temporary directory, on which endpoints are looked up.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use opaque_policy::path::AbsPath;
use opaque_policy::profile::Profiles;

/// What must never come out.
const TOKEN: &str = "s3cr3t-t0k3n";

/// A machine below a temporary directory: a home and, in it, a workspace.
struct Machine {
    directory: tempfile::TempDir,
    root: std::os::fd::OwnedFd,
    home: AbsPath,
    environment: BTreeMap<Text, Text>,
    grants: Grants,
    answers: BTreeMap<&'static str, &'static str>,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = rustix::fs::open(directory.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let machine = Self {
            directory,
            root,
            home: AbsPath::new("/home/ann").unwrap(),
            environment: BTreeMap::new(),
            grants: Profiles::built_in().grants("default").unwrap(),
            answers: BTreeMap::new(),
        };
        machine.mode("", 0o755);
        machine.write("home/ann/work/README", "");
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes a file that only its owner may write, `~` for the home.
    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.at(&path.replace('~', "home/ann"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        for above in path.ancestors().skip(1).take_while(|above| *above != self.directory.path()) {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(Text::from(name), Text::from(value));
        self
    }

    fn answers(mut self, program: &'static str, answer: &'static str) -> Self {
        self.answers.insert(program, answer);
        self
    }

    fn try_resolve(&self, name: EndpointName, is_direct: bool) -> Result<Endpoint, EndpointsError> {
        let workspace = fs::File::open(self.at("home/ann/work")).unwrap();
        let inode = crate::descriptor::inode(&rustix::fs::fstat(&workspace).unwrap());
        let layout = crate::git::layout(workspace.as_fd(), &AbsPath::new("/home/ann/work").unwrap()).layout;
        let ask = |command: &[&str]| {
            let answer = self.answers.get(command[0]).map(|answer| (*answer).to_owned());
            answer.ok_or_else(|| format!("`{}` does not exist in a sandbox", command[0]))
        };
        let place = Place {
            settings: Settings {
                root: self.root.as_fd(),
                uid: rustix::process::getuid().as_raw(),
                home: &self.home,
                environment: is_direct.then_some(&self.environment),
                workspace: Some(inode),
                grants: &self.grants,
            },
            opened: Some(workspace.as_fd()),
            layout: &layout,
            ask: &ask,
        };
        Ok(place.resolve(&[name])?.remove(&name).unwrap())
    }

    fn resolve(&self, name: EndpointName) -> Endpoint {
        self.try_resolve(name, true).unwrap()
    }

    fn resolved(&self, name: EndpointName) -> Shown {
        match self.resolve(name) {
            Endpoint::Resolved(resolved) => Shown::of(&resolved),
            Endpoint::Unknown { why, hint } => panic!("unknown: {why} ({hint})"),
        }
    }

    fn unknown(&self, name: EndpointName) -> (String, String) {
        match self.resolve(name) {
            Endpoint::Unknown { why, hint } => (why, hint),
            Endpoint::Resolved(resolved) => panic!("resolved: {resolved:?}"),
        }
    }
}

/// A resolved endpoint as texts.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    openings: Vec<String>,
    env: Vec<String>,
    files: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Shown {
    fn of(resolved: &Resolved) -> Self {
        Self {
            openings: resolved.openings.iter().map(ToString::to_string).collect(),
            env: resolved.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            files: resolved.files.iter().map(|(path, text)| (path.to_string(), text.clone())).collect(),
            notes: resolved.notes.clone(),
        }
    }
}

fn shown(openings: &[&str], env: &[&str]) -> Shown {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Shown { openings: owned(openings), env: owned(env), files: vec![], notes: vec![] }
}

mod tools;
mod trust;
