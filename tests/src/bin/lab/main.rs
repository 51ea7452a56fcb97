//! An internet of the tests' own: two network namespaces, `host` and `internet`, and the servers in them.
//!
//! `opaque-lab DIRECTORY [unwatched] [PORT…]` prints `ready {…}` once everything serves, or `missing …` where the machine lacks
//! something, and lives until its standard input closes. The ports are left to servers that a test starts itself.
//! Never touches the machine's own network.

mod authority;
mod datagrams;
mod dns;
mod log;
mod message;
mod namespaces;
mod nginx;
mod packets;
mod request;
mod sockets;
mod streams;
mod tls;
mod web;
mod zone;

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use opaque_tests::internet::{self, port};

use authority::Authority;
use log::Log;
use namespaces::{Missing, Namespaces};
use sockets::Side;

/// What the servers share.
pub(crate) struct Lab {
    authority: Authority,
    /// Connections and datagrams that were accepted.
    accepted: Log,
    /// DNS queries.
    queries: Log,
    /// What came over the wire.
    packets: Log,
    /// Static files.
    files: PathBuf,
    /// Names that tests added.
    names: PathBuf,
    /// Ports that are left free.
    free: Vec<u16>,
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let directory = PathBuf::from(words.next().expect("usage: opaque-lab DIRECTORY [unwatched] [PORT…]"));
    let is_watched = words.next_if(|word| word == "unwatched").is_none();
    let free = words.map(|word| word.parse().expect("a port")).collect();
    let namespaces = match Namespaces::enter_new() {
        Ok(namespaces) => namespaces,
        Err(Missing(what)) => {
            println!("missing {what}");
            return ExitCode::FAILURE;
        }
    };
    namespaces::die_with_parent();
    let lab = Arc::new(Lab {
        authority: Authority::new(&directory.join("ca.pem")),
        accepted: Log::new(&directory.join("accepted")),
        queries: Log::new(&directory.join("queries")),
        packets: Log::new(&directory.join("packets")),
        files: directory.join("files"),
        names: directory.join("names"),
        free,
    });
    namespaces.on_host(|| serve_host(&lab));
    let http2 = nginx::start(&lab.authority, &directory);
    serve_internet(&lab);
    if is_watched {
        packets::watch(&lab, namespaces::INTERNET_END);
    }
    let http2 = http2.map(nginx::Started::wait);
    let ready = serde_json::json!({
        "host": namespaces.host_path(),
        "internet": namespaces.internet_path(),
        "user": namespaces.user_path(),
        "ipv6": namespaces::has_ipv6(),
        "http2": http2,
    });
    println!("ready {ready}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

fn serve_host(lab: &Arc<Lab>) {
    for port in [port::ECHO, port::DATABASE] {
        sockets::serve(lab, Side::Host, port, streams::echo);
    }
    sockets::serve(lab, Side::Host, port::HTTP, web::plain);
    sockets::serve(lab, Side::Host, port::HTTPS, web::encrypted);
    for address in ["127.0.0.1", "::1", internet::HOST, internet::HOST6] {
        datagrams::echo(lab, Side::Host, address, port::UDP_ECHO);
    }
}

fn serve_internet(lab: &Arc<Lab>) {
    let streams: &[(u16, sockets::Service)] = &[
        (port::ECHO, streams::echo),
        (port::DATABASE, streams::echo),
        (port::BANNER, streams::banner),
        (port::SOURCE, streams::source),
        (port::SINK, streams::sink),
        (port::HALF_CLOSE, streams::half_close),
        (port::RESET, streams::reset),
        (port::SILENT, streams::silent),
        (port::FAREWELL, streams::farewell),
        (port::HTTP, web::plain),
        (port::HTTP_OTHER, web::plain),
        (port::HTTPS, web::encrypted),
        (port::HTTPS_OTHER, web::encrypted),
    ];
    for (port, service) in streams {
        sockets::serve(lab, Side::Internet, *port, *service);
    }
    let servers = [internet::WEB, internet::WEB6, internet::EVIL, internet::EVIL6, internet::DNS, internet::DNS6];
    for address in servers {
        dns::serve(lab, address);
    }
    for address in servers.iter().chain(internet::SPECIAL) {
        datagrams::echo(lab, Side::Internet, address, port::UDP_ECHO);
        datagrams::echo(lab, Side::Internet, address, port::UDP_TIME);
    }
}
