//! The users that every test runs as.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::host::missing;
use super::sandbox::Sandbox;

/// A user that a test runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The superuser.
    Root,
    /// A user without any privilege; its account exists only in the test's mount namespace.
    Plain,
    /// Whoever started the suite, when that is not the superuser.
    Caller {
        /// Real uid of the suite.
        uid: u32,
        /// Real gid of the suite.
        gid: u32,
    },
}

impl Identity {
    /// The identities that this machine lets the suite take: root and a plain user when it runs as root, else the caller.
    #[must_use]
    pub fn all() -> Vec<Self> {
        // SAFETY: reads no memory and cannot fail.
        let uid = unsafe { libc::getuid() };
        // SAFETY: as above.
        let gid = unsafe { libc::getgid() };
        if uid == 0 { vec![Self::Root, Self::Plain] } else { vec![Self::Caller { uid, gid }] }
    }

    /// Its uid.
    #[must_use]
    pub fn uid(self) -> u32 {
        match self {
            Self::Root => 0,
            Self::Plain => 12_345,
            Self::Caller { uid, .. } => uid,
        }
    }

    /// Its gid.
    #[must_use]
    pub fn gid(self) -> u32 {
        match self {
            Self::Root => 0,
            Self::Plain => 12_345,
            Self::Caller { gid, .. } => gid,
        }
    }

    /// Its login name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Plain | Self::Caller { .. } => "plain",
        }
    }

    /// True for the superuser.
    #[must_use]
    pub fn is_root(self) -> bool {
        matches!(self, Self::Root)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Plain => f.write_str("a plain user"),
            Self::Caller { uid, .. } => write!(f, "the caller (uid {uid})"),
        }
    }
}

/// Leaves a test, by panic: what it needs is missing for this identity.
pub(crate) struct Skip(pub(crate) Cow<'static, str>);

/// Runs a test once as each identity, each time in a sandbox of its own, and names those that failed.
///
/// # Panics
/// When the test panicked as any identity.
pub fn each_identity(test: impl Fn(&Sandbox)) {
    let mut failed = Vec::new();
    for identity in Identity::all() {
        let sandbox = Sandbox::new(identity);
        match catch_unwind(AssertUnwindSafe(|| test(&sandbox))) {
            Ok(()) => {}
            Err(cause) => match cause.downcast_ref::<Skip>() {
                Some(Skip(what)) => missing(what),
                None => {
                    eprintln!("^ failed as {identity}");
                    failed.push(identity.to_string());
                }
            },
        }
    }
    assert!(failed.is_empty(), "failed as {}", failed.join(" and as "));
}
