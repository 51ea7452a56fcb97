//! What passes of a stream, and why it ends, does not depend on how it is cut; no head passes that names another host.
//! The first byte of the input is the size of the pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opaque_egress::http::{ExpectedHost, LONGEST_HEAD, Requests, WhyNotHttp};
use opaque_policy::host_name::HostName;

const HOST: &str = "api.example.test";

fuzz_target!(|data: &[u8]| {
    let [piece, stream @ ..] = data else { return };
    let whole = relay(stream, usize::MAX);
    assert_eq!(whole, relay(stream, usize::from(*piece) + 1));
    assert_eq!(whole, relay(stream, 1));
    assert!(stream.starts_with(&whole.0));
});

fn relay(stream: &[u8], piece: usize) -> (Vec<u8>, Option<WhyNotHttp>) {
    let host = HostName::new(HOST.as_bytes()).expect("it is a host name");
    let mut requests = Requests::new(ExpectedHost::Name(host), 80);
    let (mut held, mut passed) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece) {
        held.extend(piece);
        loop {
            let is_head = requests.is_between_requests();
            match requests.read(&held) {
                Ok(0) => break,
                Ok(count) => {
                    if is_head {
                        judge(&held[..count]);
                    }
                    passed.extend(held.drain(..count));
                }
                Err(why) => {
                    assert_eq!(requests.read(b"GET / HTTP/1.1\r\n"), Err(why));
                    return (passed, Some(why));
                }
            }
        }
        assert!(held.len() < LONGEST_HEAD);
    }
    (passed, None)
}

/// Reads a head that passed in the plainest way, line by line.
fn judge(head: &[u8]) {
    let lines = head.strip_suffix(b"\r\n\r\n").expect("a head passes as a whole");
    let lines: Vec<&[u8]> =
        lines.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    assert!(lines.iter().all(|line| !line.is_empty() && !line.contains(&b'\r') && !line.contains(&0)));
    assert!(lines[0].ends_with(b" HTTP/1.1") || lines[0].ends_with(b" HTTP/1.0"));
    assert!(!lines[0].starts_with(b"CONNECT "));
    let value = |name: &str| {
        let field = move |line: &&[u8]| {
            let (found, value) = line.split_at_checked(name.len())?;
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| value.strip_prefix(b":").map(|value| value.trim_ascii().to_vec()))?
        };
        lines[1..].iter().filter_map(field).collect::<Vec<Vec<u8>>>()
    };
    let hosts = value("host");
    assert_eq!(hosts.len(), 1);
    let host = hosts[0].to_ascii_lowercase();
    let host = host.strip_suffix(b":80").unwrap_or(&host);
    assert_eq!(host.strip_suffix(b".").unwrap_or(host), HOST.as_bytes());
    assert!(value("content-length").len() + value("transfer-encoding").len() <= 1);
    assert!(value("upgrade").is_empty() && value("http2-settings").is_empty());
}
