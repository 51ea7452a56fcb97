//! A hello gives the same verdict however it is cut, keeps its bytes, and says no name that its bytes do not hold. The
//! first byte of the input is the size of the pieces; the second says whether the rest is a message that still needs records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opaque_egress::client_hello::{LONGEST_HELLO, Progress, Reader};
use opaque_policy::host_name::HostName;

fuzz_target!(|data: &[u8]| {
    let [piece, form, rest @ ..] = data else { return };
    let stream = if *form & 1 == 0 { rest.to_vec() } else { records(rest, usize::from(*form)) };
    let mut whole = Reader::default();
    let verdict = whole.read(&stream);
    let mut pieces = Reader::default();
    let mut last = pieces.read(&[]);
    for piece in stream.chunks(usize::from(*piece) + 1) {
        let decided = last != Progress::NeedMore;
        let before = last.clone();
        last = pieces.read(piece);
        assert!(!decided || last == before);
    }
    assert_eq!(last, verdict);
    match verdict {
        Progress::NeedMore => assert!(stream.len() < LONGEST_HELLO),
        Progress::Refused(_) => {}
        Progress::Hello(hello) => {
            assert_eq!(stream[..2], [22, 3]);
            if let Some(name) = hello.server_name {
                assert_eq!(HostName::new(name.as_str().as_bytes()).as_ref(), Ok(&name));
                // Records may cut through the name; in one record it stands as a whole.
                let held = stream
                    .windows(name.as_str().len())
                    .any(|window| window.eq_ignore_ascii_case(name.as_str().as_bytes()));
                assert!(held || stream.len() > 5 + usize::from(u16::from_be_bytes([stream[3], stream[4]])));
            }
            assert!(hello.alpn.iter().all(|protocol| !protocol.is_empty()));
        }
    }
    assert_eq!(whole.into_bytes(), stream);
    assert_eq!(pieces.into_bytes(), stream);
});

/// Handshake records around a message, so that the fuzzer need not find their lengths.
fn records(message: &[u8], fragment: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for piece in message.chunks(fragment * 16) {
        stream.extend([22, 3, 1]);
        stream.extend(u16::try_from(piece.len()).expect("pieces are short").to_be_bytes());
        stream.extend(piece);
    }
    stream
}
