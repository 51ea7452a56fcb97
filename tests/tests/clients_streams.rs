//! What long and odd connections look like through the gate: whoever speaks first, half-closes, resets, slow readers.

use std::time::Duration;

use opaque_tests::internet::{self, port};
use opaque_tests::{PYTHON, Side, Site, each_identity_in_a_lab};

const SOCKET: &str = "import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
def rest():
    parts = []
    while b := s.recv(65536):
        parts.append(b)
    return b''.join(parts)
def exactly(count):
    parts = b''
    while len(parts) < count:
        b = s.recv(count - len(parts))
        assert b, 'ended early'
        parts += b
    return parts
";

/// Runs a Python program on a connection to `api.example.test` at this port, outside and inside.
fn program(port: u16, text: &str) -> (String, [String; 4]) {
    let program = [PYTHON, "-c", &format!("{SOCKET}{text}"), "api.example.test"].map(str::to_owned);
    (port.to_string(), program)
}

#[track_caller]
fn says(port: u16, text: &str, said: &str) {
    let (number, command) = program(port, text);
    each_identity_in_a_lab(|sandbox, lab| {
        let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
        let flags = ["--allow-net".to_owned(), format!("api.example.test:{number}/tcp")];
        let ended = lab.is_the_same(sandbox, &flags.each_ref().map(String::as_str), &command);
        assert_eq!(ended.text(), said, "{ended}");
    });
}

#[test]
fn a_server_that_speaks_first_is_heard_before_the_client_says_a_word() {
    let text = "assert exactly(6) == b'hello\\n'
time.sleep(0.3); s.sendall(b'ping'); s.shutdown(socket.SHUT_WR); print(rest().decode())";
    says(port::BANNER, text, "ping");
}

#[test]
fn a_connection_that_leaves_http_carries_messages_both_ways_for_as_long_as_it_likes() {
    let text = "s.sendall(b'GET /upgrade HTTP/1.1\\r\\nHost: www.example.test\\r\\nUpgrade: echo\\r\\nConnection: upgrade\\r\\n\\r\\n')
head = b''
while not head.endswith(b'\\r\\n\\r\\n'): head += exactly(1)
print(head.split()[1].decode())
for turn in range(200):
    message = bytes([turn]) * (1 + turn * 37)
    s.sendall(message)
    assert exactly(len(message)) == message
    if turn % 50 == 0: time.sleep(0.5)
print('done')";
    says(port::HTTP_OTHER, text, "101\ndone");
}

#[test]
fn each_side_may_close_its_direction_and_go_on_hearing() {
    let text = "sent = bytes(range(256)) * 20000
s.sendall(sent); s.shutdown(socket.SHUT_WR); print(rest() == sent)";
    says(port::HALF_CLOSE, text, "True");
    let text = "print(rest()); s.sendall(b'x' * 1000000); time.sleep(0.2); s.sendall(b'y'); s.close()";
    let (number, command) = program(port::FAREWELL, text);
    each_identity_in_a_lab(|sandbox, lab| {
        let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
        let ended = lab.is_the_same(sandbox, &["--allow-net", "api.example.test:9005/tcp"], &command);
        assert_eq!(ended.text(), "b'bye\\n'");
        let heard = || lab.connections().iter().filter(|known| known.received == Some(1_000_001)).count();
        assert!(opaque_tests::eventually(Duration::from_secs(5), || heard() == 2), "{:?}", lab.connections());
    });
}

#[test]
fn a_reset_from_the_server_is_a_reset_for_the_client() {
    let text = "s.sendall(b'x')
try: print('ended', s.recv(1))
except ConnectionResetError as error: print('reset', error.errno)";
    says(port::RESET, text, "reset 104");
}

/// Writes down how each connection ended.
const WITNESS: &str = "import socket
server = socket.create_server(('0.0.0.0', 7777))
while True:
    s = server.accept()[0]
    try:
        while b := s.recv(100): s.sendall(b)
        how = 'end'
    except ConnectionResetError: how = 'reset'
    open('ended', 'a').write(how + ' ')
    s.close()";

#[test]
fn a_reset_from_the_client_is_a_reset_for_the_server_and_an_end_is_an_end() {
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = site.serve(Side::Internet, (internet::WEB, 7777), [PYTHON, "-c", WITNESS]);
        let ended = || std::fs::read_to_string(site.directory().join("ended")).unwrap_or_default();
        let wait = |count| {
            let all = || ended().split_whitespace().count() >= count;
            assert!(opaque_tests::eventually(Duration::from_secs(5), all), "{}", ended());
            ended().split_whitespace().last().unwrap().to_owned()
        };
        let mut known = 1;
        wait(known);
        let linger = "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, __import__('struct').pack('ii', 1, 0))";
        for (last, how) in [(linger, "reset"), ("pass", "end")] {
            let (number, command) =
                program(7777, &format!("s.sendall(b'x'); exactly(1)\n{last}\ns.close(); print('left')"));
            let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
            lab.outside(sandbox, &command).expect(0);
            assert_eq!(wait(known + 1), how, "control");
            lab.inside(sandbox, &["--allow-net", "api.example.test:7777/tcp"], &command).expect(0);
            known += 2;
            assert_eq!(wait(known), how);
        }
    });
}

