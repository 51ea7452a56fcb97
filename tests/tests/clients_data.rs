//! Databases through the gate, and what `--loopback` and `--publish` are for: real servers, unmodified clients.

use std::path::PathBuf;

use opaque_tests::internet::{self, port};
use opaque_tests::{
    Ended, Lab, Sandbox, Server, Side, Site, each_identity_in_a_lab, each_identity_in_a_lab_without, eventually, has,
    missing, noise, program,
};

const REDIS: u16 = 6379;
const DATABASE: [&str; 2] = ["--allow-net", "db.example.test:5432/tcp"];

/// A program of the PostgreSQL server, which is rarely in `PATH`.
fn postgres(name: &str) -> Option<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let places = versions.map(|version| version.path().join("bin").join(name));
    let found = program(name).into_iter().chain(places).find(|file| file.is_file());
    found.map(|file: PathBuf| file.display().to_string())
}

/// A cluster that trusts everybody and knows TLS; false, aloud, where PostgreSQL is not installed.
fn cluster(site: &Site) -> bool {
    let Some(initdb) = postgres("initdb") else {
        missing("initdb of PostgreSQL");
        return false;
    };
    site.run([&initdb, "-A", "trust", "-U", "ann", "-N", "--no-instructions", "-D", &site.at("data")]);
    let key = ["-keyout", "data/server.key", "-out", "data/server.crt", "-subj", "/CN=db.example.test"];
    let words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    site.run([&words[..], &key].concat());
    let from = "host all all all trust\n";
    site.write("data/pg_hba.conf", from, 0o600);
    true
}

fn serve(site: &Site, side: Side, address: &str) -> Server {
    let program = postgres("postgres").expect("it comes with initdb");
    let port = port::DATABASE.to_string();
    let settings = ["-c", "ssl=on", "-c", "fsync=off", "-c", "listen_addresses=*", "-c", "shared_buffers=16MB"];
    let data = site.at("data");
    let socket = site.at("");
    let words = [&[&*program, "-D", &data, "-p", &port, "-k", &socket][..], &settings].concat();
    site.serve(side, (address, port::DATABASE), words)
}

fn psql<'a>(connection: &'a str, sql: &'a str) -> [&'a str; 8] {
    ["psql", "-X", "-A", "-t", "-w", connection, "-c", sql]
}

#[test]
fn psql_works_with_a_database_in_the_clear_and_encrypted() {
    if !has(&["psql", "openssl"]) {
        return;
    }
    each_identity_in_a_lab_without(&[port::DATABASE], |sandbox, lab| {
        let site = Site::new(sandbox, lab);
        if !cluster(&site) {
            return;
        }
        let _server = serve(&site, Side::Internet, internet::WEB);
        for (mode, encrypted) in [("disable", "f"), ("require", "t")] {
            let connection = format!("host=db.example.test user=ann dbname=postgres sslmode={mode}");
            let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
            let ended = lab.is_the_same(sandbox, &DATABASE, &psql(&connection, sql));
            assert_eq!(ended.text(), encrypted);
            let table = "drop table if exists t; create table t(x int, y text); \
                         insert into t select i, repeat(md5(i::text), 100) from generate_series(1, 3000) i";
            lab.is_the_same(sandbox, &DATABASE, &psql(&connection, table));
            lab.is_the_same(sandbox, &DATABASE, &psql(&connection, "select * from t order by x"));
            // Rows go in over the same connection as they come out.
            let copy = format!(
                "psql -Xqw '{connection}' -c 'copy t to stdout' > made/all && \
                       psql -Xqw '{connection}' -c 'truncate t' -c '\\copy t from made/all' -c 'select count(*), sum(x) from t'"
            );
            lab.is_the_same(sandbox, &DATABASE, &["sh", "-c", &copy]);
            let wrong = psql(&connection, "select 1/0");
            assert_eq!(
                lab.outside(sandbox, wrong).expect(1).errors(),
                lab.run(sandbox, DATABASE.iter().chain(&["--"]).chain(&wrong)).expect(1).errors()
            );
        }
        let closed = lab.inside(
            sandbox,
            &["--allow-net", "db.example.test:5433/tcp"],
            &psql("host=db.example.test", "select 1"),
        );
        assert_eq!(
            closed.expect(2).reported()["network"]["blocked"][0]["allow_with"],
            "--allow-net db.example.test:5432/tcp"
        );
    });
}

#[test]
fn psql_reaches_a_database_on_the_hosts_loopback_only_where_its_port_is_open() {
    if !has(&["psql", "openssl"]) {
        return;
    }
    each_identity_in_a_lab_without(&[port::DATABASE], |sandbox, lab| {
        let site = Site::new(sandbox, lab);
        if !cluster(&site) {
            return;
        }
        let _server = serve(&site, Side::Host, "127.0.0.1");
        let connection = "host=127.0.0.1 user=ann dbname=postgres";
        let command = psql(connection, "select inet_server_addr(), 6*7");
        let open = ["--loopback", "127.0.0.1:5432"];
        assert_eq!(lab.is_the_same(sandbox, &open, &command).text(), "127.0.0.1|42");
        let named = psql("host=localhost user=ann dbname=postgres", "select 6*7");
        assert_eq!(lab.is_the_same(sandbox, &open, &named).text(), "42");
        for flags in [&[][..], &["--loopback", "127.0.0.1:5433"], &DATABASE] {
            let closed = lab.inside(sandbox, flags, &command);
            assert!(closed.expect(2).errors().contains("Connection refused"), "{closed}");
        }
    });
}

