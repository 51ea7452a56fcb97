//! Makes a plan ready: everything that the child will only have to walk.
//!
//! Strings become C strings, the filter is compiled, the Landlock ruleset created, the order of the
//! tree fixed. After this nothing about the plan is looked at again before the command runs.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use opaque_policy::path::AbsPath;
use opaque_policy::plan::{self, Plan, Protection, Step as TreeStep};
use opaque_policy::request::Inode;
use opaque_policy::text::Text;
use opaque_sys::fault::Fault;
use opaque_sys::image::{
    Access, CStrings, Content, Entry, Exec, File, IdMap, Identity, Image, Judged, MountPoint, Place, ResourceLimit,
    Scratch,
};
use opaque_sys::landlock;
use opaque_sys::locked::Locked;
use opaque_sys::seccomp::{Filter, Profile};
use opaque_sys::step::Step;
use opaque_sys::terminal::Terminal;

use crate::gateway;
use crate::held::Held;
use crate::outcome::Refusal;
use crate::pinned::Copies;
use crate::program::{Opened, effective_argv};
use crate::streams::Controlling;

/// How many bytes and files the run's private directories may hold when the plan sets no limit.
const SCRATCH_BYTES: u64 = 1 << 30;
const SCRATCH_INODES: u64 = 200_000;

/// What preparing needs besides the plan.
pub struct Materials<'a> {
    /// The program as it was opened and judged.
    pub opened: &'a Opened,
    /// Identity of every placeholder that stands now.
    pub placeholders: Vec<(AbsPath, Inode)>,
    /// Streams that replace the caller's own inside.
    pub streams: [Option<OwnedFd>; 3],
    /// The values of the run's secrets.
    pub held: &'a Held,
    /// Terminals of the run's own.
    pub terminals: Vec<Terminal>,
    /// What the command may do to the terminal that controls its session.
    pub controlling: Controlling,
    /// Limits kept by `setrlimit`.
    pub resource_limits: Vec<ResourceLimit>,
    /// Identity of the working directory, when it is a host directory.
    pub cwd: Option<Inode>,
    /// The caller's umask.
    pub umask: u32,
    /// True when the child waits to be put into cgroups before it starts the command's process.
    pub joins_cgroups: bool,
    /// The fault that a test wants.
    pub fault: Fault,
}

/// Prepares a plan.
///
/// # Errors
/// The kernel lacks a layer, or a path cannot be passed to it.
pub fn prepare(plan: &Plan, materials: Materials<'_>) -> Result<(Image, i32), Refusal> {
    let fault = materials.fault;
    let filter = compile_filter(fault)?;
    let ruleset = create_ruleset(fault)?;
    let copies = Copies::of(materials.opened)?;
    let copied: u64 = copies.pinned.iter().map(|pinned| pinned.length).sum();
    let abi = ruleset.abi;
    let Tree { entries, secrets } = tree(plan, &materials)?;
    let image = Image {
        identity: Identity {
            uid: plan.identity.uid,
            gid: plan.identity.gid,
            map: match plan.identity.map {
                plan::IdMap::Single => IdMap::Single,
                plan::IdMap::Full => IdMap::Full,
            },
        },
        entries,
        secrets,
        handed: materials.held.pipes()?,
        scratch: Scratch {
            size: decimal(plan.limits.tmp.map_or(SCRATCH_BYTES, |limit| limit.max).saturating_add(copied)),
            inodes: decimal(plan.limits.inodes.map_or(SCRATCH_INODES, |limit| limit.max)),
        },
        ruleset,
        network: gateway::prepare(&plan.network).map_err(|error| failed(Step::Addresses, &error))?,
        filter,
        cwd: Place { path: c_string(plan.cwd.as_bytes())?, inode: materials.cwd.map(inode) },
        exec: exec(plan, &copies, materials.held)?,
        home: home(plan)?,
        pinned: copies.pinned,
        limits: materials.resource_limits,
        umask: materials.umask,
        streams: materials.streams,
        terminals: materials.terminals,
        joins_cgroups: materials.joins_cgroups,
        fault,
    };
    Ok((image, abi))
}

fn compile_filter(fault: Fault) -> Result<Filter, Refusal> {
    fault.check(Step::CompileFilter).map_err(|errno| failed(Step::CompileFilter, &errno))?;
    Filter::compile(Profile::Default).map_err(|error| failed(Step::CompileFilter, &error))
}

