//! HTTP/2, served by nginx where it is installed. Ends with the lab.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opaque_tests::internet::{EVIL_NAMES, PUBLIC_NAMES, WEB, port};

use crate::authority::Authority;
use crate::namespaces;

const PATIENCE: Duration = Duration::from_secs(5);

/// nginx, which may not serve yet.
pub(crate) struct Started(Child);

/// Starts nginx in the namespace that this thread stands in; none where it is not installed.
pub(crate) fn start(authority: &Authority, directory: &Path) -> Option<Started> {
    let program = opaque_tests::program("nginx").unwrap_or("/usr/sbin/nginx".into());
    if !program.is_file() {
        return None;
    }
    let directory = directory.join("nginx");
    fs::create_dir(&directory).expect("the lab's directory is ours");
    let names: Vec<String> = PUBLIC_NAMES.iter().chain(EVIL_NAMES).map(|name| (*name).to_owned()).collect();
    let (certificate, key) = authority.issue(&names);
    let write = |name: &str, content: &str| fs::write(directory.join(name), content).expect("the directory is ours");
    write("certificate.pem", &certificate.pem());
    write("key.pem", &key.serialize_pem());
    write("nginx.conf", &configuration());
    let mut command = Command::new(program);
    command.arg("-p").arg(&directory).args(["-c", "nginx.conf", "-e", "errors"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // SAFETY: the closure makes one system call.
    unsafe {
        command.pre_exec(|| {
            namespaces::die_with_parent();
            Ok(())
        })
    };
    command.spawn().ok().map(Started)
}

impl Started {
    /// Waits until it serves; false when it does not.
    pub(crate) fn wait(mut self) -> bool {
        let start = Instant::now();
        while TcpStream::connect((WEB, port::HTTP2)).is_err() {
            if start.elapsed() > PATIENCE || !matches!(self.0.try_wait(), Ok(None)) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

/// Everything that it writes lies in its own directory and belongs to the lab's superuser: a plain user's lab has no
/// other account to give it to.
fn configuration() -> String {
    let listen = if namespaces::has_ipv6() { "[::]" } else { "0.0.0.0" };
    let only = if namespaces::has_ipv6() { " ipv6only=off" } else { "" };
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {kind};\n"))
        .concat();
    let port = port::HTTP2;
    format!(
        "user root root;\ndaemon off;\nmaster_process off;\npid pid;\nerror_log errors;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{places}    access_log requests;\n    default_type text/plain;\n\
         \x20   server {{\n        listen {listen}:{port} ssl http2{only};\n\
         \x20       ssl_certificate certificate.pem;\n        ssl_certificate_key key.pem;\n\
         \x20       location /files/ {{ alias ../files/; }}\n\
         \x20       location / {{ return 200 \"$server_protocol $host\\n\"; }}\n    }}\n}}\n"
    )
}
