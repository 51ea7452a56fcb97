//! Queries for names, with a gate and without one.

use super::{OWN4, OWN6, client, families, gated, inside, server};
use crate::network::{Network, has_ipv6};

#[test]
fn every_query_for_a_name_ends_at_the_runs_resolver_and_its_answer_comes_from_where_it_was_sent() {
    inside::by_itself(|| {
        for has_v6 in families() {
            let network = gated(has_v6, 0);
            inside::run(
                &network,
                |channel| {
                    let kept = server::serve(inside::doors(&channel));
                    assert!(channel.receive().is_err());
                    assert_eq!(kept.filter.refused().unwrap(), []);
                },
                |channel| {
                    inside::hand_over(&network, &channel);
                    let mut servers = vec!["198.18.0.1:53", "8.8.8.8:53", "198.18.4.4:53", "169.254.1.1:53"];
                    if has_v6 {
                        servers.extend(["[fd6f:7061:7175:65::1]:53", "[2001:4860::8888]:53"]);
                    }
                    for server in servers {
                        assert_eq!(client::udp(server, "name"), "resolved name", "{server}");
                    }
                    rustix::net::send(&channel.0, b"done", rustix::net::SendFlags::empty()).unwrap();
                },
            );
        }
    });
}

#[test]
fn without_a_gate_the_resolver_answers_at_its_address_and_nothing_else_is_there() {
    inside::by_itself(|| {
        let own6 = has_ipv6().then_some(OWN6);
        let network = Network::prepare(OWN4, own6, None).unwrap();
        inside::run(
            &network,
            |channel| {
                let doors = inside::doors(&channel);
                assert!(doors.gate.is_none());
                let socket = std::net::UdpSocket::from(doors.resolver);
                assert_eq!(socket.recv_from(&mut [0; 9]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
                socket.set_nonblocking(false).unwrap();
                let (_, from) = socket.recv_from(&mut [0; 9]).unwrap();
                socket.send_to(b"answer", from).unwrap();
            },
            |channel| {
                inside::hand_over(&network, &channel);
                std::thread::sleep(std::time::Duration::from_millis(50));
                assert_eq!(client::udp("198.18.0.1:53", "?"), "answer");
                assert_eq!(client::udp("8.8.8.8:53", "?"), "unreachable");
                assert_eq!(client::tcp("198.18.0.2:80"), "unreachable");
                assert_eq!(client::tcp("[2001:db8::1]:80"), "unreachable");
                assert_eq!(client::tcp("198.18.0.1:80"), "refused");
            },
        );
    });
}
