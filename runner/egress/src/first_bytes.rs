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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opaque_policy::host_name::HostName;
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What comes of first bytes that need more, while so much is held for others; `None` when they are heard further.
    fn half_said(checks: Checks, said: &[u8], held_for_others: usize) -> Option<Result<bool, Refusal>> {
        let budget = Budget::default();
        let mut others = budget.hold();
        others.set(held_for_others);
        let target = Target::Name(HostName::new(b"api.example.test").unwrap());
        let rules = Rules::default();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let inside = listener.accept().await.unwrap().0;
            client.write_all(said).await.unwrap();
            let first = read(&inside, checks, &target, 443, &rules, &budget);
            let heard = tokio::time::timeout(Duration::from_millis(200), first).await.ok()?;
            Some(heard.map(|first| first.is_some()))
        })
    }

    #[test]
    fn what_is_not_judged_yet_is_refused_when_much_is_held_for_others_already() {
        let hello = [22, 3, 1, 2, 0, 1, 0, 1];
        let request = b"GET / HTTP/1.1\r\nHo";
        for (checks, said) in [(Checks::Tls, &hello[..]), (Checks::Http, request), (Checks::TlsOrHttp, request)] {
            assert_eq!(half_said(checks, said, 1 << 20), None, "{checks:?}");
            assert_eq!(half_said(checks, said, 13 << 20), Some(Err(Refusal::TooMany)), "{checks:?}");
        }
    }
}
