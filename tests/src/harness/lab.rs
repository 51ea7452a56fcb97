//! An internet for one test: starts `opaque-lab`, and commands in its `host` namespace.
//!
//! Never changes the machine's network. What the servers saw is in `lab_log`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;

use super::binaries;
use super::ended::Ended;
use super::identity::{Skip, each_identity};
use super::lab_log::Side;
use super::launch::{Launch, one_at_a_time};
use super::place::Standing;
use super::sandbox::Sandbox;
use crate::internet;

/// Two network namespaces with a wire between them: `host`, where commands are started, and `internet`, where the
/// servers are that [`internet`] describes. Dropping it ends them; so does the end of the thread that started it.
///
/// ```text
/// host      lo 127.0.0.1, ::1     lab0 25.1.0.2, 2d00:1::2, default route to the internet
/// internet  lab1 25.1.0.10, .11, .53, 2d00:1::10, ::11, ::53, and the special addresses
/// ```
pub struct Lab {
    process: Child,
    directory: PathBuf,
    standing: Standing,
    internet: Standing,
    binds: Vec<(PathBuf, PathBuf)>,
    ready: Value,
}

/// Runs a test once as each identity, each time in a sandbox and a lab of its own.
///
/// # Panics
/// When the test panicked as any identity.
pub fn each_identity_in_a_lab(test: impl Fn(&Sandbox, &Lab)) {
    each_identity(|sandbox| test(sandbox, &Lab::start(sandbox)));
}

/// The same with a lab that leaves these ports to servers that the test starts itself.
///
/// # Panics
/// When the test panicked as any identity.
pub fn each_identity_in_a_lab_without(ports: &[u16], test: impl Fn(&Sandbox, &Lab)) {
    each_identity(|sandbox| test(sandbox, &Lab::start_without(sandbox, ports)));
}

