//! The gate of one run: one thread that answers names, judges connections and carries what may pass.
//!
//! It begins after the sandbox's process was cloned and ends with the run. When it dies nothing gets out any more,
//! since there is no other way.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use opaque_policy::network::Network;
use tokio::io::Interest;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::connection::{self, Shared};
use crate::datagrams;
use crate::log::{Log, Record};
use crate::names::{Names, Stands};
use crate::published::{self, Sockets};
use crate::refusal::Refusal;
use crate::relay::{Relays, reset};
use crate::resolver::Resolver;
use crate::rules::{Rules, Target, Transport};
use crate::upstream::Upstream;

/// The most connections at once; each takes two descriptors of ours.
const CONNECTIONS: usize = 4096;
/// Waited after a connection could not be accepted, for want of descriptors or memory.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// Enough for the deepest of our tasks, and most of it is never touched.
const STACK: usize = 512 * 1024;

/// What the gate was given: sockets that were made inside.
#[derive(Debug)]
pub struct Doors {
    /// Sockets of the resolver, one a family.
    pub resolvers: Vec<OwnedFd>,
    /// Listeners to which connections are led, one a family.
    pub listeners: Vec<OwnedFd>,
    /// Sockets for datagrams, with their port.
    pub datagrams: Vec<(u16, OwnedFd)>,
    /// Sockets that are connected to servers inside.
    pub sockets: Vec<OwnedFd>,
}

/// A port of the host that leads inside.
#[derive(Debug)]
pub struct Published {
    /// Listens on the host.
    pub listener: StdListener,
    /// The port inside.
    pub port: u16,
}

/// Something that the kernel refused by the sandbox's own rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Where it wanted to go.
    pub address: IpAddr,
    /// At this port.
    pub port: u16,
    /// By this.
    pub transport: Transport,
}

/// A gate that is open.
#[derive(Debug)]
pub struct Gate {
    thread: JoinHandle<Names>,
    stop: oneshot::Sender<()>,
    log: Log,
}

impl Gate {
    /// Opens a gate. All signals should be blocked in the calling thread.
    ///
    /// # Errors
    /// No thread, or no way to wait for the sockets.
    pub fn open(doors: Doors, network: &Network, published: Vec<Published>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let log = Log::default();
        let rules = Rules::of(network);
        let (stop, stopped) = oneshot::channel();
        let serving = log.clone();
        let thread = std::thread::Builder::new().name("gate".to_owned()).stack_size(STACK).spawn(move || {
            let local = LocalSet::new();
            let resolver = Rc::new(RefCell::new(Resolver::new(rules.clone(), serving.clone())));
            let all = serve(doors, rules, published, Rc::clone(&resolver), serving);
            local.block_on(&runtime, async move {
                tokio::select! {
                    // Without its sockets the gate is closed, and stays so.
                    _ = all => {},
                    _ = stopped => {},
                }
            });
            // Flows that are still open end here, and are on record.
            drop(local);
            resolver.take().into_names()
        })?;
        Ok(Self { thread, stop, log })
    }

    /// True while the gate serves.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Closes the gate: connections that are still open are cut. Everything is on record then, with what the kernel
    /// refused without asking.
    #[must_use]
    pub fn close(self, refused: impl IntoIterator<Item = Refused>) -> Record {
        let _ = self.stop.send(());
        let names = self.thread.join().unwrap_or_default();
        for Refused { address, port, transport } in refused {
            let (target, refusal) = match names.at(address) {
                Stands::For(name) => (Target::Name(name), Refusal::PortNotAllowed),
                Stands::Unassigned => (Target::Address(address), Refusal::NotLookedUp),
                Stands::ForItself => (Target::Address(address), Refusal::AddressNotAllowed),
            };
            self.log.refuse(&target, port, transport, &refusal);
        }
        self.log.record()
    }
}

async fn serve(
    doors: Doors,
    rules: Rules,
    published: Vec<Published>,
    resolver: Rc<RefCell<Resolver>>,
    log: Log,
) -> io::Result<()> {
    let (upstream, relays) = (Upstream::default(), Relays::default());
    let shared = Rc::new(Shared { rules, resolver: Rc::clone(&resolver), upstream, relays, log });
    for socket in doors.resolvers {
        tokio::task::spawn_local(answer(UdpSocket::from_std(socket.into())?, Rc::clone(&resolver)));
    }
    for (port, socket) in doors.datagrams {
        tokio::task::spawn_local(datagrams::Door::new(port, socket)?.serve(Rc::clone(&shared)));
    }
    let sockets = Rc::new(Sockets::new(doors.sockets));
    for Published { listener, port } in published {
        tokio::task::spawn_local(published::serve(listener, port, Rc::clone(&sockets), Rc::clone(&shared)));
    }
    let open = Rc::new(Cell::new(0));
    for listener in doors.listeners {
        let listener = StdListener::from(listener);
        listener.set_nonblocking(true)?;
        tokio::task::spawn_local(accept(TcpListener::from_std(listener)?, Rc::clone(&shared), Rc::clone(&open)));
    }
    std::future::pending().await
}

async fn answer(socket: UdpSocket, resolver: Rc<RefCell<Resolver>>) {
    while socket.readable().await.is_ok() {
        // Out of the closure an answer of "would block" says that nothing waits any more.
        let _ = socket.try_io(Interest::READABLE, || {
            if resolver.borrow_mut().serve(&socket) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        tokio::task::yield_now().await;
    }
}

async fn accept(listener: TcpListener, shared: Rc<Shared>, open: Rc<Cell<usize>>) {
    loop {
        let Ok((inside, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if open.get() >= CONNECTIONS {
            reset(&inside);
            continue;
        }
        let place = Place::taken(&open);
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            let _place = place;
            crate::relay::unpaced(&inside);
            if inside.set_nodelay(true).is_ok() {
                connection::serve(&shared, inside).await;
            }
        });
    }
}

/// One of the connections that may be open at once.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn taken(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
