//! The directory that a bench works in, and the machine's accounts as the bench sees them. Removed afterwards.

use std::ffi::{CStr, CString};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::place::Place;
use super::session::Outcome;
use crate::harness::identity::Identity;

/// One bench's ground.
///
/// ```text
/// opaque-bench-XXXX/            passwd, group: stand at /etc for everything that is started
///     tools/                     the programs under test and the stopwatch
///     root/  plain/              one place for each identity
/// ```
pub struct Ground {
    base: TempDir,
}

impl Ground {
    /// Makes the ground. The superuser's bench gets accounts of its own, in a mount namespace of its own, so that no
    /// account of the machine is needed, touched or looked into.
    ///
    /// # Errors
    /// The directory cannot be made, or the kernel refuses the namespace.
    pub fn new() -> Outcome<Self> {
        // A policy is believed only where nobody else could replace it, so no shared directory such as `/tmp` will do.
        let shelter = match std::env::var_os("HOME") {
            Some(home) if !Identity::all().contains(&Identity::Root) => home.into(),
            _ => PathBuf::from("/srv"),
        };
        let base = tempfile::Builder::new().prefix("opaque-bench-").tempdir_in(&shelter);
        let base = base.map_err(|error| format!("cannot make a directory in {}: {error}", shelter.display()))?;
        fs::set_permissions(base.path(), Permissions::from_mode(0o755))?;
        fs::create_dir(base.path().join("tools"))?;
        let ground = Self { base };
        if Identity::all().contains(&Identity::Root) {
            ground.bring_accounts().map_err(|error| format!("cannot make a mount namespace: {error}"))?;
        }
        Ok(ground)
    }

    /// Where programs are that every identity may run.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.base.path().join("tools")
    }

    /// Puts a program into [`Ground::tools`] under a name.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn bring(&self, program: &Path, name: &str) -> Outcome<PathBuf> {
        let tool = self.tools().join(name);
        fs::copy(program, &tool).map_err(|error| format!("cannot copy {}: {error}", program.display()))?;
        Ok(tool)
    }

    /// Makes a place for each identity that this machine lets the bench take.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn places(&self) -> Outcome<Vec<Place>> {
        let stopwatch = self.bring(&std::env::current_exe()?, "stopwatch")?;
        Identity::all().into_iter().map(|identity| Place::new(identity, &self.home_of(identity), &stopwatch)).collect()
    }

    fn home_of(&self, identity: Identity) -> PathBuf {
        self.base.path().join(identity.name())
    }

    fn bring_accounts(&self) -> io::Result<()> {
        let (mut accounts, mut groups) = (String::new(), String::new());
        for identity in Identity::all() {
            let (name, uid, gid) = (identity.name(), identity.uid(), identity.gid());
            let home = self.home_of(identity).join("home");
            accounts.push_str(&format!("{name}:x:{uid}:{gid}::{}:/bin/sh\n", home.display()));
            groups.push_str(&format!("{name}:x:{gid}:\n"));
        }
        own_mounts()?;
        for (name, content, target) in [("passwd", accounts, c"/etc/passwd"), ("group", groups, c"/etc/group")] {
            let file = self.base.path().join(name);
            fs::write(&file, content)?;
            bind(&file, target)?;
        }
        Ok(())
    }
}

/// From here on mounts of this process and its children are their own.
fn own_mounts() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } < 0 {
        return Err(io::Error::last_os_error());
    }
    mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE)
}

fn bind(file: &Path, target: &CStr) -> io::Result<()> {
    mount(Some(&CString::new(file.as_os_str().as_bytes())?), target, libc::MS_BIND)
}

fn mount(source: Option<&CStr>, target: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let source = source.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: the strings end in NUL; no type or data is passed.
    let result = unsafe { libc::mount(source, target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
