//! Finds the programs under test: `opaque-run` (`OPAQUE_RUN` names it, else it is built once) and the tests' own.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `opaque-run` that is tested.
pub fn opaque_run() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match std::env::var_os("OPAQUE_RUN") {
        Some(named) => fs::canonicalize(&named).unwrap_or_else(|error| panic!("OPAQUE_RUN={named:?}: {error}")),
        None => build(Build::Ordinary),
    })
}

/// The `opaque` that is tested (`OPAQUE` names it, else it is built beside `opaque-run`).
pub fn opaque() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match std::env::var_os("OPAQUE") {
        Some(named) => fs::canonicalize(&named).unwrap_or_else(|error| panic!("OPAQUE={named:?}: {error}")),
        None => build(Build::Ordinary).with_file_name("opaque"),
    })
}

/// An `opaque-run` that can fail or skip one step (`OPAQUE_FAULT_FAIL`, `OPAQUE_FAULT_SKIP`); always a debug build.
pub fn opaque_run_with_faults() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| build(Build::Faults))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    Ordinary,
    Faults,
}

/// The probe.
pub fn probe() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| own("opaque-probe"))
}

/// The process that makes an internet for a test.
pub(crate) fn lab() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| own("opaque-lab"))
}

/// A program of this package; Cargo builds them before the tests.
fn own(name: &str) -> PathBuf {
    let program = profile_directory().join(name);
    assert!(program.exists(), "{} is missing: cargo build -p opaque-tests", program.display());
    program
}

/// Builds `opaque-run` beside the tests, once for all the test programs that one `cargo test` starts.
fn build(build: Build) -> PathBuf {
    let profile = profile_directory();
    let target = profile.parent().expect("a profile directory lies in the target directory");
    let (target, directory) = match build {
        Build::Ordinary => (target.to_owned(), profile.clone()),
        Build::Faults => (target.join("faults"), target.join("faults/debug")),
    };
    fs::create_dir_all(&directory).expect("the target directory is writable");
    let binary = directory.join("opaque-run");
    let lock = fs::File::create(directory.join(".opaque-tests.lock")).expect("the target directory is writable");
    // SAFETY: the descriptor is open; the lock goes with it.
    assert_eq!(unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) }, 0);
    let stamp = directory.join(".opaque-tests.built");
    let starter = starter();
    if binary.exists() && fs::read_to_string(&stamp).is_ok_and(|built_for| built_for == starter) {
        return binary;
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--bins", "--target-dir"]).arg(&target).args(["--package", "opaque-runner"]);
    match build {
        Build::Ordinary => {
            cargo.args(["--package", "opaque-cli"]).args(profile.ends_with("release").then_some("--release"))
        }
        Build::Faults => cargo.args(["--features", "faults"]),
    };
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "opaque-run does not build");
    fs::write(stamp, starter).expect("the target directory is writable");
    binary
}

/// Where Cargo put the tests' own binaries: `target/debug`, say.
fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let directory = test.parent().expect("a file lies in a directory");
    if directory.ends_with("deps") { directory.parent().expect("deps has a parent").into() } else { directory.into() }
}

/// The process that started this test program, told apart from later ones with its number by its start time.
fn starter() -> String {
    let parent = std::os::unix::process::parent_id();
    let stat = fs::read_to_string(format!("/proc/{parent}/stat")).unwrap_or_default();
    let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).unwrap_or("unknown");
    format!("{parent} {start}")
}
