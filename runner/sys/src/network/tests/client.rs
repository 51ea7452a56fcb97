//! What a command inside may try, with the answer as text.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

/// Connects and reads to the end: what was read, or the error's name.
pub(super) fn tcp(to: &str) -> String {
    let connected = TcpStream::connect_timeout(&to.parse().unwrap(), PATIENCE);
    let read = connected.and_then(|mut stream| {
        let mut said = String::new();
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.read_to_string(&mut said).map(|_| said)
    });
    read.unwrap_or_else(|error| name(&error))
}

/// Sends a datagram and waits for an answer, which must come from where it was sent.
pub(super) fn udp(to: &str, query: &str) -> String {
    let to: SocketAddr = to.parse().unwrap();
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let exchange = || {
        let socket = UdpSocket::bind(any)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        // A connected socket takes answers from that address alone.
        socket.connect(to)?;
        socket.send(query.as_bytes())?;
        let mut answer = [0; 64];
        let length = socket.recv(&mut answer)?;
        Ok(String::from_utf8_lossy(answer.get(..length).unwrap()).into_owned())
    };
    exchange().unwrap_or_else(|error| name(&error))
}

/// How long something takes.
pub(super) fn timed(act: impl FnOnce() -> String) -> (String, Duration) {
    let start = Instant::now();
    (act(), start.elapsed())
}

fn name(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => "refused".to_owned(),
        Some(libc::ENETUNREACH) => "unreachable".to_owned(),
        _ => error.to_string(),
    }
}
