//! The gate of one run: one thread that answers names, judges connections and carries what may pass.
//!
//! It begins after the sandbox's process was cloned and ends with the run. When it dies nothing gets out any more,
//! since there is no other way.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opaque_policy::network::Network;
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::Interest;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::arrival::{self, Place};
use crate::connection::{self, Shared};
use crate::datagrams;
use crate::log::{Log, Record};
use crate::names::{Names, Stands};
use crate::published::{self, Sockets};
use crate::refusal::Refusal;
use crate::relay::Relays;
use crate::resolver::Resolver;
use crate::rules::{Rules, Target, Transport};
use crate::upstream::Upstream;

/// The most connections at once; each takes two descriptors of ours.
const CONNECTIONS: usize = 4096;
/// For what is still on its way out when the run has ended.
pub const DRAIN: Duration = Duration::from_secs(3);
/// Between two looks at it.
const TICK: Duration = Duration::from_millis(1);
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
    thread: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    names: mpsc::Receiver<Names>,
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
        let names = Names::reserving(&network.datagram_hosts());
        let (stop, stopped) = oneshot::channel();
        let (last_word, of_names) = mpsc::channel();
        let serving = log.clone();
        let thread = std::thread::Builder::new().name("gate".to_owned()).stack_size(STACK).spawn(move || {
            let local = LocalSet::new();
            let resolver = Rc::new(RefCell::new(Resolver::new(rules.clone(), names, serving.clone())));
            let (upstream, relays) = (Upstream::default(), Relays::default());
            let shared = Rc::new(Shared { rules, resolver: Rc::clone(&resolver), upstream, relays, log: serving });
            let open = Rc::new(Cell::new(0));
            let listeners: Vec<OwnedFd> = doors.listeners.iter().filter_map(|one| one.try_clone().ok()).collect();
            let all = serve(doors, published, Rc::clone(&shared), Rc::clone(&open));
            local.block_on(&runtime, async move {
                tokio::select! {
                    // Without its sockets the gate is closed, and stays so.
                    _ = all => shared.log.gate_failed(),
                    stopped = stopped => match stopped {
                        Ok(()) => drain(&shared.relays, &listeners, &open).await,
                        // Only a run that asks for its end has one; a gate that breaks lets nothing out any more.
                        Err(_) => shared.log.gate_failed(),
                    },
                }
            });
            // Flows that are still open end here, and are on record.
            drop(local);
            // Nobody waits for what is left to free.
            let _ = last_word.send(resolver.take().into_names());
        })?;
        Ok(Self { thread, stop: Some(stop), names: of_names, log })
    }

    /// True while the gate serves.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends the gate while the run goes on: nothing gets out from now on.
    pub fn end(&mut self) {
        drop(self.stop.take());
    }

    /// The command has ended: what was sent still goes out, for [`DRAIN`] at most, then connections that are still open
    /// are cut. Does not wait for that.
    pub fn drain(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A gate that is gone has put that on record.
            let _ = stop.send(());
        }
    }

    /// Waits until everything that will go out has gone. Everything is on record then, with what the kernel refused
    /// without asking.
    #[must_use]
    pub fn close(mut self, refused: impl IntoIterator<Item = Refused>) -> Record {
        self.drain();
        let names = self.names.recv().unwrap_or_else(|_| {
            self.log.gate_failed();
            Names::default()
        });
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

async fn serve(doors: Doors, published: Vec<Published>, shared: Rc<Shared>, open: Rc<Cell<usize>>) -> io::Result<()> {
    for socket in doors.resolvers {
        tokio::task::spawn_local(answer(UdpSocket::from_std(socket.into())?, Rc::clone(&shared.resolver)));
    }
    for (port, socket) in doors.datagrams {
        tokio::task::spawn_local(datagrams::Door::new(port, socket)?.serve(Rc::clone(&shared)));
    }
    let sockets = Rc::new(Sockets::new(doors.sockets));
    for Published { listener, port } in published {
        let (sockets, shared, open) = (Rc::clone(&sockets), Rc::clone(&shared), Rc::clone(&open));
        tokio::task::spawn_local(published::serve(listener, port, sockets, shared, open));
    }
    for listener in doors.listeners {
        let listener = StdListener::from(listener);
        listener.set_nonblocking(true)?;
        tokio::task::spawn_local(accept(TcpListener::from_std(listener)?, Rc::clone(&shared), Rc::clone(&open)));
    }
    std::future::pending().await
}

/// Lets out what the command sent before it ended, as the kernel would without a gate; nothing more goes in.
async fn drain(relays: &Relays, listeners: &[OwnedFd], open: &Cell<usize>) {
    relays.end();
    let until = Instant::now() + DRAIN;
    while (open.get() > 0 || somebody_waits(listeners)) && Instant::now() < until {
        tokio::time::sleep(TICK).await;
    }
}

/// True when a connection was made that nobody has accepted yet.
fn somebody_waits(listeners: &[OwnedFd]) -> bool {
    let mut waiting: Vec<PollFd<'_>> = listeners.iter().map(|one| PollFd::new(one, PollFlags::IN)).collect();
    rustix::event::poll(&mut waiting, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
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
        let inside = arrival::next(&listener).await;
        if open.get() >= CONNECTIONS {
            connection::turn_away(&shared, &inside);
            continue;
        }
        let place = Place::taken(&open);
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            let _place = place;
            if inside.set_nodelay(true).is_ok() {
                connection::serve(&shared, inside).await;
            }
        });
    }
}
