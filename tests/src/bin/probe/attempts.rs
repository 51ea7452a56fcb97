//! Several acts on the network in one process, each timed by itself: what a test of egress asks for in one run.
//!
//! `attempts ROW…` prints a line for each row: `done DETAIL` or `refused ERROR`, then a bar and the microseconds from the
//! row's start. The words of a row are parted by spaces; `\s`, `\r`, `\n` and `\xNN` stand for bytes within a word.
//! Never sends more than its rows say.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use crate::messages::{bytes, client_hello, question};
use crate::{Act, Attempt, errno, number, on_connection, os};

pub(crate) const ACTS: &[(&str, Act)] = &[("attempts", attempts)];

/// What is not answered or refused by then hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Every act of a row, with its words.
const ROWS: &[(&str, Act)] = &[
    ("lookup", lookup),
    ("ask", ask),
    ("say", say),
    ("say-all", say_all),
    ("crowd", crowd),
    ("serve-echo", serve_echo),
    ("pieces", pieces),
    ("hello", hello),
    ("hello-slowly", hello_slowly),
    ("udp", udp),
    ("churn", churn),
    ("wait", wait),
];

fn attempts(rows: &[String]) -> Attempt {
    for row in rows {
        let words: Vec<String> = row.split(' ').map(str::to_owned).collect();
        let (name, arguments) = words.split_first().expect("a row has an act");
        let known = ROWS.iter().chain(super::network::ACTS).chain(super::sockets::ACTS);
        let (_, act) = known.into_iter().find(|(known, _)| known == name).expect("a row's act is known");
        let start = Instant::now();
        let outcome = act(arguments);
        let micros = start.elapsed().as_micros();
        match outcome {
            Ok(detail) if detail.is_empty() => println!("done|{micros}"),
            Ok(detail) => println!("done {}|{micros}", detail.escape_debug()),
            Err(number) => println!("refused {}|{micros}", errno::name(number)),
        }
    }
    Ok("all".to_owned())
}

/// `lookup NAME`: the addresses that the C library finds.
fn lookup(words: &[String]) -> Attempt {
    let name = text(&words[0]);
    let found = (name.as_str(), 0).to_socket_addrs().map_err(|_| libc::ENOENT)?;
    let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    addresses.dedup();
    Ok(addresses.join(" "))
}

/// `ask udp|tcp SERVER:PORT KIND NAME`: a question of our own making; the answer's code and its addresses.
fn ask(words: &[String]) -> Attempt {
    let question = question(number(words, 2), &words[3]);
    let answer = if words[0] == "udp" {
        datagram(&words[1], &question)?
    } else {
        let mut stream = connect(&words[1])?;
        let length = u16::try_from(question.len()).expect("a short question");
        stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).map_err(on_connection)?;
        let answer = answer(&mut stream)?;
        answer.get(2..).ok_or(libc::EIO)?.to_vec()
    };
    let code = answer.get(3).ok_or(libc::EIO)? & 15;
    Ok(format!("code {code} answers {}", answer.get(7).ok_or(libc::EIO)?))
}

/// `say TARGET TEXT…`: sends each text when the one before was answered; tells the last answer.
fn say(words: &[String]) -> Attempt {
    let mut stream = connect(&words[0])?;
    let mut last = String::new();
    if words.len() == 1 {
        return answer(&mut stream).map(|answer| String::from_utf8_lossy(&answer).into_owned());
    }
    for word in &words[1..] {
        stream.write_all(&bytes(word)).map_err(on_connection)?;
        last = String::from_utf8_lossy(&answer(&mut stream)?).into_owned();
    }
    Ok(last)
}

/// `say-all TARGET TEXT`: sends the text, closes that direction, and tells everything that comes back to the end.
fn say_all(words: &[String]) -> Attempt {
    let mut stream = connect(&words[0])?;
    stream.write_all(&bytes(&words[1])).map_err(on_connection)?;
    stream.shutdown(Shutdown::Write).map_err(on_connection)?;
    let mut everything = Vec::new();
    stream.read_to_end(&mut everything).map_err(os)?;
    Ok(String::from_utf8_lossy(&everything).into_owned())
}

/// `crowd TARGET NUMBER`: so many connections at once, each of which exchanges a word; how many could.
fn crowd(words: &[String]) -> Attempt {
    let streams: Vec<TcpStream> = (0..number(words, 1)).map(|_| connect(&words[0])).collect::<Result<_, _>>()?;
    let mut served = 0;
    for mut stream in &streams {
        stream.write_all(b"ping").map_err(on_connection)?;
    }
    for mut stream in &streams {
        let mut buffer = [0; 4];
        served += usize::from(stream.read_exact(&mut buffer).is_ok() && buffer == *b"ping");
    }
    Ok(served.to_string())
}

/// `serve-echo ADDRESS:PORT`: says `ready`, and gives back what it gets until it is ended.
fn serve_echo(words: &[String]) -> Attempt {
    let listener = TcpListener::bind(&words[0]).map_err(os)?;
    println!("ready");
    for stream in listener.incoming() {
        let (stream, mut back) = stream.and_then(|stream| Ok((stream.try_clone()?, stream))).map_err(os)?;
        std::thread::spawn(move || std::io::copy(&mut &stream, &mut back));
    }
    Ok(String::new())
}

