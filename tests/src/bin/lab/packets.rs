//! Puts every flow on record that comes over the wire from the host, also those that no server answers.
//!
//! Neighbour discovery and group membership are left out: they are the wire's own talk.

use std::collections::HashSet;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use serde_json::json;

use crate::Lab;

/// Packets and header bytes that are looked at: enough for an IPv6 header and ports.
const ENOUGH: usize = 96;

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
struct Flow {
    protocol: u8,
    from: IpAddr,
    to: IpAddr,
    port: u16,
}

/// Watches an interface of the namespace that this thread stands in.
pub(crate) fn watch(lab: &Arc<Lab>, interface: &str) {
    let socket = open(interface);
    let lab = Arc::clone(lab);
    std::thread::spawn(move || {
        let mut seen = HashSet::new();
        let mut buffer = [0; ENOUGH];
        while let Some((length, sent_by_us)) = receive(&socket, &mut buffer) {
            let Some(flow) = parse(&buffer[..length]).filter(|_| !sent_by_us) else { continue };
            if seen.insert(flow) {
                let protocol = match flow.protocol {
                    1 | 58 => "icmp".to_owned(),
                    6 => "tcp".to_owned(),
                    17 => "udp".to_owned(),
                    other => other.to_string(),
                };
                lab.packets.add(&json!({
                    "protocol": protocol, "from": flow.from, "to": flow.to, "port": flow.port,
                }));
            }
        }
    });
}

fn parse(packet: &[u8]) -> Option<Flow> {
    let (protocol, from, to, rest) = match packet.first()? >> 4 {
        4 => {
            let four = |at: usize| -> Option<IpAddr> {
                Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?).into())
            };
            (*packet.get(9)?, four(12)?, four(16)?, usize::from(packet[0] & 15) * 4)
        }
        6 => {
            let six = |at: usize| -> Option<IpAddr> {
                Some(Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?).into())
            };
            (*packet.get(6)?, six(8)?, six(24)?, 40)
        }
        _ => return None,
    };
    // Hop-by-hop options carry group membership; 130 to 143 are membership and neighbour discovery.
    let own_talk = from.is_ipv6() && (protocol == 0 || (protocol == 58 && (130..=143).contains(packet.get(rest)?)));
    let port = if matches!(protocol, 6 | 17) {
        u16::from_be_bytes([*packet.get(rest + 2)?, *packet.get(rest + 3)?])
    } else {
        0
    };
    (!own_talk).then_some(Flow { protocol, from, to, port })
}

fn open(interface: &str) -> OwnedFd {
    let name = CString::new(interface).expect("a name of our own");
    // SAFETY: the name ends in NUL.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    let protocol = u16::try_from(libc::ETH_P_ALL).expect("a short").to_be();
    // SAFETY: no pointer is passed.
    let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, protocol.into()) };
    assert!(raw >= 0, "no packet socket: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor was just opened and is owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    // SAFETY: an all-zero structure is valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).expect("a short");
    address.sll_protocol = protocol;
    address.sll_ifindex = index.cast_signed();
    // SAFETY: the address lives through the call and has the size that is passed.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), ADDRESS_SIZE) };
    assert_eq!(result, 0, "cannot watch {interface}: {}", std::io::Error::last_os_error());
    socket
}

const ADDRESS_SIZE: libc::socklen_t = size_of::<libc::sockaddr_ll>() as libc::socklen_t;

/// The start of the next packet, and whether this side sent it.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(usize, bool)> {
    // SAFETY: an all-zero structure is valid and is overwritten.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut size = ADDRESS_SIZE;
    let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    let sender = (&raw mut address).cast();
    // SAFETY: the buffer and the address have the sizes that are passed.
    let received = unsafe { libc::recvfrom(socket.as_raw_fd(), start, length, 0, sender, &raw mut size) };
    Some((usize::try_from(received).ok()?, address.sll_pkttype == libc::PACKET_OUTGOING))
}
