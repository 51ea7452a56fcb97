//! Acts on sockets of unusual kinds, on ports that belong to others, and on the network's own set-up.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::{Act, Attempt, answer, argument, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("open", open),
    ("stand-at", stand_at),
    ("lookup-beside", lookup_beside),
    ("throw", throw),
    ("change-network", change_network),
];

/// `open KIND`: a socket that carries something else than TCP and UDP.
fn open(arguments: &[String]) -> Attempt {
    let (domain, kind, protocol) = match argument(arguments, 0) {
        "ping" => (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
        "ping6" => (libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_ICMPV6),
        "raw" => (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW),
        "raw-udp" => (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_UDP),
        "packet" => (libc::AF_PACKET, libc::SOCK_DGRAM, 0x0300),
        "mptcp" => (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
        "mptcp6" => (libc::AF_INET6, libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
        "sctp" => (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
        "sctp-packets" => (libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP),
        "dccp" => (libc::AF_INET, 6, libc::IPPROTO_DCCP),
        "udplite" => (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
        "netfilter" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER),
        other => panic!("no such socket: {other}"),
    };
    socket(domain, kind, protocol).map(|_| String::new())
}

/// `bind tcp|udp ADDRESS:PORT [shared]`: takes a port, with every option that shares it where asked.
fn stand_at(arguments: &[String]) -> Attempt {
    bound(arguments).map(|_| String::new())
}

/// `lookup-beside NAME tcp|udp ADDRESS:PORT [shared]`: what a name resolves to while a port is held.
fn lookup_beside(arguments: &[String]) -> Attempt {
    let held = bound(&arguments[1..])?;
    let found = (argument(arguments, 0), 0).to_socket_addrs().map_err(|_| libc::ENOENT)?;
    let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    addresses.dedup();
    drop(held);
    Ok(addresses.join(" "))
}

fn bound(arguments: &[String]) -> Result<OwnedFd, i32> {
    let address: SocketAddr = argument(arguments, 1).parse().expect("an address and a port");
    let domain = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let is_stream = argument(arguments, 0) == "tcp";
    let socket = socket(domain, if is_stream { libc::SOCK_STREAM } else { libc::SOCK_DGRAM }, 0)?;
    if arguments.get(2).is_some_and(|word| word == "shared") {
        for option in [libc::SO_REUSEADDR, libc::SO_REUSEPORT] {
            turn_on(&socket, libc::SOL_SOCKET, option)?;
        }
    }
    if address.is_ipv6() {
        turn_on(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
    }
    let (storage, size) = stored(address);
    // SAFETY: the address lives through the call and has the size that is passed.
    answer(unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), size) })?;
    if is_stream {
        // SAFETY: no pointer is passed.
        answer(unsafe { libc::listen(socket.as_raw_fd(), 1) })?;
    }
    Ok(socket)
}

/// `throw TARGET`: a datagram to many hosts, or to one; nothing is expected back.
fn throw(arguments: &[String]) -> Attempt {
    let target: SocketAddr = argument(arguments, 0).parse().expect("an address and a port");
    let socket = UdpSocket::bind(if target.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }).map_err(os)?;
    socket.set_broadcast(true).map_err(os)?;
    socket.set_read_timeout(Some(Duration::from_millis(10))).map_err(os)?;
    socket.connect(target).map_err(os)?;
    socket.send(b"probe").map_err(os)?;
    match socket.recv(&mut [0; 16]) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(os(error)),
        _ => Ok(String::new()),
    }
}

/// `change-network WHAT`: asks the kernel for a change that leads elsewhere; its answer.
fn change_network(arguments: &[String]) -> Attempt {
    const LOOPBACK: [u8; 4] = 1_u32.to_ne_bytes();
    let (kind, flags, body) = match argument(arguments, 0) {
        // `struct ifinfomsg`: family, type, index, flags, and which of them change. Loopback goes down.
        "link-down" => {
            (libc::RTM_NEWLINK, 0, [&[0; 4][..], &LOOPBACK, &[0; 4], &(libc::IFF_UP as u32).to_ne_bytes()].concat())
        }
        // `struct ifaddrmsg` and IFA_LOCAL: 10.255.0.1/32 on loopback.
        "address" => {
            let local = [8, 0, 2, 0, 10, 255, 0, 1];
            (libc::RTM_NEWADDR, CREATE, [&[libc::AF_INET as u8, 32, 0, 0][..], &LOOPBACK, &local].concat())
        }
        // `struct rtmsg` with RTA_DST and RTA_OIF: 10.254.0.1/32 leads to loopback.
        "route" => {
            let destination = [8, 0, 1, 0, 10, 254, 0, 1];
            let interface = [&[8, 0, 4, 0][..], &LOOPBACK].concat();
            let head = [libc::AF_INET as u8, 32, 0, 0, libc::RT_TABLE_MAIN, 4, libc::RT_SCOPE_LINK, libc::RTN_UNICAST];
            (libc::RTM_NEWROUTE, CREATE, [&head[..], &[0; 4], &destination, &interface].concat())
        }
        // `struct rtmsg`: any route of the main table.
        "route-away" => {
            let head = [libc::AF_INET as u8, 0, 0, 0, libc::RT_TABLE_MAIN, 0, libc::RT_SCOPE_NOWHERE, 0];
            (libc::RTM_DELROUTE, 0, [&head[..], &[0; 4]].concat())
        }
        other => panic!("no such change: {other}"),
    };
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let length = u32::try_from(16 + body.len()).expect("a short message").to_ne_bytes();
    let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags).expect("flags fit").to_ne_bytes();
    let message = [&length[..], &kind.to_ne_bytes(), &flags, &[1, 0, 0, 0, 0, 0, 0, 0], &body].concat();
    // SAFETY: the buffer has the length that is passed.
    answer(unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) } as i64)?;
    let mut reply = [0_u8; 256];
    // SAFETY: the buffer has the length that is passed.
    answer(unsafe { libc::recv(socket.as_raw_fd(), reply.as_mut_ptr().cast(), reply.len(), 0) } as i64)?;
    // `struct nlmsgerr` follows the header: zero, or a negative error number.
    match i32::from_ne_bytes([reply[16], reply[17], reply[18], reply[19]]) {
        0 => Ok(String::new()),
        error => Err(-error),
    }
}

const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

fn socket(domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd, i32> {
    // SAFETY: no pointer is passed.
    let raw = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    answer(raw)?;
    // SAFETY: the descriptor was just opened and is owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

fn turn_on(socket: &OwnedFd, level: i32, option: i32) -> Result<(), i32> {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives through the call and has the size that is passed.
    answer(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size) }).map(drop)
}

/// The address as the kernel reads it, and its size.
fn stored(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: an all-zero structure is valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let place = &raw mut storage;
    let size = match address {
        SocketAddr::V4(four) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: four.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*four.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is large enough and aligned for every kind of address.
            unsafe { place.cast::<libc::sockaddr_in>().write(address) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(six) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: six.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: six.ip().octets() },
                sin6_scope_id: six.scope_id(),
            };
            // SAFETY: as above.
            unsafe { place.cast::<libc::sockaddr_in6>().write(address) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, size as libc::socklen_t)
}
