//! Acts on sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::time::Duration;

use crate::{Act, Attempt, answer, argument, on_connection, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("unix-connect", unix_connect),
    ("unix-send", unix_send),
    ("abstract-connect", abstract_connect),
    ("tcp-connect", tcp_connect),
    ("tcp-exchange", tcp_exchange),
    ("udp-exchange", udp_exchange),
    ("resolve", resolve),
    ("socket", socket),
    ("private-loopback", private_loopback),
    ("unix-pair", unix_pair),
    ("interfaces", interfaces),
];

fn unix_connect(arguments: &[String]) -> Attempt {
    UnixStream::connect(argument(arguments, 0)).map(|_| String::new()).map_err(os)
}

fn unix_send(arguments: &[String]) -> Attempt {
    let socket = UnixDatagram::unbound().map_err(os)?;
    socket.send_to(b"probe", argument(arguments, 0)).map(|_| String::new()).map_err(os)
}

fn abstract_connect(arguments: &[String]) -> Attempt {
    let address = SocketAddr::from_abstract_name(argument(arguments, 0)).map_err(os)?;
    UnixStream::connect_addr(&address).map(|_| String::new()).map_err(os)
}

fn tcp_connect(arguments: &[String]) -> Attempt {
    let address = argument(arguments, 0).parse().expect("an address and a port");
    TcpStream::connect_timeout(&address, Duration::from_secs(3)).map(|_| String::new()).map_err(os)
}

/// Connects to the first address of a name (or to an address), sends a text, closes that direction, and tells what came
/// back until the end.
fn tcp_exchange(arguments: &[String]) -> Attempt {
    let address = addresses(argument(arguments, 0))?.next().ok_or(libc::ENOENT)?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3)).map_err(os)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(os)?;
    stream.write_all(argument(arguments, 1).as_bytes()).map_err(on_connection)?;
    stream.shutdown(Shutdown::Write).map_err(on_connection)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(os)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The addresses of a name, in the C library's order.
fn resolve(arguments: &[String]) -> Attempt {
    let found = addresses(&format!("{}:0", argument(arguments, 0)))?;
    Ok(found.map(|address| address.ip().to_string()).collect::<Vec<_>>().join(" "))
}

/// What `NAME:PORT` leads to. That a name does not resolve is told as `ENOENT`, whatever the resolver said.
fn addresses(target: &str) -> Result<std::vec::IntoIter<std::net::SocketAddr>, i32> {
    target.to_socket_addrs().map_err(|_| libc::ENOENT)
}

/// Sends a datagram and waits for the echo: what left is known only by what came back.
fn udp_exchange(arguments: &[String]) -> Attempt {
    let target = argument(arguments, 0);
    let local = if target.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local).map_err(os)?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).map_err(os)?;
    socket.send_to(b"probe", target).map_err(os)?;
    let mut buffer = [0; 16];
    socket.recv(&mut buffer).map(|_| String::new()).map_err(os)
}

fn socket(arguments: &[String]) -> Attempt {
    let (domain, kind, protocol) = match argument(arguments, 0) {
        "raw" => (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        "raw6" => (libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6),
        "packet" => (libc::AF_PACKET, libc::SOCK_RAW, 0x0300),
        "alg" => (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        "vsock" => (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        "netlink-route" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE),
        "netlink-generic" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_GENERIC),
        "netlink-audit" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT),
        "netlink-uevent" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_KOBJECT_UEVENT),
        "netlink-netfilter" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER),
        "netlink-diagnostics" => (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_SOCK_DIAG),
        "stream" => (libc::AF_INET, libc::SOCK_STREAM, 0),
        other => panic!("no such socket: {other}"),
    };
    // SAFETY: no pointer is passed.
    answer(unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) })?;
    Ok(String::new())
}

/// A server and a client of the sandbox's own.
fn private_loopback(_: &[String]) -> Attempt {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(host).map_err(os)?;
        let mut client = TcpStream::connect(listener.local_addr().map_err(os)?).map_err(os)?;
        let (mut server, _) = listener.accept().map_err(os)?;
        client.write_all(b"ping").map_err(os)?;
        let mut buffer = [0; 4];
        server.read_exact(&mut buffer).map_err(os)?;
    }
    Ok(String::new())
}

fn unix_pair(_: &[String]) -> Attempt {
    UnixStream::pair().map(|_| String::new()).map_err(os)
}

fn interfaces(_: &[String]) -> Attempt {
    let table = std::fs::read_to_string("/proc/net/dev").map_err(os)?;
    let mut names: Vec<&str> =
        table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    names.sort_unstable();
    Ok(names.join(" "))
}
