//! What the packet filter is told, as plain values. Never touches the kernel.
//!
//! The words are those of nft(8), so that each value has one form in `nft list ruleset`.

use std::net::IpAddr;

/// The name of the one table, of family `inet`.
pub const TABLE: &str = "opaque";

/// One table: its sets, its base chains, its rules in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Sets that rules record in.
    pub sets: Vec<Set>,
    /// Base chains, policy `accept`.
    pub chains: Vec<Chain>,
    /// Rules, each appended to its chain.
    pub rules: Vec<Rule>,
}

/// A set of `address . protocol . destination port`, `flags dynamic`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// Of which family the addresses are.
    pub family: Family,
    /// Most elements that it holds.
    pub size: u32,
}

/// A base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Where it hooks in.
    pub hook: Hook,
    /// Its place among others at the same hook.
    pub priority: i32,
}

/// The kind of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `type nat`: sees the first packet of a flow.
    Nat,
    /// `type filter`: sees every packet.
    Filter,
}

/// Where a base chain hooks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// What arrives at this namespace's own sockets.
    Input,
    /// What its own sockets send.
    Output,
}

/// A rule: where every match holds, the statement is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The chain that it is appended to.
    pub chain: &'static str,
    /// What must hold, in order.
    pub matches: Vec<Match>,
    /// What is done.
    pub statement: Statement,
}

/// Something about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// `meta nfproto`.
    Family(Family),
    /// `ip daddr` or `ip6 daddr`, with the length of the prefix; implies the family.
    Destination(IpAddr, u8),
    /// `meta l4proto`.
    Protocol(Protocol),
    /// `tcp dport` or `udp dport`; implies the protocol.
    Port(Protocol, u16),
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    /// `return`.
    Return,
    /// `accept`.
    Accept,
    /// `redirect to :PORT`.
    Redirect(u16),
    /// `dnat ip to ADDRESS:PORT` or `dnat ip6 to [ADDRESS]:PORT`.
    Translate(IpAddr, u16),
    /// `add @SET { ip daddr . meta l4proto . th dport }`, or `ip6 daddr` for a set of that family.
    Record(&'static str, Family),
    /// `reject with tcp reset`.
    Reset,
    /// `reject with icmpx type port-unreachable`.
    Unreachable,
}

/// The network layer's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// The transport layer's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}
