//! Gives back each datagram, from the address that it was sent to.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use serde_json::json;

use crate::sockets::Side;
use crate::{Lab, namespaces};

/// Serves one address and port in the namespace that this thread stands in.
pub(crate) fn echo(lab: &Arc<Lab>, side: Side, address: &str, port: u16) {
    let Some(socket) = bind(address, port) else { return };
    let lab = Arc::clone(lab);
    std::thread::spawn(move || {
        let local = socket.local_addr().expect("a bound socket has an address");
        let mut buffer = vec![0; 65_536];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            lab.accepted.add(&json!({
                "event": "datagram", "side": side.name(), "local": local, "peer": peer, "bytes": length,
            }));
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
}

/// A socket at this address; none for IPv6 on a kernel without it.
pub(crate) fn bind(address: &str, port: u16) -> Option<UdpSocket> {
    let address = SocketAddr::new(address.parse().expect("an address"), port);
    if address.is_ipv6() && !namespaces::has_ipv6() {
        return None;
    }
    Some(UdpSocket::bind(address).unwrap_or_else(|error| panic!("cannot serve {address}: {error}")))
}
