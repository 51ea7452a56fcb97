//! Reads what a program inside asks of its resolver, and writes the answers. Never asks anybody itself.
//!
//! Wire format: RFC 1035, section 4; EDNS: RFC 6891. Only what a stub resolver sends is understood: one question of class
//! IN, and at most one OPT record. Everything else is malformed.

mod frame;
mod read;
mod write;

use opaque_policy::host_name::HostName;

pub use frame::{BadLength, Framed, LONGEST_MESSAGE, frame};
pub use read::read;
pub use write::{LONGEST_REPLY, TTL, answer};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The asker's number for it.
    pub id: u16,
    /// Whether the resolver shall go and find out.
    pub recursion_desired: bool,
    /// Whether the asker checks signatures itself; an answer repeats it (RFC 4035, 3.1.6).
    pub checking_disabled: bool,
    /// Which records are wanted.
    pub kind: Kind,
    /// The name, or the text of one that no host has. Dots and odd bytes within a label are escaped in that text.
    pub name: Result<HostName, String>,
    /// Whether the asker speaks EDNS; an answer says so as well then.
    pub has_edns: bool,
    /// The question as it was sent, for the answer to repeat: 259 bytes at most.
    raw: Vec<u8>,
}

/// Which records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Anything else, by its number.
    Other(u16),
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These addresses, as far as they are of the kind that was asked for.
    Addresses(Vec<std::net::IpAddr>),
    /// The name exists, without records of this kind.
    NoData,
    /// There is no such name.
    NameError,
    /// The answer is withheld.
    Refused,
    /// The message was wrong.
    FormatError,
    /// The resolver does not do this.
    NotImplemented,
}

/// Why a message is no question that gets an answer of substance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not even a header.
    #[error("it is shorter than a header")]
    Short,
    /// Longer than any question.
    #[error("it is longer than any question")]
    Long,
    /// An answer where a question belongs. Answering it could begin a loop.
    #[error("it is an answer")]
    Response,
    /// Something else than a query.
    #[error("it is not a query")]
    Opcode,
    /// Marked as cut off.
    #[error("it is marked as cut off")]
    Truncated,
    /// Not exactly one question, or records that no question has.
    #[error("it has other records than one question")]
    Counts,
    /// The name is cut off, points elsewhere, or is too long.
    #[error("the name in it is malformed")]
    Name,
    /// Not of the internet.
    #[error("its class is not IN")]
    Class,
    /// An additional record that is no OPT, or is malformed, or of an unknown version.
    #[error("its additional record is not one that is understood")]
    Additional,
    /// Bytes after the end.
    #[error("there are bytes after its end")]
    Trailing,
}

/// A message that is no question, and what may be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed question: {why}")]
pub struct Malformed {
    /// Why.
    pub why: Wrong,
    /// The asker's number and flags; absent where silence is the answer.
    header: Option<(u16, u16)>,
}

impl Malformed {
    /// Writes the answer, if one is due: a header alone.
    #[must_use]
    pub fn reply(&self) -> Option<Vec<u8>> {
        let (id, flags) = self.header?;
        let rcode = match self.why {
            Wrong::Short | Wrong::Response => return None,
            Wrong::Opcode => write::NOT_IMPLEMENTED,
            Wrong::Class => write::REFUSED,
            Wrong::Long | Wrong::Truncated | Wrong::Counts | Wrong::Name | Wrong::Additional | Wrong::Trailing => {
                write::FORMAT_ERROR
            }
        };
        Some(write::header(id, flags, rcode, [0; 4]))
    }
}

#[cfg(test)]
mod tests;
