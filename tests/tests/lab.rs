//! The lab itself: plain clients, without a sandbox, reach what tests of egress expect to be there, and its logs tell.
//!
//! These are the twins of every refusal that a test of egress sees inside.

use std::time::{Duration, Instant};

use opaque_tests::internet::{self, port};
use opaque_tests::{Ended, Lab, Sandbox, Side, each_identity_in_a_lab, missing, program};

/// Exchanges text over TCP: `ADDRESS PORT TEXT` sends, closes its direction, and prints what comes back.
const TCP: &str = "import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
try:
    s.sendall(sys.argv[3].encode())
    s.shutdown(socket.SHUT_WR)
    while b := s.recv(65536):
        sys.stdout.write(b.decode())
except OSError as error:
    # ECONNRESET, EPIPE, ENOTCONN: the reset came while reading, before writing, or before closing.
    print('reset' if error.errno in (104, 32, 107) else error)";

const PYTHON: &str = "/usr/bin/python3";

fn has(name: &str) -> bool {
    let found = program(name).is_some();
    if !found {
        missing(name);
    }
    found
}

fn tcp(sandbox: &Sandbox, lab: &Lab, address: &str, port: u16, text: &str) -> Ended {
    lab.outside(sandbox, [PYTHON, "-c", TCP, address, &port.to_string(), text])
}

fn curl(sandbox: &Sandbox, lab: &Lab, arguments: &[&str]) -> Ended {
    let ca = lab.ca().display().to_string();
    let mut words = vec!["curl", "-sS", "--max-time", "10", "--cacert", &ca];
    words.extend_from_slice(arguments);
    lab.outside(sandbox, words)
}

fn socket_address(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[test]
fn a_page_is_fetched_over_tls_from_both_kinds_of_address() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("page.txt", "a page");
        for (version, address) in [("-4", internet::WEB), ("-6", internet::WEB6)] {
            if version == "-6" && !lab.has_ipv6() {
                continue;
            }
            let ended = curl(sandbox, lab, &[version, "https://api.example.test/page.txt"]);
            assert_eq!(ended.expect(0).text(), "a page");
            let connections = lab.connections();
            let last = connections.last().unwrap();
            assert_eq!(last.local.to_string(), socket_address(address, port::HTTPS));
            assert_eq!((last.tls, last.sni.as_deref(), last.side), (true, Some("api.example.test"), Side::Internet));
            assert_eq!(last.requests.len(), 1);
            assert_eq!(last.requests[0].host.as_deref(), Some("api.example.test"));
            assert_eq!(last.requests[0].target, "/page.txt");
        }
    });
}

#[test]
fn a_certificate_of_the_lab_convinces_only_those_who_trust_its_authority() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let url = "https://www.example.test/echo";
        lab.outside(sandbox, ["curl", "-sS", "--max-time", "10", url]).expect(60);
        curl(sandbox, lab, &[url]).expect(0);
        // The same server under its address.
        curl(sandbox, lab, &[&format!("https://{}/echo", internet::WEB)]).expect(0);
        assert_eq!(lab.connections().last().unwrap().sni, None);
    });
}

#[test]
fn the_web_server_keeps_connections_and_tells_what_it_was_asked() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let url = "http://example.test/echo";
        let ended = curl(sandbox, lab, &["-4", "-H", "X-Mark: seven", "-d", "content", url, url]);
        let first: serde_json::Value = serde_json::from_str(ended.expect(0).text().lines().next().unwrap()).unwrap();
        assert_eq!((&first["method"], &first["body"]), (&"POST".into(), &"content".into()));
        assert!(first["headers"].as_array().unwrap().contains(&serde_json::json!(["X-Mark", "seven"])), "{first}");
        let connections = lab.connections();
        assert_eq!((connections.len(), connections[0].requests.len()), (1, 2), "{connections:?}");
        let chunked = ["-4", "-T", "-", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", url];
        let ca = lab.ca().display().to_string();
        let words = ["curl", "-sS", "--cacert", &ca].into_iter().chain(chunked);
        let ended = lab.launch_outside(sandbox, words).stdin("streamed").finish();
        assert!(ended.expect(0).text().contains(r#""body":"streamed""#), "{ended}");
        let ended = curl(sandbox, lab, &["-4", "http://example.test/bytes/100000"]);
        assert_eq!(ended.expect(0).stdout.len(), 100_000);
        let redirect = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"];
        let url = "http://example.test/redirect/https://evil.test/";
        let ended = curl(sandbox, lab, &[&redirect[..], &[url]].concat());
        assert_eq!(ended.expect(0).text(), "302 https://evil.test/");
        curl(sandbox, lab, &["-f", "http://example.test/nothing"]).expect(22);
    });
}

