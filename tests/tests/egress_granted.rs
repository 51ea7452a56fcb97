//! What is granted works, and what stands beside a grant stays closed: the controls of every refusal.

use std::time::Duration;

use opaque_tests::internet::{HOST, HOST6, WEB, WEB6, port};
use opaque_tests::{Attempted, Lab, Running, Sandbox, Side, each_identity_in_a_lab};

#[test]
fn granted_names_wildcards_and_blocks_are_reached_over_both_families() {
    each_identity_in_a_lab(|sandbox, lab| {
        let six = format!("[{WEB6}/128]:7/tcp");
        let mut options =
            vec!["--allow-net", "v6only.test:7/tcp", "--allow-net", "*.example.test:7/tcp", "--allow-net"];
        options.extend(["25.1.0.0/28:5432/tcp", "--allow-net", "cname.test:7/tcp"]);
        let mut rows = vec!["db.example.test:7".to_owned(), "cname.test:7".to_owned(), format!("{WEB}:5432")];
        if lab.has_ipv6() {
            options.extend(["--allow-net", &six]);
            rows.extend([format!("[{WEB6}]:7"), "v6only.test:7".to_owned()]);
        }
        let rows: Vec<String> = rows.iter().map(|target| format!("say {target} ping")).collect();
        let attempted = lab.attempt(sandbox, &options, &rows);
        assert!(attempted.all_done().iter().all(|answer| answer == "ping"));
        assert_eq!(attempted.blocked(), [""; 0]);
        assert!(lab.connections().iter().all(|known| known.side == Side::Internet));
    });
}

#[test]
fn the_hosts_loopback_is_reached_at_the_granted_port_over_both_families() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mut options = vec!["--loopback", "127.0.0.1:5432"];
        let mut rows = vec!["say 127.0.0.1:5432 ping"];
        if lab.has_ipv6() {
            options.extend(["--loopback", "[::1]:7"]);
            rows.push("say [::1]:7 ping");
        }
        assert!(lab.attempt(sandbox, &options, &rows).all_done().iter().all(|answer| answer == "ping"));
        assert!(lab.connections().iter().all(|known| known.side == Side::Host));
        assert_eq!(lab.connections().len(), rows.len());
        assert_eq!(port::DATABASE, 5432);
    });
}

/// A server inside, published at a port.
fn published(sandbox: &Sandbox, lab: &Lab, port: u16, address: &str) -> Running {
    let text = port.to_string();
    let row = format!("serve-echo {address}:{port}");
    let mut running = lab.launch_attempts(sandbox, &["--publish", &text], &[row]).start();
    running.wait_for("ready");
    running
}

#[test]
fn a_published_port_is_reached_from_the_hosts_loopback_and_from_nowhere_else() {
    each_identity_in_a_lab(|sandbox, lab| {
        let running = published(sandbox, lab, 18_080, "127.0.0.1");
        let mut rows = vec![
            "say 127.0.0.1:18080 ping".to_owned(),
            format!("say {HOST}:18080 ping"),
            "say 127.0.0.2:18080 ping".to_owned(),
        ];
        if lab.has_ipv6() {
            rows.extend(["say [::1]:18080 ping".to_owned(), format!("say [{HOST6}]:18080 ping")]);
        }
        let attempted = lab.attempt_outside(sandbox, &rows);
        let outcomes: Vec<&str> = attempted.rows.iter().map(|attempt| &*attempt.outcome).collect();
        assert_eq!(outcomes[0], "done ping");
        assert!(outcomes[1..].iter().all(|outcome| *outcome == "refused ECONNREFUSED"), "{outcomes:?}");
        end(running);
        let after = lab.attempt_outside(sandbox, &rows[..1]);
        assert_eq!(after.rows[0].outcome, "refused ECONNREFUSED", "the port is free again");
    });
}

#[test]
fn a_published_port_serves_one_after_the_other_and_many_at_once() {
    each_identity_in_a_lab(|sandbox, lab| {
        let running = published(sandbox, lab, 18_081, "0.0.0.0");
        let rows = vec!["say 127.0.0.1:18081 ping"; 100];
        assert!(lab.attempt_outside(sandbox, &rows).all_done().iter().all(|answer| answer == "ping"));
        let crowd = || lab.attempt_outside(sandbox, &["crowd 127.0.0.1:18081 64"]).rows[0].outcome.clone();
        // Sockets of earlier connections come back when their ends have.
        assert!(opaque_tests::eventually(Duration::from_secs(5), || crowd() == "done 64"), "{}", crowd());
        end(running);
    });
}

fn end(running: Running) {
    running.signal(libc::SIGTERM);
    let ended = running.wait();
    assert_ne!(ended.code, Some(0), "it was ended\n{ended}");
}

#[test]
fn a_published_port_that_is_in_use_stops_the_run_with_its_number() {
    each_identity_in_a_lab(|sandbox, lab| {
        let ended = lab.run(sandbox, ["--publish", "5432", "--", "true"]);
        ended.expect(125).noting("5432");
        lab.run(sandbox, ["--publish", "5433", "--", "true"]).expect(0);
    });
}

#[test]
fn a_program_that_publishes_gets_no_way_out_by_it() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = ["say 25.1.0.10:7 ping", "lookup api.example.test", "say 127.0.0.1:5432 ping", "udp 25.1.0.10:7000"];
        let before = lab.after_a_twin(sandbox);
        let attempted: Attempted = lab.attempt(sandbox, &["--publish", "18082"], &rows);
        assert!(attempted.rows.iter().all(|attempt| attempt.outcome.starts_with("refused")), "{:?}", attempted.rows);
        assert_eq!(lab.after_a_twin(sandbox), before, "something left");
        lab.attempt_outside(sandbox, &rows).all_done();
    });
}