fn redis(site: &Site) -> Server {
    let port = REDIS.to_string();
    let bind = ["--bind", "0.0.0.0", "--port", &port, "--save", "", "--protected-mode", "no"];
    site.serve(Side::Internet, (internet::WEB, REDIS), [&["redis-server"][..], &bind].concat())
}

fn asks<'a>(host: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    [&["redis-cli", "-h", host], words].concat()
}

#[test]
fn redis_answers_by_name_and_by_an_address_of_an_open_network() {
    if !has(&["redis-server", "redis-cli"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = redis(&site);
        for (flag, host) in [("db.example.test:6379/tcp", "db.example.test"), ("10.1.2.0/24:6379/tcp", "10.1.2.3")] {
            let flags = ["--allow-net", flag];
            assert_eq!(lab.is_the_same(sandbox, &flags, &asks(host, &["ping"])).text(), "PONG");
            lab.is_the_same(sandbox, &flags, &asks(host, &["set", "key", "one two"]));
            assert_eq!(lab.is_the_same(sandbox, &flags, &asks(host, &["get", "key"])).text(), "one two");
            let bytes = noise(5_000_000);
            let outside =
                lab.launch_outside(sandbox, asks(host, &["-x", "set", "large"])).stdin(bytes.clone()).finish();
            outside.expect(0);
            let ended = lab.inside(sandbox, &flags, &asks(host, &["--raw", "get", "large"]));
            assert!(ended.expect(0).stdout.strip_suffix(b"\n") == Some(&bytes), "not what was put there");
            let ended = lab.inside(sandbox, &flags, &asks(host, &["eval", "return string.rep('x', 2000000)", "0"]));
            assert_eq!(ended.expect(0).text().len(), 2_000_000);
            let flow = &ended.reported()["network"]["flows"][0];
            assert_eq!(flow["rule"], flag);
        }
        let beside = lab.inside(sandbox, &["--allow-net", "10.1.2.4:6379/tcp"], &asks("10.1.2.3", &["ping"]));
        assert!(beside.expect(1).errors().contains("Connection refused"), "{beside}");
        let named = lab.inside(sandbox, &["--allow-net", "private.test:6379/tcp"], &asks("private.test", &["ping"]));
        assert_ne!(named.text(), "PONG", "a name does not open a private address");
        assert_eq!(lab.outside(sandbox, asks("private.test", &["ping"])).expect(0).text(), "PONG", "control");
    });
}

fn fetch(sandbox: &Sandbox, lab: &Lab, url: &str) -> Ended {
    lab.outside(sandbox, ["curl", "-sS", "--max-time", "10", url])
}

#[test]
fn a_server_inside_is_reached_at_its_published_port_from_the_host_alone() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        sandbox.write("page", noise(2_000_000));
        let server = [opaque_tests::PYTHON, "-m", "http.server", "8080"];
        let url = "http://127.0.0.1:8080/page";
        for (flags, published) in [(&["--publish", "8080"][..], true), (&[][..], false)] {
            let words = flags.iter().chain(&["--"]).chain(&server);
            let mut running = lab.launch(sandbox, words).patience(std::time::Duration::from_secs(60)).start();
            let reached = || fetch(sandbox, lab, url).code == Some(0);
            let bound = std::time::Duration::from_secs(if published { 10 } else { 2 });
            assert_eq!(eventually(bound, reached), published);
            if published {
                assert!(fetch(sandbox, lab, url).stdout == noise(2_000_000));
                for _ in 0..100 {
                    assert!(fetch(sandbox, lab, "http://127.0.0.1:8080/none").expect(0).text().contains("404"));
                }
                for host in [internet::HOST, internet::HOST6] {
                    if host == internet::HOST6 && !lab.has_ipv6() {
                        continue;
                    }
                    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                    // Not even another address of the host leads there, nor does the internet reach it.
                    fetch(sandbox, lab, &format!("http://{host}:8080/page")).expect(7);
                    let url = format!("http://{host}:8080/page");
                    assert_eq!(site.attempt(["curl", "-sS", "--max-time", "10", &url]).code, Some(7));
                }
            }
            running.signal(libc::SIGTERM);
            assert!(eventually(std::time::Duration::from_secs(10), || !running.is_alive()));
        }
        // The port is free again.
        let direct = server.map(str::to_owned);
        let mut twin = lab.launch_outside(sandbox, direct).patience(std::time::Duration::from_secs(60)).start();
        assert!(eventually(std::time::Duration::from_secs(10), || fetch(sandbox, lab, url).code == Some(0)));
        twin.signal(libc::SIGKILL);
        assert!(eventually(std::time::Duration::from_secs(10), || !twin.is_alive()));
    });
}