#[test]
fn the_web_server_leaves_http_when_asked_and_speaks_the_older_tls() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let request = "GET /upgrade HTTP/1.1\r\nHost: www.example.test\r\nUpgrade: echo\r\n\r\nping";
        let ended = tcp(sandbox, lab, internet::WEB, port::HTTP_OTHER, request);
        let text = ended.expect(0).text();
        assert!(text.starts_with("HTTP/1.1 101 ") && text.ends_with("ping"), "{ended}");
        assert_eq!(lab.connections()[0].requests[0].host.as_deref(), Some("www.example.test"));
        let url = format!("https://www.example.test:{}/status/418", port::HTTPS_OTHER);
        let ended = curl(sandbox, lab, &["--tls-max", "1.2", "-o", "/dev/null", "-w", "%{http_code}", &url]);
        assert_eq!(ended.expect(0).text(), "418");
    });
}

#[test]
fn a_file_below_a_host_is_served_to_that_host_only() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("npm.example.test/package", "one");
        assert_eq!(curl(sandbox, lab, &["https://npm.example.test/package"]).expect(0).text(), "one");
        curl(sandbox, lab, &["-f", "https://pip.example.test/package"]).expect(22);
        curl(sandbox, lab, &["-f", "--path-as-is", "https://pip.example.test/../ca.pem"]).expect(22);
    });
}

#[test]
fn http2_is_served_where_nginx_is_installed() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        if !lab.has_http2() {
            return missing("nginx");
        }
        let url = format!("https://api.example.test:{}/", port::HTTP2);
        assert_eq!(curl(sandbox, lab, &["-4", "--http2", &url]).expect(0).text(), "HTTP/2.0 api.example.test");
        lab.wait_for_packet("tcp", internet::WEB, port::HTTP2);
    });
}

#[test]
fn names_resolve_and_each_query_is_counted() {
    each_identity_in_a_lab(|sandbox, lab| {
        assert_eq!(lab.queries(), [], "nothing asked yet");
        let ended = lab.outside(sandbox, ["getent", "ahostsv4", "api.example.test"]);
        assert!(ended.expect(0).text().starts_with(internet::WEB), "{ended}");
        let queries = lab.queries();
        assert_eq!(queries.len(), 1, "{queries:?}");
        let query = &queries[0];
        assert_eq!((&*query.name, &*query.kind, &*query.transport), ("api.example.test", "A", "udp"));
        assert_eq!(query.server.to_string(), format!("{}:53", internet::DNS));
        lab.outside(sandbox, ["getent", "ahostsv4", "unknown.test"]).expect(2);
        assert_eq!(lab.queries_for("unknown.test"), 1);
        lab.wait_for_packet("udp", internet::DNS, 53);
    });
}

#[test]
fn every_name_of_the_lab_leads_where_it_says() {
    each_identity_in_a_lab(|sandbox, lab| {
        let resolves = |name: &str, database: &str, addresses: &[&str]| {
            let ended = lab.outside(sandbox, ["getent", database, name]);
            let text = ended.expect(0).text();
            let mut found: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
            found.sort_unstable();
            found.dedup();
            let mut addresses = addresses.to_vec();
            addresses.sort_unstable();
            assert_eq!(found, addresses, "{name}\n{ended}");
        };
        for (name, addresses) in internet::SPECIAL_NAMES {
            let four: Vec<&str> = addresses.iter().copied().filter(|address| !address.contains(':')).collect();
            if four.is_empty() {
                // The C library finds a mapped address only when it is asked for both kinds.
                let database = if *name == "mapped.test" { "ahosts" } else { "ahostsv6" };
                resolves(name, database, addresses);
            } else {
                resolves(name, "ahostsv4", &four);
            }
        }
        for (names, four, six) in [
            (internet::PUBLIC_NAMES, internet::WEB, internet::WEB6),
            (internet::EVIL_NAMES, internet::EVIL, internet::EVIL6),
        ] {
            for name in names {
                resolves(name, "ahostsv4", &[four]);
                resolves(name, "ahostsv6", &[six]);
            }
        }
        resolves(internet::ALIAS, "ahostsv4", &[internet::WEB]);
        resolves(internet::ALIAS_OUT, "ahostsv4", &[internet::EVIL]);
        resolves(internet::IN_HOSTS, "ahostsv4", &[internet::EVIL]);
        assert_eq!(lab.queries_for(internet::IN_HOSTS), 0, "a file knew it");
        lab.name("added.test", &[internet::EVIL]);
        resolves("added.test", "ahostsv4", &[internet::EVIL]);
    });
}

