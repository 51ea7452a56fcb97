//! One connection from inside: where it wants to go, whether it may, what it says first, and then the relay.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};
use opaque_policy::host_name::HostName;
use rustix::net::Shutdown;
use tokio::net::TcpStream;

use crate::budget::Budget;
use crate::dial::dial;
use crate::dns;
use crate::first_bytes::{self, First, read_more};
use crate::http::Requests;
use crate::log::{Flow, Log, milliseconds};
use crate::refusal::Refusal;
use crate::relay::{Meter, Relays, reset, write_all};
use crate::resolver::Resolver;
use crate::rules::{Checks, Rules, Target, Transport};
use crate::upstream::{Upstream, is_own};

/// Where the host's resolvers listen; inside, every one of them is the sandbox's own.
const DNS: u16 = 53;
/// For the first bytes that a check needs.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions that one connection to the resolver may ask.
const QUESTIONS: usize = 1000;

/// What every connection of a run shares.
pub struct Shared {
    /// The rules.
    pub rules: Rules,
    /// The names that were looked up.
    pub resolver: Rc<RefCell<Resolver>>,
    /// The host's resolver.
    pub upstream: Upstream,
    /// The relays.
    pub relays: Relays,
    /// The record.
    pub log: Log,
}

/// Serves one connection to its end.
pub async fn serve(shared: &Shared, inside: TcpStream) {
    let Ok(own) = inside.local_addr() else { return reset(&inside) };
    let Some(arrived) = arrival(&inside, own) else {
        return refuse(shared, &inside, &Target::Address(own.ip()), own.port(), &Refusal::OwnPort);
    };
    if shared.rules.opens_loopback(arrived) {
        return loopback(shared, &inside, arrived).await;
    }
    let port = arrived.port();
    let found = shared.resolver.borrow().target(arrived.ip());
    let target = match found {
        Ok(target) => target,
        Err(_) if port == DNS => return answer_questions(shared, &inside).await,
        Err(refusal) => return refuse(shared, &inside, &Target::Address(arrived.ip()), port, &refusal),
    };
    let passage = match shared.rules.connect(&target, port) {
        Ok(passage) => passage,
        Err(_) if port == DNS => return answer_questions(shared, &inside).await,
        Err(refusal) => return refuse(shared, &inside, &target, port, &refusal),
    };
    let opened = match open(shared, &inside, &target, port, passage.checks).await {
        Ok(Some(opened)) => opened,
        Ok(None) => return,
        Err(refusal) => return refuse(shared, &inside, &target, port, &refusal),
    };
    let name = match &target {
        Target::Name(name) => Some(name.clone()),
        Target::Address(_) => None,
    };
    let passing = Passing {
        name,
        target: &target,
        port,
        rule: passage.rule,
        address: opened.address,
        started: Instant::now(),
        meter: Meter::default(),
        log: &shared.log,
    };
    pass(shared, &inside, opened, &passing).await;
}

/// Refuses a connection that comes when too many are open already; it is on record as every other one.
pub fn turn_away(shared: &Shared, inside: &TcpStream) {
    let arrived = inside.local_addr().ok().and_then(|own| arrival(inside, own));
    let Some(arrived) = arrived else { return reset(inside) };
    let target = shared.resolver.borrow().target(arrived.ip()).unwrap_or(Target::Address(arrived.ip()));
    refuse(shared, inside, &target, arrived.port(), &Refusal::TooMany);
}

/// Where the connection was going before it was led here; `None` when that was the gate itself.
fn arrival(inside: &TcpStream, own: SocketAddr) -> Option<SocketAddr> {
    let original = match own.ip() {
        IpAddr::V4(_) => {
            let found = getsockopt(&inside.as_fd(), sockopt::OriginalDst).ok()?;
            SocketAddr::from((u32::from_be(found.sin_addr.s_addr).to_be_bytes(), u16::from_be(found.sin_port)))
        }
        IpAddr::V6(_) => {
            let found = getsockopt(&inside.as_fd(), sockopt::Ip6tOriginalDst).ok()?;
            SocketAddr::from((found.sin6_addr.s6_addr, u16::from_be(found.sin6_port)))
        }
    };
    (original != own).then_some(original)
}

/// A way to the outside, with what has come from inside already.
struct Opened {
    outside: TcpStream,
    address: SocketAddr,
    first: First,
}

/// Looks at the first bytes, resolves, dials. `None` when the client went away meanwhile.
async fn open(
    shared: &Shared,
    inside: &TcpStream,
    target: &Target,
    port: u16,
    checks: Checks,
) -> Result<Option<Opened>, Refusal> {
    let first = first_bytes::read(inside, checks, target, port, &shared.rules, shared.relays.budget());
    let looked = tokio::time::timeout(PATIENCE, first);
    let Some(first) = looked.await.map_err(|_| Refusal::TimedOut)?? else { return Ok(None) };
    let addresses = resolve(shared, target, port, Transport::Tcp).await?;
    let outside = dial(addresses).await.map_err(|error| Refusal::NotReached(error.to_string()))?;
    let address = outside.peer_addr().map_err(|error| Refusal::NotReached(error.to_string()))?;
    Ok(Some(Opened { outside, address, first }))
}

