//! The outcome as JSON, for programs: `--report FILE` or `--report fd:N`.
//!
//! Opened before the command starts, exclusively and without following links, so that the command can
//! neither prepare nor forge it.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use opaque_egress::log::Record;
use opaque_policy::path::AbsPath;
use opaque_policy::plan::{Access, Content, Plan};
use opaque_sys::channel::End;
use rustix::fs::{CWD, Mode, OFlags};
use serde::Serialize;

use crate::bounds::Bound;
use crate::controls::Control;
use crate::outcome::{Class, Refusal};
use crate::printed::Printed;

/// Version of the report's format.
pub const VERSION: u32 = 1;

/// What a run came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this format.
    pub version: u32,
    /// The run's id, as in the journal.
    pub run: Option<String>,
    /// How it ended.
    pub exit: Exit,
    /// Why, when the command did not simply end.
    pub message: Option<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// Isolation tier; absent when nothing was built.
    pub tier: Option<&'static str>,
    /// Profile.
    pub profile: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// SHA-256 over the plan.
    pub plan_digest: Option<String>,
    /// Each control and how it held.
    pub controls: Vec<Control>,
    /// Each limit and what kept it.
    pub limits: Vec<Bound>,
    /// What the run did on the network; absent when nothing was built.
    pub network: Option<Record>,
    /// What was used.
    pub usage: Option<Usage>,
    /// Everything that was worth a note.
    pub notes: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Serialize)]
pub struct Exit {
    /// The class; tells a command that exits with 125 from a sandbox that could not be built.
    pub class: Class,
    /// The exit code of `opaque-run`.
    pub code: u8,
    /// The command's own exit code, when it ended by itself.
    pub command_code: Option<i32>,
    /// The signal that ended the command.
    pub signal: Option<i32>,
}

impl Exit {
    /// The exit of a run that did not start.
    #[must_use]
    pub fn refused(class: Class) -> Self {
        Self { class, code: class.code().unwrap_or(125), command_code: None, signal: None }
    }

    /// The exit of a run that started.
    #[must_use]
    pub fn ended(class: Class, code: u8, end: Option<End>) -> Self {
        let (command_code, signal) = match end {
            Some(End::Code(code)) => (Some(code), None),
            Some(End::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self { class, code, command_code, signal }
    }
}

/// Resources that a run used.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// Wall time from the barrier to the end, in milliseconds.
    pub wall_ms: u64,
    /// CPU time in user mode, in milliseconds.
    pub user_ms: u64,
    /// CPU time in the kernel, in milliseconds.
    pub system_ms: u64,
    /// Largest resident set of one process, in bytes.
    pub max_resident_bytes: u64,
    /// Peak of the whole run's memory, in bytes, when a cgroup counts it.
    pub memory_peak_bytes: Option<u64>,
    /// Processes killed for want of memory, when a cgroup counts them.
    pub oom_kills: Option<u64>,
    /// What became of output, when it was carried.
    pub output: Option<Printed>,
}

impl Usage {
    /// What the kernel counted for this process's children: the run's init and all that it reaped.
    #[must_use]
    pub fn of_children() -> Self {
        let Ok(usage) = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN) else {
            return Self::default();
        };
        let milliseconds = |time: nix::sys::time::TimeVal| {
            let micros = time.tv_sec().saturating_mul(1_000_000).saturating_add(time.tv_usec());
            u64::try_from(micros / 1000).unwrap_or(0)
        };
        Self {
            user_ms: milliseconds(usage.user_time()),
            system_ms: milliseconds(usage.system_time()),
            // Linux counts in KiB (getrusage(2)).
            max_resident_bytes: u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(1024),
            ..Self::default()
        }
    }
}

/// Where a report will be written.
#[derive(Debug)]
pub struct Destination {
    file: OwnedFd,
    path: Option<AbsPath>,
}

impl Destination {
    /// Opens the destination; a file must not exist yet.
    ///
    /// # Errors
    /// It exists, cannot be created, or is not an open descriptor.
    pub fn open(given: &OsStr) -> Result<Self, Refusal> {
        let shown = given.display();
        if let Some(number) = given.as_bytes().strip_prefix(b"fd:") {
            let number: i32 =
                std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).filter(|n| *n >= 0).ok_or_else(
                    || {
                        Refusal::cannot_build(format!("cannot write the report: `{shown}` names no descriptor"))
                            .hint("write `fd:3` and open it, for example `3>report.json`")
                    },
                )?;
            return Self::descriptor(number).ok_or_else(|| {
                Refusal::cannot_build(format!("cannot write the report: descriptor {number} is not open for writing"))
            });
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, given.as_bytes(), flags, Mode::from_raw_mode(0o600)).map_err(|errno| {
            let refusal = Refusal::cannot_build(format!("cannot create the report `{shown}`: {errno}"));
            if errno == rustix::io::Errno::EXIST {
                refusal.hint("name a file that does not exist yet, or use `fd:N`")
            } else {
                refusal
            }
        })?;
        let path = crate::descriptor::real_path(&file).ok().flatten();
        Ok(Self { file, path })
    }

    fn descriptor(number: i32) -> Option<Self> {
        let file = opaque_sys::descriptors::duplicate(number)?;
        let flags = rustix::fs::fcntl_getfl(&file).ok()?;
        (flags & OFlags::RWMODE != OFlags::RDONLY).then_some(Self { file, path: None })
    }

    /// Refuses a file that the command could write to.
    ///
    /// # Errors
    /// The report lies inside a writable grant.
    pub fn check_outside(&self, plan: &Plan) -> Result<(), Refusal> {
        let Some(path) = &self.path else { return Ok(()) };
        let is_writable = plan.mounts.iter().any(|mount| match &mount.content {
            Content::Bind { source, access: Access::ReadWrite, .. } => path.is_within(source),
            Content::Bind { access: Access::ReadOnly, .. }
            | Content::Device { .. }
            | Content::Private { .. }
            | Content::Directory
            | Content::Symlink { .. }
            | Content::File { .. }
            | Content::Secret { .. }
            | Content::Proc
            | Content::Pts => false,
        });
        if !is_writable {
            return Ok(());
        }
        let _ = rustix::fs::unlink(path.as_bytes());
        Err(Refusal::cannot_build(format!("the report `{path}` lies where the command can write"))
            .hint("put it outside of the workspace, or use `--report fd:3 3>FILE`"))
    }

    /// Writes the report.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(self, report: &Report) -> std::io::Result<()> {
        use std::io::Write;
        let mut text = serde_json::to_vec(report).map_err(std::io::Error::other)?;
        text.push(b'\n');
        std::fs::File::from(self.file).write_all(&text)
    }
}
