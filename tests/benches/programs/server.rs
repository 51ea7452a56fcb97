//! `server PORT THREADS`: serves so many connections at once, each a row of orders of 16 bytes: what to do, and with
//! how many bytes. Says `ready` when it listens. Never looks at who asks.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Bytes of a transfer follow each other by their place modulo this, so that a lost or doubled piece is noticed.
const PERIOD: usize = 251;
const STACK: usize = 128 * 1024;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, threads] = words.as_slice() else { return Err(io::Error::other("usage: server PORT THREADS")) };
    let threads: usize = threads.parse().map_err(io::Error::other)?;
    let listener = Arc::new(TcpListener::bind(format!("0.0.0.0:{port}"))?);
    let pattern: Arc<[u8]> = (0..PERIOD * 1024).map(|place| (place % PERIOD) as u8).collect();
    for _ in 0..threads {
        let (listener, pattern) = (Arc::clone(&listener), Arc::clone(&pattern));
        thread::Builder::new().stack_size(STACK).spawn(move || {
            loop {
                if let Ok((stream, _)) = listener.accept() {
                    // A client that goes away is no fault of the server.
                    let _ = serve(stream, &pattern);
                }
            }
        })?;
    }
    println!("ready");
    // Lives as long as whoever holds its input.
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn serve(mut stream: TcpStream, pattern: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut order = [0; 16];
    let mut buffer = Vec::new();
    loop {
        match stream.read_exact(&mut order) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let amount = order[8..].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        match order[0] {
            b'e' => stream.write_all(&order)?,
            // The last one of its connection: this side closes first.
            b'l' => return stream.write_all(&order),
            b's' => send(&mut stream, pattern, amount)?,
            b'r' => {
                buffer.resize(pattern.len(), 0);
                receive(&mut stream, &mut buffer, amount)?;
                stream.write_all(&order)?;
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn send(stream: &mut TcpStream, pattern: &[u8], mut amount: usize) -> io::Result<()> {
    while amount > 0 {
        let piece = &pattern[..amount.min(pattern.len())];
        stream.write_all(piece)?;
        amount -= piece.len();
    }
    Ok(())
}

fn receive(stream: &mut TcpStream, buffer: &mut [u8], mut amount: usize) -> io::Result<()> {
    while amount > 0 {
        let most = amount.min(buffer.len());
        match stream.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => amount -= read,
        }
    }
    Ok(())
}
