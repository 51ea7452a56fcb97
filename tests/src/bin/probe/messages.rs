//! Messages as bytes, made by hand: what no honest library would send. Sends nothing.

/// The bytes that a word stands for.
pub(crate) fn bytes(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word);
    while let Some(at) = rest.find('\\') {
        bytes.extend(&rest.as_bytes()[..at]);
        let (byte, length) = match &rest[at + 1..=at + 1] {
            "s" => (b' ', 2),
            "r" => (b'\r', 2),
            "n" => (b'\n', 2),
            "x" => (u8::from_str_radix(&rest[at + 2..at + 4], 16).expect("two digits"), 4),
            other => panic!("no such escape: {other}"),
        };
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend(rest.as_bytes());
    bytes
}

/// A question with one name, whose labels are words.
pub(crate) fn question(kind: u16, name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = bytes(label);
        message.push(u8::try_from(label.len()).expect("a label has its length in a byte"));
        message.extend(label);
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// A hello of TLS 1.2 in this many records, with random-looking bytes where an encrypted hello would be.
pub(crate) fn client_hello(name: Option<&str>, records: usize, has_ech: bool) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, content: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(counted(content));
    };
    if let Some(name) = name {
        extension(0, &counted(&[&[0][..], &counted(name.as_bytes())].concat()));
    }
    extension(10, &counted(&[0, 0x1d, 0, 0x17]));
    extension(11, &[1, 0]);
    extension(13, &counted(&[4, 3, 8, 4, 4, 1]));
    if has_ech {
        // Outer, HKDF-SHA256 with AES-128-GCM, a config's number, an encapsulated key, a payload.
        let head = [0, 0, 1, 0, 1, 7];
        extension(0xfe0d, &[&head[..], &counted(&[5; 32]), &counted(&[9; 144])].concat());
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend(counted(&extensions));
    let length = u32::try_from(body.len()).expect("a short hello").to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    let parts = message.chunks(message.len().div_ceil(records));
    parts.flat_map(|part| [&[22, 3, 1][..], &counted(part)].concat()).collect()
}

/// The bytes behind their length in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("a short field").to_be_bytes()[..], bytes].concat()
}
