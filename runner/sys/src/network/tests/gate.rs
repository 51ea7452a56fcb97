//! What reaches the gate, and what is refused at once.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use rustix::io::Errno;

use super::{GATE, GRANTED_UDP, client, families, gated, inside, server};
use crate::netfilter::Refused;

/// Sets a gate up, serves it and lets `client` try what it likes; gives back what was refused.
fn with_gate(has_v6: bool, client: impl FnOnce(), expected: &[Refused]) {
    let network = gated(has_v6, 2);
    inside::run(
        &network,
        |channel| {
            let kept = server::serve(inside::doors(&channel));
            // The child says when it is done.
            assert!(channel.receive().is_err());
            assert_eq!(kept.filter.refused().unwrap(), expected);
            assert_eq!(kept.sockets.len(), 2);
        },
        |channel| {
            inside::hand_over(&network, &channel);
            client();
            rustix::net::send(&channel.0, b"done", rustix::net::SendFlags::empty()).unwrap();
        },
    );
}

fn entry(address: &str, protocol: i32, port: u16) -> Refused {
    Refused { address: address.parse().unwrap(), protocol: protocol as u8, port }
}

#[test]
fn granted_connections_end_at_the_gate_which_knows_where_they_wanted_to_go() {
    inside::by_itself(|| {
        for has_v6 in families() {
            let granted = || {
                let mut granted = vec!["198.18.0.2:80", "198.19.255.254:1", "10.32.0.1:443", "10.63.255.255:443"];
                granted.extend(["203.0.113.8:22", "127.0.0.1:5432", "8.8.8.8:53", "198.18.0.1:53"]);
                if has_v6 {
                    granted.extend(["[fd6f:7061:7175:65::2]:80", "[2001:db8:8000::1]:443", "[2001:db8:ffff::1]:443"]);
                    granted.extend(["[::1]:5432", "[2001:4860::8888]:53", "[fd6f:7061:7175:65::1]:53"]);
                }
                for address in granted {
                    assert_eq!(client::tcp(address), address);
                }
                // Somebody who finds the listener is seen for what they are.
                let itself = format!("127.0.0.1:{GATE}");
                assert_eq!(client::tcp(&itself), itself);
            };
            with_gate(has_v6, granted, &[]);
        }
    });
}

#[test]
fn what_is_not_granted_is_refused_at_once_and_remembered() {
    inside::by_itself(|| {
        for has_v6 in families() {
            let mut tcp = vec!["8.8.8.8:443", "10.31.255.255:443", "10.64.0.0:443", "10.32.0.1:444", "203.0.113.9:22"];
            tcp.extend(["192.168.1.1:80", "169.254.169.254:80", "255.255.255.254:80"]);
            let mut udp = vec!["8.8.8.8:443", "198.18.0.2:444", "203.0.114.1:8443"];
            if has_v6 {
                tcp.extend(["[2001:db8:7fff::1]:443", "[2001:db8:8000::1]:80", "[fd00::1]:443"]);
                udp.extend(["[2001:db8::1]:443", "[fd6f:7061:7175:65::2]:444", "[2001:db8:8::1]:8443"]);
            }
            let entries = |addresses: &[&str], protocol| {
                let split = |address: &str| address.parse::<std::net::SocketAddr>().unwrap();
                let found = addresses.iter().map(|address| split(address));
                found.map(|to| Refused { address: to.ip(), protocol, port: to.port() }).collect::<Vec<_>>()
            };
            let mut expected = [entries(&tcp, 6), entries(&udp, 17)].concat();
            expected.sort_unstable();
            let attempts = || {
                let at_once = |what: &str, act: &dyn Fn() -> String| {
                    let (said, took) = client::timed(act);
                    assert_eq!(said, "refused", "{what}");
                    assert!(took < Duration::from_millis(100), "{what}: {took:?}");
                };
                for address in &tcp {
                    at_once(address, &|| client::tcp(address));
                }
                for address in &udp {
                    at_once(address, &|| client::udp(address, "?"));
                }
            };
            with_gate(has_v6, attempts, &expected);
        }
    });
}

#[test]
fn more_than_can_be_remembered_is_refused_all_the_same() {
    inside::by_itself(|| {
        let attempts = || {
            for port in 1..600 {
                if port != 53 {
                    assert_eq!(client::tcp(&format!("192.0.2.1:{port}")), "refused", "{port}");
                }
            }
        };
        let network = gated(false, 0);
        inside::run(
            &network,
            |channel| {
                let kept = server::serve(inside::doors(&channel));
                assert!(channel.receive().is_err());
                assert_eq!(kept.filter.refused().unwrap().len(), 256);
            },
            |channel| {
                inside::hand_over(&network, &channel);
                attempts();
                rustix::net::send(&channel.0, b"done", rustix::net::SendFlags::empty()).unwrap();
            },
        );
    });
}

#[test]
fn granted_datagrams_arrive_and_answers_come_from_where_they_were_sent() {
    inside::by_itself(|| {
        for has_v6 in families() {
            let attempts = || {
                let mut granted = vec![("198.18.7.7", "198.18.7.7"), ("203.0.113.200", "203.0.113.200")];
                if has_v6 {
                    granted.push(("[fd6f:7061:7175:65::7]", "fd6f:7061:7175:65::7"));
                    granted.push(("[2001:db8:7::1]", "2001:db8:7::1"));
                }
                for (address, name) in granted {
                    let said = client::udp(&format!("{address}:{GRANTED_UDP}"), "?");
                    assert_eq!(said, format!("sent to {name}"));
                }
            };
            with_gate(has_v6, attempts, &[]);
        }
    });
}

