//! Datagrams to granted ports: each pair of client and destination is a flow with a socket of its own outside.
//!
//! Flows, what waits in them and their idle time are bounded. A reply seems to come from where the question went.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage, recvmsg, sendmsg,
};
use opaque_policy::cidr::plain;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::connection::{Shared, resolve};
use crate::log::{Flow, milliseconds};
use crate::refusal::Refusal;
use crate::rules::{Target, Transport};

/// The most flows of one port.
const FLOWS: usize = 256;
/// Datagrams that wait while a flow is opened.
const WAITING: usize = 32;
/// A flow on which nothing moves for so long has ended.
const IDLE: Duration = Duration::from_secs(60);
/// The longest datagram (RFC 768).
const LONGEST: usize = 65_535;

/// One socket inside, at a port for datagrams.
pub struct Door {
    socket: Rc<UdpSocket>,
    port: u16,
    flows: Flows,
}

type Flows = Rc<RefCell<HashMap<Ends, mpsc::Sender<Vec<u8>>>>>;

/// The two ends of a flow as they look inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    client: SocketAddr,
    destination: IpAddr,
}

impl Door {
    /// Watches over a socket that tells the destination of each datagram.
    ///
    /// # Errors
    /// The socket cannot be waited for.
    pub fn new(port: u16, socket: OwnedFd) -> io::Result<Self> {
        let socket = Rc::new(UdpSocket::from_std(socket.into())?);
        Ok(Self { socket, port, flows: Flows::default() })
    }

    /// Serves the socket until the run ends.
    pub async fn serve(self, shared: Rc<Shared>) {
        let mut buffer = vec![0; LONGEST];
        while self.socket.readable().await.is_ok() {
            // Without its ends a datagram belongs nowhere; an error is that of an earlier reply, or that none waits.
            let received = self.socket.try_io(Interest::READABLE, || receive(&self.socket, &mut buffer));
            if let Ok(Some((length, ends))) = received {
                self.pass(&shared, ends, buffer.get(..length).unwrap_or_default());
            }
            tokio::task::yield_now().await;
        }
    }

    fn pass(&self, shared: &Rc<Shared>, ends: Ends, datagram: &[u8]) {
        let mut flows = self.flows.borrow_mut();
        if let Some(flow) = flows.get(&ends) {
            // A flow that does not keep up loses datagrams, as any link does.
            let _ = flow.try_send(datagram.to_vec());
            return;
        }
        if flows.len() >= FLOWS {
            shared.log.refuse(&Target::Address(ends.destination), self.port, Transport::Udp, &Refusal::TooMany);
            return;
        }
        let (sender, waiting) = mpsc::channel(WAITING);
        let _ = sender.try_send(datagram.to_vec());
        flows.insert(ends, sender);
        let carrier = Carrier { socket: Rc::clone(&self.socket), port: self.port, ends, flows: Rc::clone(&self.flows) };
        tokio::task::spawn_local(carrier.carry(Rc::clone(shared), waiting));
    }
}

/// Carries one flow.
struct Carrier {
    socket: Rc<UdpSocket>,
    port: u16,
    ends: Ends,
    flows: Flows,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.flows.borrow_mut().remove(&self.ends);
    }
}

