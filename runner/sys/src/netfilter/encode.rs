//! Writes a ruleset as one transaction of nfnetlink messages.
//!
//! Runs in the supervisor before the clone. Numbers are those of `linux/netfilter/nf_tables.h` and
//! `linux/netfilter/nfnetlink.h`; the expressions of a rule are those that nft(8) itself would write, so that
//! `nft list ruleset` gives every rule back in its own words.

use std::net::IpAddr;

use crate::netfilter::ruleset::{Chain, Family, Hook, Kind, Match, Protocol, Rule, Ruleset, Set, Statement, TABLE};
use crate::netlink::{Body, Messages};

/// A transaction, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// The number of the one message that is acknowledged when all are in force.
    pub(crate) last: u32,
}

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
const INET: u8 = 1;
const ACKNOWLEDGE: u16 = libc::NLM_F_ACK as u16;
const CREATE: u16 = libc::NLM_F_CREATE as u16;
const APPEND: u16 = libc::NLM_F_APPEND as u16;

const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const NEW_SET: u16 = 9;

/// Encodes a ruleset. The last rule alone asks to be acknowledged: what fails answers in any case, before it.
pub(crate) fn encode(ruleset: &Ruleset) -> Batch {
    let mut messages = Messages::default();
    messages.push(libc::NFNL_MSG_BATCH_BEGIN as u16, 0, |body| body.fixed(&header(0, SUBSYSTEM)));
    push(&mut messages, NEW_TABLE, CREATE, |body| body.text(1, TABLE));
    for (set, id) in ruleset.sets.iter().zip(1..) {
        push(&mut messages, NEW_SET, CREATE, |body| write_set(body, set, id));
    }
    for chain in &ruleset.chains {
        push(&mut messages, NEW_CHAIN, CREATE, |body| write_chain(body, chain));
    }
    for (index, rule) in ruleset.rules.iter().enumerate() {
        let acknowledge = if index + 1 == ruleset.rules.len() { ACKNOWLEDGE } else { 0 };
        push(&mut messages, NEW_RULE, CREATE | APPEND | acknowledge, |body| write_rule(body, rule));
    }
    let last = messages.count();
    messages.push(libc::NFNL_MSG_BATCH_END as u16, 0, |body| body.fixed(&header(0, SUBSYSTEM)));
    Batch { bytes: messages.into_bytes(), last }
}

