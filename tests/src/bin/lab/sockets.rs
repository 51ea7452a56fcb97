//! Listens, and starts a thread for each connection; each is on record before its service sees it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::{Lab, namespaces};

/// What happens to a connection.
pub(crate) type Service = fn(TcpStream, &Connection) -> std::io::Result<()>;

/// Where a server stands.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Host,
    Internet,
}

impl Side {
    /// Its name in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Internet => "internet",
        }
    }
}

/// A connection on record.
pub(crate) struct Connection {
    pub(crate) lab: Arc<Lab>,
    pub(crate) id: u64,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
}

/// Serves a port at every address of the namespace that this thread stands in, unless it is to be left free.
pub(crate) fn serve(lab: &Arc<Lab>, side: Side, port: u16, service: Service) {
    if lab.free.contains(&port) {
        return;
    }
    let address = if namespaces::has_ipv6() { "[::]" } else { "0.0.0.0" };
    let listener = TcpListener::bind(format!("{address}:{port}"))
        .unwrap_or_else(|error| panic!("cannot serve port {port}: {error}"));
    let lab = Arc::clone(lab);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lab = Arc::clone(&lab);
            std::thread::spawn(move || accept(lab, side, stream, service));
        }
    });
}

fn accept(lab: Arc<Lab>, side: Side, stream: TcpStream, service: Service) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    let connection =
        Connection { lab, id: NEXT.fetch_add(1, Ordering::Relaxed), local: canonical(local), peer: canonical(peer) };
    connection.record(json!({
        "event": "accepted",
        "side": side.name(),
        "local": connection.local,
        "peer": connection.peer,
    }));
    let _ = stream.set_nodelay(true);
    // A client that goes away is no fault of the lab.
    let _ = service(stream, &connection);
}

impl Connection {
    /// Adds to what is known of it.
    pub(crate) fn record(&self, mut event: serde_json::Value) {
        event["id"] = self.id.into();
        self.lab.accepted.add(&event);
    }
}

/// An IPv4 address as itself, also where an IPv6 socket met it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