#[test]
fn a_rebinding_name_alternates_a_slow_one_takes_its_time_and_a_crowded_one_needs_tcp() {
    each_identity_in_a_lab(|sandbox, lab| {
        let resolve = |name: &str| {
            // Asks for both kinds of address; only the question for one of them takes a turn.
            let ended = lab.outside(sandbox, ["getent", "ahosts", name]);
            let text = ended.expect(0).text();
            text.lines().filter(|line| line.contains("STREAM")).map(str::to_owned).collect::<Vec<_>>()
        };
        let answers: Vec<String> = (0..3).map(|_| resolve(internet::REBINDING).concat()).collect();
        let starts = [internet::WEB, "127.0.0.1", internet::WEB];
        for (answer, start) in answers.iter().zip(starts) {
            assert!(answer.starts_with(start), "{answers:?}");
        }
        let start = Instant::now();
        let _ = resolve(internet::SLOW);
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert_eq!(resolve(internet::CROWDED).len(), 60);
        let ways: Vec<String> =
            lab.queries().into_iter().filter(|query| query.name == internet::CROWDED).map(|q| q.transport).collect();
        assert_eq!(ways[..4], ["udp", "udp", "tcp", "tcp"], "both questions, and both again");
    });
}

#[test]
fn the_servers_over_tcp_do_what_they_are_for() {
    each_identity_in_a_lab(|sandbox, lab| {
        let says = |port: u16, text: &str| tcp(sandbox, lab, internet::WEB, port, text).expect(0).text();
        assert_eq!(says(port::ECHO, "ping"), "ping");
        assert_eq!(says(port::DATABASE, "ping"), "ping");
        assert_eq!(says(port::BANNER, "ping"), "hello\nping");
        assert_eq!(says(port::SOURCE, "70000\n").len(), 70_000);
        assert_eq!(says(port::SINK, "ping"), "4");
        assert_eq!(says(port::HALF_CLOSE, "ping"), "ping");
        assert_eq!(says(port::RESET, "ping"), "reset");
        assert_eq!(says(port::SILENT, "ping"), "");
        assert_eq!(says(port::FAREWELL, "ping"), "bye");
        let exchanges =
            |target: &str| lab.around(sandbox.launch_probe_outside(&["tcp-exchange", target, "ping"])).finish();
        assert_eq!(exchanges("db.example.test:7").done(), "ping");
        assert_eq!(exchanges(&socket_address(internet::WEB, port::CLOSED)).refused(), "ECONNREFUSED");
        assert_eq!(exchanges("unknown.test:7").refused(), "ENOENT");
        let resolved = lab.around(sandbox.launch_probe_outside(&["resolve", "db.example.test"])).finish().done();
        assert_eq!(resolved, internet::WEB);
        let farewell = || lab.connections().into_iter().find(|known| known.local.port() == port::FAREWELL);
        assert!(opaque_tests::eventually(Duration::from_secs(5), || farewell().unwrap().received == Some(4)));
        assert!(lab.connections().iter().all(|known| known.local.port() != port::CLOSED));
        lab.wait_for_packet("tcp", internet::WEB, port::CLOSED);
    });
}

