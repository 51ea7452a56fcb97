//! Serves a run's doors as a supervisor would: says where each connection wanted to go, answers each datagram.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::{self, ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, sockopt};

use crate::netfilter::Filter;
use crate::network::Doors;

/// What the supervisor keeps while its doors are served.
pub(super) struct Kept {
    pub(super) filter: Filter,
    pub(super) sockets: Vec<OwnedFd>,
}

/// Serves a gate's doors until the process ends.
pub(super) fn serve(doors: Doors) -> Kept {
    let gate = doors.gate.expect("a gate");
    thread::spawn(move || resolve(doors.resolver.into()));
    thread::spawn(move || accept(gate.tcp4.into()));
    gate.tcp6.map(|listener| thread::spawn(move || accept(listener.into())));
    gate.resolver6.map(|socket| thread::spawn(move || resolve(socket.into())));
    for (_, socket) in gate.udp4.into_iter().chain(gate.udp6) {
        thread::spawn(move || answer(&socket));
    }
    Kept { filter: gate.filter, sockets: gate.sockets }
}

/// Writes to each connection which address it was meant for.
fn accept(listener: TcpListener) {
    listener.set_nonblocking(false).unwrap();
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let meant = if connection.local_addr().unwrap().is_ipv4() {
            let found = socket::getsockopt(&connection, sockopt::OriginalDst).unwrap();
            format!("{}:{}", Ipv4Addr::from(u32::from_be(found.sin_addr.s_addr)), u16::from_be(found.sin_port))
        } else {
            let found = socket::getsockopt(&connection, sockopt::Ip6tOriginalDst).unwrap();
            format!("[{}]:{}", Ipv6Addr::from(found.sin6_addr.s6_addr), u16::from_be(found.sin6_port))
        };
        let _ = connection.write_all(meant.as_bytes());
    }
}

/// Answers each query with itself and a mark.
fn resolve(socket: UdpSocket) {
    socket.set_nonblocking(false).unwrap();
    let mut query = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut query).unwrap();
        let answer = [b"resolved ", query.get(..length).unwrap()].concat();
        socket.send_to(&answer, from).unwrap();
    }
}

/// Answers each datagram in the name of the address that it was sent to.
fn answer(socket: &OwnedFd) {
    let mut space = cmsg_space!(libc::in6_pktinfo);
    loop {
        let mut bytes = [0; 64];
        let mut into = [std::io::IoSliceMut::new(&mut bytes)];
        let received =
            socket::recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut into, Some(&mut space), MsgFlags::empty());
        let Ok(received) = received else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let (from, information) = (received.address, received.cmsgs().unwrap().next());
        let send = |meant: &str, control: ControlMessage<'_>| {
            let said = format!("sent to {meant}");
            let said = [std::io::IoSlice::new(said.as_bytes())];
            socket::sendmsg(socket.as_raw_fd(), &said, &[control], MsgFlags::empty(), from.as_ref()).unwrap();
        };
        match information.expect("packet information") {
            ControlMessageOwned::Ipv4PacketInfo(mut information) => {
                let meant = Ipv4Addr::from(u32::from_be(information.ipi_addr.s_addr));
                information.ipi_spec_dst = information.ipi_addr;
                send(&meant.to_string(), ControlMessage::Ipv4PacketInfo(&information));
            }
            ControlMessageOwned::Ipv6PacketInfo(information) => {
                let meant = Ipv6Addr::from(information.ipi6_addr.s6_addr);
                send(&meant.to_string(), ControlMessage::Ipv6PacketInfo(&information));
            }
            other => panic!("{other:?}"),
        }
    }
}
