//! The rules of the sandbox's packet filter in the format of `nft -j list ruleset`, for `--plan --json`.
//!
//! What is shown is made from the very values that become the kernel's messages; a test reads the kernel's own listing back.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use nftables::expr::{Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField, Prefix};
use nftables::schema::{Chain, NfListObject, NfObject, Nftables, Rule, Set, SetFlag, SetType, SetTypeValue, Table};
use nftables::stmt::{self, NAT, NATFamily, Operator, Reject, RejectType, SetOp};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook, RejectCode};
use opaque_sys::netfilter::{self, Family, Hook, Kind, Match, Protocol, Ruleset, Statement, TABLE};

/// The rules as nft would list them.
#[must_use]
pub fn describe(ruleset: &Ruleset) -> Nftables<'static> {
    let table = NfListObject::Table(Table { family: NfFamily::INet, name: TABLE.into(), handle: None });
    let sets = ruleset.sets.iter().map(|set| NfListObject::Set(Box::new(describe_set(set))));
    let chains = ruleset.chains.iter().map(|chain| NfListObject::Chain(describe_chain(chain)));
    let rules = ruleset.rules.iter().map(|rule| NfListObject::Rule(describe_rule(rule)));
    let objects = std::iter::once(table).chain(sets).chain(chains).chain(rules);
    Nftables { objects: Cow::Owned(objects.map(NfObject::ListObject).collect()) }
}

fn describe_set(set: &netfilter::Set) -> Set<'static> {
    let address = match set.family {
        Family::V4 => SetType::Ipv4Addr,
        Family::V6 => SetType::Ipv6Addr,
    };
    Set {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: set.name.into(),
        set_type: SetTypeValue::Concatenated(vec![address, SetType::InetProto, SetType::InetService].into()),
        flags: Some(HashSet::from([SetFlag::Dynamic])),
        size: Some(set.size),
        ..Set::default()
    }
}

fn describe_chain(chain: &netfilter::Chain) -> Chain<'static> {
    Chain {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: chain.name.into(),
        _type: Some(match chain.kind {
            Kind::Nat => NfChainType::NAT,
            Kind::Filter => NfChainType::Filter,
        }),
        hook: Some(match chain.hook {
            Hook::Input => NfHook::Input,
            Hook::Output => NfHook::Output,
        }),
        prio: Some(chain.priority),
        policy: Some(NfChainPolicy::Accept),
        ..Chain::default()
    }
}

fn describe_rule(rule: &netfilter::Rule) -> Rule<'static> {
    // nft leaves a family out that the statement implies.
    let is_implied =
        |found: &&Match| matches!(rule.statement, Statement::Record(..)) && matches!(found, Match::Family(_));
    let matches = rule.matches.iter().filter(|found| !is_implied(found)).map(describe_match);
    let expr = matches.chain([describe_statement(rule.statement)]).collect::<Vec<_>>();
    Rule { family: NfFamily::INet, table: TABLE.into(), chain: rule.chain.into(), expr: expr.into(), ..Rule::default() }
}

fn describe_match(found: &Match) -> stmt::Statement<'static> {
    let (left, right) = match found {
        Match::Family(family) => (meta(MetaKey::Nfproto), text(family_name(*family))),
        Match::Destination(address, prefix) => (destination(Family::of(address)), block(*address, *prefix)),
        Match::Protocol(protocol) => (meta(MetaKey::L4proto), text(protocol_name(*protocol))),
        Match::Port(protocol, port) => (field(protocol_name(*protocol), "dport"), Expression::Number((*port).into())),
    };
    stmt::Statement::Match(stmt::Match { left, right, op: Operator::EQ })
}

fn describe_statement(statement: Statement) -> stmt::Statement<'static> {
    match statement {
        Statement::Return => stmt::Statement::Return(None),
        Statement::Accept => stmt::Statement::Accept(None),
        Statement::Redirect(port) => stmt::Statement::Redirect(Some(nat(None, port))),
        Statement::Translate(address, port) => stmt::Statement::DNAT(Some(nat(Some(address), port))),
        Statement::Record(set, family) => {
            let parts = vec![destination(family), meta(MetaKey::L4proto), field("th", "dport")];
            let elem = Expression::Named(NamedExpression::Concat(parts));
            stmt::Statement::Set(stmt::Set { op: SetOp::Add, elem, set: format!("@{set}").into() })
        }
        Statement::Reset => stmt::Statement::Reject(Some(Reject::new(Some(RejectType::TCPReset), None))),
        Statement::Unreachable => {
            let reject = Reject::new(Some(RejectType::ICMPX), Some(RejectCode::PortUnreach));
            stmt::Statement::Reject(Some(reject))
        }
    }
}

fn nat(address: Option<IpAddr>, port: u16) -> NAT<'static> {
    NAT {
        addr: address.map(|address| text(address.to_string())),
        family: address.map(|address| if address.is_ipv4() { NATFamily::IP } else { NATFamily::IP6 }),
        port: Some(Expression::Number(port.into())),
        flags: None,
    }
}

fn destination(family: Family) -> Expression<'static> {
    match family {
        Family::V4 => field("ip", "daddr"),
        Family::V6 => field("ip6", "daddr"),
    }
}

fn block(address: IpAddr, prefix: u8) -> Expression<'static> {
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let address = text(address.to_string());
    if prefix == whole {
        return address;
    }
    Expression::Named(NamedExpression::Prefix(Prefix { addr: Box::new(address), len: prefix.into() }))
}

fn field(protocol: &'static str, field: &'static str) -> Expression<'static> {
    let field = PayloadField { protocol: protocol.into(), field: field.into() };
    Expression::Named(NamedExpression::Payload(Payload::PayloadField(field)))
}

fn meta(key: MetaKey) -> Expression<'static> {
    Expression::Named(NamedExpression::Meta(Meta { key }))
}

fn text(text: impl Into<Cow<'static, str>>) -> Expression<'static> {
    Expression::String(text.into())
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}
