//! The run's own addresses, and the route that makes every other address end inside.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::idmap;
use crate::netlink::{self, Body, Messages};

/// `lo` is the first interface of every network namespace.
const LOOPBACK: u32 = 1;
const NEW: u16 = (libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const V4: u8 = libc::AF_INET as u8;
const V6: u8 = libc::AF_INET6 as u8;

/// The messages that add the run's own addresses to loopback, beside 127.0.0.1 and ::1.
pub(crate) fn add(own4: Ipv4Addr, own6: Option<Ipv6Addr>) -> Messages {
    let mut messages = Messages::default();
    let mut address = |family: u8, flags: u32, bytes: &[u8]| {
        messages.push(libc::RTM_NEWADDR, NEW, |body| {
            // `struct ifaddrmsg`: family, bits of the prefix, flags, scope, interface.
            let [bits, index] = [(bytes.len() * 8) as u32, LOOPBACK];
            body.fixed(&[&[family, bits as u8, 0, 0][..], &index.to_ne_bytes()].concat());
            body.attribute(libc::IFA_LOCAL, bytes);
            body.attribute(libc::IFA_ADDRESS, bytes);
            body.attribute(libc::IFA_FLAGS, &flags.to_ne_bytes());
        });
    };
    address(V4, 0, &own4.octets());
    if let Some(own6) = own6 {
        // The kernel makes an IPv6 address local in a work queue, after it has answered. A route to its prefix would be
        // there at once and until then lead what comes back nowhere; without one the route for everything takes it.
        address(V6, libc::IFA_F_NODAD | libc::IFA_F_NOPREFIXROUTE, &own6.octets());
    }
    messages
}

/// The messages that make every address one of this machine's own: what is sent to it arrives here.
///
/// They go to the main table. The kernel keeps the local one in the same tree until somebody adds a policy rule, which
/// nobody inside may; both the refusal of a datagram and a reply in another address's name depend on that.
pub(crate) fn route(own4: Ipv4Addr, own6: Option<Ipv6Addr>) -> Messages {
    let mut messages = Messages::default();
    let mut all = |family: u8, scope: u8, own: &[u8]| {
        messages.push(libc::RTM_NEWROUTE, NEW, |body| write_route(body, family, scope, own));
    };
    all(V4, libc::RT_SCOPE_HOST, &own4.octets());
    if let Some(own6) = own6 {
        all(V6, libc::RT_SCOPE_UNIVERSE, &own6.octets());
    }
    messages
}

fn write_route(body: &mut Body<'_>, family: u8, scope: u8, own: &[u8]) {
    // `struct rtmsg`: family, bits of destination and source, type of service, table, protocol, scope, type, flags.
    let kind = [libc::RT_TABLE_MAIN, libc::RTPROT_STATIC, scope, libc::RTN_LOCAL];
    body.fixed(&[&[family, 0, 0, 0][..], &kind, &[0; 4]].concat());
    body.attribute(libc::RTA_PREFSRC, own);
    body.attribute(libc::RTA_OIF, &LOOPBACK.to_ne_bytes());
}

/// Sends prepared messages and waits until the kernel has agreed to each. Allocates nothing.
pub(crate) fn apply(messages: &Messages) -> Result<(), Errno> {
    let socket = netlink::route()?;
    netlink::send(&socket, messages.bytes())?;
    netlink::acknowledged(&socket, messages.count())
}

/// Lets connections inside send without a clock: none of them leaves this machine, and where the host prefers BBR its
/// timers cost a third of what passes (measured). Reno has none, and every process may choose it (tcp(7)).
pub(crate) fn send_unpaced(proc: &OwnedFd) {
    let name = c"sys/net/ipv4/tcp_congestion_control";
    let file = rustix::fs::openat(proc.as_fd(), name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    // Where it stays as it is, it is slower and right.
    let _ = file.and_then(|file| idmap::write_all(&file, b"reno"));
}

/// Lets programs inside listen at every port: nobody else is in this namespace.
pub(crate) fn open_low_ports(proc: &OwnedFd) -> Result<(), Errno> {
    let name = c"sys/net/ipv4/ip_unprivileged_port_start";
    let file = rustix::fs::openat(proc.as_fd(), name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    idmap::write_all(&file, b"0")
}
