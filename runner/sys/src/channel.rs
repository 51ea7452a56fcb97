//! The line between the supervisor and the child: fixed-size records over a socket pair.
//!
//! Each record is sent and read whole (`SOCK_SEQPACKET`); nothing is parsed from text.

use std::cell::{Cell, RefCell};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::namespaces::NamespaceInodes;
use crate::network::{Doors, Expected, Handed, MOST};
use crate::step::{Failure, Step};

/// The supervisor's end.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// The descriptors that are still to come; they come once, and before [`Message::Ready`].
    expected: RefCell<Option<Expected>>,
    /// How many terminals are still to come, likewise.
    terminals: Cell<usize>,
}

/// The child's end.
pub(crate) struct ChildChannel(pub(crate) OwnedFd);

/// What the child says.
#[derive(Debug)]
pub enum Message {
    /// The network stands; these lead into it.
    Doors(Doors),
    /// The other ends of the run's own terminals, in the image's order.
    Terminals(Vec<OwnedFd>),
    /// Every layer was attested; the command waits at the barrier.
    Ready(NamespaceInodes),
    /// A step failed; the command does not start.
    Failed(Failure),
    /// The command ended, and left this many files in its private home.
    Ended(End, u32),
    /// The command stopped by this signal (job control).
    Stopped(i32),
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Most descriptors that are handed over at once: one for each cgroup hierarchy of a limit.
const HANDED: usize = 4;
const RECORD: usize = 88;
const READY: u32 = 1;
const FAILED: u32 = 2;
const EXITED: u32 = 3;
const SIGNALED: u32 = 4;
const STOPPED: u32 = 5;
const DOORS: u32 = 6;
const TERMINALS: u32 = 7;

/// Makes the pair; the child will hand over what is expected, and the other ends of so many terminals.
pub(crate) fn pair(expected: Expected, terminals: usize) -> Result<(Channel, ChildChannel), Errno> {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let ours = Channel { socket: ours, expected: RefCell::new(Some(expected)), terminals: Cell::new(terminals) };
    Ok((ours, ChildChannel(theirs)))
}

impl Channel {
    /// Lets the child go on: once after the id map, once at the barrier.
    ///
    /// # Errors
    /// The child is gone.
    pub fn go(&self) -> Result<(), Errno> {
        rustix::net::send(&self.socket, b"g", SendFlags::NOSIGNAL).map(drop)
    }

