//! Published ports: a connection to the host's own loopback reaches a server inside.
//!
//! The sandbox cannot be entered from here: sockets that were made inside are connected, one at a time each, and used
//! again afterwards.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::arrival::{self, Place};
use crate::connection::Shared;
use crate::refusal::Refusal;
use crate::relay::{Meter, reset};
use crate::rules::{Target, Transport};

/// Sockets that were made inside and are not in use.
pub struct Sockets(RefCell<Vec<OwnedFd>>);

impl Sockets {
    /// Takes the sockets over.
    #[must_use]
    pub fn new(sockets: Vec<OwnedFd>) -> Self {
        Self(RefCell::new(sockets))
    }
}

/// A socket that goes back when its connection has ended.
struct Borrowed {
    socket: Option<OwnedFd>,
    from: Rc<Sockets>,
}

impl Borrowed {
    fn take(from: &Rc<Sockets>) -> Option<Self> {
        let socket = from.0.borrow_mut().pop()?;
        Some(Self { socket: Some(socket), from: Rc::clone(from) })
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let Some(socket) = &self.socket else { return Err(std::io::ErrorKind::NotConnected.into()) };
        let copy = socket.try_clone()?;
        rustix::io::ioctl_fionbio(&copy, true)?;
        TcpSocket::from_std_stream(std::net::TcpStream::from(copy)).connect(address).await
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        // One that cannot be used again is closed.
        if rustix::net::connect_unspec(&socket).is_ok() {
            self.from.0.borrow_mut().push(socket);
        }
    }
}

/// Accepts connections on the host's side until the run ends.
pub async fn serve(listener: StdListener, port: u16, sockets: Rc<Sockets>, shared: Rc<Shared>, open: Rc<Cell<usize>>) {
    let Ok(listener) = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)) else { return };
    loop {
        let client = arrival::next(&listener).await;
        let (place, sockets, shared) = (Place::taken(&open), Rc::clone(&sockets), Rc::clone(&shared));
        tokio::task::spawn_local(async move {
            let _place = place;
            connect(client, port, sockets, shared).await;
        });
    }
}

async fn connect(client: TcpStream, port: u16, sockets: Rc<Sockets>, shared: Rc<Shared>) {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Some(borrowed) = Borrowed::take(&sockets) else {
        shared.log.refuse(&Target::Address(server.ip()), port, Transport::Tcp, &Refusal::TooMany);
        return reset(&client);
    };
    // What listens inside may come up later than its clients: they see what they would see without a sandbox.
    let Ok(inside) = borrowed.connect(server).await else { return reset(&client) };
    let _ = inside.set_nodelay(true).and_then(|()| client.set_nodelay(true));
    shared.relays.relay(&inside, &client, &Meter::default()).await;
    drop(inside);
    drop(borrowed);
}