fn push(messages: &mut Messages, kind: u16, flags: u16, body: impl FnOnce(&mut Body<'_>)) {
    messages.push(SUBSYSTEM << 8 | kind, flags, |inside| {
        inside.fixed(&header(INET, 0));
        body(inside);
    });
}

/// `struct nfgenmsg`: family, version 0, resource.
pub(crate) fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

fn write_set(body: &mut Body<'_>, set: &Set, id: u32) {
    // Types as nft numbers them, six bits each: ipv4_addr 7, ipv6_addr 8, inet_proto 12, inet_service 13.
    let (address, length) = match set.family {
        Family::V4 => (7, 4 + 4 + 4),
        Family::V6 => (8, 16 + 4 + 4),
    };
    body.text(1, TABLE);
    body.text(2, set.name);
    body.number(3, 0x20); // NFT_SET_EVAL: rules add to it
    body.number(4, address << 12 | 12 << 6 | 13);
    body.number(5, length);
    body.number(10, id);
    body.nested(9, |description| description.number(1, set.size));
}

fn write_chain(body: &mut Body<'_>, chain: &Chain) {
    body.text(1, TABLE);
    body.text(3, chain.name);
    body.nested(4, |hook| {
        hook.number(
            1,
            match chain.hook {
                Hook::Input => 1,
                Hook::Output => 3,
            },
        );
        hook.number(2, chain.priority.cast_unsigned());
    });
    body.number(5, ACCEPT);
    body.text(
        7,
        match chain.kind {
            Kind::Nat => "nat",
            Kind::Filter => "filter",
        },
    );
}

fn write_rule(body: &mut Body<'_>, rule: &Rule) {
    body.text(1, TABLE);
    body.text(2, rule.chain);
    body.nested(4, |expressions| {
        for found in &rule.matches {
            write_match(expressions, found);
        }
        write_statement(expressions, rule.statement);
    });
}

/// The first register of four bytes (`NFT_REG32_00`), and the one that shares its place but holds sixteen.
const R32: u32 = 8;
const R1: u32 = 1;
const ACCEPT: u32 = 1;
/// `NFT_RETURN`, -5.
const RETURN: u32 = (-5_i32).cast_unsigned();
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const META_FAMILY: u32 = 15;
const META_PROTOCOL: u32 = 16;

fn write_match(body: &mut Body<'_>, found: &Match) {
    match found {
        Match::Family(family) => compare_meta(body, META_FAMILY, family_number(*family) as u8),
        Match::Protocol(protocol) => compare_meta(body, META_PROTOCOL, protocol_number(*protocol)),
        Match::Port(protocol, port) => {
            compare_meta(body, META_PROTOCOL, protocol_number(*protocol));
            load(body, TRANSPORT_HEADER, 2, 2, R1);
            compare(body, &port.to_be_bytes());
        }
        Match::Destination(address, prefix) => {
            let family = Family::of(address);
            compare_meta(body, META_FAMILY, family_number(family) as u8);
            match address {
                IpAddr::V4(address) => compare_prefix(body, family, &address.octets(), *prefix),
                IpAddr::V6(address) => compare_prefix(body, family, &address.octets(), *prefix),
            }
        }
    }
}

/// A prefix of whole bytes is compared as such; any other is masked first.
fn compare_prefix(body: &mut Body<'_>, family: Family, address: &[u8], prefix: u8) {
    let bits = usize::from(prefix).min(address.len() * 8);
    let whole = address.get(..bits / 8).unwrap_or_default();
    if bits % 8 == 0 {
        load_destination(body, family, whole.len() as u32, R1);
        return compare(body, whole);
    }
    let mask: Vec<u8> = (0..address.len()).map(|index| mask_of(bits, index)).collect();
    let masked: Vec<u8> = address.iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
    load_destination(body, family, address.len() as u32, R1);
    expression(body, "bitwise", |data| {
        data.number(1, R1);
        data.number(2, R1);
        data.number(3, address.len() as u32);
        data.nested(4, |value| value.attribute(1, &mask));
        data.nested(5, |value| value.attribute(1, &vec![0; mask.len()]));
    });
    compare(body, &masked);
}

/// The byte at this index of a mask with so many leading ones.
fn mask_of(bits: usize, index: usize) -> u8 {
    let left = bits.saturating_sub(index * 8).min(8);
    0xff_u8.checked_shl(8 - left as u32).unwrap_or(0)
}

fn write_statement(body: &mut Body<'_>, statement: Statement) {
    match statement {
        Statement::Return => verdict(body, RETURN),
        Statement::Accept => verdict(body, ACCEPT),
        Statement::Redirect(port) => {
            immediate(body, R1, &port.to_be_bytes());
            expression(body, "redir", |data| {
                data.number(1, R1);
                data.number(3, PORT_GIVEN);
            });
        }
        Statement::Translate(address, port) => {
            match address {
                IpAddr::V4(address) => immediate(body, R1, &address.octets()),
                IpAddr::V6(address) => immediate(body, R1, &address.octets()),
            }
            immediate(body, 2, &port.to_be_bytes());
            expression(body, "nat", |data| {
                data.number(1, 1); // NFT_NAT_DNAT
                data.number(2, family_number(Family::of(&address)));
                data.number(3, R1);
                data.number(5, 2);
                data.number(7, PORT_GIVEN);
            });
        }
        Statement::Record(set, family) => {
            let next = match family {
                Family::V4 => R32 + 1,
                Family::V6 => R32 + 4,
            };
            load_destination(body, family, if family == Family::V4 { 4 } else { 16 }, R1);
            meta(body, META_PROTOCOL, next);
            load(body, TRANSPORT_HEADER, 2, 2, next + 1);
            expression(body, "dynset", |data| {
                data.text(1, set);
                data.number(3, 0); // NFT_DYNSET_OP_ADD
                data.number(4, R1);
            });
        }
        Statement::Reset => expression(body, "reject", |data| {
            data.number(1, 1); // NFT_REJECT_TCP_RST
            data.attribute(2, &[0]);
        }),
        Statement::Unreachable => expression(body, "reject", |data| {
            data.number(1, 2); // NFT_REJECT_ICMPX_UNREACH
            data.attribute(2, &[1]); // NFT_REJECT_ICMPX_PORT_UNREACH
        }),
    }
}

/// `NF_NAT_RANGE_PROTO_SPECIFIED`.
const PORT_GIVEN: u32 = 2;

fn family_number(family: Family) -> u32 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    }
}