fn create_ruleset(fault: Fault) -> Result<opaque_sys::image::Ruleset, Refusal> {
    fault.check(Step::Ruleset).map_err(|errno| failed(Step::Ruleset, &errno))?;
    landlock::create_ruleset().map_err(|error| {
        failed(Step::Ruleset, &error)
            .hint("the namespaces tier needs Linux 5.13 or newer with Landlock among the enabled LSMs (`lsm=` on the kernel command line)")
    })
}

/// The refusal for a step that the supervisor itself could not take.
pub fn failed(step: Step, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::cannot_build(format!("cannot build the sandbox: step `{}`: {error}", step.name()))
}

/// The file tree, and the values that stand in it.
struct Tree {
    entries: Vec<Entry>,
    secrets: Vec<Locked>,
}

fn tree(plan: &Plan, materials: &Materials<'_>) -> Result<Tree, Refusal> {
    let steps = plan.steps();
    let mut secrets = Vec::new();
    let mut entries = Vec::with_capacity(steps.len());
    // INVARIANT: the grounds that are open are ancestors of the step, the deepest last.
    let mut grounds: Vec<(&AbsPath, Ground)> = Vec::new();
    for step in steps {
        let target = step.target();
        while grounds.last().is_some_and(|(path, _)| !target.is_within(path)) {
            grounds.pop();
        }
        let ground = grounds.last().map_or(Ground::Own, |(_, ground)| *ground);
        let (content, laid) = match step {
            TreeStep::Mount(plan::Mount { content: plan::Content::Secret { name }, .. }) => {
                secrets.push(materials.held.file(name)?);
                (Content::Secret { index: secrets.len() - 1 }, ground)
            }
            TreeStep::Mount(mount) if target.as_bytes() == b"/dev/tty" => controlling(mount, materials, ground)?,
            TreeStep::Mount(mount) => content(mount, ground)?,
            TreeStep::Protect(protected) => protection(protected, &materials.placeholders)?,
        };
        entries.push(Entry::new(c_string(below_root(target))?, content));
        grounds.push((target, laid));
    }
    Ok(Tree { entries, secrets })
}

/// On whose ground a mount point lies: in the run's own tmpfs, or in a host directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    Own,
    Private,
    Host,
}

fn content(mount: &plan::Mount, ground: Ground) -> Result<(Content, Ground), Refusal> {
    let on_host = ground == Ground::Host;
    Ok(match &mount.content {
        plan::Content::Bind { source, inode: expected, shape, access } => {
            let point = match shape {
                _ if on_host => MountPoint::Exists,
                plan::Shape::Directory => MountPoint::Directory,
                plan::Shape::File => MountPoint::File,
            };
            let access = match access {
                plan::Access::ReadOnly => Access::ReadOnly,
                plan::Access::ReadWrite => Access::ReadWrite,
            };
            let source = c_string(source.as_bytes())?;
            (Content::Bind { source, inode: inode(*expected), point, access }, Ground::Host)
        }
        plan::Content::Device { source } => {
            (Content::Device { source: c_string(source.as_bytes())?, access: Access::ReadWrite }, Ground::Host)
        }
        plan::Content::Private { mode } => (Content::Private { mode: *mode }, Ground::Private),
        plan::Content::Directory if on_host => (Content::MaskDirectory, Ground::Host),
        plan::Content::Directory => (Content::Directory, ground),
        plan::Content::Symlink { text } => (Content::Symlink(c_string(text.as_bytes())?), ground),
        plan::Content::File { .. } if on_host => (Content::MaskFile, Ground::Host),
        plan::Content::File { text } => {
            let access = if ground == Ground::Private { Access::ReadWrite } else { Access::ReadOnly };
            (Content::File { text: text.clone().into_bytes(), access }, ground)
        }
        plan::Content::Secret { name } => {
            return Err(Refusal::cannot_build(format!("the secret `{name}` has no value")));
        }
        plan::Content::Proc => (Content::Proc, Ground::Host),
        plan::Content::Pts => (Content::Pts, Ground::Host),
    })
}

/// The name that leads to the terminal that controls the session.
fn controlling(mount: &plan::Mount, materials: &Materials<'_>, ground: Ground) -> Result<(Content, Ground), Refusal> {
    Ok(match (content(mount, ground)?, materials.controlling) {
        ((Content::Device { source, .. }, ground), Controlling::ReadOnly) => {
            (Content::Device { source, access: Access::ReadOnly }, ground)
        }
        (content, Controlling::ReadOnly | Controlling::Usable) => content,
    })
}

