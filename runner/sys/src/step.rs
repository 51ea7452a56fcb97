//! The steps that confine a command, by name, and how a failed one is reported.
//!
//! Between clone and exec nothing may allocate or format, so a failure travels as numbers:
//! the step, which entry of it, and the errno.

use rustix::io::Errno;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// One step on the way from a plan to a running command, in order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Step {
            $($(#[$doc])* $name,)+
        }

        impl Step {
            /// Every step, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name that messages, reports and fault injection use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

steps! {
    /// The supervisor writes the intent record.
    Journal = "journal",
    /// The supervisor makes the cgroups.
    Cgroup = "cgroup",
    /// The supervisor puts placeholders at absent protected paths.
    Placeholders = "placeholders",
    /// The supervisor compiles the system call filter.
    CompileFilter = "compile-filter",
    /// The supervisor creates the Landlock ruleset.
    Ruleset = "landlock-ruleset",
    /// The supervisor clones the child into its namespaces.
    Clone = "clone",
    /// The user namespace's ids are mapped.
    IdMap = "id-map",
    /// The supervisor puts the child into the cgroups.
    JoinCgroup = "join-cgroup",
    /// The child asks to die with the supervisor.
    DieWithParent = "die-with-parent",
    /// The child takes the ids of the plan.
    Identity = "identity",
    /// Mounts no longer propagate in either direction.
    Propagation = "propagation",
    /// Every bind source is opened, compared and cloned.
    Sources = "sources",
    /// The empty root is mounted.
    Root = "root",
    /// procfs is mounted.
    Proc = "proc",
    /// Nested user namespaces are closed.
    NestedNamespaces = "nested-namespaces",
    /// Core dumps are turned off.
    CoreDumps = "core-dumps",
    /// The private loopback interface is brought up.
    Loopback = "loopback",
    /// The run's own addresses are added to it.
    Addresses = "addresses",
    /// The resolver's socket is bound.
    Resolver = "resolver",
    /// Every address is made to end inside.
    Routes = "routes",
    /// The gate's listeners and sockets are opened.
    Listeners = "listeners",
    /// The supervisor puts the packet filter in force.
    Rules = "rules",
    /// The file tree is put together.
    Tree = "tree",
    /// The new root takes the place of the old one.
    Pivot = "pivot",
    /// The old root is detached.
    DetachOldRoot = "detach-old-root",
    /// The new root becomes read-only.
    SealRoot = "seal-root",
    /// The working directory is entered and compared.
    Cwd = "cwd",
    /// The run's own streams and terminals take the place of the caller's.
    Streams = "streams",
    /// Resource limits are set.
    ResourceLimits = "resource-limits",
    /// Privileges can no longer be gained.
    NoNewPrivileges = "no-new-privileges",
    /// Every capability is dropped from every set.
    Capabilities = "capabilities",
    /// Landlock restricts the process.
    Landlock = "landlock",
    /// Every descriptor but the chosen ones is closed.
    Descriptors = "descriptors",
    /// The system call filter is installed.
    Seccomp = "seccomp",
    /// The init process hides its memory.
    HideInit = "hide-init",
    /// The init process starts the command's process.
    Fork = "fork",
    /// The command's process checks from inside that every layer holds.
    Attest = "attest",
    /// The supervisor compares the namespaces.
    Namespaces = "namespaces",
    /// Signals are reset for the command.
    Signals = "signals",
    /// The barrier is passed.
    Barrier = "barrier",
    /// The program is opened again inside and compared.
    Program = "program",
    /// The program is executed.
    Exec = "exec",
}

/// A step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// Why, as the kernel says it.
    pub errno: Errno,
    /// Which part of the step: an index into the tree's entries, or what attestation found.
    pub detail: u32,
}

impl Failure {
    pub(crate) fn new(step: Step, errno: Errno) -> Self {
        Self { step, errno, detail: 0 }
    }
}

/// Names the step of an error: `open_root().at(Step::Root)?`.
pub(crate) trait At<T> {
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(step, errno))
    }
}