/// `pieces TARGET SIZE TEXT`: sends the text in pieces of this size, each in a segment of its own.
fn pieces(words: &[String]) -> Attempt {
    send_in_pieces(&words[0], number(words, 1), &bytes(&words[2]))
}

/// `hello TARGET NAME|- RECORDS PIECES [ech]`: a TLS hello for a name in so many records, and pieces of so many bytes.
fn hello(words: &[String]) -> Attempt {
    let has_ech = words.get(4).is_some_and(|word| word == "ech");
    let name = Some(words[1].as_str()).filter(|name| *name != "-");
    let hello = client_hello(name, number(words, 2), has_ech);
    send_in_pieces(&words[0], number(words, 3), &hello)
}

/// `hello-slowly TARGET NAME SECONDS`: a byte of the hello each second, for so long.
fn hello_slowly(words: &[String]) -> Attempt {
    let mut stream = connect(&words[0])?;
    let end = Instant::now() + Duration::from_secs(number(words, 2));
    for byte in client_hello(Some(&words[1]), 1, false) {
        stream.write_all(&[byte]).map_err(on_connection)?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).map_err(os)?;
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(_) => return Err(libc::EIO),
            Err(error) => return Err(os(error)),
        }
        if Instant::now() > end {
            return Ok("still open".to_owned());
        }
    }
    Ok("all sent".to_owned())
}

/// `churn NUMBER NAME SUFFIX`: that many lookups of different names; how many of them resolved.
fn churn(words: &[String]) -> Attempt {
    let server: SocketAddr = text(&words[1]).parse().expect("a resolver");
    let socket = UdpSocket::bind("0.0.0.0:0").map_err(os)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(os)?;
    socket.connect(server).map_err(os)?;
    let (count, mut refused, mut buffer) = (number::<u32>(words, 0), 0, [0; 512]);
    // A, NULL, TXT, AAAA, SVCB, HTTPS, ANY.
    let kinds = [1, 10, 16, 28, 64, 65, 255];
    for turn in 0..count {
        let kind = kinds[usize::try_from(turn).expect("it fits") % kinds.len()];
        socket.send(&question(kind, &format!("secret-{turn}.{}", words[2]))).map_err(os)?;
        let length = socket.recv(&mut buffer).map_err(os)?;
        refused += u32::from(length > 3 && buffer[3] & 15 == 3);
    }
    Ok(refused.to_string())
}

/// `udp TARGET`: a datagram and what comes back.
fn udp(words: &[String]) -> Attempt {
    datagram(&words[0], b"probe").map(|answer| String::from_utf8_lossy(&answer).into_owned())
}

/// `wait MILLISECONDS`.
fn wait(words: &[String]) -> Attempt {
    std::thread::sleep(Duration::from_millis(number(words, 0)));
    Ok(String::new())
}

fn datagram(target: &str, message: &[u8]) -> Result<Vec<u8>, i32> {
    let target = resolved(target)?;
    let local = if target.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local).map_err(os)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(os)?;
    // Connected, so that an error comes back, and only an answer from the right source is taken.
    socket.connect(target).map_err(os)?;
    socket.send(message).map_err(os)?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).map_err(os)?;
    Ok(buffer[..length].to_vec())
}

fn send_in_pieces(target: &str, size: usize, bytes: &[u8]) -> Attempt {
    let mut stream = connect(target)?;
    stream.set_nodelay(true).map_err(os)?;
    for piece in bytes.chunks(size) {
        stream.write_all(piece).map_err(on_connection)?;
        if bytes.len() > size {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    Ok(String::from_utf8_lossy(&answer(&mut stream)?).into_owned())
}

fn connect(target: &str) -> Result<TcpStream, i32> {
    let stream = TcpStream::connect_timeout(&resolved(target)?, PATIENCE).map_err(os)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(os)?;
    Ok(stream)
}

/// What comes first, an HTTP answer to its end; an end before that is `EPIPE`.
fn answer(stream: &mut TcpStream) -> Result<Vec<u8>, i32> {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while answer.is_empty() || is_part_of_an_answer(&answer) {
        match stream.read(&mut buffer).map_err(os)? {
            0 => return Err(libc::EPIPE),
            length => answer.extend(&buffer[..length]),
        }
    }
    Ok(answer)
}

fn is_part_of_an_answer(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return "HTTP/1.1 ".starts_with(text.get(..9).unwrap_or(&text));
    };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_some_and(|length| length.parse().is_ok_and(|length: usize| body.len() < length))
}

fn resolved(target: &str) -> Result<SocketAddr, i32> {
    text(target).to_socket_addrs().map_err(|_| libc::ENOENT)?.next().ok_or(libc::ENOENT)
}

fn text(word: &str) -> String {
    String::from_utf8(bytes(word)).expect("a target is text")
}