fn protection(protected: &plan::Protected, placeholders: &[(AbsPath, Inode)]) -> Result<(Content, Ground), Refusal> {
    let (expected, access) = match &protected.by {
        Protection::ReadOnly { inode, .. } => (*inode, Access::ReadOnly),
        Protection::Pinned { inode } => (*inode, Access::ReadWrite),
        Protection::Placeholder | Protection::PlaceholderFile { .. } => {
            let standing = placeholders.iter().find(|(path, _)| *path == protected.path);
            let Some((_, inode)) = standing else {
                return Err(Refusal::cannot_build(format!("no placeholder stands at `{}`", protected.path)));
            };
            (*inode, Access::ReadOnly)
        }
    };
    let source = c_string(protected.path.as_bytes())?;
    Ok((Content::Bind { source, inode: inode(expected), point: MountPoint::Exists, access }, Ground::Host))
}

fn exec(plan: &Plan, copies: &Copies, held: &Held) -> Result<Exec, Refusal> {
    let program = &plan.program;
    let mut files = vec![judged(&program.path, program.inode, copies.program, copies)?];
    for (interpreter, copy) in program.interpreters.iter().zip(&copies.interpreters) {
        files.push(judged(&interpreter.path, interpreter.inode, *copy, copies)?);
    }
    // The innermost interpreter is executed; what comes before it are scripts. A binary is its own.
    let Some(file) = files.pop() else { return Err(Refusal::cannot_build("there is nothing to execute")) };
    let mut env = Vec::with_capacity(plan.env.len());
    for variable in &plan.env {
        env.push(c_string([variable.name.as_bytes(), b"=", variable.value.as_bytes()].concat())?);
    }
    Ok(Exec {
        file,
        scripts: files,
        argv: CStrings::new(argv(plan, copies)?),
        env: CStrings::with_secrets(env, held.variables()?),
    })
}

/// The private home, when there is one, and how many files the plan itself puts there.
fn home(plan: &Plan) -> Result<Option<(CString, u32)>, Refusal> {
    let is_private =
        |mount: &&plan::Mount| mount.target == plan.home && matches!(mount.content, plan::Content::Private { .. });
    if plan.mounts.iter().find(is_private).is_none() {
        return Ok(None);
    }
    let own = plan.mounts.iter().filter(|mount| {
        mount.target.is_within(&plan.home)
            && matches!(mount.content, plan::Content::File { .. } | plan::Content::Symlink { .. })
    });
    Ok(Some((c_string(plan.home.as_bytes())?, u32::try_from(own.count()).unwrap_or(0))))
}

/// What must stand at the path of a file that runs. A binary's copy is bound over it; a script's copy has
/// a path of its own.
fn judged(path: &AbsPath, expected: Inode, copy: Option<usize>, copies: &Copies) -> Result<Judged, Refusal> {
    let own = || c_string(path.as_bytes());
    Ok(match copy {
        None => Judged { path: own()?, file: File::Itself(inode(expected)) },
        Some(index) => {
            let is_bound = copies.pinned.get(index).is_some_and(|pinned| pinned.over.is_some());
            let path = if is_bound { own()? } else { copies.path(copy).map_or_else(own, Ok)? };
            Judged { path, file: File::Copy(index) }
        }
    })
}

/// The argument vector; a script that was copied is passed by the path of its copy.
fn argv(plan: &Plan, copies: &Copies) -> Result<Vec<CString>, Refusal> {
    let mut program = plan.program.clone();
    for (interpreter, copy) in program.interpreters.iter_mut().zip(&copies.interpreters) {
        let is_script = copy.and_then(|index| copies.pinned.get(index)).is_some_and(|pinned| pinned.over.is_none());
        if let Some((path, name)) = copies.path(*copy).filter(|_| is_script).zip(interpreter.argv.first_mut()) {
            *name = Text::new(path.into_bytes()).unwrap_or_else(|| name.clone());
        }
    }
    let mut typed = plan.argv.clone();
    if !program.interpreters.is_empty()
        && let Some((path, name)) = copies.path(copies.program).zip(typed.first_mut())
    {
        *name = Text::new(path.into_bytes()).unwrap_or_else(|| name.clone());
    }
    effective_argv(&program, &typed).iter().map(|argument| c_string(argument.as_bytes())).collect()
}

fn inode(of: Inode) -> opaque_sys::image::Inode {
    opaque_sys::image::Inode { device: of.device, number: of.number }
}

fn below_root(path: &AbsPath) -> &[u8] {
    path.as_bytes().strip_prefix(b"/").unwrap_or_default()
}

fn decimal(number: u64) -> CString {
    CString::new(number.to_string()).unwrap_or_default()
}

fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, Refusal> {
    CString::new(bytes).map_err(|_| Refusal::cannot_build("a path, argument or variable holds a NUL byte"))
}
