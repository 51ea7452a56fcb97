//! Takes the time of loading, as the product loads: once, in a process of its own, whose memory comes from the arena.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Instant;

use opaque_policy::document::SourceFile;
use opaque_policy::path::AbsPath;
use opaque_policy::policy_set::PolicySet;
use opaque_policy::sources::{PolicySources, Sight};
use opaque_tests::bench::Outcome;

/// Tells the program to load once and print how many nanoseconds it took.
pub(crate) const STOPWATCH: &str = "--stopwatch";

/// Bytes of memory that are made ready for a byte of policy: as the product does (`runner/src/line/loaded.rs`).
const POPULATED: usize = 8;

/// Who loads, and what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loader {
    /// With the check of examples and shadowed rules.
    First,
    /// As at every later start with the same bytes.
    Again,
    /// The peer, which checks neither.
    Cedar,
}

impl Loader {
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Again, Self::Cedar];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "again",
            Self::Cedar => "cedar",
        }
    }
}

/// Where the memory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// The arena, as in the product, which holds some five thousand rules.
    Arena,
    /// The system's allocator.
    System,
}

impl Memory {
    const ALL: [Self; 2] = [Self::Arena, Self::System];

    fn name(self) -> &'static str {
        match self {
            Self::Arena => "arena",
            Self::System => "system",
        }
    }
}

/// A policy on disk, in both languages.
#[derive(Debug)]
pub(crate) struct Written {
    canonical: Vec<PathBuf>,
    cedar: PathBuf,
}

impl Written {
    pub(crate) fn new(directory: &Path, canonical: &[String], cedar: &str) -> Outcome<Self> {
        fs::create_dir_all(directory)?;
        let mut files = Vec::new();
        for (index, text) in canonical.iter().enumerate() {
            let path = directory.join(format!("{index:02}.toml"));
            fs::write(&path, text)?;
            files.push(path);
        }
        let path = directory.join("policy.cedar");
        fs::write(&path, cedar)?;
        Ok(Self { canonical: files, cedar: path })
    }

    /// Loads once in a process of its own, in nanoseconds.
    pub(crate) fn load(&self, loader: Loader, memory: Memory) -> Outcome<f64> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([STOPWATCH, loader.name(), memory.name()]);
        match loader {
            Loader::First | Loader::Again => command.args(&self.canonical),
            Loader::Cedar => command.arg(&self.cedar),
        };
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("the stopwatch failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}

/// The stopwatch's own work.
pub(crate) fn carry_out(arguments: &[String]) -> Outcome<()> {
    let [loader, memory, files @ ..] = arguments else {
        return Err("the stopwatch wants a loader and its memory".into());
    };
    let memory = Memory::ALL.into_iter().find(|known| known.name() == memory).ok_or("no such memory")?;
    if memory == Memory::System {
        opaque_sys::arena::retire();
    }
    let loader = Loader::ALL.into_iter().find(|known| known.name() == loader).ok_or("no such loader")?;
    let bytes = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let nanoseconds = match loader {
        Loader::First => canonical(files, bytes, Sight::First)?,
        Loader::Again => canonical(files, bytes, Sight::Again)?,
        Loader::Cedar => {
            let text = String::from_utf8(bytes.concat())?;
            opaque_sys::arena::populate(text.len() * POPULATED);
            let start = Instant::now();
            let policies = cedar_policy::PolicySet::from_str(&text)?;
            let elapsed = start.elapsed();
            black_box(policies);
            elapsed.as_nanos()
        }
    };
    println!("{nanoseconds}");
    Ok(())
}

fn canonical(files: &[String], bytes: Vec<Vec<u8>>, sight: Sight) -> Outcome<u128> {
    let user = files.iter().zip(bytes).map(|(file, bytes)| SourceFile { file: file.clone(), bytes }).collect();
    let sources = PolicySources { home: AbsPath::new("/home/ann")?, system: Vec::new(), user, repo: None };
    let text: usize = sources.user.iter().map(|file| file.bytes.len()).sum();
    let start = Instant::now();
    opaque_sys::arena::populate(text * POPULATED);
    let policies = PolicySet::load(&sources, sight)?;
    let elapsed = start.elapsed();
    black_box(policies);
    Ok(elapsed.as_nanos())
}