#[test]
fn addresses_that_no_name_may_lead_to_answer_outside() {
    each_identity_in_a_lab(|sandbox, lab| {
        let host = ["127.0.0.1", "::1", internet::HOST, internet::HOST6];
        let main = [internet::WEB, internet::WEB6, internet::EVIL, internet::EVIL6];
        let all = internet::SPECIAL.iter().map(|address| (*address, Side::Internet));
        let all = all.chain(main.map(|address| (address, Side::Internet)));
        for (address, side) in all.chain(host.map(|address| (address, Side::Host))) {
            if address.contains(':') && !lab.has_ipv6() {
                continue;
            }
            let ended = tcp(sandbox, lab, address, port::ECHO, "ping");
            assert_eq!(ended.expect(0).text(), "ping", "{address}");
            let connections = lab.connections();
            let last = connections.last().unwrap();
            assert_eq!((last.local.to_string(), last.side), (socket_address(address, port::ECHO), side));
            let ports = if side == Side::Host { &[port::UDP_ECHO][..] } else { &[port::UDP_ECHO, port::UDP_TIME] };
            for port in ports {
                let target = socket_address(address, *port);
                lab.around(sandbox.launch_probe_outside(&["udp-exchange", &target])).finish().done();
                let datagrams = lab.datagrams();
                let last = datagrams.last().unwrap();
                assert_eq!((last.local.to_string(), last.side, last.bytes), (target, side, 5));
            }
        }
    });
}

#[test]
fn names_of_forbidden_addresses_lead_to_servers_outside() {
    if !has("curl") {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        for (name, addresses) in internet::SPECIAL_NAMES.iter().filter(|(name, _)| !name.starts_with("dead")) {
            if addresses.iter().any(|address| address.contains(':')) && !lab.has_ipv6() {
                continue;
            }
            let ended = curl(sandbox, lab, &[&format!("https://{name}/echo")]);
            ended.expect(0);
            assert_eq!(lab.connections().last().unwrap().sni.as_deref(), Some(*name));
        }
    });
}

#[test]
fn a_dead_address_answers_nothing_though_packets_to_it_leave() {
    each_identity_in_a_lab(|sandbox, lab| {
        for (dead, local) in [(internet::DEAD, "0.0.0.0"), (internet::DEAD6, "::")] {
            if local == "::" && !lab.has_ipv6() {
                continue;
            }
            let act = ["tcp-connect", &socket_address(dead, 443)];
            let ended = lab.around(sandbox.launch_probe_outside(&act)).finish();
            ended.refused();
            assert!(ended.elapsed > Duration::from_secs(2), "an answer came\n{ended}");
            lab.wait_for_packet("tcp", dead, 443);
        }
        assert_eq!(lab.connections(), []);
    });
}

#[test]
fn two_labs_know_nothing_of_each_other_and_nothing_of_the_machine() {
    each_identity_in_a_lab(|sandbox, lab| {
        let other_sandbox = Sandbox::new(sandbox.identity());
        let other = Lab::start(&other_sandbox);
        assert_eq!(tcp(sandbox, lab, internet::WEB, port::ECHO, "ping").expect(0).text(), "ping");
        assert_eq!((lab.connections().len(), other.connections().len()), (1, 0));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        lab.around(sandbox.launch_probe_outside(&["tcp-connect", &address])).finish().refused();
        sandbox.launch_probe_outside(&["tcp-connect", &address]).finish().done();
        let interfaces = lab.around(sandbox.launch_probe_outside(&["interfaces"])).finish().done();
        assert_eq!(interfaces, "lab0 lo");
    });
}

#[test]
fn a_lab_ends_with_its_test() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mark = sandbox.base().join("lab").display().to_string();
        assert!(!opaque_tests::Processes::marked(&mark).is_empty());
        assert_eq!(tcp(sandbox, lab, internet::WEB, port::ECHO, "ping").expect(0).text(), "ping");
    });
    each_identity_in_a_lab(|sandbox, _| {
        let second = Sandbox::new(sandbox.identity());
        let mark = second.base().join("lab").display().to_string();
        drop(Lab::start(&second));
        let gone = || opaque_tests::Processes::marked(&mark).is_empty();
        assert!(opaque_tests::eventually(Duration::from_secs(5), gone));
    });
}

#[test]
fn a_run_without_grants_reaches_nothing_of_the_lab() {
    each_identity_in_a_lab(|sandbox, lab| {
        let address = socket_address(internet::WEB, port::ECHO);
        let act = ["tcp-connect", &address];
        lab.around(sandbox.launch_probe(&[], &act)).finish().refused();
        lab.run(sandbox, ["--", "getent", "hosts", "api.example.test"]).expect(2);
        assert_eq!((lab.connections(), lab.queries()), (vec![], vec![]));
        lab.around(sandbox.launch_probe_outside(&act)).finish().done();
        lab.wait_for_packet("tcp", internet::WEB, port::ECHO);
        assert_eq!(lab.packets().len(), 1, "only the twin's: {:?}", lab.packets());
    });
}
