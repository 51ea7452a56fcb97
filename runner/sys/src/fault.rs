//! Lets a test build fail or skip one step, to prove that every layer is real.
//!
//! Never part of a release build: the feature refuses to compile without debug assertions, and
//! without the feature every question here is answered "no" at compile time.

use rustix::io::Errno;

use crate::step::Step;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the `faults` feature is for test builds only");

/// Which step a test wants to fail or to leave out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fault {
    #[cfg(feature = "faults")]
    fail: Option<Step>,
    #[cfg(feature = "faults")]
    skip: Option<Step>,
}

impl Fault {
    /// Reads `OPAQUE_FAULT_FAIL` and `OPAQUE_FAULT_SKIP` in a test build; nothing in any other.
    #[must_use]
    pub fn from_environment() -> Self {
        #[cfg(feature = "faults")]
        {
            let named = |variable: &str| {
                let wanted = std::env::var(variable).ok()?;
                Step::ALL.iter().copied().find(|step| step.name() == wanted)
            };
            Self { fail: named("OPAQUE_FAULT_FAIL"), skip: named("OPAQUE_FAULT_SKIP") }
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
        self.skip == Some(step)
    }

    /// True when a test wants this step to be left out: never in this build.
    #[cfg(not(feature = "faults"))]
    #[must_use]
    pub const fn skips(self, _: Step) -> bool {
        false
    }
}