fn load_destination(body: &mut Body<'_>, family: Family, length: u32, register: u32) {
    // Offset of the destination in an IPv4 and in an IPv6 header (RFC 791, RFC 8200).
    let offset = match family {
        Family::V4 => 16,
        Family::V6 => 24,
    };
    load(body, NETWORK_HEADER, offset, length, register);
}

fn load(body: &mut Body<'_>, base: u32, offset: u32, length: u32, register: u32) {
    expression(body, "payload", |data| {
        data.number(1, register);
        data.number(2, base);
        data.number(3, offset);
        data.number(4, length);
    });
}

fn compare_meta(body: &mut Body<'_>, key: u32, value: u8) {
    meta(body, key, R1);
    compare(body, &[value]);
}

fn meta(body: &mut Body<'_>, key: u32, register: u32) {
    expression(body, "meta", |data| {
        data.number(2, key);
        data.number(1, register);
    });
}

fn compare(body: &mut Body<'_>, value: &[u8]) {
    expression(body, "cmp", |data| {
        data.number(1, R1);
        data.number(2, 0); // NFT_CMP_EQ
        data.nested(3, |inside| inside.attribute(1, value));
    });
}

fn immediate(body: &mut Body<'_>, register: u32, value: &[u8]) {
    expression(body, "immediate", |data| {
        data.number(1, register);
        data.nested(2, |inside| inside.attribute(1, value));
    });
}

fn verdict(body: &mut Body<'_>, code: u32) {
    expression(body, "immediate", |data| {
        data.number(1, 0); // NFT_REG_VERDICT
        data.nested(2, |inside| inside.nested(2, |verdict| verdict.number(1, code)));
    });
}

fn expression(body: &mut Body<'_>, name: &str, data: impl FnOnce(&mut Body<'_>)) {
    body.nested(1, |element| {
        element.text(1, name);
        element.nested(2, data);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_its_ones_in_front() {
        let mask = |bits| (0..4).map(|index| mask_of(bits, index)).collect::<Vec<_>>();
        assert_eq!(mask(15), [0xff, 0xfe, 0, 0]);
        assert_eq!(mask(1), [0x80, 0, 0, 0]);
        assert_eq!(mask(31), [0xff, 0xff, 0xff, 0xfe]);
    }

    #[test]
    fn the_last_rule_is_the_one_that_is_acknowledged() {
        let rule = Rule { chain: "in", matches: Vec::new(), statement: Statement::Unreachable };
        let batch = encode(&Ruleset { sets: Vec::new(), chains: Vec::new(), rules: vec![rule.clone(), rule] });
        let mut rest = &*batch.bytes;
        let mut kinds = Vec::new();
        while let Some((message, next)) = crate::netlink::Message::first(rest) {
            kinds.push((message.kind, message.sequence));
            rest = next;
        }
        assert_eq!(kinds, [(16, 1), (0xa00, 2), (0xa06, 3), (0xa06, 4), (17, 5)]);
        assert_eq!(batch.last, 4);
    }
}
