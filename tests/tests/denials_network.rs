//! There is no network: no interface but a loopback of the run's own, and no socket of the host.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};

use opaque_tests::{Identity, Sandbox, Twin, each_identity};

fn open_to_all(path: &std::path::Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
}

#[test]
fn a_socket_outside_the_grants_cannot_be_connected() {
    each_identity(|sandbox| {
        let path = sandbox.elsewhere().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        open_to_all(&path);
        sandbox.forbids(&["unix-connect", &path.display().to_string()], Twin::Everybody);
    });
}

#[test]
fn a_socket_in_run_cannot_be_connected() {
    let path = std::path::PathBuf::from(format!("/run/opaque-tests-{}.socket", std::process::id()));
    if Identity::all().iter().any(|identity| !identity.is_root() && *identity != Identity::Plain) {
        return opaque_tests::missing("a writable /run");
    }
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    open_to_all(&path);
    each_identity(|sandbox| {
        sandbox.forbids(&["unix-connect", &path.display().to_string()], Twin::Everybody);
    });
    drop(listener);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_datagram_socket_outside_the_grants_gets_nothing() {
    each_identity(|sandbox| {
        let path = sandbox.elsewhere().join("datagrams");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        open_to_all(&path);
        let act = ["unix-send", &path.display().to_string()];
        sandbox.probe(&act).refused();
        let mut buffer = [0; 8];
        assert!(socket.recv(&mut buffer).is_err(), "a datagram got out");
        sandbox.twin(&act, Twin::Everybody);
        assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
    });
}

#[test]
fn an_abstract_socket_of_the_host_cannot_be_connected() {
    each_identity(|sandbox| {
        let name = format!("opaque-tests-{}-{}", std::process::id(), sandbox.identity().uid());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(sandbox.forbids(&["abstract-connect", &name], Twin::Everybody).refused(), "ECONNREFUSED");
    });
}

#[test]
fn a_server_on_the_host_cannot_be_reached() {
    each_identity(|sandbox| {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                opaque_tests::missing(host);
                continue;
            };
            let address = listener.local_addr().unwrap().to_string();
            sandbox.forbids(&["tcp-connect", &address], Twin::Everybody);
            listener.set_nonblocking(true).unwrap();
            let (mut twin, _) = listener.accept().expect("the twin connected");
            let _ = twin.read(&mut [0; 1]);
            assert!(listener.accept().is_err(), "two connections arrived: one of them from inside");
        }
    });
}

#[test]
fn the_hosts_own_addresses_cannot_be_reached() {
    each_identity(|sandbox| {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut addresses = vec![format!("127.0.0.2:{port}")];
        // Connecting a datagram socket sends nothing; it only says which address the host would use.
        let route = UdpSocket::bind("0.0.0.0:0").unwrap();
        if route.connect("192.0.2.1:9").is_ok() {
            addresses.push(format!("{}:{port}", route.local_addr().unwrap().ip()));
        }
        for address in addresses {
            sandbox.probe(&["tcp-connect", &address]).refused();
            assert!(listener.accept().is_err(), "a connection to {address} arrived");
            sandbox.twin(&["tcp-connect", &address], Twin::Everybody);
            listener.accept().expect("the twin connected");
        }
    });
}

#[test]
fn a_datagram_leaves_nothing_and_brings_nothing() {
    each_identity(|sandbox| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
        let address = server.local_addr().unwrap().to_string();
        sandbox.probe(&["udp-exchange", &address]).refused();
        let mut buffer = [0; 8];
        assert!(server.recv_from(&mut buffer).is_err(), "a datagram got out");
        let twin = sandbox.launch_probe_outside(&["udp-exchange", &address]).start();
        server.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(&buffer[..length], from).unwrap();
        twin.wait().done();
    });
}

#[test]
fn addresses_beyond_the_machine_are_refused_at_once() {
    each_identity(|sandbox| {
        for address in ["192.0.2.1:443", "169.254.169.254:80", "[2001:db8::1]:443"] {
            let ended = sandbox.probe(&["tcp-connect", address]);
            ended.refused();
            assert!(ended.elapsed.as_secs() < 3, "{address} hung\n{ended}");
        }
        // The twin: the same probe reaches an address that answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        sandbox.twin(&["tcp-connect", &listener.local_addr().unwrap().to_string()], Twin::Everybody);
    });
}

#[test]
fn names_do_not_resolve() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--", "getent", "hosts", "service.example"]);
        ended.expect(2);
        sandbox.outside(["getent", "hosts", "localhost"]).expect(0);
    });
}

#[test]
fn only_a_loopback_interface_exists_and_it_works() {
    each_identity(|sandbox| {
        assert_eq!(sandbox.permits(&["interfaces"]), "lo");
        let host = sandbox.probe_outside(&["interfaces"]).done();
        assert!(host.contains("lo"), "{host}");
        sandbox.permits(&["private-loopback"]);
        sandbox.permits(&["unix-pair"]);
        let ends = ["net", "uts", "ipc", "mnt", "pid", "user", "cgroup"];
        for namespace in ends {
            let inside = sandbox.permits(&["namespace", namespace]);
            assert_ne!(inside, sandbox.probe_outside(&["namespace", namespace]).done());
        }
    });
}

fn forbids_sockets(sandbox: &Sandbox, kinds: &[&str], twin: Twin) {
    for kind in kinds {
        sandbox.forbids(&["socket", kind], twin);
    }
}

#[test]
fn raw_and_packet_sockets_are_refused() {
    each_identity(|sandbox| forbids_sockets(sandbox, &["raw", "raw6", "packet"], Twin::Superuser));
}

#[test]
fn the_kernels_cipher_sockets_are_refused() {
    each_identity(|sandbox| forbids_sockets(sandbox, &["alg"], Twin::WhereBuilt));
}

#[test]
fn sockets_to_the_hypervisor_are_refused() {
    each_identity(|sandbox| forbids_sockets(sandbox, &["vsock"], Twin::WhereBuilt));
}

#[test]
fn only_the_route_family_of_netlink_opens() {
    each_identity(|sandbox| {
        let kinds = ["netlink-generic", "netlink-uevent", "netlink-netfilter", "netlink-diagnostics", "netlink-audit"];
        forbids_sockets(sandbox, &kinds, Twin::Everybody);
        sandbox.permits(&["socket", "netlink-route"]);
        sandbox.permits(&["socket", "stream"]);
    });
}
