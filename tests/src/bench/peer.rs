//! What Opaque is compared with: bubblewrap, given the same namespaces, binds and directories as a plan, and pasta.
//!
//! Where the two cannot do the same, bubblewrap is given less to do: generated files are left out, and so are
//! Landlock, the system call filter, limits, supervision and the journal, which it has not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::place::Place;
use super::session::Outcome;
use crate::harness::host::program;
use crate::harness::identity::Identity;

/// A bubblewrap command line without its command.
#[derive(Debug, Clone)]
pub struct Peer {
    argv: Vec<String>,
    binds: usize,
}

/// Finds bubblewrap; the superuser's bench installs it where it is missing and the machine has `apt-get`.
///
/// # Errors
/// It is missing and cannot be installed.
pub fn bubblewrap() -> Outcome<PathBuf> {
    installed("bwrap", "bubblewrap")
}

/// Finds pasta, in the same way.
///
/// # Errors
/// It is missing and cannot be installed.
pub fn pasta() -> Outcome<PathBuf> {
    installed("pasta", "passt")
}

fn installed(name: &str, package: &str) -> Outcome<PathBuf> {
    if let Some(found) = program(name) {
        return Ok(found);
    }
    if Identity::all().contains(&Identity::Root) && program("apt-get").is_some() {
        eprintln!("installing {package}, which the bench compares with");
        let installed = Command::new("apt-get").args(["install", "--yes", "--quiet", package]).status()?;
        if let (true, Some(found)) = (installed.success(), program(name)) {
            return Ok(found);
        }
    }
    Err(format!("{name} is missing, and the bench compares with it: install the package `{package}`").into())
}

impl Peer {
    /// Every namespace, the whole root read-only, and new `/dev`, `/proc` and `/tmp`: the usual short command line.
    #[must_use]
    pub fn basic(bubblewrap: &Path) -> Self {
        let line = "--unshare-all --die-with-parent --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp";
        let mut argv = vec![bubblewrap.display().to_string()];
        argv.extend(line.split(' ').map(str::to_owned));
        Self { argv, binds: 1 }
    }

    /// The same namespaces, binds and directories as a plan (`opaque-run --plan --json`).
    ///
    /// A placeholder is a bind too. So that bubblewrap has something to bind there and leaves nothing in the
    /// workspace, its workspace is a twin in which the protected names exist.
    ///
    /// # Errors
    /// The plan holds something that the bench does not know.
    pub fn of_plan(bubblewrap: &Path, place: &Place, plan: &Value) -> Outcome<Self> {
        let twin = Twin::new(place)?;
        let mut peer = Self { argv: vec![bubblewrap.display().to_string()], binds: 0 };
        peer.add(&["--unshare-all", "--die-with-parent", "--clearenv"]);
        for variable in list(plan, "env")? {
            peer.add(&["--setenv", text(variable, "name")?, text(variable, "value")?]);
        }
        let mut entries: BTreeMap<Vec<&str>, (&str, Vec<&Value>)> = BTreeMap::new();
        for (collection, path, content) in [("mounts", "target", "content"), ("protected", "path", "by")] {
            for entry in list(plan, collection)? {
                let path = text(entry, path)?;
                let components = path.split('/').filter(|part| !part.is_empty()).collect();
                entries.entry(components).or_insert((path, Vec::new())).1.push(&entry[content]);
            }
        }
        peer.add(&["--dev", "/dev"]);
        let shows_host = |components: &[&str]| {
            let above = (0..components.len()).rev().filter_map(|length| entries.get(&components[..length]));
            above.flat_map(|(_, contents)| contents).next().is_some_and(|content| content["kind"] == "bind")
        };
        for (components, (path, contents)) in &entries {
            if components.is_empty() || components.first() == Some(&"dev") {
                continue;
            }
            for content in contents {
                peer.place(path, content, shows_host(components), &twin)?;
            }
        }
        peer.add(&["--chdir", text(plan, "cwd")?]);
        Ok(peer)
    }

    /// The whole command line.
    #[must_use]
    pub fn running(&self, command: &[&str]) -> Vec<String> {
        let command = command.iter().map(|&word| word.to_owned());
        self.argv.iter().cloned().chain(["--".to_owned()]).chain(command).collect()
    }

    /// How many binds it makes.
    #[must_use]
    pub fn binds(&self) -> usize {
        self.binds
    }

    fn place(&mut self, path: &str, content: &Value, shows_host: bool, twin: &Twin) -> Outcome<()> {
        match text(content, "kind")? {
            "bind" => {
                let option = if content["access"] == "read-write" { "--bind" } else { "--ro-bind" };
                self.bind(option, &twin.source(text(content, "source")?), path);
            }
            "private" => self.add(&["--tmpfs", path]),
            "proc" => self.add(&["--proc", path]),
            "symlink" => self.add(&["--symlink", text(content, "text")?, path]),
            "directory" if shows_host => self.bind("--ro-bind", &twin.empty_directory(), path),
            "directory" => self.add(&["--dir", path]),
            "file" if shows_host => self.bind("--ro-bind", &twin.empty_file(), path),
            "file" => {}
            "read-only" => self.bind("--ro-bind", &twin.source(path), path),
            "pinned" => self.bind("--bind", &twin.source(path), path),
            "placeholder" => {
                fs::create_dir_all(twin.source(path))?;
                self.bind("--ro-bind", &twin.empty_directory(), path);
            }
            "placeholder-file" => {
                fs::write(twin.source(path), "")?;
                self.bind("--ro-bind", &twin.empty_file(), path);
            }
            unknown => {
                return Err(format!("the plan has a `{unknown}` at {path}, which the bench does not know").into());
            }
        }
        Ok(())
    }

    fn bind(&mut self, option: &str, source: &str, target: &str) {
        self.binds += 1;
        self.add(&[option, source, target]);
    }

    fn add(&mut self, words: &[&str]) {
        self.argv.extend(words.iter().map(|&word| word.to_owned()));
    }
}

/// A copy of the workspace that bubblewrap shows in its place, and nothings to bind.
struct Twin {
    workspace: String,
    base: String,
}

impl Twin {
    fn new(place: &Place) -> Outcome<Self> {
        let utf8 = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path of the bench is not UTF-8");
        let twin = Self { workspace: utf8(&place.project())?, base: utf8(&place.base().join("twin"))? };
        copy(&place.project(), Path::new(&twin.source(&twin.workspace)))?;
        place.directory(Path::new(&twin.empty_directory()))?;
        place.write(Path::new(&twin.empty_file()), "")?;
        let owned = Command::new("chown")
            .args(["-R", &format!("{}:{}", place.identity.uid(), place.identity.gid()), &twin.base])
            .status()?;
        if owned.success() { Ok(twin) } else { Err("cannot give bubblewrap's workspace to its user".into()) }
    }

    fn source(&self, path: &str) -> String {
        match Path::new(path).strip_prefix(&self.workspace) {
            Ok(below) => Path::new(&self.base).join("project").join(below).display().to_string(),
            Err(_) => path.to_owned(),
        }
    }

    fn empty_directory(&self) -> String {
        format!("{}/empty-directory", self.base)
    }

    fn empty_file(&self) -> String {
        format!("{}/empty-file", self.base)
    }
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, name: &str) -> Outcome<&'a Vec<Value>> {
    Ok(value[name].as_array().ok_or_else(|| format!("the plan has no list `{name}`"))?)
}

fn text<'a>(value: &'a Value, name: &str) -> Outcome<&'a str> {
    Ok(value[name].as_str().ok_or_else(|| format!("the plan has no text `{name}` in {value}"))?)
}
