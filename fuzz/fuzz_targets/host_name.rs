//! A name that is read is read again as the same, and patterns over it hold what they say.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use opaque_policy::host_name::{HostName, HostPattern};

fuzz_target!(|data: &[u8]| {
    if let Ok(name) = HostName::new(data) {
        is_plain(&name);
        assert!(data.strip_suffix(b".").unwrap_or(data).eq_ignore_ascii_case(name.as_str().as_bytes()));
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(name) = HostName::of_person(text) {
        is_plain(&name);
    }
    if let Ok(pattern) = HostPattern::of_person(text) {
        assert_eq!(HostPattern::of_person(&pattern.to_string()), Ok(pattern.clone()));
        assert!(pattern.covers(&pattern));
        match &pattern {
            HostPattern::Exactly(name) => assert!(pattern.matches(name)),
            HostPattern::Below(name) => {
                assert!(!pattern.matches(name));
                let below = HostName::new(format!("x.{name}").as_bytes());
                assert!(below.is_err() || below.is_ok_and(|below| pattern.matches(&below)));
                let beside = HostName::new(format!("x{name}").as_bytes());
                assert!(beside.is_err() || beside.is_ok_and(|beside| !pattern.matches(&beside)));
            }
        }
    }
});

fn is_plain(name: &HostName) {
    let text = name.as_str();
    assert_eq!(HostName::new(text.as_bytes()).as_ref(), Ok(name));
    assert_eq!(HostName::of_person(text).as_ref(), Ok(name));
    assert!(!text.is_empty() && text.len() <= 253 && !text.ends_with('.') && !text.starts_with('.'));
    assert!(text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')));
    assert!(text.split('.').all(|label| (1..=63).contains(&label.len())));
    assert!(text.parse::<IpAddr>().is_err());
}