    /// Lets the child go on and hands it descriptors, a few at most.
    ///
    /// # Errors
    /// The child is gone.
    pub fn hand_over(&self, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        if descriptors.is_empty() {
            return self.go();
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(HANDED))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::TOOBIG);
        }
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(b"g")], &mut control, SendFlags::NOSIGNAL).map(drop)
    }

    /// The next message; `None` when the child has closed its end.
    ///
    /// # Errors
    /// The socket failed, or the record is not one of ours.
    pub fn receive(&self) -> Result<Option<Message>, Errno> {
        let mut record = [0_u8; RECORD];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let into = &mut [IoSliceMut::new(&mut record)];
            match rustix::net::recvmsg(&self.socket, into, &mut control, RecvFlags::CMSG_CLOEXEC) {
                // The child closed its end with a word of ours unread; what it said itself is still to come.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                other => break other?,
            }
        };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            match message {
                RecvAncillaryMessage::ScmRights(some) => descriptors.extend(some),
                _ => return Err(Errno::BADMSG),
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        if received.bytes != RECORD || received.flags.intersects(ReturnFlags::CTRUNC | ReturnFlags::TRUNC) {
            return Err(Errno::BADMSG);
        }
        self.understand(&record, descriptors).map(Some).ok_or(Errno::BADMSG)
    }

    /// `None` when the record is not one of ours, or stands where it must not.
    fn understand(&self, record: &[u8; RECORD], descriptors: Vec<OwnedFd>) -> Option<Message> {
        let mut expected = self.expected.borrow_mut();
        if kind(record)? == DOORS {
            return expected.take()?.name(descriptors).map(Message::Doors);
        }
        if kind(record)? == TERMINALS {
            let is_whole = !descriptors.is_empty() && descriptors.len() == self.terminals.take();
            return is_whole.then_some(Message::Terminals(descriptors));
        }
        let message = decode(record).filter(|_| descriptors.is_empty())?;
        let awaits_more = expected.is_some() || self.terminals.get() > 0;
        let is_early = awaits_more && matches!(message, Message::Ready(_));
        (!is_early).then_some(message)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl ChildChannel {
    /// Waits for the supervisor's word; the end of the stream means that it died.
    pub(crate) fn wait(&self) -> Result<(), Errno> {
        let mut byte = [0_u8; 1];
        loop {
            match rustix::net::recv(&self.0, &mut byte[..], RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
                Ok((0, _)) => return Err(Errno::PIPE),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Waits for the supervisor's word and does something with each descriptor that comes with it.
    pub(crate) fn take_over(&self, mut act: impl FnMut(OwnedFd) -> Result<(), Errno>) -> Result<(), Errno> {
        let mut byte = [0_u8; 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(HANDED))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let into = &mut [IoSliceMut::new(&mut byte)];
            match rustix::net::recvmsg(&self.0, into, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        if received.bytes == 0 {
            return Err(Errno::PIPE);
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                for descriptor in descriptors {
                    act(descriptor)?;
                }
            }
        }
        Ok(())
    }

    /// Hands the supervisor everything that was opened for it, in order. Allocates nothing.
    pub(crate) fn send_doors(&self, doors: &Handed) -> Result<(), Errno> {
        doors.with(self.0.as_fd(), |descriptors| self.send_descriptors(DOORS, descriptors))
    }

    /// Hands the supervisor the other ends of the run's terminals. Allocates nothing.
    pub(crate) fn send_terminals(&self, masters: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        self.send_descriptors(TERMINALS, masters)
    }

    fn send_descriptors(&self, kind: u32, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let record = bytes([u64::from(kind), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::TOOBIG);
        }
        let send =
            |control: &mut _| rustix::net::sendmsg(&self.0, &[IoSlice::new(&record)], control, SendFlags::NOSIGNAL);
        rustix::io::retry_on_intr(|| send(&mut control)).map(drop)
    }

    pub(crate) fn send(&self, message: Message) -> Result<(), Errno> {
        let record = encode(&message);
        loop {
            match rustix::net::send(&self.0, &record, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                other => return other.map(drop),
            }
        }
    }
}

fn encode(message: &Message) -> [u8; RECORD] {
    let mut words = [0_u64; RECORD / 8];
    let [kind, a, b, c, inodes @ ..] = &mut words;
    match message {
        Message::Doors(_) => *kind = u64::from(DOORS),
        Message::Terminals(_) => *kind = u64::from(TERMINALS),
        Message::Ready(namespaces) => {
            *kind = u64::from(READY);
            for (slot, inode) in inodes.iter_mut().zip(namespaces.0) {
                *slot = inode;
            }
        }
        Message::Failed(failure) => {
            *kind = u64::from(FAILED);
            *a = failure.step as u64;
            *b = failure.errno.raw_os_error() as u64;
            *c = u64::from(failure.detail);
        }
        Message::Ended(End::Code(code), left) => {
            *kind = u64::from(EXITED);
            *a = *code as u64;
            *b = u64::from(*left);
        }
        Message::Ended(End::Signal(signal), left) => {
            *kind = u64::from(SIGNALED);
            *a = *signal as u64;
            *b = u64::from(*left);
        }
        Message::Stopped(signal) => {
            *kind = u64::from(STOPPED);
            *a = *signal as u64;
        }
    }
    bytes(words)
}

fn bytes(words: [u64; RECORD / 8]) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    for (bytes, word) in record.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    record
}

fn kind(record: &[u8; RECORD]) -> Option<u32> {
    record.first_chunk().and_then(|word| u32::try_from(u64::from_ne_bytes(*word)).ok())
}

fn decode(record: &[u8; RECORD]) -> Option<Message> {
    let mut words = [0_u64; RECORD / 8];
    for (word, bytes) in words.iter_mut().zip(record.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().ok()?);
    }
    let [kind, a, b, c, inodes @ ..] = words;
    match u32::try_from(kind).ok()? {
        READY => {
            let mut namespaces = [0; 7];
            for (inode, word) in namespaces.iter_mut().zip(inodes) {
                *inode = word;
            }
            Some(Message::Ready(NamespaceInodes(namespaces)))
        }
        FAILED => Some(Message::Failed(Failure {
            step: *Step::ALL.get(usize::try_from(a).ok()?)?,
            errno: Errno::from_raw_os_error(i32::try_from(b).ok()?),
            detail: u32::try_from(c).ok()?,
        })),
        EXITED => Some(Message::Ended(End::Code(i32::try_from(a).ok()?), u32::try_from(b).ok()?)),
        SIGNALED => Some(Message::Ended(End::Signal(i32::try_from(a).ok()?), u32::try_from(b).ok()?)),
        STOPPED => Some(Message::Stopped(i32::try_from(a).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One descriptor, as every run has it.
    fn expected() -> Expected {
        Expected { has_v6: false, gate: None }
    }

    fn handed(count: usize) -> Handed {
        let mut handed = Handed::new();
        for _ in 0..count {
            handed.keep(tempfile::tempfile().unwrap().into()).unwrap();
        }
        handed
    }

    fn heard(channel: &Channel) -> String {
        format!("{:?}", channel.receive().unwrap())
    }

    #[test]
    fn every_message_survives_the_channel() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        theirs.send_doors(&handed(1)).unwrap();
        let Some(Message::Doors(doors)) = ours.receive().unwrap() else { panic!("the doors come first") };
        assert!(rustix::io::fcntl_getfd(&doors.resolver).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        let messages = || {
            [
                Message::Ready(NamespaceInodes([1, 2, 3, 4, 5, 6, 7])),
                Message::Failed(Failure { step: Step::Seccomp, errno: Errno::PERM, detail: 9 }),
                Message::Ended(End::Code(255), 3),
                Message::Ended(End::Signal(9), 0),
                Message::Stopped(20),
            ]
        };
        for (sent, same) in messages().into_iter().zip(messages()) {
            theirs.send(sent).unwrap();
            assert_eq!(heard(&ours), format!("{:?}", Some(same)));
        }
        drop(theirs);
        assert_eq!(heard(&ours), "None");
    }

    #[test]
    fn a_child_that_hands_over_too_much_or_too_little_is_not_understood() {
        for count in [0, 2, MOST] {
            let (ours, theirs) = pair(expected(), 0).unwrap();
            theirs.send_doors(&handed(count)).unwrap();
            assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG, "{count}");
        }
    }

    #[test]
    fn a_child_that_hands_over_twice_is_not_understood() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        theirs.send_doors(&handed(1)).unwrap();
        theirs.send_doors(&handed(1)).unwrap();
        assert!(matches!(ours.receive(), Ok(Some(Message::Doors(_)))));
        assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG);
    }

    #[test]
    fn a_child_that_is_ready_before_it_has_handed_over_is_not_understood() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        theirs.send(Message::Ready(NamespaceInodes([0; 7]))).unwrap();
        assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG);
    }

    #[test]
    fn exactly_the_terminals_that_are_expected_are_taken_and_before_the_child_is_ready() {
        for (count, is_understood) in [(1, false), (2, true), (3, false)] {
            let (ours, theirs) = pair(expected(), 2).unwrap();
            let some: Vec<OwnedFd> = (0..count).map(|_| tempfile::tempfile().unwrap().into()).collect();
            theirs.send_terminals(&some.iter().map(AsFd::as_fd).collect::<Vec<_>>()).unwrap();
            assert_eq!(matches!(ours.receive(), Ok(Some(Message::Terminals(_)))), is_understood, "{count}");
            theirs.send_terminals(&[some.first().unwrap().as_fd()]).unwrap();
            assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG, "they come once");
        }
        let (ours, theirs) = pair(expected(), 1).unwrap();
        theirs.send_doors(&handed(1)).unwrap();
        ours.receive().unwrap();
        theirs.send(Message::Ready(NamespaceInodes([0; 7]))).unwrap();
        assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG);
    }

    #[test]
    fn a_descriptor_that_comes_with_another_message_is_not_understood() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        let stowaway = tempfile::tempfile().unwrap();
        let descriptors = [stowaway.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let record = encode(&Message::Stopped(20));
        rustix::net::sendmsg(&theirs.0, &[IoSlice::new(&record)], &mut control, SendFlags::empty()).unwrap();
        assert_eq!(ours.receive().unwrap_err(), Errno::BADMSG);
    }

    #[test]
    fn what_a_child_says_before_it_dies_is_heard_even_when_it_did_not_listen() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        let last = || Message::Failed(Failure { step: Step::IdMap, errno: Errno::IO, detail: 0 });
        ours.go().unwrap();
        theirs.send(last()).unwrap();
        drop(theirs);
        assert_eq!(heard(&ours), format!("{:?}", Some(last())));
        assert_eq!(heard(&ours), "None");
    }

    #[test]
    fn a_child_whose_supervisor_is_gone_does_not_pass_the_barrier() {
        let (ours, theirs) = pair(expected(), 0).unwrap();
        ours.go().unwrap();
        assert_eq!(theirs.wait(), Ok(()));
        drop(ours);
        assert_eq!(theirs.wait(), Err(Errno::PIPE));
    }
}