impl Carrier {
    async fn carry(self, shared: Rc<Shared>, waiting: mpsc::Receiver<Vec<u8>>) {
        let target = shared.resolver.borrow().target(self.ends.destination);
        let target = match target {
            Ok(target) => target,
            Err(refusal) => {
                let target = Target::Address(self.ends.destination);
                return shared.log.refuse(&target, self.port, Transport::Udp, &refusal);
            }
        };
        if let Err(refusal) = self.open(&shared, &target, waiting).await {
            shared.log.refuse(&target, self.port, Transport::Udp, &refusal);
            // What is refused stays refused for a while, without a new lookup for each datagram.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn open(&self, shared: &Shared, target: &Target, waiting: mpsc::Receiver<Vec<u8>>) -> Result<(), Refusal> {
        let rule = shared.rules.send(target, self.port)?;
        let addresses = resolve(shared, target, self.port, Transport::Udp).await?;
        let (outside, address) = connect(&addresses).await.map_err(|error| Refusal::NotReached(error.to_string()))?;
        let flow = Passing {
            flow: Flow {
                name: match target {
                    Target::Name(name) => Some(name.to_string()),
                    Target::Address(_) => None,
                },
                address,
                transport: Transport::Udp.name(),
                rule,
                sent: 0,
                received: 0,
                duration_ms: 0,
            },
            started: Instant::now(),
            sent: Cell::new(0),
            received: Cell::new(0),
            shared,
        };
        self.exchange(&outside, waiting, &flow).await;
        Ok(())
    }

    async fn exchange(&self, outside: &UdpSocket, mut waiting: mpsc::Receiver<Vec<u8>>, flow: &Passing<'_>) {
        let mut buffer = vec![0; LONGEST];
        loop {
            tokio::select! {
                datagram = waiting.recv() => {
                    let Some(datagram) = datagram else { return };
                    // An error is that of an earlier datagram: the client sees silence, as on any network.
                    if outside.send(&datagram).await.is_ok() {
                        flow.sent.set(flow.sent.get() + datagram.len() as u64);
                    }
                }
                received = outside.recv(&mut buffer) => {
                    let Ok(length) = received else { continue };
                    let datagram = buffer.get(..length).unwrap_or_default();
                    if reply(&self.socket, datagram, self.ends).is_ok() {
                        flow.received.set(flow.received.get() + length as u64);
                    }
                }
                () = tokio::time::sleep(IDLE) => return,
            }
        }
    }
}

/// A flow that is under way; it is on record when this is dropped.
struct Passing<'s> {
    flow: Flow,
    started: Instant,
    sent: Cell<u64>,
    received: Cell<u64>,
    shared: &'s Shared,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let (sent, received) = (self.sent.get(), self.received.get());
        let duration_ms = milliseconds(self.started.elapsed());
        self.shared.log.flow(Flow { sent, received, duration_ms, ..self.flow.clone() });
    }
}

/// A socket that talks to the first address for which the host has a route.
async fn connect(addresses: &[SocketAddr]) -> io::Result<(UdpSocket, SocketAddr)> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        match socket.connect(address).await {
            Ok(()) => return Ok((socket, *address)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Receives a datagram and its ends; `None` when the kernel did not tell them.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<(usize, Ends)>> {
    let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo, nix::libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let client = message.address.as_ref().and_then(address_of);
    let destination = message.cmsgs()?.find_map(|control| {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))))
        } else if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
            Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)))
        } else {
            None
        }
    });
    let ends = client.zip(destination).map(|(client, destination)| Ends { client, destination: plain(destination) });
    Ok(ends.map(|ends| (message.bytes, ends)))
}

/// Sends a datagram to the client, from the address that it wrote to.
fn reply(socket: &UdpSocket, datagram: &[u8], ends: Ends) -> io::Result<()> {
    let parts = [IoSlice::new(datagram)];
    let flags = MsgFlags::MSG_DONTWAIT;
    match (ends.destination, ends.client) {
        (IpAddr::V4(from), SocketAddr::V4(to)) => {
            let info = nix::libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: nix::libc::in_addr { s_addr: u32::from(from).to_be() },
                ipi_addr: nix::libc::in_addr { s_addr: 0 },
            };
            sendmsg(
                socket.as_raw_fd(),
                &parts,
                &[ControlMessage::Ipv4PacketInfo(&info)],
                flags,
                Some(&SockaddrIn::from(to)),
            )?;
        }
        (IpAddr::V6(from), SocketAddr::V6(to)) => {
            let info =
                nix::libc::in6_pktinfo { ipi6_addr: nix::libc::in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 };
            sendmsg(
                socket.as_raw_fd(),
                &parts,
                &[ControlMessage::Ipv6PacketInfo(&info)],
                flags,
                Some(&SockaddrIn6::from(to)),
            )?;
        }
        (IpAddr::V4(_), SocketAddr::V6(_)) | (IpAddr::V6(_), SocketAddr::V4(_)) => {}
    }
    Ok(())
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let short = storage.as_sockaddr_in().map(|address| SocketAddr::from((address.ip(), address.port())));
    short.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::from((address.ip(), address.port()))))
}
