//! The frame of every netlink message: headers, attributes, answers (netlink(7)).
//!
//! Messages are written by the supervisor before the clone; whoever sends the bytes reads the answers
//! into its stack. Nothing here knows a protocol: what an attribute means is its writer's business.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::NETFILTER;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
/// Room for one answer: the kernel repeats the message that failed behind the error.
const ANSWER: usize = 4096;

/// A socket of the routing family, which is number 0.
pub(crate) fn route() -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
}

/// A socket of the packet filter's family.
pub(crate) fn netfilter() -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))
}

/// Messages in the making, one behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    count: u32,
}

impl Messages {
    /// Appends a message; its sequence number is its place, from 1 on.
    pub(crate) fn push(&mut self, kind: u16, flags: u16, body: impl FnOnce(&mut Body<'_>)) {
        let start = self.bytes.len();
        self.count += 1;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.count.to_ne_bytes());
        self.bytes.extend([0; 4]);
        body(&mut Body(&mut self.bytes));
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        put(&mut self.bytes, start, &length.to_ne_bytes());
    }

    /// How many messages there are, which is the number of the last one.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// What follows a header, or stands inside an attribute.
pub(crate) struct Body<'a>(&'a mut Vec<u8>);

impl Body<'_> {
    /// The fixed part that a protocol puts before its attributes.
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.pad();
    }

    /// An attribute.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.framed(kind, |body| body.0.extend(value));
    }

    /// An attribute that holds text with its final NUL.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        self.framed(kind, |body| {
            body.0.extend(value.as_bytes());
            body.0.push(0);
        });
    }

    /// An attribute that holds a number in network order.
    pub(crate) fn number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// An attribute that holds attributes.
    pub(crate) fn nested(&mut self, kind: u16, body: impl FnOnce(&mut Body<'_>)) {
        self.framed(kind | libc::NLA_F_NESTED as u16, body);
    }

    fn framed(&mut self, kind: u16, body: impl FnOnce(&mut Body<'_>)) {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        body(&mut Body(self.0));
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        put(self.0, start, &length.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    for (slot, byte) in bytes.iter_mut().skip(at).zip(value) {
        *slot = *byte;
    }
}

/// Sends prepared messages whole.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8]) -> Result<(), Errno> {
    match rustix::io::retry_on_intr(|| rustix::net::send(&socket, bytes, SendFlags::empty()))? {
        sent if sent == bytes.len() => Ok(()),
        _ => Err(Errno::IO),
    }
}

/// Reads answers until message `last` is acknowledged; the first error ends it. Allocates nothing.
///
/// The kernel has answered when the sending is over: in order, and every message that fails answers even when it did not ask to be acknowledged.
pub(crate) fn acknowledged(socket: impl AsFd, last: u32) -> Result<(), Errno> {
    let mut answer = [0_u8; ANSWER];
    loop {
        let (length, _) =
            rustix::io::retry_on_intr(|| rustix::net::recv(&socket, &mut answer[..], RecvFlags::DONTWAIT))?;
        let message = Message::first(answer.get(..length).unwrap_or_default()).ok_or(Errno::BADMSG)?.0;
        if message.kind != ERROR {
            return Err(Errno::BADMSG);
        }
        match message.error()? {
            0 if message.sequence == last => return Ok(()),
            0 => {}
            errno => return Err(Errno::from_raw_os_error(errno)),
        }
    }
}

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) sequence: u32,
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The first message and what follows it; `None` when there is no whole header. A message that is longer than
    /// what was read counts as far as it was read: the kernel cuts nothing but what it repeats behind an error.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, _) = bytes.split_at_checked(HEADER)?;
        let length = usize::try_from(word(header, 0)?).ok().filter(|length| *length >= HEADER)?;
        let body = bytes.get(HEADER..length.min(bytes.len()))?;
        let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((Self { kind: half(header, 4)?, sequence: word(header, 8)?, body }, rest))
    }

    /// The errno of an answer, 0 for an acknowledgement.
    pub(crate) fn error(&self) -> Result<i32, Errno> {
        let number = word(self.body, 0).ok_or(Errno::BADMSG)?.cast_signed();
        number.checked_neg().filter(|errno| (0..4096).contains(errno)).ok_or(Errno::BADMSG)
    }
}

/// The attributes in these bytes; ends at the first that is not whole.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?);
        let value = bytes.get(4..length)?;
        let kind = half(bytes, 2)? & !(libc::NLA_F_NESTED as u16);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of this kind.
pub(crate) fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut messages = Messages::default();
        messages.push(0x14, 4, |body| {
            body.fixed(&[1, 2, 3]);
            body.text(1, "name");
            body.nested(2, |inside| inside.number(7, 9));
        });
        messages.push(0x15, 0, |body| body.fixed(&[9; 4]));
        assert_eq!(messages.count(), 2);
        let bytes = messages.into_bytes();
        let (first, rest) = Message::first(&bytes).unwrap();
        assert_eq!((first.kind, first.sequence), (0x14, 1));
        let inside = first.body.get(4..).unwrap();
        assert_eq!(find(inside, 1), Some(&b"name\0"[..]));
        assert_eq!(find(find(inside, 2).unwrap(), 7), Some(&[0, 0, 0, 9][..]));
        let (second, rest) = Message::first(rest).unwrap();
        assert_eq!((second.kind, second.sequence, second.body), (0x15, 2, &[9; 4][..]));
        assert!(Message::first(rest).is_none());
    }

    #[test]
    fn bytes_that_are_cut_short_anywhere_never_read_beyond_their_end() {
        let mut messages = Messages::default();
        messages.push(2, 0, |body| body.nested(1, |inside| inside.text(2, "element")));
        let whole = messages.into_bytes();
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap();
            let found = Message::first(cut).and_then(|(message, _)| find(message.body, 1).and_then(|one| find(one, 2)));
            assert!(found.is_none(), "{length}");
        }
    }

    #[test]
    fn a_message_that_fails_is_seen_before_the_last_one_is_acknowledged() {
        let socket = route().unwrap();
        let mut messages = Messages::default();
        // RTM_GETLINK for an interface that does not exist, then for lo: any user may ask.
        for (index, flags) in [(i32::MAX, 0), (i32::MAX - 1, libc::NLM_F_ACK as u16)] {
            messages.push(libc::RTM_GETLINK, flags, |body| {
                let index = index.to_ne_bytes();
                body.fixed(&[&[0_u8; 4][..], &index, &[0; 8]].concat());
            });
        }
        let last = messages.count();
        send(&socket, &messages.into_bytes()).unwrap();
        assert_eq!(acknowledged(&socket, last), Err(Errno::NODEV));
    }
}
