//! Opens the sockets that the supervisor will serve, inside the run's namespace. Reads and writes none of them.
//!
//! INVARIANT: nothing here shares its port (no `SO_REUSEADDR`, no `SO_REUSEPORT`), so nothing inside can bind it again.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::clone::last_errno;
use crate::netlink;
use crate::network::{Gated, Handed, Network};

const DNS: u16 = 53;
/// Connections that wait to be accepted: the kernel's own bound (`somaxconn`) in a new namespace.
const BACKLOG: i32 = 4096;

/// The resolver's socket.
pub(crate) fn resolver(network: &Network, handed: &mut Handed) -> Result<(), Errno> {
    handed.keep(bound(SocketType::DGRAM, (network.own4, DNS).into())?)
}

/// The packet filter's, the listeners, the datagram sockets, and those that will be connected to servers inside.
pub(crate) fn gate(network: &Network, gate: &Gated, handed: &mut Handed) -> Result<(), Errno> {
    handed.keep(netlink::netfilter()?)?;
    handed.keep(listener((Ipv4Addr::LOCALHOST, gate.port).into())?)?;
    if let Some(own6) = network.own6 {
        handed.keep(listener((Ipv6Addr::LOCALHOST, gate.port).into())?)?;
        handed.keep(bound(SocketType::DGRAM, (own6, DNS).into())?)?;
    }
    for port in &gate.udp_ports {
        let socket = bound(SocketType::DGRAM, (Ipv4Addr::UNSPECIFIED, *port).into())?;
        turn_on(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        handed.keep(socket)?;
    }
    for port in gate.udp_ports.iter().filter(|_| network.own6.is_some()) {
        let socket = bound(SocketType::DGRAM, (Ipv6Addr::UNSPECIFIED, *port).into())?;
        turn_on(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
        // Replies carry the address that was asked, which is nobody's.
        turn_on(&socket, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND)?;
        handed.keep(socket)?;
    }
    for _ in 0..gate.sockets {
        handed.keep(open(AddressFamily::INET, SocketType::STREAM)?)?;
    }
    Ok(())
}

fn listener(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = bound(SocketType::STREAM, address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// A socket at this address.
pub(crate) fn bound(kind: SocketType, address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = match address {
        SocketAddr::V4(_) => open(AddressFamily::INET, kind)?,
        SocketAddr::V6(_) => {
            let socket = open(AddressFamily::INET6, kind)?;
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
            socket
        }
    };
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

pub(crate) fn open(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)
}

fn turn_on(socket: &OwnedFd, level: libc::c_int, option: libc::c_int) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel reads one int, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
