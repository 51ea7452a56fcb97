//! What went out and what did not: a record of each flow, bounded, and the lines that a person reads at the end.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::address::Class;
use crate::refusal::Refusal;
use crate::rules::{Target, Transport, single};

/// The most flows that are kept one by one.
const FLOWS: usize = 512;
/// The most different refusals that are kept.
const BLOCKED: usize = 256;

/// One flow that was let out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The host's name, when it was reached by one.
    pub name: Option<String>,
    /// The address that was dialled.
    pub address: SocketAddr,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// The grant that let it out.
    pub rule: String,
    /// Bytes from inside.
    pub sent: u64,
    /// Bytes to inside.
    pub received: u64,
    /// From the verdict to the end.
    pub duration_ms: u64,
}

/// Something that was not let out, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The host's name or, of a lookup, the text that was looked up.
    pub name: Option<String>,
    /// The address, where no name stands for it.
    pub address: Option<IpAddr>,
    /// The port; absent for a lookup.
    pub port: Option<u16>,
    /// `dns`, `tcp` or `udp`.
    pub transport: &'static str,
    /// Why.
    pub reason: String,
    /// The flag that would let it out, where one would.
    pub allow_with: Option<String>,
    /// How often.
    pub count: u64,
}

/// Everything that a run did on the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Record {
    /// What was let out.
    pub flows: Vec<Flow>,
    /// Flows beyond those that are kept.
    pub more_flows: u64,
    /// What was not.
    pub blocked: Vec<Blocked>,
    /// Refusals beyond those that are kept.
    pub more_blocked: u64,
    /// True when the gate ended before the run did: nothing got out from then on.
    pub gate_failed: bool,
}

impl Record {
    /// One line for each thing that was blocked, with the flag that would allow it; a gate that failed comes first.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let failed = "the gate to the network failed: nothing went out from then on".to_owned();
        self.gate_failed.then_some(failed).into_iter().chain(self.blocked.iter().map(Blocked::line)).collect()
    }

    /// The same record with the names in other words. One that changes is no name to allow.
    #[must_use]
    pub fn in_words(self, said: impl Fn(&str) -> String) -> Self {
        let flows = self.flows.into_iter().map(|flow| Flow { name: flow.name.map(|name| said(&name)), ..flow });
        let blocked = self.blocked.into_iter().map(|blocked| Blocked {
            name: blocked.name.map(|name| said(&name)),
            reason: said(&blocked.reason),
            allow_with: blocked.allow_with.filter(|flag| said(flag) == *flag),
            ..blocked
        });
        Self { flows: flows.collect(), blocked: blocked.collect(), ..self }
    }

    /// The same record with this many entries of each kind at most.
    #[must_use]
    pub fn shortened(&self, most: usize) -> Self {
        let short = |length: usize| u64::try_from(length.saturating_sub(most)).unwrap_or(u64::MAX);
        Self {
            flows: self.flows.iter().take(most).cloned().collect(),
            more_flows: self.more_flows + short(self.flows.len()),
            blocked: self.blocked.iter().take(most).cloned().collect(),
            more_blocked: self.more_blocked + short(self.blocked.len()),
            gate_failed: self.gate_failed,
        }
    }
}

impl Blocked {
    fn line(&self) -> String {
        let host = match (&self.name, self.address) {
            (Some(name), _) => name.clone(),
            (None, Some(address)) => single(address),
            (None, None) => "a connection".to_owned(),
        };
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        let transport = if self.transport == "udp" { "/udp" } else { "" };
        let line = format!("blocked {host}{port}{transport} ({})", self.reason);
        match &self.allow_with {
            Some(flag) => format!("{line} · allow with: {flag}"),
            None => line,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let key = |blocked: &Self| (blocked.address, blocked.port, blocked.transport);
        key(self) == key(other) && self.name == other.name && self.reason == other.reason
    }
}

/// The record while it is written.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Record>>);

impl Log {
    /// A flow has ended.
    pub fn flow(&self, flow: Flow) {
        let mut record = self.lock();
        if record.flows.len() < FLOWS {
            record.flows.push(flow);
        } else {
            record.more_flows += 1;
        }
    }

    /// A lookup was answered with nothing.
    pub fn lookup(&self, name: String, refusal: &Refusal) {
        let allow_with = refusal.is_by_grant().then(|| format!("--allow-net {name}"));
        let (name, transport) = (Some(name), "dns");
        self.block(Blocked {
            name,
            address: None,
            port: None,
            transport,
            reason: refusal.to_string(),
            allow_with,
            count: 1,
        });
    }