impl Lab {
    /// Starts it. Leaves the test, aloud, where the machine lacks what it is made of.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &[])
    }

    /// The same without a record of packets, which would cost more than what a bench measures.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_unwatched(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &["unwatched".to_owned()])
    }

    /// The same with nothing at these ports, on neither side.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_without(sandbox: &Sandbox, ports: &[u16]) -> Self {
        Self::start_with(sandbox, &ports.iter().map(u16::to_string).collect::<Vec<_>>())
    }

    fn start_with(sandbox: &Sandbox, options: &[String]) -> Self {
        let directory = sandbox.base().join("lab");
        fs::create_dir_all(directory.join("files")).expect("the base is ours");
        let errors = directory.join("errors");
        let mut command = Command::new(binaries::lab());
        command.arg(&directory).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&errors).expect("the base is ours"));
        let mut process = one_at_a_time(|| command.spawn()).expect("the lab starts");
        let mut line = String::new();
        let _ = BufReader::new(process.stdout.take().expect("it was asked for")).read_line(&mut line);
        if let Some(what) = line.strip_prefix("missing ") {
            let _ = process.wait();
            std::panic::panic_any(Skip(what.trim().to_owned().into()));
        }
        let Some(ready) = line.strip_prefix("ready ") else {
            let _ = process.kill();
            let _ = process.wait();
            panic!("the lab did not start: {line}{}", fs::read_to_string(errors).unwrap_or_default());
        };
        let ready: Value = serde_json::from_str(ready).expect("the lab speaks JSON");
        let open = |key: &str| ready[key].as_str().map(|path| Arc::new(namespace(path)));
        let stand = |side: &str| Standing { user: open("user"), network: open(side).expect("the lab names both") };
        let (standing, internet) = (stand("host"), stand("internet"));
        let binds = name_service(&directory);
        Self { process, directory, standing, internet, binds, ready }
    }

    /// The same launch in the lab's `host` namespace, with the lab's name service.
    pub fn around(&self, launch: Launch) -> Launch {
        launch.within(self.standing.clone(), &self.binds)
    }

    /// The same launch in the lab's `internet` namespace.
    pub fn beyond(&self, launch: Launch) -> Launch {
        launch.within(self.internet.clone(), &[])
    }

    /// `opaque-run` with these arguments, in the workspace.
    pub fn launch<A: AsRef<OsStr>>(&self, sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.around(sandbox.launch(arguments))
    }

    /// `opaque-run` with a report that ends up in [`Ended::report`].
    pub fn launch_reporting<A: AsRef<OsStr>>(
        &self,
        sandbox: &Sandbox,
        arguments: impl IntoIterator<Item = A>,
    ) -> Launch {
        self.around(sandbox.launch_reporting(arguments))
    }

    /// The same command without a sandbox.
    pub fn launch_outside<A: AsRef<OsStr>>(&self, sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.around(sandbox.launch_outside(arguments))
    }

    /// Runs `opaque-run` with these arguments to its end.
    #[track_caller]
    #[must_use]
    pub fn run<A: AsRef<OsStr>>(&self, sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch(sandbox, arguments).finish()
    }

    /// Runs `opaque-run` to its end and reads its report.
    #[track_caller]
    #[must_use]
    pub fn run_reporting<A: AsRef<OsStr>>(&self, sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch_reporting(sandbox, arguments).finish()
    }

    /// Runs a command without a sandbox to its end.
    #[track_caller]
    #[must_use]
    pub fn outside<A: AsRef<OsStr>>(&self, sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.launch_outside(sandbox, arguments).finish()
    }

    /// The namespaces of a side, and the files that stand over the system's there.
    pub(crate) fn side(&self, side: Side) -> (Standing, &[(PathBuf, PathBuf)]) {
        let standing = match side {
            Side::Host => &self.standing,
            Side::Internet => &self.internet,
        };
        (standing.clone(), &self.binds)
    }

    /// Where everything of the lab's lies.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file with the authority's certificate, below the sandbox's base: readable outside, granted to nobody.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// True on a kernel with IPv6.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.ready["ipv6"] == true
    }

    /// True when HTTP/2 is served as well; false where nginx is not installed.
    ///
    /// # Panics
    /// When nginx is installed and does not serve.
    #[must_use]
    pub fn has_http2(&self) -> bool {
        let errors = || fs::read_to_string(self.directory.join("nginx/errors")).unwrap_or_default();
        assert_ne!(self.ready["http2"], false, "nginx does not serve: {}", errors());
        self.ready["http2"] == true
    }

    /// Serves a file to whoever asks any web server for this path; below `HOST/` only to those who ask that host.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn serve(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.directory.join("files").join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().expect("a file lies in a directory")).expect("the base is ours");
        fs::write(file, content).expect("the base is ours");
    }

    /// Lets the resolver know another name, in lower case.
    ///
    /// # Panics
    /// When the addresses are none, or the name cannot be written.
    pub fn name(&self, name: &str, addresses: &[&str]) {
        assert!(addresses.iter().all(|address| address.parse::<IpAddr>().is_ok()), "no addresses: {addresses:?}");
        let file = self.directory.join("names");
        let known = fs::read_to_string(&file).unwrap_or_default();
        let next = self.directory.join("names.next");
        fs::write(&next, format!("{name} {}\n{known}", addresses.join(" "))).expect("the base is ours");
        fs::rename(next, file).expect("the base is ours");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn namespace(path: &str) -> OwnedFd {
    File::open(path).unwrap_or_else(|error| panic!("cannot open {path}: {error}")).into()
}

/// The files that make programs ask the lab's resolver, and where each stands.
fn name_service(directory: &Path) -> Vec<(PathBuf, PathBuf)> {
    let (dns, evil, in_hosts) = (internet::DNS, internet::EVIL, internet::IN_HOSTS);
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{evil} {in_hosts}\n");
    let files = [
        ("resolv.conf", format!("nameserver {dns}\noptions timeout:2 attempts:2\n")),
        ("hosts", hosts),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
    ];
    let mut binds = Vec::new();
    for (name, content) in files {
        let (source, target) = (directory.join(name), Path::new("/etc").join(name));
        fs::write(&source, content).expect("the base is ours");
        match (target.is_file(), name) {
            (true, _) => binds.push((source, target)),
            // Without it the C library asks files and the resolver, as ours says.
            (false, "nsswitch.conf") => {}
            (false, _) => std::panic::panic_any(Skip(format!("/etc/{name}, over which the lab's could stand").into())),
        }
    }
    binds
}
