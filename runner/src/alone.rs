//! Starts programs from unit tests while no test holds a lock that must end with its holder: between fork and exec a child
//! has every descriptor of this process, and so every lock.

use std::io;
use std::process::{Child, Command, Output};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static FORKS: RwLock<()> = RwLock::new(());

/// For as long as this is held, no test starts a program.
pub(crate) fn without_forks() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Starting a program by itself.
pub(crate) trait Alone {
    /// As `spawn`; the program has begun when this returns.
    fn spawn_alone(&mut self) -> io::Result<Child>;

    /// As `output`.
    fn output_alone(&mut self) -> io::Result<Output>;
}

impl Alone for Command {
    fn spawn_alone(&mut self) -> io::Result<Child> {
        let _alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
        self.spawn()
    }

    fn output_alone(&mut self) -> io::Result<Output> {
        use std::process::Stdio;
        self.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn_alone()?.wait_with_output()
    }
}