/// The addresses that may be dialled for a target.
pub(crate) async fn resolve(
    shared: &Shared,
    target: &Target,
    port: u16,
    transport: Transport,
) -> Result<Vec<SocketAddr>, Refusal> {
    let found = match target {
        Target::Name(name) => shared.upstream.resolve(name).await?,
        Target::Address(address) => vec![*address],
    };
    let own: Vec<IpAddr> = found.iter().copied().filter(|address| is_own(*address)).collect();
    shared.rules.dial(target, port, transport, &found, &own)
}

/// A flow that is under way; it is on record when this is dropped.
struct Passing<'s> {
    name: Option<HostName>,
    target: &'s Target,
    port: u16,
    address: SocketAddr,
    rule: String,
    started: Instant,
    meter: Meter,
    log: &'s Log,
}

impl Passing<'_> {
    /// Something that came later was refused.
    fn refused(&self, refusal: &Refusal) {
        self.log.refuse(self.target, self.port, Transport::Tcp, refusal);
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.log.flow(Flow {
            name: self.name.take().map(|name| name.to_string()),
            address: self.address,
            transport: Transport::Tcp.name(),
            rule: std::mem::take(&mut self.rule),
            sent: self.meter.sent.get(),
            received: self.meter.received.get(),
            duration_ms: milliseconds(self.started.elapsed()),
        });
    }
}

async fn pass(shared: &Shared, inside: &TcpStream, opened: Opened, passing: &Passing<'_>) {
    let (relays, meter) = (&shared.relays, &passing.meter);
    let outside = &opened.outside;
    match opened.first {
        First::Bytes(bytes) => {
            if write_all(outside, &bytes).await.is_err() {
                return reset(inside);
            }
            meter.count_sent(bytes.len());
            drop(bytes);
            relays.relay(inside, outside, meter).await;
        }
        First::Requests { requests, passing: first, bytes } => {
            let budget = relays.budget();
            let following = Following { inside, outside, meter, budget, requests, bytes };
            let out = async {
                following.follow(first).await.inspect_err(|refusal| passing.refused(refusal)).map_err(|_| broken())
            };
            let back = relays.carry(outside, inside, meter, &meter.received);
            relays.both(inside, outside, meter, out, back).await;
        }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// A connection whose requests are judged one by one.
struct Following<'c> {
    inside: &'c TcpStream,
    outside: &'c TcpStream,
    meter: &'c Meter,
    budget: &'c Budget,
    requests: Box<Requests>,
    bytes: Vec<u8>,
}

impl Following<'_> {
    /// Passes the first `passing` bytes, then what is judged after them, to the end of the stream.
    async fn follow(mut self, mut passing: usize) -> Result<(), Refusal> {
        let mut held = self.budget.hold();
        loop {
            while passing > 0 {
                let front = self.bytes.get(..passing).unwrap_or_default();
                write_all(self.outside, front).await.map_err(|error| Refusal::NotReached(error.to_string()))?;
                self.meter.count_sent(passing);
                self.bytes.drain(..passing.min(self.bytes.len()));
                passing = self.requests.read(&self.bytes).map_err(Refusal::NotHttp)?;
            }
            held.set(self.bytes.len());
            if self.budget.is_spent() && !self.bytes.is_empty() {
                return Err(Refusal::TooMany);
            }
            if !read_more(self.inside, &mut self.bytes).await {
                let _ = rustix::net::shutdown(self.outside, Shutdown::Write);
                return Ok(());
            }
            passing = self.requests.read(&self.bytes).map_err(Refusal::NotHttp)?;
        }
    }
}

/// Connects to a port of the host's own loopback.
async fn loopback(shared: &Shared, inside: &TcpStream, address: SocketAddr) {
    let target = Target::Address(address.ip());
    match dial(vec![address]).await {
        Ok(outside) => {
            crate::relay::unpaced(&outside);
            let passing = Passing {
                name: None,
                target: &target,
                port: address.port(),
                address,
                rule: format!("loopback {address}"),
                started: Instant::now(),
                meter: Meter::default(),
                log: &shared.log,
            };
            shared.relays.relay(inside, &outside, &passing.meter).await;
        }
        Err(error) => refuse(shared, inside, &target, address.port(), &Refusal::NotReached(error.to_string())),
    }
}

/// Serves a connection to a resolver, whichever one was meant.
async fn answer_questions(shared: &Shared, inside: &TcpStream) {
    let mut framed = dns::Framed::default();
    let mut bytes = Vec::new();
    for _ in 0..QUESTIONS {
        bytes.clear();
        match tokio::time::timeout(PATIENCE, read_more(inside, &mut bytes)).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
        let mut rest = bytes.as_slice();
        loop {
            let message = match framed.read(&mut rest) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(_) => return reset(inside),
            };
            let reply = shared.resolver.borrow_mut().answer(&message);
            let Some(reply) = reply else { return reset(inside) };
            if write_all(inside, &dns::frame(&reply)).await.is_err() {
                return;
            }
        }
    }
}

/// Records a refusal and resets the connection.
fn refuse(shared: &Shared, inside: &TcpStream, target: &Target, port: u16, refusal: &Refusal) {
    shared.log.refuse(target, port, Transport::Tcp, refusal);
    reset(inside);
}
