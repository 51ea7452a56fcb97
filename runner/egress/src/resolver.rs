//! The sandbox's own resolver: answers allowed names with synthetic addresses and all others with nothing, and asks nobody.

use std::net::IpAddr;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::dns::{self, Answer, Kind, Question};
use crate::log::Log;
use crate::names::{Names, Stands};
use crate::refusal::Refusal;
use crate::rules::{Rules, Target};

/// Longest question that is looked at; what is longer is no question.
const LONGEST: usize = 1232;
/// Questions that are answered in a row before others get their turn.
const TURN: usize = 64;

/// The resolver of one run.
#[derive(Debug, Default)]
pub struct Resolver {
    rules: Rules,
    names: Names,
    log: Log,
}

impl Resolver {
    /// A resolver that answers what the rules open.
    #[must_use]
    pub fn new(rules: Rules, names: Names, log: Log) -> Self {
        Self { rules, names, log }
    }

    /// The names that were looked up.
    #[must_use]
    pub fn into_names(self) -> Names {
        self.names
    }

    /// Answers one message; what cannot be understood at all gets no answer.
    pub fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let question = match dns::read(message) {
            Ok(question) => question,
            Err(malformed) => return malformed.reply(),
        };
        let answer = self.judge(&question);
        Some(dns::answer(&question, &answer, dns::LONGEST_REPLY))
    }

    /// Answers what waits on a socket of datagrams; false when more may wait there.
    pub fn serve(&mut self, socket: impl AsFd) -> bool {
        let mut message = [0_u8; LONGEST];
        for _ in 0..TURN {
            match rustix::net::recvfrom(&socket, &mut message[..], RecvFlags::DONTWAIT) {
                Ok((length, _, Some(client))) => {
                    let Some(reply) = message.get(..length).and_then(|message| self.answer(message)) else { continue };
                    // A client that does not listen any more needs no answer.
                    let _ = rustix::net::sendto(&socket, &reply, SendFlags::DONTWAIT, &client);
                }
                Ok((_, _, None)) | Err(Errno::INTR) => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// The target of a connection or datagram to this address.
    ///
    /// # Errors
    /// The address stands for no name that was looked up.
    pub fn target(&self, address: IpAddr) -> Result<Target, Refusal> {
        match self.names.at(address) {
            Stands::For(name) => Ok(Target::Name(name)),
            Stands::ForItself => Ok(Target::Address(address)),
            Stands::Unassigned => Err(Refusal::NotLookedUp),
        }
    }

    fn judge(&mut self, question: &Question) -> Answer {
        let name = match &question.name {
            Ok(name) => name,
            Err(text) => {
                self.log.lookup(text.clone(), &Refusal::NotAName);
                return Answer::NameError;
            }
        };
        if let Err(refusal) = self.rules.lookup(name) {
            self.log.lookup(name.to_string(), &refusal);
            return Answer::NameError;
        }
        let Some(addresses) = self.names.addresses(name) else {
            self.log.lookup(name.to_string(), &Refusal::TooMany);
            return Answer::Refused;
        };
        match question.kind {
            Kind::A | Kind::Aaaa => Answer::Addresses(vec![addresses.v4.into(), addresses.v6.into()]),
            // There is nothing else about a name: no other route to it, and no key for an encrypted hello.
            Kind::Other(_) => Answer::NoData,
        }
    }
}
