//! The command's standard streams: inherited as they are, or carried where that is not possible.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descriptor;
use crate::outcome::Refusal;
use crate::relay::{self, Relay};
use crate::terminal;
use crate::terminal::carried::Carried;

const NAMES: [&str; 3] = ["standard input", "standard output", "standard error"];

/// What the command gets and what the supervisor carries.
#[derive(Default)]
pub struct Streams {
    /// Descriptors that replace the caller's inside.
    pub inside: [Option<OwnedFd>; 3],
    /// Carries standard input, when it is a socket.
    pub input: Option<Relay>,
    /// Carries output that is not inherited.
    pub output: Vec<Relay>,
    /// Takes the place of the caller's terminal, when output is carried.
    pub terminals: Carried,
    /// What the command may do to the terminal that controls its session.
    pub controlling: Controlling,
}

/// Whether output passes the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The command writes to the caller's own descriptors.
    Direct,
    /// Every byte passes the supervisor.
    Carried,
}

/// What a command may do to the terminal that controls its session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Controlling {
    /// Read and write it.
    #[default]
    Usable,
    /// Read it: it is the caller's, and what is written there would pass nobody.
    ReadOnly,
}

impl Streams {
    /// Looks at the caller's streams and arranges the command's.
    ///
    /// # Errors
    /// A stream is something that must not be handed inside.
    pub fn arrange(output: Output) -> Result<Self, Refusal> {
        let mut streams = Self::default();
        if output == Output::Carried {
            streams.terminals = Carried::plan().map_err(cannot("the terminal"))?;
            if !streams.terminals.has_session() {
                streams.controlling = Controlling::ReadOnly;
            }
        }
        for (index, (stream, name)) in terminal::streams().into_iter().zip(NAMES).enumerate() {
            let kind = inspect(stream).map_err(|what| {
                Refusal::cannot_build(format!("{name} is {what}, which would be a way out of the sandbox"))
                    .hint(format!("connect {name} to a file, a pipe, a terminal or /dev/null"))
            })?;
            let inside = match (kind, output) {
                (Behind::Closed, _) => Some(null().map_err(cannot(name))?),
                (Behind::Inheritable, Output::Direct) => None,
                (Behind::Inheritable, Output::Carried) if streams.terminals.has(index) => None,
                (Behind::Inheritable, Output::Carried) if index == 0 => input(stream).map_err(cannot(name))?,
                (Behind::Inheritable | Behind::Socket, _) => Some(streams.carry(index, stream).map_err(cannot(name))?),
            };
            if let Some(slot) = streams.inside.get_mut(index) {
                *slot = inside;
            }
        }
        Ok(streams)
    }

    /// Carries a stream; answers the command's end of it.
    fn carry(&mut self, index: usize, stream: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
        // Where both outputs are one file, one pipe keeps what is written to them in order.
        if index == 2
            && let [_, Some(output), _] = &self.inside
            && is_same_file(stream, rustix::stdio::stdout())
        {
            return relay::duplicate(output);
        }
        let (read, write) = relay::pipe()?;
        let caller = relay::duplicate(stream)?;
        if index == 0 {
            self.input = Some(Relay::new(caller, write)?);
            Ok(read)
        } else {
            self.output.push(Relay::new(read, caller)?);
            Ok(write)
        }
    }
}

/// Standard input that nothing can be written through: a terminal is opened anew, only for reading.
fn input(stream: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Errno> {
    rustix::termios::isatty(stream).then(|| terminal::reopen(stream, OFlags::RDONLY)).transpose()
}

fn is_same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let identity = |stream| rustix::fs::fstat(stream).map(|status| descriptor::inode(&status));
    identity(one).is_ok_and(|inode| identity(other) == Ok(inode))
}

fn cannot(name: &str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::cannot_build(format!("cannot set up {name}: {errno}"))
}

/// What stands behind one of the caller's standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// A file, pipe, terminal or device: the command inherits it.
    Inheritable,
    /// A socket: never handed inside, since more descriptors could be passed through it.
    Socket,
    /// Nothing: the caller closed it.
    Closed,
}

/// Looks at one of the caller's streams.
/// What it is, when it must not be handed inside: a directory or an `O_PATH` descriptor.
fn inspect(stream: BorrowedFd<'_>) -> Result<Behind, &'static str> {
    let Ok(status) = rustix::fs::fstat(stream) else { return Ok(Behind::Closed) };
    if rustix::fs::fcntl_getfl(stream).is_ok_and(|flags| flags.contains(OFlags::PATH)) {
        return Err("an O_PATH descriptor");
    }
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Err("a directory"),
        FileType::Socket => Ok(Behind::Socket),
        FileType::BlockDevice => Err("a block device"),
        FileType::RegularFile | FileType::Fifo | FileType::CharacterDevice => Ok(Behind::Inheritable),
        FileType::Symlink | FileType::Unknown => Err("of an unknown kind"),
    }
}

fn null() -> Result<OwnedFd, Errno> {
    let null = rustix::fs::openat(CWD, c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // With a closed stream the number itself may be the new one: move it out of the way.
    rustix::io::fcntl_dupfd_cloexec(null.as_fd(), 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_never_handed_inside() {
        let directory = std::fs::File::open("/").unwrap();
        assert_eq!(inspect(directory.as_fd()), Err("a directory"));
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(inspect(socket.as_fd()), Ok(Behind::Socket));
    }
}
