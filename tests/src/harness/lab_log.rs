//! What the lab's servers saw, in the order of arrival.
//!
//! A server writes before it answers, so whoever has an answer finds what led to it. To prove that something never
//! arrived, look after a twin that did: its own entry shows that the log is kept.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::host::eventually;
use super::lab::Lab;

/// Which namespace a server stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one where commands are started.
    Host,
    /// The other one.
    Internet,
}

/// A DNS query that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The name, in lower case, without a final dot; `(malformed)` where it was no query.
    pub name: String,
    /// `A`, `AAAA`, `HTTPS`, …
    pub kind: String,
    /// `udp` or `tcp`.
    pub transport: String,
    /// The server that was asked.
    pub server: SocketAddr,
}

/// A TCP connection that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Where its server stands.
    pub side: Side,
    /// The address that was dialled.
    pub local: SocketAddr,
    /// Who dialled.
    pub peer: SocketAddr,
    /// True when a ClientHello arrived.
    pub tls: bool,
    /// The name in the ClientHello.
    pub sni: Option<String>,
    /// The protocols that the ClientHello offers.
    pub alpn: Vec<String>,
    /// The HTTP requests that arrived on it.
    pub requests: Vec<Request>,
    /// What a server that says farewell received afterwards, once the client has closed.
    pub received: Option<u64>,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// What follows the method.
    pub target: String,
    /// The first `Host` header.
    pub host: Option<String>,
}

/// A datagram that reached an echo server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Where its server stands.
    pub side: Side,
    /// Where it was sent.
    pub local: SocketAddr,
    /// Who sent it.
    pub peer: SocketAddr,
    /// How long it was.
    pub bytes: u64,
}

/// Packets from the host to the internet that share these, whether anything served them or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// `tcp`, `udp`, `icmp`, or a number.
    pub protocol: String,
    /// Who sent them.
    pub from: IpAddr,
    /// Where they were sent.
    pub to: IpAddr,
    /// To which port; 0 where there are none.
    pub port: u16,
}

impl Lab {
    /// The DNS queries that arrived.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        let query = |line: Value| Query {
            name: text(&line["name"]),
            kind: text(&line["kind"]),
            transport: text(&line["transport"]),
            server: parsed(&line["server"]),
        };
        lines(&self.directory().join("queries")).into_iter().map(query).collect()
    }

    /// How many queries for a name arrived.
    #[must_use]
    pub fn queries_for(&self, name: &str) -> usize {
        self.queries().iter().filter(|query| query.name == name).count()
    }

    /// The TCP connections that were accepted.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        let mut connections: Vec<(u64, Connection)> = Vec::new();
        for line in lines(&self.directory().join("accepted")) {
            let Some(id) = line["id"].as_u64() else { continue };
            if line["event"] == "accepted" {
                connections.push((id, accepted(&line)));
            } else if let Some((_, connection)) = connections.iter_mut().find(|(known, _)| *known == id) {
                connection.learn(&line);
            }
        }
        connections.into_iter().map(|(_, connection)| connection).collect()
    }

    /// The datagrams that echo servers got.
    #[must_use]
    pub fn datagrams(&self) -> Vec<Datagram> {
        let lines = lines(&self.directory().join("accepted")).into_iter().filter(|line| line["event"] == "datagram");
        lines
            .map(|line| Datagram {
                side: side(&line),
                local: parsed(&line["local"]),
                peer: parsed(&line["peer"]),
                bytes: line["bytes"].as_u64().expect("the lab counts bytes"),
            })
            .collect()
    }

    /// What came over the wire, each flow once. The record may be some milliseconds late, but keeps the order:
    /// [`Lab::wait_for_packet`] for a twin's first.
    #[must_use]
    pub fn packets(&self) -> Vec<Flow> {
        let flow = |line: Value| Flow {
            protocol: text(&line["protocol"]),
            from: parsed(&line["from"]),
            to: parsed(&line["to"]),
            port: line["port"].as_u64().and_then(|port| port.try_into().ok()).expect("the lab writes ports"),
        };
        lines(&self.directory().join("packets")).into_iter().map(flow).collect()
    }

    /// Waits until a packet of this protocol to this address and port is on record.
    ///
    /// # Panics
    /// When none is within five seconds.
    #[track_caller]
    pub fn wait_for_packet(&self, protocol: &str, to: &str, port: u16) {
        let to: IpAddr = to.parse().expect("an address");
        let wanted = |flow: &Flow| flow.protocol == protocol && flow.to == to && flow.port == port;
        let arrived = eventually(Duration::from_secs(5), || self.packets().iter().any(wanted));
        assert!(arrived, "no {protocol} packet to {to} port {port} among {:?}", self.packets());
    }
}

impl Connection {
    fn learn(&mut self, line: &Value) {
        match line["event"].as_str() {
            Some("hello") => {
                self.tls = true;
                self.sni = line["sni"].as_str().map(str::to_owned);
                self.alpn = line["alpn"].as_array().into_iter().flatten().map(text).collect();
            }
            Some("request") => self.requests.push(Request {
                method: text(&line["method"]),
                target: text(&line["target"]),
                host: line["host"].as_str().map(str::to_owned),
            }),
            Some("received") => self.received = line["bytes"].as_u64(),
            other => panic!("the lab wrote {other:?}"),
        }
    }
}

fn accepted(line: &Value) -> Connection {
    Connection {
        side: side(line),
        local: parsed(&line["local"]),
        peer: parsed(&line["peer"]),
        tls: false,
        sni: None,
        alpn: Vec::new(),
        requests: Vec::new(),
        received: None,
    }
}

fn side(line: &Value) -> Side {
    if line["side"] == "host" { Side::Host } else { Side::Internet }
}

fn text(value: &Value) -> String {
    value.as_str().expect("the lab writes text").to_owned()
}

fn parsed<T: std::str::FromStr>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("the lab wrote {value}"))
}

/// The whole lines of a log; one that is being written is left for the next look.
fn lines(file: &Path) -> Vec<Value> {
    let content = fs::read_to_string(file).expect("the lab keeps its logs");
    let whole = content.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).expect("the lab writes JSON")).collect()
}
