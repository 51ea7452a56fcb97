//! The curated system directories and the parts of the tree that every sandbox has.
//!
//! What is not listed here does not exist inside. Never listed: `shadow`, `gshadow`, `ssh`, `ssl/private`,
//! `sudoers`, `machine-id`, `NetworkManager`, `opaque`; `gitconfig`, which may name credential helpers;
//! `profile` and `environment`, which may hold a site's own scripts and tokens; `resolv.conf`, as the sandbox has a
//! resolver of its own.

use super::granted;
use super::identity::{self, Person};
use super::network;
use super::refusal::Refusal;
use super::tree::{Rank, Tree};
use crate::facts::HostFacts;
use crate::path::AbsPath;
use crate::plan::Content;
use crate::text::Text;

/// Directories that are shown whole, read-only. On a merged-usr system the short ones are links;
/// the last one is a link wherever it exists.
pub(super) const DIRECTORIES: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    "/home/linuxbrew/.linuxbrew",
    "/run/current-system",
];

/// Entries of `/etc` that hold no secret and without which ordinary tools behave differently, parents first.
/// Each costs a look and a mount at every start. Those that end in `/` only
/// spare looks below them when they are absent; they are not shown themselves.
pub(super) const ETC: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "crypto-policies",
    "debian_version",
    "fonts",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "java-25-openjdk",
    "java-8-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "maven/",
    "maven/m2.conf",
    "mime.types",
    "os-release",
    "perl",
    "pki/",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "python3",
    "services",
    "ssl/",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Host devices that exist inside. They neither reveal nor change anything of the host.
pub(super) const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];

/// Links in `/dev`: name and text.
pub(super) const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];

/// `/etc/hosts` inside: nothing but the machine itself.
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// `/etc/nsswitch.conf` inside.
const NAME_SERVICES: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n";

/// What every sandbox has: devices, processes, and private directories.
pub(super) fn skeleton(tree: &mut Tree, person: &Person) -> Result<(), Refusal> {
    let mut put = |path: &str, content| {
        tree.put(Rank::Skeleton, fixed(path)?, content);
        Ok(())
    };
    put("/dev", Content::Directory)?;
    for name in DEVICES {
        let path = format!("/dev/{name}");
        put(&path, Content::Device { source: fixed(&path)? })?;
    }
    for (name, text) in DEVICE_LINKS {
        put(&format!("/dev/{name}"), Content::Symlink { text: Text::from(*text) })?;
    }
    put("/dev/pts", Content::Pts)?;
    put("/dev/shm", Content::Private { mode: 0o1777 })?;
    put("/etc", Content::Directory)?;
    put("/etc/group", Content::File { text: identity::group(person) })?;
    put("/etc/hosts", Content::File { text: HOSTS.to_owned() })?;
    put("/etc/mtab", Content::Symlink { text: Text::from("/proc/self/mounts") })?;
    put("/etc/nsswitch.conf", Content::File { text: NAME_SERVICES.to_owned() })?;
    put("/etc/passwd", Content::File { text: identity::passwd(person) })?;
    put("/etc/resolv.conf", Content::File { text: network::resolver_settings() })?;
    put("/proc", Content::Proc)?;
    put("/run", Content::Private { mode: 0o755 })?;
    put("/tmp", Content::Private { mode: 0o1777 })?;
    put("/var/run", Content::Symlink { text: Text::from("/run") })?;
    put("/var/tmp", Content::Private { mode: 0o1777 })?;
    tree.put(Rank::Skeleton, person.home.clone(), Content::Private { mode: 0o700 });
    Ok(())
}

/// Shows the curated system directories.
pub(super) fn show(tree: &mut Tree, facts: &HostFacts) -> Result<(), Refusal> {
    for path in DIRECTORIES {
        granted::show(tree, &fixed(path)?, facts)?;
    }
    for name in ETC.iter().filter(|name| !name.ends_with('/')) {
        granted::show(tree, &fixed(&format!("/etc/{name}"))?, facts)?;
    }
    Ok(())
}

/// A path that is written in this file.
fn fixed(path: &str) -> Result<AbsPath, Refusal> {
    AbsPath::new(path).map_err(|error| Refusal::unbuildable(format!("`{path}`: {error}"), "report this"))
}
