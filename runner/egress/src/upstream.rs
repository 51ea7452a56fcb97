//! Asks the host's own resolver for the addresses of an allowed name, when a connection to it is about to be made.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::proto::rr::Name;
use opaque_policy::host_name::HostName;

use crate::refusal::Refusal;

/// For one question to one server.
const PATIENCE: Duration = Duration::from_secs(3);
/// For everything that one name takes.
const BOUND: Duration = Duration::from_secs(10);

/// A name without addresses of one family is not asked again sooner: not every server says how long that holds, and
/// each connection would ask anew (measured: 400 µs of 500).
const NONE_KEPT: Duration = Duration::from_secs(5);

/// The host's resolver, set up as the system is when it is first needed.
#[derive(Default)]
pub struct Upstream {
    resolver: OnceCell<TokioResolver>,
}

impl Upstream {
    /// The addresses of a name, of both families. Answers are kept as long as their owner allows.
    ///
    /// # Errors
    /// It has none, or nobody answers.
    pub async fn resolve(&self, name: &HostName) -> Result<Vec<IpAddr>, Refusal> {
        let resolver = match self.resolver.get() {
            Some(resolver) => resolver,
            None => {
                let made = set_up().map_err(Refusal::NotResolved)?;
                self.resolver.get_or_init(|| made)
            }
        };
        let mut question = Name::from_ascii(name.as_str()).map_err(|error| Refusal::NotResolved(error.to_string()))?;
        // A rooted name: search domains never come into it.
        question.set_fqdn(true);
        match tokio::time::timeout(BOUND, resolver.lookup_ip(question)).await {
            Ok(Ok(found)) => Ok(found.iter().collect()),
            Ok(Err(error)) if error.is_no_records_found() => Err(Refusal::NoAddress),
            Ok(Err(error)) => Err(Refusal::NotResolved(error.to_string())),
            Err(_) => Err(Refusal::NotResolved("no answer in time".to_owned())),
        }
    }
}

fn set_up() -> Result<TokioResolver, String> {
    let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 2;
    options.negative_min_ttl = Some(NONE_KEPT);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build().map_err(|error| error.to_string())
}

/// True when packets to the address would stay on this host: the kernel takes the address itself as their source, or lets
/// a socket stand there. A route may name another source, as that of 127.0.0.0/8 does.
#[must_use]
pub fn is_own(address: IpAddr) -> bool {
    let (any, nobodys) = match address {
        IpAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        IpAddr::V6(_) => {
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)))
        }
    };
    // Connecting a datagram socket sends nothing. Any port will do.
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    let holds = |address: IpAddr| UdpSocket::bind((address, 0)).is_ok();
    // Groups may be held by everybody, and where the host lets sockets stand anywhere it says nothing.
    let is_held = || !address.is_multicast() && !address.is_unspecified() && holds(address) && !holds(nobodys);
    source.is_ok_and(|source| source.ip() == address) || is_held()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_addresses_are_known_without_a_packet() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(is_own("127.9.9.9".parse().unwrap()));
        for other in ["192.0.2.1", "0.0.0.0", "224.0.0.1", "2001:db8::1", "ff02::1"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
    }
}