#[test]
fn servers_inside_work_on_loopback_and_at_the_runs_own_address() {
    inside::by_itself(|| {
        for has_v6 in families() {
            let attempts = || {
                let mut addresses = vec!["127.0.0.1", "127.9.9.9", "198.18.0.1"];
                // Loopback is the kernel's own, whether or not the run has IPv6 otherwise.
                addresses.extend(crate::network::has_ipv6().then_some("[::1]"));
                addresses.extend(has_v6.then_some("[fd6f:7061:7175:65::1]"));
                for address in addresses {
                    let listener = TcpListener::bind(format!("{address}:80")).unwrap();
                    let server = std::thread::spawn(move || drop(listener.accept().unwrap()));
                    assert_eq!(client::tcp(&format!("{address}:80")), "");
                    server.join().unwrap();
                    let datagrams = UdpSocket::bind(format!("{address}:999")).unwrap();
                    let echo = std::thread::spawn(move || {
                        let (_, from) = datagrams.recv_from(&mut [0; 9]).unwrap();
                        datagrams.send_to(b"echo", from).unwrap();
                    });
                    assert_eq!(client::udp(&format!("{address}:999"), "?"), "echo");
                    echo.join().unwrap();
                    assert_eq!(client::tcp(&format!("{address}:81")), "refused");
                }
            };
            with_gate(has_v6, attempts, &[]);
        }
    });
}

#[test]
fn nobody_inside_can_take_the_ports_of_the_resolver_and_the_gate() {
    inside::by_itself(|| {
        let attempts = || {
            for (kind, address) in [
                (libc::SOCK_DGRAM, "198.18.0.1:53".to_owned()),
                (libc::SOCK_DGRAM, "0.0.0.0:53".to_owned()),
                (libc::SOCK_DGRAM, format!("198.18.0.5:{GRANTED_UDP}")),
                (libc::SOCK_STREAM, format!("127.0.0.1:{GATE}")),
                (libc::SOCK_STREAM, format!("0.0.0.0:{GATE}")),
            ] {
                let taken = bind_sharing(kind, &address);
                assert_eq!(taken, Err(Errno::ADDRINUSE), "{address}");
            }
            // The same bind succeeds where nobody of ours is.
            assert_eq!(bind_sharing(libc::SOCK_DGRAM, "127.0.0.1:53"), Ok(()));
            assert_eq!(bind_sharing(libc::SOCK_STREAM, "127.0.0.1:54"), Ok(()));
        };
        with_gate(false, attempts, &[]);
    });
}

/// Binds, and listens, with every option that lets ports be shared.
fn bind_sharing(kind: i32, address: &str) -> Result<(), Errno> {
    let address: std::net::SocketAddr = address.parse().unwrap();
    let kind = rustix::net::SocketType::from_raw(kind.cast_unsigned());
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, kind, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::sockopt::set_socket_reuseport(&socket, true)?;
    assert!(socket.as_raw_fd() > 2);
    rustix::net::bind(&socket, &address)?;
    if kind == rustix::net::SocketType::STREAM { rustix::net::listen(&socket, 1) } else { Ok(()) }
}

#[test]
fn a_socket_that_was_handed_over_reaches_a_server_inside() {
    inside::by_itself(|| {
        let network = gated(false, 2);
        inside::run(
            &network,
            |channel| {
                let gate = inside::doors(&channel).gate.unwrap();
                let [first, second] = <[_; 2]>::try_from(gate.sockets).unwrap();
                assert!(channel.receive().is_err(), "the server is ready");
                let connect = |socket: &std::os::fd::OwnedFd, port| {
                    rustix::io::ioctl_fionbio(socket, false).unwrap();
                    rustix::net::connect(socket, &std::net::SocketAddr::from(([127, 0, 0, 1], port)))
                };
                assert_eq!(connect(&second, 81), Err(Errno::CONNREFUSED));
                connect(&first, 80).unwrap();
                let mut said = [0; 8];
                assert_eq!(rustix::io::read(&first, &mut said).unwrap(), 6);
                assert_eq!(said.get(..6).unwrap(), b"inside");
            },
            |channel| {
                inside::hand_over(&network, &channel);
                let listener = TcpListener::bind("127.0.0.1:80").unwrap();
                rustix::net::send(&channel.0, b"ready", rustix::net::SendFlags::empty()).unwrap();
                std::io::Write::write_all(&mut listener.accept().unwrap().0, b"inside").unwrap();
            },
        );
    });
}

#[test]
fn a_refused_destination_is_told_apart_by_address_protocol_and_port() {
    inside::by_itself(|| {
        let attempts = || {
            for _ in 0..3 {
                client::tcp("192.0.2.9:443");
            }
            client::udp("192.0.2.9:443", "?");
            client::tcp("192.0.2.9:444");
        };
        let expected =
            [entry("192.0.2.9", 6, 443), entry("192.0.2.9", 6, 444), entry("192.0.2.9", libc::IPPROTO_UDP, 443)];
        with_gate(false, attempts, &expected);
    });
}
