//! Small servers over TCP, one function each; `internet::port` says where.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;

use crate::sockets::Connection;

pub(crate) fn echo(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    let mut reader = stream.try_clone()?;
    io::copy(&mut reader, &mut stream)?;
    stream.shutdown(Shutdown::Write)
}

pub(crate) fn banner(mut stream: TcpStream, connection: &Connection) -> io::Result<()> {
    stream.write_all(b"hello\n")?;
    echo(stream, connection)
}

pub(crate) fn source(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let wanted = line.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
    send_zeros(&mut stream, wanted)?;
    stream.shutdown(Shutdown::Write)
}

/// Writes so many zero bytes.
pub(crate) fn send_zeros(stream: &mut impl Write, mut left: u64) -> io::Result<()> {
    let zeros = vec![0; 256 * 1024];
    while left > 0 {
        let chunk = usize::try_from(left).unwrap_or(zeros.len()).min(zeros.len());
        stream.write_all(&zeros[..chunk])?;
        left -= chunk as u64;
    }
    Ok(())
}

pub(crate) fn sink(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    let count = count(&mut stream)?;
    writeln!(stream, "{count}")
}

fn count(stream: &mut TcpStream) -> io::Result<u64> {
    let mut buffer = vec![0; 256 * 1024];
    let mut count = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(count),
            read => count += read as u64,
        }
    }
}

pub(crate) fn half_close(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    let mut everything = Vec::new();
    stream.read_to_end(&mut everything)?;
    stream.write_all(&everything)
}

pub(crate) fn reset(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    stream.read_exact(&mut [0])?;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).expect("a small structure");
    // SAFETY: `linger` lives through the call and has the size that is passed.
    unsafe {
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size)
    };
    Ok(())
}

pub(crate) fn silent(mut stream: TcpStream, _: &Connection) -> io::Result<()> {
    count(&mut stream).map(drop)
}

/// What arrived after the farewell is on record.
pub(crate) fn farewell(mut stream: TcpStream, connection: &Connection) -> io::Result<()> {
    stream.write_all(b"bye\n")?;
    stream.shutdown(Shutdown::Write)?;
    let bytes = count(&mut stream)?;
    connection.record(serde_json::json!({ "event": "received", "bytes": bytes }));
    Ok(())
}
