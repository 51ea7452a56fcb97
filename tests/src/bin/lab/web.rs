//! The web server, over TCP and over TLS. Every request is on record before it is answered.
//!
//! `/echo` tells the request, `/mirror` sends its body back, `/bytes/N` sends N bytes, `/status/N` answers so, `/redirect/URL` leads there, `/slow/N`
//! waits N milliseconds, `/upgrade` leaves HTTP and echoes; anything else is a file, first below the name of its host.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::request::{Client, Request};
use crate::sockets::Connection;
use crate::{streams, tls};

/// HTTP.
pub(crate) fn plain(stream: TcpStream, connection: &Connection) -> io::Result<()> {
    serve(stream, connection)
}

/// HTTPS.
pub(crate) fn encrypted(stream: TcpStream, connection: &Connection) -> io::Result<()> {
    let mut stream = tls::accept(stream, connection)?;
    serve(&mut stream, connection)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn serve(stream: impl Read + Write, connection: &Connection) -> io::Result<()> {
    let mut client = Client::new(stream);
    while let Some(request) = client.request()? {
        connection.record(json!({
            "event": "request",
            "method": request.method,
            "target": request.target,
            "host": request.header("host"),
        }));
        if request.target == "/upgrade" && request.header("upgrade").is_some() {
            let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
            client.stream.write_all(head)?;
            return client.echo();
        }
        answer(&mut client.stream, &request, connection)?;
        client.stream.flush()?;
        if request.is_last() {
            break;
        }
    }
    Ok(())
}

fn answer(stream: &mut impl Write, request: &Request, connection: &Connection) -> io::Result<()> {
    let path = match request.target.split_once("://") {
        // A client of a proxy sends the whole URL.
        Some((_, rest)) if !request.target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => &request.target,
    };
    let path = path.split('?').next().unwrap_or_default();
    let (first, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    match first {
        "echo" => send(stream, request, 200, "", echo(request, connection).as_bytes()),
        "mirror" => send(stream, request, 200, "", &request.body),
        "bytes" => {
            let length = rest.parse().unwrap_or(0);
            head(stream, 200, "", length)?;
            if request.method == "HEAD" { Ok(()) } else { streams::send_zeros(stream, length) }
        }
        "status" => send(stream, request, rest.parse().unwrap_or(400), "", b""),
        "redirect" => send(stream, request, 302, &format!("Location: {rest}\r\n"), b""),
        "slow" => {
            std::thread::sleep(Duration::from_millis(rest.parse().unwrap_or(0)));
            send(stream, request, 200, "", b"at last\n")
        }
        _ => match file(request, path, connection) {
            Some((headers, content)) => send(stream, request, 200, headers, &content),
            None => send(stream, request, 404, "", b"no such file\n"),
        },
    }
}

fn echo(request: &Request, connection: &Connection) -> String {
    let value = json!({
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
        "local": connection.local,
        "peer": connection.peer,
    });
    format!("{value}\n")
}

/// A file of this host, else one of all hosts, with the header that its name stands for.
fn file(request: &Request, path: &str, connection: &Connection) -> Option<(&'static str, Vec<u8>)> {
    let relative = path.trim_start_matches('/');
    let host = request.header("host").unwrap_or_default().split(':').next().unwrap_or_default();
    let leaves = |text: &str| Path::new(text).components().any(|part| !matches!(part, std::path::Component::Normal(_)));
    if leaves(relative) || leaves(host) {
        return None;
    }
    let files = &connection.lab.files;
    let candidates = [files.join(host), files.clone()];
    candidates.iter().flat_map(|root| [root.join(relative), root.join(relative).join("index.html")]).find_map(|file| {
        let is_page = file.extension().is_some_and(|extension| extension == "html");
        let headers = if is_page { "Content-Type: text/html\r\n" } else { "" };
        Some((headers, std::fs::read(file).ok()?))
    })
}

fn send(stream: &mut impl Write, request: &Request, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    head(stream, status, headers, body.len() as u64)?;
    if request.method == "HEAD" { Ok(()) } else { stream.write_all(body) }
}

fn head(stream: &mut impl Write, status: u16, headers: &str, length: u64) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\n{headers}\r\n")
}
