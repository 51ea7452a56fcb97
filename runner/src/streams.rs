//! The command's standard streams: inherited as they are, or carried where that is not possible.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};

use crate::outcome::Refusal;
use crate::relay::{self, Behind, Relay};
use crate::terminal;

const NAMES: [&str; 3] = ["standard input", "standard output", "standard error"];

/// What the command gets and what the supervisor carries.
#[derive(Debug, Default)]
pub struct Streams {
    /// Descriptors that replace the caller's inside.
    pub inside: [Option<OwnedFd>; 3],
    /// Carries standard input, when it is a socket.
    pub input: Option<Relay>,
    /// Carries output that is not inherited.
    pub output: Vec<Relay>,
}

/// Whether output passes the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The command writes to the caller's own descriptors.
    Direct,
    /// Every byte passes the supervisor.
    Carried,
}

impl Streams {
    /// Looks at the caller's streams and arranges the command's.
    ///
    /// # Errors
    /// A stream is something that must not be handed inside.
    pub fn arrange(output: Output) -> Result<Self, Refusal> {
        let mut streams = Self::default();
        for (index, (stream, name)) in terminal::streams().into_iter().zip(NAMES).enumerate() {
            let kind = relay::inspect(stream).map_err(|what| {
                Refusal::cannot_build(format!("{name} is {what}, which would be a way out of the sandbox"))
                    .hint(format!("connect {name} to a file, a pipe, a terminal or /dev/null"))
            })?;
            let cannot = |errno| Refusal::cannot_build(format!("cannot set up {name}: {errno}"));
            let inside = match kind {
                Behind::Closed => Some(null().map_err(cannot)?),
                Behind::Inheritable if index == 0 || output == Output::Direct => None,
                Behind::Inheritable | Behind::Socket => {
                    let (read, write) = relay::pipe().map_err(cannot)?;
                    let caller = relay::duplicate(stream).map_err(cannot)?;
                    if index == 0 {
                        streams.input = Some(Relay::new(caller, write).map_err(cannot)?);
                        Some(read)
                    } else {
                        streams.output.push(Relay::new(read, caller).map_err(cannot)?);
                        Some(write)
                    }
                }
            };
            if let Some(slot) = streams.inside.get_mut(index) {
                *slot = inside;
            }
        }
        Ok(streams)
    }
}

fn null() -> Result<OwnedFd, rustix::io::Errno> {
    let null = rustix::fs::openat(CWD, c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // With a closed stream the number itself may be the new one: move it out of the way.
    rustix::io::fcntl_dupfd_cloexec(null.as_fd(), 3)
}
