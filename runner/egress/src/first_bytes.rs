//! What a connection says first, read as far as its checks need and no further. Nothing of it has passed yet.

use std::io;

use tokio::net::TcpStream;

use crate::budget::Budget;
use crate::client_hello::{Progress, Reader};
use crate::http::{ExpectedHost, Requests};
use crate::refusal::Refusal;
use crate::rules::{Checks, Rules, Target};

/// What was read of a connection before it was let out.
pub enum First {
    /// Bytes that may pass as they are, and all that follow.
    Bytes(Vec<u8>),
    /// Requests, each of which is judged.
    Requests {
        /// The judge of those that follow.
        requests: Box<Requests>,
        /// How much of `bytes` may pass.
        passing: usize,
        /// What was read.
        bytes: Vec<u8>,
    },
}

/// Reads the first bytes and judges them; `None` when the stream ended before there was anything to judge.
///
/// # Errors
/// They are not what the checks ask for.
pub async fn read(
    inside: &TcpStream,
    checks: Checks,
    target: &Target,
    port: u16,
    rules: &Rules,
    budget: &Budget,
) -> Result<Option<First>, Refusal> {
    let mut bytes = Vec::new();
    match checks {
        Checks::Nothing => Ok(Some(First::Bytes(bytes))),
        Checks::Tls => hello(inside, bytes, target, port, rules, budget).await,
        Checks::Http => request(inside, bytes, target, port, budget).await,
        Checks::TlsOrHttp => {
            if !read_more(inside, &mut bytes).await {
                return Ok(None);
            }
            // A TLS record that carries a handshake begins with 22 (RFC 8446, 5.1); no request does.
            match bytes.first() {
                Some(22) => hello(inside, bytes, target, port, rules, budget).await,
                Some(_) | None => request(inside, bytes, target, port, budget).await,
            }
        }
    }
}

async fn hello(
    inside: &TcpStream,
    mut bytes: Vec<u8>,
    target: &Target,
    port: u16,
    rules: &Rules,
    budget: &Budget,
) -> Result<Option<First>, Refusal> {
    let (mut held, mut length) = (budget.hold(), 0);
    let mut reader = Reader::default();
    loop {
        length += bytes.len();
        held.set(length);
        match reader.read(&bytes) {
            Progress::NeedMore if budget.is_spent() => return Err(Refusal::TooMany),
            Progress::NeedMore => {}
            Progress::Refused(why) => return Err(Refusal::NotTls(why)),
            Progress::Hello(hello) => {
                rules.hello(target, port, hello.server_name.as_ref())?;
                return Ok(Some(First::Bytes(reader.into_bytes())));
            }
        }
        bytes.clear();
        if !read_more(inside, &mut bytes).await {
            return Ok(None);
        }
    }
}

async fn request(
    inside: &TcpStream,
    mut bytes: Vec<u8>,
    target: &Target,
    port: u16,
    budget: &Budget,
) -> Result<Option<First>, Refusal> {
    let host = match target {
        Target::Name(name) => ExpectedHost::Name(name.clone()),
        Target::Address(address) => ExpectedHost::Address(*address),
    };
    let mut requests = Requests::new(host, port);
    let mut held = budget.hold();
    loop {
        let passing = requests.read(&bytes).map_err(Refusal::NotHttp)?;
        if passing > 0 {
            return Ok(Some(First::Requests { requests: Box::new(requests), passing, bytes }));
        }
        held.set(bytes.len());
        if budget.is_spent() {
            return Err(Refusal::TooMany);
        }
        if !read_more(inside, &mut bytes).await {
            return Ok(None);
        }
    }
}

/// Appends what has come; false at the end of the stream.
pub async fn read_more(inside: &TcpStream, bytes: &mut Vec<u8>) -> bool {
    loop {
        if inside.readable().await.is_err() {
            return false;
        }
        let mut buffer = [0_u8; 4096];
        match inside.try_read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => {
                bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
}
