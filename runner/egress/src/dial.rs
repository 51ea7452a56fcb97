//! Connects to one of the addresses that were vetted, and to nothing else.
//!
//! Families take turns and a slow address does not hold up the next (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Time before the next address is tried beside the last one.
const STAGGER: Duration = Duration::from_millis(250);
/// For everything.
const BOUND: Duration = Duration::from_secs(30);

/// Connects to the first address that answers.
///
/// # Errors
/// The last one's failure.
pub async fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
    let stream = match addresses.as_slice() {
        [only] => tokio::time::timeout(BOUND, TcpStream::connect(*only)).await.map_err(|_| timed_out())??,
        _ => tokio::time::timeout(BOUND, race(in_turns(addresses))).await.map_err(|_| timed_out())??,
    };
    // What the client sends is passed on at once; whether to wait for more was its own decision.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.next() {
            Some(address) => {
                attempts.spawn_local(TcpStream::connect(address));
            }
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let has_more = waiting.len() > 0;
        let next = tokio::select! {
            ended = attempts.join_next() => ended,
            () = tokio::time::sleep(STAGGER), if has_more => continue,
        };
        match next {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(_)) | None => {}
        }
    }
}

/// The addresses with IPv6 and IPv4 in turns, IPv6 first, else in the order of the answer.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (long, short): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv6);
    let (mut long, mut short) = (long.into_iter(), short.into_iter());
    let mut ordered = Vec::with_capacity(long.len() + short.len());
    while long.len() + short.len() > 0 {
        ordered.extend(long.next());
        ordered.extend(short.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }

    #[test]
    fn the_families_take_turns() {
        let addresses = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1"].map(|text| text.parse().unwrap());
        let turns: Vec<String> = in_turns(addresses.to_vec()).iter().map(ToString::to_string).collect();
        assert_eq!(turns, ["[2001:db8::1]:1", "192.0.2.1:1", "192.0.2.2:1"]);
    }

    #[test]
    fn an_address_that_refuses_does_not_hold_up_the_next() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap()
        };
        let start = std::time::Instant::now();
        let stream = run(dial(vec![closed, open])).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
        assert!(run(dial(vec![closed, closed])).is_err());
    }
}
