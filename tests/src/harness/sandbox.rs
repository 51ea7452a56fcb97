//! A private place for one test: account, home, workspace and state, all removed afterwards.

use std::cell::{Cell, RefCell};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::binaries;
use super::ended::Ended;
use super::identity::{Identity, Skip};
use super::launch::{Launch, one_at_a_time};
use super::place::Place;

/// One identity's home and workspace.
///
/// ```text
/// /var/lib/opaque-tests-XXXX/   passwd, group: stand at /etc for everything that is started
///     tools/                    opaque-run and opaque-probe
///     home/                     the identity's home, 0700
///         project/              its workspace, the working directory
///     other/                    another user's home
///     outside/                  writable by the identity, granted to nobody
///     reports/
/// ```
pub struct Sandbox {
    identity: Identity,
    base: TempDir,
    binds: RefCell<Vec<(PathBuf, PathBuf)>>,
    moved: RefCell<Option<PathBuf>>,
    reports: Cell<u32>,
}

impl Sandbox {
    /// Makes the directories.
    ///
    /// # Panics
    /// When its directory cannot be made.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let base =
            tempfile::Builder::new().prefix("opaque-tests-").tempdir_in(ground()).expect("the ground is writable");
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).expect("the directory is ours");
        let sandbox =
            Self { identity, base, binds: RefCell::default(), moved: RefCell::default(), reports: Cell::new(0) };
        sandbox.furnish();
        sandbox
    }

    fn furnish(&self) {
        let tools = self.base().join("tools");
        fs::create_dir(&tools).expect("the base is ours");
        place_program(binaries::opaque_run(), &tools.join("opaque-run"));
        place_program(binaries::probe(), &tools.join("opaque-probe"));
        for directory in ["home", "home/project", "outside", "reports"] {
            self.directory(&self.base().join(directory));
        }
        fs::set_permissions(self.home(), Permissions::from_mode(0o700)).expect("the home is ours");
        let other = self.base().join("other");
        fs::create_dir(&other).expect("the base is ours");
        fs::write(other.join("diary"), "private").expect("the base is ours");
        let (gid, name) = (self.identity.gid(), self.identity.name());
        let accounts = self.accounts(&self.home());
        self.bind_file("passwd", &accounts, "/etc/passwd");
        self.bind_file("group", &format!("{name}:x:{gid}:\n"), "/etc/group");
    }

    /// The account file: the identity with its home, root and nobody.
    fn accounts(&self, home: &Path) -> String {
        let (uid, gid, name) = (self.identity.uid(), self.identity.gid(), self.identity.name());
        let other = self.base().join("other");
        let others = format!(
            "other:x:23456:23456::{}:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
            other.display()
        );
        let root = if uid == 0 { "" } else { "root:x:0:0:root:/root:/bin/sh\n" };
        format!("{name}:x:{uid}:{gid}::{}:/bin/sh\n{others}{root}", home.display())
    }

    fn bind_file(&self, name: &str, content: &str, target: &str) {
        let file = self.base().join(name);
        fs::write(&file, content).expect("the base is ours");
        self.binds.borrow_mut().push((file, target.into()));
    }

    /// Who runs here.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The directory that holds everything.
    #[must_use]
    pub fn base(&self) -> &Path {
        self.base.path()
    }

    /// The identity's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.base().join("home")
    }

    /// The workspace; commands start here.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.home().join("project")
    }

    /// A path below the workspace, as text for an argument.
    #[must_use]
    pub fn at(&self, relative: &str) -> String {
        self.project().join(relative).display().to_string()
    }

    /// A directory that the identity may write and no profile grants.
    #[must_use]
    pub fn elsewhere(&self) -> PathBuf {
        self.base().join("outside")
    }

    /// Makes a directory, with its parents below the base, that the identity owns.
    ///
    /// # Panics
    /// When it cannot.
    pub fn directory(&self, path: &Path) {
        fs::create_dir_all(path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        self.own(path);
    }

    /// Writes a file that the identity owns; a relative path lies in the workspace.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(path);
        self.directory(path.parent().expect("a file lies in a directory"));
        one_at_a_time(|| fs::write(&path, content))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        self.own(&path);
        path
    }

    /// Writes an executable file that the identity owns; a relative path lies in the workspace.
    ///
    /// # Panics
    /// When it cannot.
    pub fn script(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(path, content);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("the file is ours");
        path
    }

    /// Gives a path and its parents below the base to the identity.
    fn own(&self, path: &Path) {
        let mut below = Some(path);
        while let Some(part) = below.filter(|part| *part != self.base() && part.starts_with(self.base())) {
            chown(part, Some(self.identity.uid()), Some(self.identity.gid())).expect("the path is ours to give");
            below = part.parent();
        }
    }

    /// Writes the user's policy file; see [`Self::needs_belief`].
    pub fn policy(&self, text: &str) {
        self.setting(".config/opaque/policy.toml", text);
    }

    /// Writes a file in the home that counts only when nobody else could have written it; see [`Self::needs_belief`].
    pub fn setting(&self, path: &str, text: &str) -> PathBuf {
        self.needs_belief();
        self.write(self.home().join(path), text)
    }

    /// Skips the test for a caller whose user namespace does not know root: nothing that root owns is believed there.
    pub fn needs_belief(&self) {
        if matches!(self.identity, Identity::Caller { .. }) {
            std::panic::panic_any(Skip("a suite that runs as root, so that files in the home are believed".into()));
        }
    }

    /// Shows a directory of the host at a place in the home to everything that is started from now on.
    ///
    /// # Panics
    /// When the place cannot be made.
    pub fn show(&self, source: &Path, target: &Path) {
        self.directory(target);
        self.binds.borrow_mut().push((source.to_owned(), target.to_owned()));
    }

    /// Lets the identity live at another path, with what its home holds by now: for programs that know their own place.
    ///
    /// # Panics
    /// When the account file cannot be written.
    pub fn move_home(&self, to: &Path) {
        self.binds.borrow_mut().push((self.home(), to.to_owned()));
        fs::write(self.base().join("passwd"), self.accounts(to)).expect("the base is ours");
        *self.moved.borrow_mut() = Some(to.to_owned());
    }

    /// `opaque-run` with these arguments, in the workspace.
    pub fn launch<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Launch {
        let program = self.base().join("tools/opaque-run").into_os_string();
        self.start(Some(program).into_iter().chain(words(arguments)).collect())
    }

    /// The build of `opaque-run` that can fail or skip a step, told which by a variable.
    pub fn launch_with_fault<A: AsRef<OsStr>>(
        &self,
        fault: (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Launch {
        let program = self.base().join("tools/opaque-run-with-faults");
        if !program.exists() {
            place_program(binaries::opaque_run_with_faults(), &program);
        }
        self.start(Some(program.into_os_string()).into_iter().chain(words(arguments)).collect()).env(fault.0, fault.1)
    }

    /// The same command without a sandbox.
    pub fn launch_outside<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.start(words(arguments).collect())
    }

    /// `opaque-run` with a report that ends up in [`Ended::report`].
    pub fn launch_reporting<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.reports.set(self.reports.get() + 1);
        let file = self.base().join(format!("reports/{}.json", self.reports.get()));
        let options = [OsString::from("--report"), file.clone().into_os_string()];
        self.launch(options.into_iter().chain(words(arguments))).reporting(file)
    }

    /// Runs `opaque-run` with these arguments to its end.
    #[track_caller]
    #[must_use]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch(arguments).finish()
    }

    /// Runs `opaque-run` to its end and reads its report.
    #[track_caller]
    #[must_use]
    pub fn run_reporting<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch_reporting(arguments).finish()
    }

    /// Runs a shell script inside, under the `default` profile.
    #[track_caller]
    #[must_use]
    pub fn shell(&self, script: &str) -> Ended {
        self.run(["--", "sh", "-c", script])
    }

    /// Runs a command without a sandbox to its end.
    #[track_caller]
    #[must_use]
    pub fn outside<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch_outside(arguments).finish()
    }

    /// Runs a shell script without a sandbox.
    #[track_caller]
    #[must_use]
    pub fn shell_outside(&self, script: &str) -> Ended {
        self.outside(["sh", "-c", script])
    }

    /// The same launch where these directories are empty and read by nobody else.
    pub fn without(&self, launch: Launch, hidden: &[&str]) -> Launch {
        let hidden: Vec<PathBuf> = hidden.iter().map(PathBuf::from).collect();
        launch.place(Place::new(self.identity, &self.binds.borrow(), &hidden))
    }

    /// The same launch where a directory is a file system without a free byte.
    pub fn filled(&self, launch: Launch, directory: &Path) -> Launch {
        launch.place(Place::new(self.identity, &self.binds.borrow(), &[]).with_full(directory))
    }

    fn start(&self, argv: Vec<OsString>) -> Launch {
        let env = [
            ("PATH", system_path()),
            ("HOME", self.moved.borrow().clone().unwrap_or_else(|| self.home()).into_os_string()),
            ("USER", self.identity.name().into()),
            ("LOGNAME", self.identity.name().into()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
        ];
        let env = env.into_iter().map(|(name, value)| (OsString::from(name), value)).collect();
        Launch::new(argv, env, &self.project(), Place::new(self.identity, &self.binds.borrow(), &[]))
    }
}

fn words<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> impl Iterator<Item = OsString> {
    arguments.into_iter().map(|word| word.as_ref().to_owned())
}

/// Where sandboxes stand: every identity reaches it, and nobody else can write there, or no policy in it would be believed.
fn ground() -> PathBuf {
    if Identity::all().contains(&Identity::Root) {
        return "/var/lib".into();
    }
    let cache = PathBuf::from(std::env::var_os("HOME").expect("a plain user has a home")).join(".cache");
    fs::create_dir_all(&cache).expect("the home is writable");
    cache
}

/// The suite's `PATH` without what lies in the home of whoever started it: that home is not the identity's.
fn system_path() -> OsString {
    let (path, home) = (std::env::var_os("PATH").unwrap_or_default(), std::env::var_os("HOME").unwrap_or_default());
    let kept = std::env::split_paths(&path).filter(|directory| home.is_empty() || !directory.starts_with(&home));
    std::env::join_paths(kept).unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into())
}

/// Puts a program where every identity can reach it.
fn place_program(source: &Path, target: &Path) {
    if fs::hard_link(source, target).is_err() {
        one_at_a_time(|| fs::copy(source, target))
            .unwrap_or_else(|error| panic!("cannot copy {}: {error}", source.display()));
    }
}
