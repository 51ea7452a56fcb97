//! Real servers for one test, in the lab's internet or on its host. They run as an account of their own, never as root,
//! write below the test's own directory, and end with the test.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ended::Ended;
use super::host::eventually;
use super::identity::Identity;
use super::lab::Lab;
use super::lab_log::Side;
use super::launch::{Launch, Running};
use super::place::Place;
use super::sandbox::Sandbox;

/// How long a server may take to serve, or to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where a test's servers live: a directory, and an account that is known under the name `git` and the caller's own.
pub struct Site<'l> {
    lab: &'l Lab,
    sandbox: &'l Sandbox,
    directory: PathBuf,
}

impl<'l> Site<'l> {
    /// Makes it.
    ///
    /// # Panics
    /// When its directory cannot be made.
    #[must_use]
    pub fn new(sandbox: &'l Sandbox, lab: &'l Lab) -> Self {
        let directory = sandbox.base().join("site");
        let site = Self { lab, sandbox, directory };
        fs::create_dir(site.directory()).expect("the base is ours");
        site.own(site.directory(), 0o700);
        let identity = Self::identity();
        let (uid, gid, home) = (identity.uid(), identity.gid(), site.directory().display());
        let names = ["git", sandbox.identity().name()];
        let accounts = names.map(|name| format!("{name}:x:{uid}:{gid}::{home}:{home}/shell\n")).concat();
        fs::write(sandbox.base().join("site.passwd"), accounts).expect("the base is ours");
        fs::write(sandbox.base().join("site.group"), format!("git:x:{gid}:\n")).expect("the base is ours");
        site
    }

    /// The home of the servers.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path below it, as text for an argument.
    #[must_use]
    pub fn at(&self, relative: &str) -> String {
        self.directory.join(relative).display().to_string()
    }

    /// Writes a file below it.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>, mode: u32) {
        let file = self.directory.join(relative);
        super::launch::one_at_a_time(|| fs::write(&file, content)).expect("the directory is ours");
        self.own(&file, mode);
    }

    /// Runs a command there to its end, in the internet.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = A>) -> Ended {
        let ended = self.attempt(command);
        ended.expect(0);
        ended
    }

    /// Runs a command there to its end, in the internet, whatever comes of it.
    #[track_caller]
    #[must_use]
    pub fn attempt<A: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = A>) -> Ended {
        self.launch(Side::Internet, command).patience(Duration::from_secs(60)).finish()
    }

    /// Starts a server and waits until it accepts connections at this address.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    #[must_use]
    pub fn serve<A: AsRef<OsStr>>(
        &self,
        side: Side,
        (address, port): (&str, u16),
        command: impl IntoIterator<Item = A>,
    ) -> Server {
        let mut running = self.launch(side, command).patience(Duration::from_secs(600)).start();
        let address: IpAddr = address.parse().expect("an address");
        let address = SocketAddr::new(address, port).to_string();
        let answers = || {
            let act = self.sandbox.launch_probe_outside(&["tcp-connect", &address]);
            !running.is_alive() || self.lab.around(act).finish().text().starts_with("done")
        };
        let serves = eventually(PATIENCE, answers);
        if !serves || !running.is_alive() {
            running.signal(libc::SIGKILL);
            panic!("no server at {address}\n{}", running.wait());
        }
        Server(Some(running))
    }

    fn launch<A: AsRef<OsStr>>(&self, side: Side, command: impl IntoIterator<Item = A>) -> Launch {
        let argv = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let env = [("PATH", "/usr/local/bin:/usr/bin:/bin".into()), ("HOME", self.directory.clone().into_os_string())]
            .into_iter()
            .chain([("LANG", "C.UTF-8".into())])
            .map(|(name, value): (&str, OsString)| (name.into(), value))
            .collect();
        let base = self.sandbox.base();
        let binds = ["passwd", "group"].map(|name| (base.join(format!("site.{name}")), Path::new("/etc").join(name)));
        let (standing, more) = self.lab.side(side);
        let place = Place::new(Self::identity(), &binds, &[]).within(standing, more);
        Launch::new(argv, env, &self.directory, place)
    }

    /// Who serves: never the superuser, as some servers refuse it.
    fn identity() -> Identity {
        Identity::all().into_iter().find(|identity| !identity.is_root()).expect("the suite can be a plain user")
    }

    fn own(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("the path is ours");
        let identity = Self::identity();
        chown(path, Some(identity.uid()), Some(identity.gid())).expect("the path is ours to give");
    }
}

/// A server that serves. Dropping it asks it to end, and kills it if it does not.
pub struct Server(Option<Running>);

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut running) = self.0.take() else { return };
        running.signal(libc::SIGINT);
        // One that stays is killed with its group.
        let _ended = eventually(PATIENCE, || !running.is_alive());
    }
}
