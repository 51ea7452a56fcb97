//! The resolver of the internet, over UDP and TCP. Every query is on record before it is answered, malformed ones too.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;

use crate::message::{Answer, Query};
use crate::{Lab, datagrams, zone};

const PORT: u16 = 53;

/// Serves one address.
pub(crate) fn serve(lab: &Arc<Lab>, address: &str) {
    let Some(socket) = datagrams::bind(address, PORT) else { return };
    let local = socket.local_addr().expect("a bound socket has an address");
    let listener = TcpListener::bind(local).unwrap_or_else(|error| panic!("cannot serve {local}: {error}"));
    let socket = Arc::new(socket);
    let over_udp = Arc::clone(lab);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let (lab, socket, bytes) = (Arc::clone(&over_udp), Arc::clone(&socket), buffer[..length].to_vec());
            std::thread::spawn(move || {
                if let Some(answer) = answer(&lab, &bytes, Transport::Udp, local, peer) {
                    let _ = socket.send_to(&answer, peer);
                }
            });
        }
    });
    let over_tcp = Arc::clone(lab);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lab = Arc::clone(&over_tcp);
            std::thread::spawn(move || converse(&lab, stream, local));
        }
    });
}

fn converse(lab: &Lab, mut stream: TcpStream, local: SocketAddr) -> io::Result<()> {
    let peer = stream.peer_addr()?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes)?;
        let Some(answer) = answer(lab, &bytes, Transport::Tcp, local, peer) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}

#[derive(Clone, Copy)]
enum Transport {
    Udp,
    Tcp,
}

fn answer(lab: &Lab, bytes: &[u8], transport: Transport, local: SocketAddr, peer: SocketAddr) -> Option<Vec<u8>> {
    let query = Query::parse(bytes);
    let (name, kind) = query.as_ref().map_or(("(malformed)", String::new()), |query| (&query.name, query.kind_name()));
    let way = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    lab.queries.add(&json!({ "name": name, "kind": kind, "transport": way, "server": local, "client": peer }));
    let query = query?;
    let answer = match zone::find(&query.name, query.kind, &lab.names) {
        Some(entry) => {
            std::thread::sleep(entry.delay);
            Answer { exists: true, alias: entry.alias, addresses: entry.addresses, ttl: entry.ttl }
        }
        None => Answer { exists: false, alias: None, addresses: Vec::new(), ttl: 0 },
    };
    let size = match transport {
        Transport::Udp => query.size,
        Transport::Tcp => usize::from(u16::MAX),
    };
    Some(answer.encode(&query, size))
}
