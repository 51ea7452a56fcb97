//! DNS messages, as far as a test's resolver needs them (RFC 1035; EDNS sizes, RFC 6891).

use std::net::IpAddr;

/// The type of an address record.
pub(crate) const A: u16 = 1;
/// The type of an IPv6 address record.
pub(crate) const AAAA: u16 = 28;
const CNAME: u16 = 5;
const OPT: u16 = 41;
const HEADER: usize = 12;
const PLAIN_SIZE: usize = 512;
/// A pointer to the name of the question.
const QUESTION_NAME: [u8; 2] = [0xc0, 12];

/// A query with one question.
pub(crate) struct Query {
    id: [u8; 2],
    recursion: u8,
    /// The question as it was asked, letters included.
    question: Vec<u8>,
    /// The name, in lower case, without a final dot.
    pub(crate) name: String,
    pub(crate) kind: u16,
    /// The largest datagram that the client takes.
    pub(crate) size: usize,
}

impl Query {
    /// Reads one; none when it is malformed or asks anything but one question.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        if header[2] & 0x80 != 0 || header[4..6] != [0, 1] {
            return None;
        }
        let (name, end) = name(bytes, HEADER)?;
        let fixed = bytes.get(end..end + 4)?;
        let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
        let question = bytes[HEADER..end + 4].to_vec();
        Some(Self {
            id: [header[0], header[1]],
            recursion: header[2] & 1,
            question,
            name,
            kind,
            size: edns_size(&bytes[end + 4..]).unwrap_or(PLAIN_SIZE).max(PLAIN_SIZE),
        })
    }

    /// The name of the type that was asked for.
    pub(crate) fn kind_name(&self) -> String {
        match self.kind {
            A => "A".into(),
            AAAA => "AAAA".into(),
            CNAME => "CNAME".into(),
            64 => "SVCB".into(),
            65 => "HTTPS".into(),
            other => format!("TYPE{other}"),
        }
    }
}

/// The answer to a query.
pub(crate) struct Answer {
    /// False for a name that does not exist.
    pub(crate) exists: bool,
    pub(crate) alias: Option<&'static str>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ttl: u32,
}

impl Answer {
    /// The message; cut down to its header and question, and marked so, where it is larger than `size`.
    pub(crate) fn encode(&self, query: &Query, size: usize) -> Vec<u8> {
        let (records, count) = self.records(query);
        let cut = HEADER + query.question.len() + records.len() > size;
        let code = if self.exists { 0 } else { 3 };
        let mut message = query.id.to_vec();
        message.extend([0x84 | query.recursion | if cut { 2 } else { 0 }, 0x80 | code, 0, 1]);
        message.extend(if cut { 0 } else { count }.to_be_bytes());
        message.extend([0; 4]);
        message.extend(&query.question);
        if !cut {
            message.extend(records);
        }
        message
    }

    fn records(&self, query: &Query) -> (Vec<u8>, u16) {
        let (mut records, mut count, mut owner) = (Vec::new(), 0, QUESTION_NAME.to_vec());
        if let Some(alias) = self.alias {
            let target = encode_name(alias);
            self.record(&mut records, &owner, CNAME, &target);
            (owner, count) = (target, 1);
        }
        for address in &self.addresses {
            match (query.kind, address) {
                (A, IpAddr::V4(four)) => self.record(&mut records, &owner, A, &four.octets()),
                (AAAA, IpAddr::V6(six)) => self.record(&mut records, &owner, AAAA, &six.octets()),
                _ => continue,
            }
            count += 1;
        }
        (records, count)
    }

    fn record(&self, to: &mut Vec<u8>, owner: &[u8], kind: u16, data: &[u8]) {
        to.extend(owner);
        to.extend(kind.to_be_bytes());
        to.extend([0, 1]);
        to.extend(self.ttl.to_be_bytes());
        to.extend(u16::try_from(data.len()).expect("data of the lab's own").to_be_bytes());
        to.extend(data);
    }
}

fn encode_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let length = u8::try_from(label.len()).expect("a label of the lab's own");
        std::iter::once(length).chain(label.bytes())
    });
    labels.chain([0]).collect()
}

/// The name at an offset, and where it ends.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        match length {
            0 => return Some((labels.join("."), at)),
            1..=63 => labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_ascii_lowercase()),
            _ => return None,
        }
        at += length;
    }
}

/// The size in an OPT record that stands alone after the question, as clients send it.
fn edns_size(rest: &[u8]) -> Option<usize> {
    let [0, one, two, high, low, ..] = rest else { return None };
    (u16::from_be_bytes([*one, *two]) == OPT).then(|| u16::from_be_bytes([*high, *low]).into())
}
