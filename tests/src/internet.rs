//! The lab's internet: its addresses, ports and names. Shared by the process that makes it and the tests that use it;
//! never does anything. Nothing of it is reachable from the machine: it exists in network namespaces of the lab's own.

/// The main servers.
pub const WEB: &str = "25.1.0.10";
/// The main servers, over IPv6.
pub const WEB6: &str = "2d00:1::10";
/// The servers of names that no test grants.
pub const EVIL: &str = "25.1.0.11";
/// The servers of names that no test grants, over IPv6.
pub const EVIL6: &str = "2d00:1::11";
/// The resolver that `/etc/resolv.conf` names; [`WEB`] and [`EVIL`] answer queries as well.
pub const DNS: &str = "25.1.0.53";
/// The resolver, over IPv6.
pub const DNS6: &str = "2d00:1::53";
/// The host's own address, where `opaque-run` stands.
pub const HOST: &str = "25.1.0.2";
/// The host's own address, over IPv6.
pub const HOST6: &str = "2d00:1::2";
/// Each address of it is the host's own as well, by a route; none of them stands at an interface.
pub const HOST_BLOCK: &str = "25.1.7.0/24";
/// Packets to it vanish: no answer, no error.
pub const DEAD: &str = "25.9.9.9";
/// Packets to it vanish.
pub const DEAD6: &str = "2d00:9::9";
/// Each host of it answers like [`WEB`].
pub const CROWD: &str = "25.1.3.0/24";

/// Addresses that no name may lead to, each with the same servers behind it as [`WEB`]: private, private, shared
/// (CGNAT), link-local (the metadata service of clouds), benchmarking, unique local, and NAT64 for [`WEB`].
pub const SPECIAL: &[&str] = &[
    "10.1.2.3",
    "192.168.77.5",
    "172.16.5.5",
    "100.64.0.9",
    "169.254.169.254",
    "198.18.5.5",
    "fd00:77::5",
    "64:ff9b::1901:a",
];

/// Ports, the same at every address of the internet.
pub mod port {
    /// Gives back what it gets, until the end of input. On the host as well.
    pub const ECHO: u16 = 7;
    /// The same, where a database would be. On the host as well.
    pub const DATABASE: u16 = 5432;
    /// HTTP. On the host as well.
    pub const HTTP: u16 = 80;
    /// The same on another port.
    pub const HTTP_OTHER: u16 = 8080;
    /// HTTPS. On the host as well.
    pub const HTTPS: u16 = 443;
    /// The same on another port.
    pub const HTTPS_OTHER: u16 = 4443;
    /// HTTP/2 over TLS, where nginx is installed. It takes no part in the logs but that of packets.
    pub const HTTP2: u16 = 8443;
    /// Says `hello` first, then echoes.
    pub const BANNER: u16 = 2222;
    /// Reads a line with a number and sends as many bytes.
    pub const SOURCE: u16 = 9000;
    /// Reads until the end of input and answers with the number of bytes.
    pub const SINK: u16 = 9001;
    /// Reads until the end of input and only then gives everything back.
    pub const HALF_CLOSE: u16 = 9002;
    /// Reads one byte and resets the connection.
    pub const RESET: u16 = 9003;
    /// Accepts and says nothing, until the other side closes.
    pub const SILENT: u16 = 9004;
    /// Says `bye`, closes its own direction, and goes on reading.
    pub const FAREWELL: u16 = 9005;
    /// Nothing listens: the internet resets.
    pub const CLOSED: u16 = 4;
    /// UDP: gives back each datagram. On the host as well.
    pub const UDP_ECHO: u16 = 7000;
    /// UDP: the same, where time is served.
    pub const UDP_TIME: u16 = 123;
}

/// Names of [`WEB`] and [`WEB6`].
pub const PUBLIC_NAMES: &[&str] = &[
    "example.test",
    "api.example.test",
    "www.example.test",
    "git.example.test",
    "npm.example.test",
    "pip.example.test",
    "cargo.example.test",
    "go.example.test",
    "dual.test",
    "slow.test",
];

/// Names of [`EVIL`] and [`EVIL6`].
pub const EVIL_NAMES: &[&str] =
    &["other.test", "evil.test", "evil-example.test", "example.test.evil.test", "api.example.test.evil.test"];

/// Names with addresses of their own.
pub const SPECIAL_NAMES: &[(&str, &[&str])] = &[
    ("db.example.test", &[WEB]),
    ("v6only.test", &[WEB6]),
    ("dead.test", &[DEAD]),
    ("deadv6.test", &[DEAD6, WEB]),
    ("onedead.test", &[DEAD, WEB]),
    ("loopback.test", &["127.0.0.1"]),
    ("loopback6.test", &["::1"]),
    ("unspecified.test", &["0.0.0.0"]),
    ("private.test", &["10.1.2.3"]),
    ("private2.test", &["192.168.77.5"]),
    ("private3.test", &["172.16.5.5"]),
    ("cgnat.test", &["100.64.0.9"]),
    ("metadata.test", &["169.254.169.254"]),
    ("linklocal.test", &["169.254.169.254"]),
    ("benchmark.test", &["198.18.5.5"]),
    ("ula.test", &["fd00:77::5"]),
    ("nat64.test", &["64:ff9b::1901:a"]),
    ("mapped.test", &["::ffff:127.0.0.1"]),
    ("own.test", &[HOST]),
    ("own6.test", &[HOST6]),
    ("mixed.test", &["127.0.0.1", WEB]),
];

/// An alias of `api.example.test`.
pub const ALIAS: &str = "cname.test";
/// An alias of `evil.test` in an allowed domain.
pub const ALIAS_OUT: &str = "alias.example.test";
/// Answers with [`WEB`] and with 127.0.0.1 by turns, starting with the former; never to be kept (TTL 0).
pub const REBINDING: &str = "rebind.test";
/// So many addresses of [`CROWD`] that they fit no plain datagram: the client has to ask again over TCP.
pub const CROWDED: &str = "many.test";
/// Answered after 300 milliseconds.
pub const SLOW: &str = "slow.test";
/// A name that only the lab's `/etc/hosts` knows, for [`EVIL`].
pub const IN_HOSTS: &str = "inhosts.test";
