//! Makes the namespaces and the wire between them. A plain user gets a user namespace first, where both belong to it.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

use opaque_tests::internet::{CROWD, DEAD6, DNS, DNS6, EVIL, EVIL6, HOST, HOST_BLOCK, HOST6, SPECIAL, WEB, WEB6};

/// The end of the wire in the internet.
pub(crate) const INTERNET_END: &str = "lab1";
const HOST_END: &str = "lab0";

/// The machine lacks this.
pub(crate) struct Missing(pub(crate) &'static str);

/// The namespaces that were made. This process stands in `internet`.
pub(crate) struct Namespaces {
    host: OwnedFd,
    internet: OwnedFd,
    /// True when they belong to a user namespace of our own.
    owned: bool,
}

impl Namespaces {
    /// Makes them and enters `internet`; the process must still have a single thread.
    pub(crate) fn enter_new() -> Result<Self, Missing> {
        let owned = enter_user_namespace()?;
        unshare(libc::CLONE_NEWNET).ok_or(Missing("network namespaces"))?;
        let host = current();
        unshare(libc::CLONE_NEWNET).ok_or(Missing("network namespaces"))?;
        let namespaces = Self { host, internet: current(), owned };
        namespaces.connect()?;
        Ok(namespaces)
    }

    /// Lays the wire and gives both ends their addresses.
    fn connect(&self) -> Result<(), Missing> {
        let peer = self.host_path();
        settle();
        // Servers of the internet need no privilege for their ports.
        let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        ip(&[format!("link add {INTERNET_END} type veth peer name {HOST_END} netns {peer}")])?;
        let public = [(WEB, WEB6), (EVIL, EVIL6), (DNS, DNS6)];
        let mut commands = vec!["link set lo up".to_owned(), format!("link set {INTERNET_END} up")];
        for (four, six) in public {
            commands.push(format!("addr add {four}/24 dev {INTERNET_END}"));
            commands.push(format!("addr add {six}/64 dev {INTERNET_END} nodad"));
        }
        for address in SPECIAL {
            let (length, option) = if address.contains(':') { (128, "nodad") } else { (32, "") };
            commands.push(format!("addr add {address}/{length} dev {INTERNET_END} {option}"));
        }
        commands.push(format!("route add local {CROWD} dev lo"));
        // The kernel drops what it does not forward; for IPv6 only where it is told.
        commands.push(format!("route add blackhole {DEAD6}/128"));
        ip(&commands)?;
        self.on_host(|| {
            settle();
            ip(&[
                "link set lo up".into(),
                format!("link set {HOST_END} up"),
                format!("addr add {HOST}/24 dev {HOST_END}"),
                format!("addr add {HOST6}/64 dev {HOST_END} nodad"),
                format!("route add local {HOST_BLOCK} dev lo src {HOST}"),
                format!("route add default via {WEB}"),
                format!("route add ::/0 via {WEB6}"),
            ])
        })
    }

    /// Does something as this thread stands in `host`. Sockets made there stay there, threads started there too.
    pub(crate) fn on_host<T>(&self, act: impl FnOnce() -> T) -> T {
        enter(&self.host);
        let result = act();
        enter(&self.internet);
        result
    }

    /// Where others find `host`.
    pub(crate) fn host_path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.host.as_raw_fd())
    }

    /// Where others find `internet`.
    pub(crate) fn internet_path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.internet.as_raw_fd())
    }

    /// Where others find the user namespace that owns the two, when it is our own.
    pub(crate) fn user_path(&self) -> Option<String> {
        self.owned.then(|| format!("/proc/{}/ns/user", std::process::id()))
    }
}

/// True on a kernel with IPv6.
pub(crate) fn has_ipv6() -> bool {
    Path::new("/proc/net/if_inet6").exists()
}

/// Has the kernel end this process when the thread that started it ends.
pub(crate) fn die_with_parent() {
    // SAFETY: no pointer is passed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// As a plain user: enters a user namespace where that user is the superuser. True when it did.
fn enter_user_namespace() -> Result<bool, Missing> {
    // SAFETY: reads no memory and cannot fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: as above.
    let gid = unsafe { libc::getegid() };
    if uid == 0 {
        return Ok(false);
    }
    unshare(libc::CLONE_NEWUSER).ok_or(Missing("user namespaces"))?;
    for (file, content) in
        [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))]
    {
        fs::write(Path::new("/proc/self").join(file), content).expect("our own ids can be mapped");
    }
    Ok(true)
}

fn unshare(namespaces: libc::c_int) -> Option<()> {
    // SAFETY: no pointer is passed.
    (unsafe { libc::unshare(namespaces) } == 0).then_some(())
}

fn current() -> OwnedFd {
    File::open("/proc/thread-self/ns/net").expect("a thread may look at its own namespace").into()
}

fn enter(namespace: &OwnedFd) {
    // SAFETY: the descriptor is open and names a network namespace.
    let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "cannot enter a namespace of our own: {}", std::io::Error::last_os_error());
}

/// Keeps the namespace to what was written down, whatever the machine's own is set to: IPv6 on, no addresses of its own
/// making, and the congestion control that every kernel has unless `OPAQUE_TESTS_CONGESTION` names another one.
fn settle() {
    let congestion = std::env::var("OPAQUE_TESTS_CONGESTION").unwrap_or("reno".into());
    fs::write("/proc/sys/net/ipv4/tcp_congestion_control", &congestion).expect("a congestion control of this kernel");
    if has_ipv6() {
        for (name, value) in [("disable_ipv6", "0"), ("accept_ra", "0"), ("router_solicitations", "0")] {
            for scope in ["all", "default"] {
                let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/{name}"), value);
            }
        }
    }
}

/// Runs commands of `ip`, where this thread stands; those for IPv6 only where the kernel has it.
fn ip(commands: &[String]) -> Result<(), Missing> {
    let mut child = Command::new(opaque_tests::program("ip").unwrap_or("/usr/sbin/ip".into()))
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|_| Missing("`ip` of iproute2"))?;
    let kept = commands.iter().filter(|command| has_ipv6() || !command.contains("::"));
    let text: String = kept.map(|command| format!("{command}\n")).collect();
    child.stdin.take().expect("it was asked for").write_all(text.as_bytes()).expect("ip reads");
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        _ if commands.len() == 1 => Err(Missing("virtual Ethernet (veth)")),
        _ => panic!("ip refused one of {commands:?}"),
    }
}