/// Reads late, and writes down how much it got.
const LATE: &str = "import socket, time
server = socket.create_server(('0.0.0.0', 7777))
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
while True:
    s = server.accept()[0]
    time.sleep(0.2)
    got = 0
    while b := s.recv(65536): got += len(b)
    if got: open('got', 'a').write('%d ' % got)";

#[test]
fn what_was_sent_before_the_command_ended_arrives() {
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = site.serve(Side::Internet, (internet::WEB, 7777), [PYTHON, "-c", LATE]);
        let got = || std::fs::read_to_string(site.directory().join("got")).unwrap_or_default();
        for (turn, size) in [1, 1_500_000].into_iter().enumerate() {
            let (number, command) = program(7777, &format!("import os; s.sendall(b'x' * {size}); os._exit(0)"));
            let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
            lab.outside(sandbox, &command).expect(0);
            let ended = lab.inside(sandbox, &["--allow-net", "api.example.test:7777/tcp"], &command);
            assert_eq!(ended.expect(0).reported()["network"]["flows"][0]["sent"], size);
            let all = || got().split_whitespace().filter(|bytes| **bytes == size.to_string()).count() == 2;
            assert!(opaque_tests::eventually(Duration::from_secs(5), all), "{turn}: {}", got());
        }
        // A server that never reads does not hold the run for long.
        let text = "s.setblocking(False)\ntry:\n    while True: s.send(b'x' * 65536)\nexcept BlockingIOError: pass";
        let stuck = [
            PYTHON,
            "-c",
            "import socket, time\nserver = socket.create_server(('0.0.0.0', 7778))\nkept = [server.accept() for _ in range(9)]\ntime.sleep(600)",
        ];
        let _stuck = site.serve(Side::Internet, (internet::WEB, 7778), stuck);
        let (number, command) = program(7778, text);
        let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
        let ended = lab.inside(sandbox, &["--allow-net", "api.example.test:7778/tcp"], &command);
        assert!(ended.expect(0).elapsed < Duration::from_secs(10), "{ended}");
    });
}

#[test]
fn a_port_where_nothing_listens_breaks_the_connection_without_a_word() {
    let (number, command) = program(port::CLOSED, "print(s.recv(1))");
    each_identity_in_a_lab(|sandbox, lab| {
        let command: Vec<&str> = command.iter().map(String::as_str).chain([&*number]).collect();
        assert!(lab.outside(sandbox, &command).expect(1).errors().contains("ConnectionRefusedError"));
        let ended = lab.inside(sandbox, &["--allow-net", "api.example.test:4/tcp"], &command);
        assert!(ended.expect(1).errors().contains("ConnectionResetError"), "{ended}");
        assert!(ended.reported()["network"]["blocked"][0]["reason"].as_str().unwrap().contains("cannot be reached"));
    });
}

#[test]
fn bytes_of_both_directions_at_once_arrive_whole_and_in_order() {
    let text = "import threading, hashlib, random
random.seed(7); sent = random.randbytes(20_000_000)
def send(): s.sendall(sent); s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start(); print(rest() == sent)";
    says(port::ECHO, text, "True");
}

#[test]
fn two_hundred_megabytes_for_a_slow_reader_do_not_grow_the_supervisor() {
    const BYTES: u32 = 200 << 20;
    // What the gate may hold, above what it is by itself (a debug build included).
    const BOUND_KIB: u64 = 24 * 1024;
    let text = format!(
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
s.sendall(b'{BYTES}\\n'); print('asked', flush=True); time.sleep(1.5); got = 0
while b := s.recv(1 << 20):
    got += len(b)
    if got % 7 == 0: time.sleep(0.0005)
print(got, flush=True); sys.stdin.read()"
    );
    let (number, command) = program(port::SOURCE, &text);
    each_identity_in_a_lab(|sandbox, lab| {
        let peak = |download: bool| {
            let quiet = format!(
                "{SOCKET}s.sendall(b'1\\n'); print('asked', flush=True); print(len(rest()), flush=True); sys.stdin.read()"
            );
            let flags = ["--allow-net", "api.example.test:9000/tcp", "--"];
            let text = if download { &command[2] } else { &quiet };
            let words = flags.iter().copied().chain([PYTHON, "-c", text, internet::PUBLIC_NAMES[1], &number]);
            let launch = lab.launch(sandbox, words).stdin_open().patience(Duration::from_secs(60));
            let mut running = launch.start();
            running.wait_for(&if download { format!("\n{BYTES}\n") } else { "\n1\n".to_owned() });
            let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
            let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
            let _ended = running.wait();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        let (without, with) = (peak(false), peak(true));
        println!("peak of the supervisor: {without} KiB, and {with} KiB with the download");
        assert!(with < without + 4 * 1024, "{without} KiB became {with} KiB");
        assert!(with < BOUND_KIB, "{with} KiB");
    });
}
