//! Why something did not get out, and what would let it. Told to the person, never to the program inside.

use std::fmt;
use std::net::IpAddr;

use opaque_policy::host_name::HostName;

use crate::address::Class;
use crate::client_hello::WhyNotTls;
use crate::http::WhyNotHttp;

/// Why something did not get out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No grant names the host.
    NameNotAllowed,
    /// An exception names the host.
    NameExcepted,
    /// The text that was looked up is not a host name.
    NotAName,
    /// The host or address is open at other ports only.
    PortNotAllowed,
    /// No grant names the address.
    AddressNotAllowed,
    /// The address stands for no name that was looked up.
    NotLookedUp,
    /// The connection was made to the gate itself.
    OwnPort,
    /// The TLS hello names no server.
    NoServerName,
    /// The TLS hello names another server.
    ServerNameDiffers(HostName),
    /// The first bytes are no TLS hello that can be understood.
    NotTls(WhyNotTls),
    /// The bytes are no HTTP/1 request for the host that can be understood.
    NotHttp(WhyNotHttp),
    /// A metadata service.
    Metadata(IpAddr),
    /// An address of the host itself.
    OwnAddress(IpAddr),
    /// An address that is not on the internet.
    NotGlobal(IpAddr, Class),
    /// The name has no address.
    NoAddress,
    /// The name could not be resolved.
    NotResolved(String),
    /// The host could not be reached.
    NotReached(String),
    /// Nothing came in time.
    TimedOut,
    /// Too many at once.
    TooMany,
}

impl Refusal {
    /// True when a grant of that very host, address or port would let it out.
    #[must_use]
    pub fn is_by_grant(&self) -> bool {
        match self {
            Self::NameNotAllowed | Self::PortNotAllowed | Self::AddressNotAllowed => true,
            Self::NameExcepted
            | Self::NotAName
            | Self::NotLookedUp
            | Self::OwnPort
            | Self::NoServerName
            | Self::ServerNameDiffers(_)
            | Self::NotTls(_)
            | Self::NotHttp(_)
            | Self::Metadata(_)
            | Self::OwnAddress(_)
            | Self::NotGlobal(..)
            | Self::NoAddress
            | Self::NotResolved(_)
            | Self::NotReached(_)
            | Self::TimedOut
            | Self::TooMany => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNotAllowed => f.write_str("name not allowed"),
            Self::NameExcepted => f.write_str("name excepted"),
            Self::NotAName => f.write_str("not a host name"),
            Self::PortNotAllowed => f.write_str("port not allowed"),
            Self::AddressNotAllowed => f.write_str("address not allowed"),
            Self::NotLookedUp => f.write_str("address stands for no name"),
            Self::OwnPort => f.write_str("connected to the gate itself"),
            Self::NoServerName => f.write_str("TLS without a server name"),
            Self::ServerNameDiffers(name) => write!(f, "TLS for another server, {name}"),
            Self::NotTls(why) => write!(f, "not TLS as expected: {why}"),
            Self::NotHttp(why) => write!(f, "not HTTP as expected: {why}"),
            Self::Metadata(address) => write!(f, "{address} is a metadata service"),
            Self::OwnAddress(address) => write!(f, "{address} is the host's own"),
            Self::NotGlobal(address, class) => write!(f, "{address} is {}", kind(*class)),
            Self::NoAddress => f.write_str("the name has no address"),
            Self::NotResolved(why) => write!(f, "cannot be resolved: {why}"),
            Self::NotReached(why) => write!(f, "cannot be reached: {why}"),
            Self::TimedOut => f.write_str("nothing was sent in time"),
            Self::TooMany => f.write_str("too many connections at once"),
        }
    }
}

/// What kind of address it is, for a person.
fn kind(class: Class) -> &'static str {
    match class {
        Class::Global => "on the internet",
        Class::Unspecified => "no address of a host",
        Class::Loopback => "a loopback address",
        Class::Private | Class::UniqueLocal | Class::SiteLocal => "a private address",
        Class::LinkLocal => "a link-local address",
        Class::SharedNat => "an address of a provider's own network",
        Class::Multicast | Class::Broadcast => "an address of many hosts",
        Class::Documentation => "an address for examples",
        Class::Benchmarking => "an address for benchmarks",
        Class::Discard => "an address where packets are dropped",
        Class::Mapped | Class::Compatible | Class::Translated => "an IPv4 address written as IPv6",
        Class::Nat64 => "an IPv4 address behind a translator",
        Class::SixToFour | Class::Teredo => "an address of a tunnel",
        Class::Reserved => "a reserved address",
    }
}
