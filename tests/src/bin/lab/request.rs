//! Reads HTTP/1 requests from a stream. Bounded, and no stricter than its clients need.

use std::io::{self, ErrorKind, Read, Write};

const HEAD: usize = 64 * 1024;
const BODY: usize = 256 * 1024 * 1024;

/// A stream and what was read from it too early.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    pending: Vec<u8>,
}

/// A request with its body.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// True when the connection ends after it.
    pub(crate) fn is_last(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        connection.contains("close") || (self.version == "HTTP/1.0" && !connection.contains("keep-alive"))
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, pending: Vec::new() }
    }

    /// The next request; none at the end of input.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.until(b"\r\n\r\n", HEAD)? else { return Ok(None) };
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(ErrorKind::InvalidData.into());
        };
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut request = Request { method, target, version, headers, body: Vec::new() };
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.stream.flush()?;
        }
        request.body = self.body(&request)?;
        Ok(Some(request))
    }

    fn body(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return self.chunks();
        }
        let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| ErrorKind::InvalidData)?;
        self.exactly(length)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n", HEAD)?.ok_or(ErrorKind::UnexpectedEof)?;
            let size = String::from_utf8_lossy(&line);
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
            if size == 0 {
                while self.until(b"\r\n", HEAD)?.is_some_and(|trailer| !trailer.is_empty()) {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
        }
    }

    /// What comes before a mark, which is taken as well; none when the input ends first.
    fn until(&mut self, mark: &[u8], bound: usize) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.pending.windows(mark.len()).position(|window| window == mark) {
                let mut taken: Vec<u8> = self.pending.drain(..at + mark.len()).collect();
                taken.truncate(at);
                return Ok(Some(taken));
            }
            if self.pending.len() > bound || !self.more()? {
                return Ok(None);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY {
            return Err(ErrorKind::InvalidData.into());
        }
        while self.pending.len() < length {
            if !self.more()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.pending.drain(..length).collect())
    }

    /// What was read already, and then what comes, given back until the end of input.
    pub(crate) fn echo(&mut self) -> io::Result<()> {
        loop {
            let pending = std::mem::take(&mut self.pending);
            self.stream.write_all(&pending)?;
            self.stream.flush()?;
            if !self.more()? {
                return Ok(());
            }
        }
    }

    fn more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer)?;
        self.pending.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}
