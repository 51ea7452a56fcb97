//! Finds the file that a command names, opens it once and says what the kernel would run. Never executes anything.

use std::os::fd::{AsFd, OwnedFd};

use opaque_policy::path::{AbsPath, PathError};
use opaque_policy::request::{Chooser, Inode, Interpreter, Program};
use opaque_policy::text::Text;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descriptor;
use crate::digest::Cache;
use crate::policy_files::walk::OTHERS_WRITE;
use crate::shebang::{HEAD, Head, Line};

pub mod error;

use error::ProgramError;

/// Rewrites by `#!` that one `execve` follows (`fs/exec.c`; its comment says four, it does five).
const DEPTH: usize = 5;
/// Steps in all, `env` included, so that a script that asks `env` for itself ends.
const STEPS: usize = 16;

/// Where a command is looked up.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The caller's `PATH`.
    pub path: Option<&'a [u8]>,
    /// The working directory, links resolved.
    pub cwd: &'a AbsPath,
    /// Whether something depends on the content.
    pub content: Content<'a>,
}

/// Whether files are identified by their content too.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Inode facts are enough.
    Unread,
    /// The digests are needed, through this cache.
    Hashed(&'a Cache),
}

/// A program that was found and the descriptors by which it was judged.
#[derive(Debug)]
#[must_use]
pub struct Opened {
    /// What policy judges.
    pub program: Program,
    /// The program itself, opened with `O_PATH`.
    pub file: OwnedFd,
    /// One for each of `program.interpreters`, opened with `O_PATH`.
    pub interpreters: Vec<OwnedFd>,
}

/// Finds and opens what `name` would run.
///
/// # Errors
/// See [`ProgramError`].
pub fn resolve(name: &Text, search: Search<'_>) -> Result<Opened, ProgramError> {
    let typed = name.as_bytes();
    let file = match typed {
        b"" => return Err(ProgramError::Empty),
        _ if typed.contains(&b'/') => by_path(name, search.cwd)?,
        _ => in_path(name, search)?,
    };
    let chain = interpreters(&file, search)?;
    let sha256 = file.sha256(search.content)?;
    let (interpreters, descriptors) = chain.into_iter().unzip();
    let program = Program { path: file.real, named: file.named, inode: file.inode, sha256, interpreters };
    Ok(Opened { program, file: file.descriptor, interpreters: descriptors })
}

/// The argument vector that the kernel would end up with: interpreters, innermost first, the script, then the rest as typed.
#[must_use]
pub fn effective_argv(program: &Program, argv: &[Text]) -> Vec<Text> {
    if program.interpreters.is_empty() {
        return argv.to_vec();
    }
    let leading = program.interpreters.iter().rev().flat_map(|step| step.argv.iter().cloned());
    // A script is passed by the path that was typed, or else by the one that `PATH` led to.
    let typed = argv.first().filter(|name| name.as_bytes().contains(&b'/')).cloned();
    let script = typed.or_else(|| Text::new(program.named.as_bytes()));
    leading.chain(script).chain(argv.iter().skip(1).cloned()).collect()
}

fn in_path(name: &Text, search: Search<'_>) -> Result<Executable, ProgramError> {
    let elements = || search.path.unwrap_or_default().split(|byte| *byte == b':');
    let mut unusable = None;
    for directory in elements().filter(|element| element.starts_with(b"/")) {
        let candidate = [directory, b"/", name.as_bytes()].concat();
        match Executable::open(name, &candidate, search.cwd) {
            Ok(file) => return Ok(file),
            Err(error @ ProgramError::NotExecutable { .. }) => unusable = unusable.or(Some(error)),
            // As a shell does: what is no executable file is passed over, whatever else it is.
            Err(_) => {}
        }
    }
    let relative = elements()
        .filter(|element| !element.starts_with(b"/"))
        .find(|element| by_path(&joined(element, name), search.cwd).is_ok())
        .map(<[u8]>::to_vec)
        .and_then(|element| Text::new(if element.is_empty() { b".".to_vec() } else { element }));
    Err(unusable.unwrap_or(ProgramError::NotInPath { name: name.clone(), relative }))
}

fn joined(element: &[u8], name: &Text) -> Text {
    let directory = if element.is_empty() { b"." } else { element };
    Text::new([directory, b"/", name.as_bytes()].concat()).unwrap_or_else(|| name.clone())
}

fn by_path(name: &Text, cwd: &AbsPath) -> Result<Executable, ProgramError> {
    Executable::open(name, name.as_bytes(), cwd)
}

/// Follows `#!` lines the way `execve` does, and `#!/usr/bin/env x` one step further.
fn interpreters(script: &Executable, search: Search<'_>) -> Result<Vec<(Interpreter, OwnedFd)>, ProgramError> {
    let mut steps: Vec<(Interpreter, OwnedFd)> = Vec::new();
    let mut current = script.head()?;
    let mut path = script.named.clone();
    let mut depth = 0;
    while let Some(line) = current {
        depth += 1;
        if depth > DEPTH || steps.len() >= STEPS {
            return Err(ProgramError::Loop { path: script.named.clone() });
        }
        let inside = |error| ProgramError::Interpreter { script: path.clone(), source: Box::new(error) };
        let name = text(&line.interpreter, &path)?;
        let file = by_path(&name, search.cwd).map_err(inside)?;
        let Some(word) = line.env_program() else {
            current = file.head().map_err(inside)?;
            let argument = line.argument.as_deref().map(|argument| text(argument, &path)).transpose()?;
            let next = file.named.clone();
            let argv = [Some(name), argument].into_iter().flatten().collect();
            steps.push(file.step(argv, Chooser::Script, search.content)?);
            path = next;
            continue;
        };
        let word = text(word, &path)?;
        let is_path = word.as_bytes().contains(&b'/');
        let target = if is_path { by_path(&word, search.cwd) } else { in_path(&word, search) };
        let target = target.map_err(inside)?;
        let chosen_by = if is_path { Chooser::Script } else { target.chooser() };
        current = target.head().map_err(inside)?;
        // `env` would execute the target anew: the kernel counts from the start, and names a script by its path.
        depth = 0;
        let shown = if current.is_some() { text(target.named.as_bytes(), &path)? } else { word };
        let next = target.named.clone();
        steps.push(file.step(Vec::new(), Chooser::Script, search.content)?);
        steps.push(target.step(vec![shown], chosen_by, search.content)?);
        path = next;
    }
    Ok(steps)
}