    /// A connection or datagram was not let out.
    pub fn refuse(&self, target: &Target, port: u16, transport: Transport, refusal: &Refusal) {
        let (name, address) = match target {
            Target::Name(name) => (Some(name.to_string()), None),
            Target::Address(address) => (None, Some(*address)),
        };
        let (transport, allow_with) = (transport.name(), allow_with(target, port, transport, refusal));
        self.block(Blocked {
            name,
            address,
            port: Some(port),
            transport,
            reason: refusal.to_string(),
            allow_with,
            count: 1,
        });
    }

    /// The gate ended before the run did.
    pub fn gate_failed(&self) {
        self.lock().gate_failed = true;
    }

    /// The record so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.lock().clone()
    }

    fn block(&self, blocked: Blocked) {
        let mut record = self.lock();
        if let Some(known) = record.blocked.iter_mut().find(|known| known.is_like(&blocked)) {
            known.count += 1;
        } else if record.blocked.len() < BLOCKED {
            record.blocked.push(blocked);
        } else {
            record.more_blocked += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // A record is whole between any two statements that change it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The flag that would let it out.
fn allow_with(target: &Target, port: u16, transport: Transport, refusal: &Refusal) -> Option<String> {
    let host = match (refusal, target) {
        // No grant of a block opens it.
        (Refusal::NotGlobal(_, Class::Unspecified), _) => return None,
        (Refusal::OwnAddress(address) | Refusal::NotGlobal(address, _), _) => single(*address),
        (_, Target::Name(name)) if refusal.is_by_grant() => name.to_string(),
        (_, Target::Address(address)) if refusal.is_by_grant() => single(*address),
        (_, _) => return None,
    };
    Some(match (port, transport) {
        (443, Transport::Tcp) => format!("--allow-net {host}"),
        (80, Transport::Tcp) => format!("--allow-net {host}:80"),
        (port, transport) => format!("--allow-net {host}:{port}/{}", transport.name()),
    })
}

/// Whole milliseconds of a duration.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use opaque_policy::host_name::HostName;

    use super::*;

    fn name(text: &str) -> Target {
        Target::Name(HostName::new(text.as_bytes()).unwrap())
    }

    #[test]
    fn each_blocked_thing_is_said_once_with_the_flag_that_opens_it() {
        let log = Log::default();
        for _ in 0..3 {
            log.lookup("evil.test".into(), &Refusal::NameNotAllowed);
        }
        log.refuse(&name("api.test"), 8443, Transport::Tcp, &Refusal::PortNotAllowed);
        log.refuse(&Target::Address("2001:db8::1".parse().unwrap()), 443, Transport::Tcp, &Refusal::AddressNotAllowed);
        log.refuse(&Target::Address("192.0.2.1".parse().unwrap()), 53, Transport::Udp, &Refusal::AddressNotAllowed);
        log.refuse(&name("api.test"), 443, Transport::Tcp, &Refusal::NoServerName);
        assert_eq!(
            log.record().summary(),
            [
                "blocked evil.test (name not allowed) · allow with: --allow-net evil.test",
                "blocked api.test:8443 (port not allowed) · allow with: --allow-net api.test:8443/tcp",
                "blocked [2001:db8::1]:443 (address not allowed) · allow with: --allow-net [2001:db8::1]",
                "blocked 192.0.2.1:53/udp (address not allowed) · allow with: --allow-net 192.0.2.1:53/udp",
                "blocked api.test:443 (TLS without a server name)",
            ]
        );
        assert_eq!(log.record().blocked[0].count, 3);
    }

    #[test]
    fn a_record_is_bounded_and_says_what_it_leaves_out() {
        let log = Log::default();
        for number in 0..BLOCKED + 5 {
            log.lookup(format!("n{number}.test"), &Refusal::NameNotAllowed);
        }
        let record = log.record();
        assert_eq!((record.blocked.len(), record.more_blocked), (BLOCKED, 5));
        let short = record.shortened(10);
        assert_eq!((short.blocked.len(), short.more_blocked), (10, BLOCKED as u64 - 5));
    }

    #[test]
    fn a_name_in_other_words_is_none_to_allow() {
        let log = Log::default();
        log.refuse(&name("a.test"), 443, Transport::Tcp, &Refusal::NameNotAllowed);
        log.refuse(&name("b.test"), 443, Transport::Tcp, &Refusal::NameNotAllowed);
        log.flow(Flow {
            name: Some("a.test".to_owned()),
            address: "192.0.2.1:443".parse().unwrap(),
            transport: "tcp",
            rule: "*.test".to_owned(),
            sent: 0,
            received: 0,
            duration_ms: 0,
        });
        let record = log.record().in_words(|text| text.replace("a.test", "***"));
        assert_eq!(record.flows.first().unwrap().name.as_deref(), Some("***"));
        let [masked, open] = record.blocked.as_slice() else { panic!("{record:?}") };
        assert_eq!((masked.name.as_deref(), masked.allow_with.as_deref()), (Some("***"), None));
        assert_eq!(open.allow_with.as_deref(), Some("--allow-net b.test"));
    }
}
