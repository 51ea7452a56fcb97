//! Tries from inside, without any privilege, whether the run's network is the one that was prepared.
//!
//! Nothing here leaves a trace that the supervisor has to tell from the command's own acts, but one datagram to
//! [`PROBED`], which it leaves out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

use crate::attest::Missing;
use crate::network::sockets::{bound, open};
use crate::network::{Gated, Network};

/// An address for documentation (RFC 5737), so that no grant ever names it alone.
pub(crate) const PROBED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 255));
/// How long the answer to a datagram within this machine may take.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// What is missing, if anything is. Allocates nothing.
pub(crate) fn missing(network: &Network) -> Option<Missing> {
    if !is_taken(SocketType::DGRAM, (network.own4, 53).into()) {
        return Some(Missing::Resolver);
    }
    let gate = network.gate.as_ref()?;
    if !listens(network, gate) {
        return Some(Missing::Listeners);
    }
    if !every_address_ends_here(network) {
        return Some(Missing::Routes);
    }
    if !refuses_a_datagram().unwrap_or(false) {
        return Some(Missing::Rules);
    }
    None
}

/// True when the address is one of ours and somebody has the port already.
fn is_taken(kind: SocketType, address: SocketAddr) -> bool {
    bound(kind, address).err() == Some(Errno::ADDRINUSE)
}

fn listens(network: &Network, gate: &Gated) -> bool {
    let v6 = network.own6.is_none_or(|own6| {
        let loopback = (std::net::Ipv6Addr::LOCALHOST, gate.port).into();
        is_taken(SocketType::STREAM, loopback) && is_taken(SocketType::DGRAM, (own6, 53).into())
    });
    v6 && is_taken(SocketType::STREAM, (Ipv4Addr::LOCALHOST, gate.port).into())
        && gate.udp_ports.iter().all(|port| is_taken(SocketType::DGRAM, (Ipv4Addr::UNSPECIFIED, *port).into()))
}

/// Connecting a datagram socket sends nothing: it asks for a route, and for the address that a packet would come from.
fn every_address_ends_here(network: &Network) -> bool {
    let source = |family, to: SocketAddr| -> Result<SocketAddr, Errno> {
        let socket = open(family, SocketType::DGRAM)?;
        rustix::net::connect(&socket, &to)?;
        SocketAddr::try_from(rustix::net::getsockname(&socket)?).map_err(|_| Errno::AFNOSUPPORT)
    };
    let own = |found: Result<SocketAddr, Errno>, own: IpAddr| found.is_ok_and(|found| found.ip() == own);
    own(source(AddressFamily::INET, (PROBED, 9).into()), IpAddr::V4(network.own4))
        && network.own6.is_none_or(|own6| {
            let documentation = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            own(source(AddressFamily::INET6, (documentation, 9).into()), IpAddr::V6(own6))
        })
}

/// Sends a datagram to an address that is not granted, where somebody would take it: without the rules it arrives.
///
/// The port is one that the kernel finds free, so none of the granted ones: the supervisor holds those.
fn refuses_a_datagram() -> Result<bool, Errno> {
    let (receiver, to) = receiver()?;
    let sender = open(AddressFamily::INET, SocketType::DGRAM)?;
    rustix::net::connect(&sender, &to)?;
    rustix::net::send(&sender, b"?", SendFlags::NOSIGNAL)?;
    let mut waiting = [PollFd::new(&sender, PollFlags::IN), PollFd::new(&receiver, PollFlags::IN)];
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut waiting, Some(&PATIENCE)))?;
    let mut byte = [0_u8; 1];
    let mut ask = |socket| rustix::net::recv(socket, &mut byte[..], RecvFlags::DONTWAIT).err();
    Ok(ask(&sender) == Some(Errno::CONNREFUSED) && ask(&receiver) == Some(Errno::AGAIN))
}

fn receiver() -> Result<(OwnedFd, SocketAddr), Errno> {
    let receiver = open(AddressFamily::INET, SocketType::DGRAM)?;
    rustix::net::sockopt::set_ip_freebind(&receiver, true)?;
    rustix::net::bind(&receiver, &SocketAddr::from((PROBED, 0)))?;
    let at = SocketAddr::try_from(rustix::net::getsockname(&receiver)?).map_err(|_| Errno::AFNOSUPPORT)?;
    Ok((receiver, at))
}