fn text(bytes: &[u8], script: &AbsPath) -> Result<Text, ProgramError> {
    Text::new(bytes).ok_or_else(|| ProgramError::Line { path: script.clone(), source: crate::shebang::LineError::Nul })
}

/// A regular file that the caller may execute.
struct Executable {
    descriptor: OwnedFd,
    named: AbsPath,
    real: AbsPath,
    inode: Inode,
}

impl Executable {
    /// Opens `path`, links followed, and judges what the descriptor holds.
    fn open(name: &Text, path: &[u8], cwd: &AbsPath) -> Result<Self, ProgramError> {
        let missing = |source| ProgramError::NoSuchFile { name: name.clone(), source };
        let path = &if path.starts_with(b"/") { path.to_vec() } else { [cwd.as_bytes(), b"/", path].concat() };
        let descriptor = match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(source @ (Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG)) => {
                return Err(missing(source));
            }
            Err(source) => return Err(ProgramError::Open { path: name_path(path, name)?, source }),
        };
        let named = name_path(path, name)?;
        let stat = rustix::fs::fstat(&descriptor).map_err(missing)?;
        match descriptor::kind(&stat) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(ProgramError::Directory { path: named }),
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => return Err(ProgramError::Special { path: named }),
        }
        if !descriptor::is_executable(&descriptor) {
            return Err(ProgramError::NotExecutable { path: named });
        }
        let real = descriptor::real_path(&descriptor)
            .map_err(|source| ProgramError::Open { path: named.clone(), source })?
            .ok_or_else(|| ProgramError::Removed { path: named.clone() })?;
        Ok(Self { descriptor, named, real, inode: descriptor::inode(&stat) })
    }

    /// Its `#!` line; `None` for a binary, and for a file that may be executed but not read.
    fn head(&self) -> Result<Option<Line>, ProgramError> {
        let failed = |source| ProgramError::Open { path: self.named.clone(), source };
        let content = match descriptor::reopen(&self.descriptor, OFlags::RDONLY | OFlags::NOCTTY) {
            Ok(content) => content,
            Err(Errno::ACCESS) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let mut bytes = [0; HEAD];
        let count = descriptor::fill(&content, &mut bytes).map_err(failed)?;
        match Head::read(bytes.get(..count).unwrap_or_default()) {
            Ok(Head::Elf) => Ok(None),
            Ok(Head::Script(line)) => Ok(Some(line)),
            Ok(Head::Unknown) => Err(ProgramError::Format { path: self.named.clone() }),
            Err(source) => Err(ProgramError::Line { path: self.named.clone(), source }),
        }
    }

    fn sha256(&self, content: Content<'_>) -> Result<Option<String>, ProgramError> {
        match content {
            Content::Unread => Ok(None),
            Content::Hashed(cache) => match cache.sha256(self.descriptor.as_fd()) {
                Ok(digest) => Ok(Some(digest)),
                Err(source) => Err(ProgramError::Content { path: self.named.clone(), source }),
            },
        }
    }

    fn step(
        self,
        argv: Vec<Text>,
        chosen_by: Chooser,
        content: Content<'_>,
    ) -> Result<(Interpreter, OwnedFd), ProgramError> {
        let sha256 = self.sha256(content)?;
        let step = Interpreter { path: self.real, named: self.named, inode: self.inode, sha256, argv, chosen_by };
        Ok((step, self.descriptor))
    }

    /// Who decides what stands under this name in the directory where it was found: whoever can write there.
    fn chooser(&self) -> Chooser {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = self.named.parent().map(|parent| rustix::fs::open(parent.as_path(), flags, Mode::empty()));
        let Some(Ok(directory)) = directory else { return Chooser::Caller };
        match rustix::fs::fstat(directory) {
            Ok(stat) if stat.st_uid == 0 && stat.st_mode & OTHERS_WRITE == 0 => Chooser::Machine,
            Ok(_) | Err(_) => Chooser::Caller,
        }
    }
}

/// The absolute path that was named. `..` cannot be taken away on paper (links), so there the directory is asked for its path.
fn name_path(path: &[u8], name: &Text) -> Result<AbsPath, ProgramError> {
    match AbsPath::new(path) {
        Ok(path) => Ok(path),
        Err(PathError::Climbs) => climb(path).ok_or_else(|| unusable(name, PathError::Climbs)),
        Err(source) => Err(unusable(name, source)),
    }
}

fn unusable(name: &Text, source: PathError) -> ProgramError {
    ProgramError::Path { name: name.clone(), source }
}

fn climb(path: &[u8]) -> Option<AbsPath> {
    let end = path.iter().rposition(|byte| *byte != b'/')?;
    let slash = path.get(..=end)?.iter().rposition(|byte| *byte == b'/')?;
    let (directory, last) = match path.get(slash + 1..=end)? {
        b"." | b".." => (path, &b""[..]),
        last => (path.get(..=slash)?, last),
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty()).ok()?;
    descriptor::real_path(directory).ok()??.join(last).ok()
}

#[cfg(test)]
mod tests;
