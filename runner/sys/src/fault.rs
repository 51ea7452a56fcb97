//! Lets a test build fail or skip one step, to prove that every layer is real.
//!
//! Never part of a release build: the feature refuses to compile without debug assertions, and
//! without the feature every question here is answered "no" at compile time.

#[cfg(feature = "faults")]
use std::ops::BitOr;

use rustix::io::Errno;

#[cfg(feature = "faults")]
use crate::clone;
use crate::step::Step;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the `faults` feature is for test builds only");

/// Which step a test wants to fail and which ones it wants to leave out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fault {
    #[cfg(feature = "faults")]
    fail: Option<Step>,
    // Bit `n` for the step whose number is `n`.
    #[cfg(feature = "faults")]
    skip: u64,
    #[cfg(feature = "faults")]
    share: u64,
    #[cfg(feature = "faults")]
    ends_gate: bool,
}

#[cfg(feature = "faults")]
const _: () = assert!(Step::ALL.len() <= 64, "every step has its bit");

impl Fault {
    /// Reads, in a test build, `OPAQUE_FAULT_FAIL` (one step), `OPAQUE_FAULT_SKIP` (steps, with commas),
    /// `OPAQUE_FAULT_SHARE` (namespaces, with commas) and `OPAQUE_FAULT_GATE` (`ends`); nothing in any other.
    #[must_use]
    pub fn from_environment() -> Self {
        #[cfg(feature = "faults")]
        {
            let list = |variable: &str| std::env::var(variable).unwrap_or_default();
            let step = |name: &str| Step::ALL.iter().copied().find(|step| step.name() == name);
            let bits = |bits: u64, step: Step| bits | 1 << step as u32;
            Self {
                fail: step(&list("OPAQUE_FAULT_FAIL")),
                skip: list("OPAQUE_FAULT_SKIP").split(',').filter_map(step).fold(0, bits),
                share: list("OPAQUE_FAULT_SHARE").split(',').filter_map(clone::flag).fold(0, u64::bitor),
                ends_gate: list("OPAQUE_FAULT_GATE") == "ends",
            }
        }
        #[cfg(not(feature = "faults"))]
        Self {}
    }

    /// Fails when a test wants this step to fail.
    ///
    /// # Errors
    /// `EIO`, in a test build that asks for it.
    pub fn check(self, step: Step) -> Result<(), Errno> {
        if self.fails(step) { Err(Errno::IO) } else { Ok(()) }
    }

    #[cfg(feature = "faults")]
    fn fails(self, step: Step) -> bool {
        self.fail == Some(step)
    }

    #[cfg(not(feature = "faults"))]
    fn fails(self, _: Step) -> bool {
        false
    }

    /// True when a test wants this step to be left out.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn skips(self, step: Step) -> bool {
        self.skip & 1 << step as u32 != 0
    }

    /// True when a test wants the gate to the network to end before the command starts.
    #[must_use]
    pub const fn ends_gate(self) -> bool {
        #[cfg(feature = "faults")]
        {
            self.ends_gate
        }
        #[cfg(not(feature = "faults"))]
        false
    }

    /// The clone flags of namespaces that a test wants to share with the host.
    pub(crate) const fn shared_namespaces(self) -> u64 {
        #[cfg(feature = "faults")]
        {
            self.share
        }
        #[cfg(not(feature = "faults"))]
        0
    }

    /// True when a test wants this step to be left out: never in this build.
    #[cfg(not(feature = "faults"))]
    #[must_use]
    pub const fn skips(self, _: Step) -> bool {
        false
    }
}
