//! The run's way out as the supervisor holds it: a resolver that refuses everything, or a gate.
//!
//! The sockets were made inside, before the command started, and come over the channel.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use opaque_egress::gate::{self, Gate, Published, Refused};
use opaque_egress::log::{Log, Record};
use opaque_egress::names::Names;
use opaque_egress::resolver::Resolver;
use opaque_egress::rules::{Rules, Transport};
use opaque_policy::network::Network;
use opaque_sys::fault::Fault;
use opaque_sys::netfilter::Filter;
use opaque_sys::network::Doors;
use opaque_sys::step::Step;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::outcome::Refusal;
use crate::prepare::failed;

/// The way out of one run.
#[derive(Debug)]
pub struct Egress {
    network: Network,
    published: Vec<Published>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The sandbox has not handed its sockets over yet.
    Closed,
    /// Nothing is granted: names are refused, and which ones is on record.
    Resolver { socket: OwnedFd, resolver: Resolver, log: Log },
    /// Something is granted.
    Gate { gate: Gate, filter: Filter },
}

impl Egress {
    /// Takes the published ports on the host, so that a port that is in use stops the run before it begins.
    ///
    /// # Errors
    /// A port cannot be had.
    pub fn prepare(network: &Network) -> Result<Self, Refusal> {
        let published = network.publish.iter().map(|port| listen(*port)).collect::<Result<_, _>>()?;
        Ok(Self { network: network.clone(), published, state: State::Closed })
    }

    /// Takes the sockets over that were made inside, puts the packet filter in force and calls `enforced` as soon as it
    /// is. The command does not start before this.
    ///
    /// # Errors
    /// The kernel does not take the rules, or the gate cannot be opened.
    pub fn open(&mut self, doors: Doors, fault: Fault, enforced: impl FnOnce()) -> Result<(), Refusal> {
        self.state = match doors.gate {
            None => {
                let log = Log::default();
                let resolver = Resolver::new(Rules::default(), Names::default(), log.clone());
                State::Resolver { socket: doors.resolver, resolver, log }
            }
            Some(inside) => {
                if !fault.skips(Step::Rules) {
                    let taken = fault.check(Step::Rules).and_then(|()| inside.filter.enforce());
                    taken.map_err(|errno| failed(Step::Rules, &errno))?;
                }
                enforced();
                raise_descriptor_limit();
                let doors = gate::Doors {
                    resolvers: std::iter::once(doors.resolver).chain(inside.resolver6).collect(),
                    listeners: std::iter::once(inside.tcp4).chain(inside.tcp6).collect(),
                    datagrams: inside.udp4.into_iter().chain(inside.udp6).collect(),
                    sockets: inside.sockets,
                };
                let published = std::mem::take(&mut self.published);
                let gate = Gate::open(doors, &self.network, published)
                    .map_err(|error| Refusal::cannot_build(format!("cannot open the gate to the network: {error}")))?;
                State::Gate { gate, filter: inside.filter }
            }
        };
        Ok(())
    }

    /// True when the run has what its plan promises: without it the command does not start.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.state {
            State::Closed => false,
            State::Resolver { .. } => !self.network.has_gate(),
            State::Gate { gate, .. } => gate.is_open(),
        }
    }

    /// The command starts: a test build may want its gate to be dead by then.
    pub fn starts(&mut self, fault: Fault) {
        match &mut self.state {
            State::Gate { gate, .. } if fault.ends_gate() => gate.end(),
            State::Gate { .. } | State::Closed | State::Resolver { .. } => {}
        }
    }

    /// What the supervisor waits for; a gate waits by itself.
    #[must_use]
    pub fn interest(&self) -> Option<PollFd<'_>> {
        match &self.state {
            State::Resolver { socket, .. } => Some(PollFd::new(socket, PollFlags::IN)),
            State::Closed | State::Gate { .. } => None,
        }
    }

    /// Answers the lookups that wait.
    pub fn serve(&mut self) {
        match &mut self.state {
            State::Resolver { socket, resolver, .. } => {
                let _more = resolver.serve(&*socket);
            }
            State::Closed | State::Gate { .. } => {}
        }
    }

    /// The command has ended: the gate lets out what was sent, while the supervisor goes on.
    pub fn drain(&mut self) {
        match &mut self.state {
            State::Gate { gate, .. } => gate.drain(),
            State::Closed | State::Resolver { .. } => {}
        }
    }

    /// Closes the way out and says what came of it. The run is over.
    #[must_use]
    pub fn close(self) -> Record {
        match self.state {
            State::Closed => Record::default(),
            State::Resolver { log, .. } => log.record(),
            State::Gate { gate, filter } => {
                // What cannot be read back is missing in the record; it was refused all the same.
                let refused = filter.refused().unwrap_or_default();
                gate.close(refused.into_iter().filter_map(|refused| {
                    let transport = Transport::of_protocol(refused.protocol)?;
                    Some(Refused { address: refused.address, port: refused.port, transport })
                }))
            }
        }
    }
}

fn listen(port: u16) -> Result<Published, Refusal> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        Refusal::cannot_build(format!("cannot publish port {port}: the host's 127.0.0.1:{port} cannot be had: {error}"))
            .hint("end what listens there, or let the command listen at another port")
    })?;
    Ok(Published { listener, port })
}

/// Each connection takes two descriptors of this process; what it inherits may be fewer than it may have.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it stays as it is, connections beyond it wait.
    let _ = setrlimit(Resource::Nofile, limit);
}
