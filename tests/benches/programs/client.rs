//! `client HOST PORT`: carries out what its standard input asks, with the server at that address or name, and answers
//! with a line of figures. Takes the times itself, so that neither start-up nor the talk with the bench is in them.
//!
//! ```text
//! down BYTES, up BYTES    nanoseconds of one transfer
//! ask COUNT               nanoseconds of each: connect, request, reply
//! look COUNT              nanoseconds of each: a question for HOST to the resolver, and its answer
//! rush TASKS MILLISECONDS how often connect, request, reply, close went well, and how often not
//! crowd COUNT BYTES       connections that stand, each with so many bytes on their way that nobody reads
//! drain                   connections of the crowd whose bytes all came, in order
//! ```

use std::io::{self, BufRead, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// As the server's.
const PERIOD: usize = 251;
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));
/// For one transfer: beyond that it has stalled.
const STALLED: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, port] = words.as_slice() else { return Err(io::Error::other("usage: client HOST PORT")) };
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let address = match host.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => look_up(host)?.into(),
    };
    let mut client = Client { server: (address, port).into(), host: host.clone(), crowd: Vec::new(), most: 0 };
    println!("ready {address}");
    for line in io::stdin().lock().lines() {
        println!("{}", client.obey(&line?)?);
    }
    Ok(())
}

struct Client {
    server: SocketAddr,
    host: String,
    crowd: Vec<TcpStream>,
    /// Bytes that are on their way on each connection of the crowd.
    most: usize,
}

impl Client {
    fn obey(&mut self, line: &str) -> io::Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).ok_or(io::ErrorKind::InvalidInput);
        Ok(match words[0] {
            "down" => self.down(number(1)?)?.to_string(),
            "up" => self.up(number(1)?)?.to_string(),
            "ask" => listed((0..number(1)?).map(|_| self.ask()))?,
            "look" => listed((0..number(1)?).map(|_| {
                let start = Instant::now();
                look_up(&self.host)?;
                Ok(start.elapsed().as_nanos())
            }))?,
            "rush" => self.rush(number(1)?, Duration::from_millis(number(2)? as u64)),
            "crowd" => self.gather(number(1)?, number(2)?)?.to_string(),
            "drain" => self.drain()?.to_string(),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(PATIENCE)?;
        stream.set_write_timeout(PATIENCE)?;
        Ok(stream)
    }

    fn down(&self, bytes: usize) -> io::Result<u128> {
        let mut stream = self.connect()?;
        let mut buffer = vec![0; PERIOD * 1024];
        let start = Instant::now();
        stream.write_all(&order(b's', bytes))?;
        let mut left = bytes;
        while left > 0 {
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => left = left.checked_sub(read).ok_or(io::ErrorKind::InvalidData)?,
            }
            goes_on(start)?;
        }
        Ok(start.elapsed().as_nanos())
    }

    fn up(&self, bytes: usize) -> io::Result<u128> {
        let mut stream = self.connect()?;
        let buffer = vec![1; PERIOD * 1024];
        let start = Instant::now();
        stream.write_all(&order(b'r', bytes))?;
        let mut left = bytes;
        while left > 0 {
            let piece = &buffer[..left.min(buffer.len())];
            stream.write_all(piece)?;
            left -= piece.len();
            goes_on(start)?;
        }
        confirm(&mut stream, &order(b'r', bytes))?;
        Ok(start.elapsed().as_nanos())
    }

    /// One fresh connection, until the reply is there; the close that follows is not in the time.
    fn ask(&self) -> io::Result<u128> {
        let start = Instant::now();
        let mut stream = self.connect()?;
        stream.write_all(&order(b'l', 0))?;
        confirm(&mut stream, &order(b'l', 0))?;
        let elapsed = start.elapsed().as_nanos();
        // The server closes first, so that no port of this side has to rest.
        if stream.read(&mut [0])? != 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(elapsed)
    }

    fn rush(&self, tasks: usize, duration: Duration) -> String {
        let end = Instant::now() + duration;
        let counts = thread::scope(|scope| {
            let task = || {
                let (mut well, mut ill) = (0_u64, 0_u64);
                while Instant::now() < end {
                    if self.ask().is_ok() { well += 1 } else { ill += 1 }
                }
                (well, ill)
            };
            let tasks: Vec<_> = (0..tasks).map(|_| scope.spawn(task)).collect();
            tasks.into_iter().map(|task| task.join().unwrap_or((0, 1))).collect::<Vec<_>>()
        });
        let (well, ill) = counts.into_iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        format!("{well} {ill}")
    }

    fn gather(&mut self, count: usize, bytes: usize) -> io::Result<usize> {
        self.most = bytes;
        for _ in 0..count {
            let mut stream = self.connect()?;
            stream.write_all(&order(b'e', 1))?;
            confirm(&mut stream, &order(b'e', 1))?;
            stream.write_all(&order(b's', bytes))?;
            self.crowd.push(stream);
        }
        Ok(self.crowd.len())
    }

    fn drain(&mut self) -> io::Result<usize> {
        let mut buffer = vec![0; PERIOD * 256];
        let mut whole = 0;
        for mut stream in self.crowd.drain(..) {
            let mut place = 0;
            while place < self.most {
                let read = stream.read(&mut buffer)?;
                let is_right = buffer[..read].iter().enumerate().all(|(at, byte)| (place + at) % PERIOD == usize::from(*byte));
                if read == 0 || !is_right {
                    break;
                }
                place += read;
            }
            whole += usize::from(place == self.most);
        }
        Ok(whole)
    }
}

fn goes_on(start: Instant) -> io::Result<()> {
    if start.elapsed() < STALLED { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
}

fn order(what: u8, bytes: usize) -> [u8; 16] {
    let mut order = [0; 16];
    order[0] = what;
    order[8..].copy_from_slice(&(bytes as u64).to_le_bytes());
    order
}

fn confirm(stream: &mut TcpStream, order: &[u8; 16]) -> io::Result<()> {
    let mut reply = [0; 16];
    stream.read_exact(&mut reply)?;
    if reply == *order { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn listed(times: impl Iterator<Item = io::Result<u128>>) -> io::Result<String> {
    let times: Vec<String> = times.map(|time| Ok(time?.to_string())).collect::<io::Result<_>>()?;
    Ok(times.join(" "))
}

/// Asks the first server of `/etc/resolv.conf` for the IPv4 address of a name (RFC 1035, 4.1). A static program has
/// no library for it.
fn look_up(name: &str) -> io::Result<Ipv4Addr> {
    let configuration = std::fs::read_to_string("/etc/resolv.conf")?;
    let server = configuration.lines().find_map(|line| line.strip_prefix("nameserver ")).ok_or(io::ErrorKind::NotFound)?;
    let server: IpAddr = server.trim().parse().map_err(io::Error::other)?;
    let mut question = vec![0x51, 0x7a, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(PATIENCE)?;
    socket.connect((server, 53))?;
    socket.send(&question)?;
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer)?;
    // The question comes back, then the first record: a pointer to the name, type, class, lifetime, length, address.
    let record = answer[..length].get(question.len()..).unwrap_or_default();
    match record {
        [_, _, 0, 1, 0, 1, _, _, _, _, 0, 4, a, b, c, d, ..] => Ok(Ipv4Addr::new(*a, *b, *c, *d)),
        _ => Err(io::Error::other(format!("`{name}` has no address"))),
    }
}
