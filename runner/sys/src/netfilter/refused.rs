//! Reads back what the packet filter refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::netfilter::encode::header;
use crate::netfilter::gateway::{REFUSED4, REFUSED6};
use crate::netfilter::ruleset::TABLE;
use crate::netlink::{self, Message, Messages};
use crate::network;

/// A destination that was refused, once or often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Where the packet wanted to go.
    pub address: IpAddr,
    /// The number of its transport protocol.
    pub protocol: u8,
    /// Its destination port.
    pub port: u16,
}

const SUBSYSTEM: u16 = (libc::NFNL_SUBSYS_NFTABLES as u16) << 8;
const NEW_ELEMENTS: u16 = SUBSYSTEM | 12;
const GET_ELEMENTS: u16 = SUBSYSTEM | 13;
const DONE: u16 = libc::NLMSG_DONE as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
/// More than the kernel sends at a time, which is a page or two.
const BUFFER: usize = 16 * 1024;
/// Most parts of one answer; a full set fits in a few.
const PARTS: usize = 64;

pub(super) fn read(filter: &OwnedFd) -> Result<Vec<Refused>, Errno> {
    let mut found = Vec::new();
    let mut buffer = vec![0; BUFFER];
    for set in [REFUSED4, REFUSED6] {
        match dump(filter, set, &mut buffer, &mut found) {
            // Without IPv6 there is no set for it.
            Err(Errno::NOENT) if set == REFUSED6 => {}
            other => other?,
        }
    }
    found.retain(|refused| refused.address != network::PROBED || refused.protocol != libc::IPPROTO_UDP as u8);
    found.sort_unstable();
    Ok(found)
}

fn dump(filter: &OwnedFd, set: &str, buffer: &mut [u8], found: &mut Vec<Refused>) -> Result<(), Errno> {
    let mut request = Messages::default();
    request.push(GET_ELEMENTS, libc::NLM_F_DUMP as u16, |body| {
        body.fixed(&header(1, 0));
        body.text(1, TABLE);
        body.text(2, set);
    });
    netlink::send(filter, &request.into_bytes())?;
    for _ in 0..PARTS {
        let receive = || rustix::net::recv(filter, &mut *buffer, RecvFlags::TRUNC | RecvFlags::DONTWAIT);
        let (_, length) = rustix::io::retry_on_intr(receive)?;
        let mut rest = buffer.get(..length).ok_or(Errno::MSGSIZE)?;
        while let Some((message, next)) = Message::first(rest) {
            match message.kind {
                DONE => return Ok(()),
                ERROR => return Err(Errno::from_raw_os_error(message.error()?)),
                NEW_ELEMENTS => found.extend(elements(message.body)),
                _ => return Err(Errno::BADMSG),
            }
            rest = next;
        }
    }
    Err(Errno::OVERFLOW)
}

fn elements(body: &[u8]) -> impl Iterator<Item = Refused> {
    let list = body.get(4..).and_then(|attributes| netlink::find(attributes, 3)).unwrap_or_default();
    netlink::attributes(list).filter_map(|(_, element)| {
        let key = netlink::find(element, 1)?;
        parse(netlink::find(key, 1)?)
    })
}

/// The key: an address, and in four bytes each the protocol and the port.
fn parse(key: &[u8]) -> Option<Refused> {
    let (address, rest) = match key.len() {
        12 => {
            let (address, rest) = key.split_first_chunk::<4>()?;
            (IpAddr::V4(Ipv4Addr::from(*address)), rest)
        }
        24 => {
            let (address, rest) = key.split_first_chunk::<16>()?;
            (IpAddr::V6(Ipv6Addr::from(*address)), rest)
        }
        _ => return None,
    };
    let [protocol, _, _, _, high, low, _, _] = rest else { return None };
    Some(Refused { address, protocol: *protocol, port: u16::from_be_bytes([*high, *low]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_address_a_protocol_and_a_port() {
        let key = [192, 0, 2, 7, 17, 0, 0, 0, 1, 187, 0, 0];
        let expected = Refused { address: "192.0.2.7".parse().unwrap(), protocol: 17, port: 443 };
        assert_eq!(parse(&key), Some(expected));
        assert_eq!(parse(key.get(..11).unwrap()), None);
    }
}
