//! The server's side of TLS: puts the name that the client asked for on record before anything else happens.

use std::io;
use std::net::TcpStream;

use rustls::server::Acceptor;
use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

use crate::sockets::Connection;

/// A stream after the ClientHello.
pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Takes a ClientHello and goes on with a certificate for its name; without one, for the address it came to.
pub(crate) fn accept(mut stream: TcpStream, connection: &Connection) -> io::Result<Stream> {
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        if acceptor.read_tls(&mut stream)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => break accepted,
            Ok(None) => {}
            Err((error, mut alert)) => {
                alert.write_all(&mut stream)?;
                return Err(io::Error::other(error));
            }
        }
    };
    let hello = accepted.client_hello();
    let name = hello.server_name().map(str::to_owned);
    let protocols: Vec<String> =
        hello.alpn().into_iter().flatten().map(|protocol| String::from_utf8_lossy(protocol).into_owned()).collect();
    connection.record(json!({ "event": "hello", "sni": name, "alpn": protocols }));
    let name = name.unwrap_or_else(|| connection.local.ip().to_string());
    match accepted.into_connection(connection.lab.authority.config(&[name])) {
        Ok(session) => Ok(StreamOwned::new(session, stream)),
        Err((error, mut alert)) => {
            alert.write_all(&mut stream)?;
            Err(io::Error::other(error))
        }
    }
}
