//! The first bytes: what a connection says must fit the name it was opened for, request by request.

use std::time::Duration;

use opaque_tests::internet::{WEB, port};
use opaque_tests::{Denial, Lab, each_identity_in_a_lab};

const TLS: &[&str] = &["--allow-net", "api.example.test", "--allow-net", "www.example.test:4443/tls"];
const HTTP: &[&str] = &["--allow-net", "api.example.test:80"];

fn not_tls(row: String, why: &str) -> Denial {
    Denial::new(row, "ECONNRESET", format!("api.example.test:443 tcp: {why}"))
}

fn not_http(text: &str, why: &str) -> Denial {
    let record = format!("api.example.test:80 tcp: not HTTP as expected: {why}");
    Denial::new(format!("say api.example.test:80 {text}"), "ECONNRESET", record)
}

#[test]
fn a_hello_for_another_server_or_for_none_is_reset() {
    each_identity_in_a_lab(|sandbox, lab| {
        let hello = |rest: &str| format!("hello api.example.test:443 {rest}");
        let differs = |name: &str, rest: &str| {
            not_tls(hello(&format!("{name} {rest}")), &format!("TLS for another server, {name}"))
        };
        let rows = [
            differs("evil.test", "1 9999"),
            differs("example.test", "1 9999"),
            differs("www.example.test", "1 9999"),
            differs("api.example.test.evil.test", "1 9999"),
            differs("evil.test", "1 9999 ech"),
            differs("evil.test", "4 7"),
            not_tls(hello("- 1 9999"), "TLS without a server name"),
            not_tls(hello("- 1 9999 ech"), "TLS without a server name"),
            not_tls(
                hello("25.1.0.11 1 9999"),
                "not TLS as expected: the server name in the client hello is not one host name",
            )
            .without_twin("no server takes an address for a name"),
        ];
        lab.denies(sandbox, TLS, &rows);
    });
}

#[test]
fn plain_text_where_tls_is_expected_is_reset() {
    each_identity_in_a_lab(|sandbox, lab| {
        let why = "not TLS as expected: it does not begin with a TLS handshake record";
        let texts = [
            "GET\\s/\\sHTTP/1.1\\r\\nHost:\\sapi.example.test\\r\\n\\r\\n",
            "SSH-2.0-probe\\r\\n",
            "\\x15\\x03\\x01\\x00\\x02\\x01\\x00",
        ];
        let text = |text: &str| {
            not_tls(format!("say api.example.test:443 {text}"), why).without_twin("a TLS server says nothing to it")
        };
        lab.denies(sandbox, TLS, &texts.map(text));
    });
}

#[test]
fn a_hello_in_many_pieces_and_records_passes_whole() {
    each_identity_in_a_lab(|sandbox, lab| {
        let ways = ["1 9999", "1 1", "1 3", "5 9999", "5 2", "1 9999 ech"];
        let rows = ways.map(|way| format!("hello api.example.test:443 api.example.test {way}"));
        lab.attempt(sandbox, TLS, &rows).all_done();
        let connections = lab.connections();
        assert_eq!(connections.len(), ways.len());
        assert!(connections.iter().all(|known| known.sni.as_deref() == Some("api.example.test")), "{connections:?}");
    });
}

#[test]
fn a_hello_that_does_not_come_to_its_end_is_ended() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = ["hello-slowly api.example.test:443 api.example.test 20"];
        let attempted = lab.attempt(sandbox, TLS, &rows);
        let attempt = &attempted.rows[0];
        assert!(["refused ECONNRESET", "refused EPIPE"].contains(&&*attempt.outcome), "{attempt:?}");
        assert!((9..14).contains(&attempt.elapsed.as_secs()), "{attempt:?}");
        assert_eq!(attempted.blocked(), ["api.example.test:443 tcp: nothing was sent in time"]);
        assert_eq!((lab.after_a_twin(sandbox).1, lab.connections()), (0, vec![]));
        // The twin: a server of the internet has more patience.
        let twin = lab.attempt_outside(sandbox, &["hello-slowly api.example.test:443 api.example.test 2"]);
        assert_eq!(twin.all_done(), ["still open"]);
    });
}

const GET: &str = "GET\\s/echo\\sHTTP/1.1\\r\\nHost:\\sapi.example.test\\r\\n\\r\\n";

/// Requests that differ from [`GET`] in what a server might take for another host, another length, another protocol.
fn requests() -> Vec<Denial> {
    let host = "Host:\\sapi.example.test";
    let get = |lines: &str| format!("GET\\s/echo\\sHTTP/1.1\\r\\n{lines}\\r\\n\\r\\n");
    let other = "the request is for another host";
    let length = "the length of the request's body is unclear";
    let both = format!(
        "POST\\s/echo\\sHTTP/1.1\\r\\n{host}\\r\\nContent-Length:\\s5\\r\\nTransfer-Encoding:\\schunked\\r\\n\\r\\n0\\r\\n\\r\\n"
    );
    let smuggled = format!("{host}\\r\\nX:\\sa\\nHost:\\sevil.test");
    let rows = [
        (get("Host:\\sevil.test"), other),
        (get("Host:\\sapi.example.test:8080"), other),
        (get("Host:\\sapi.example.test.evil.test"), other),
        (get("X:\\sy"), "the request names no host, or more than one"),
        (get(&format!("{host}\\r\\nHost:\\sevil.test")), "the request names no host, or more than one"),
        (format!("GET\\shttp://evil.test/echo\\sHTTP/1.1\\r\\n{host}\\r\\n\\r\\n"), other),
        (
            format!("CONNECT\\sevil.test:443\\sHTTP/1.1\\r\\n{host}\\r\\n\\r\\n"),
            "the request asks for another protocol",
        ),
        (
            get(&format!("{host}\\r\\nConnection:\\supgrade\\r\\nUpgrade:\\secho")),
            "the request asks for another protocol",
        ),
        (both, length),
        (get(&smuggled), "a line of the request has a stray CR, LF or NUL"),
        (format!("GET\\s/echo\\sHTTP/1.1\\n{host}\\n\\n"), "a line of the request has a stray CR, LF or NUL"),
        ("PRI\\s*\\sHTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n".to_owned(), "the request asks for another protocol"),
        ("\\x16\\x03\\x01\\x00\\x02ab".to_owned(), "it is not a request of HTTP/1"),
    ];
    rows.iter().map(|(text, why)| not_http(text, why)).collect()
}

#[test]
fn a_request_for_another_host_or_in_two_senses_is_reset() {
    each_identity_in_a_lab(|sandbox, lab| {
        let forgiving = ["CL", "PRI", "\\x16", "1.1\\nHost"];
        let is_taken = |row: &Denial| !forgiving.iter().any(|text| row.row.contains(text));
        let rows = requests().into_iter();
        let rows: Vec<Denial> = rows
            .map(|row| if is_taken(&row) { row } else { row.without_twin("this server does not take it") })
            .collect();
        lab.denies(sandbox, HTTP, &rows);
        lab.attempt(sandbox, HTTP, &[format!("say api.example.test:80 {GET}")]).all_done();
    });
}

#[test]
fn a_later_request_on_the_same_connection_is_judged_like_the_first() {
    each_identity_in_a_lab(|sandbox, lab| {
        let evil = GET.replace("api.example.test", "evil.test");
        let rows = [
            format!("say api.example.test:80 {GET} {GET}"),
            format!("say api.example.test:80 {GET} {evil}"),
            format!("say api.example.test:80 {GET} {GET} {evil}"),
        ];
        let attempted = lab.attempt(sandbox, HTTP, &rows);
        let came: Vec<bool> = attempted.rows.iter().map(|attempt| attempt.outcome == "refused ECONNRESET").collect();
        assert_eq!(came, [false, true, true], "{:?}", attempted.rows);
        assert_eq!(
            attempted.blocked(),
            ["api.example.test:80 tcp: not HTTP as expected: the request is for another host"]
        );
        only_ours_arrived(lab, 5);
        // The twin: the server itself takes them.
        lab.attempt_outside(sandbox, &rows).all_done();
        assert!(hosts(lab).contains(&"evil.test".to_owned()));
    });
}

#[test]
fn a_pipelined_request_for_another_host_does_not_pass() {
    each_identity_in_a_lab(|sandbox, lab| {
        let evil = GET.replace("api.example.test", "evil.test");
        let body = format!(
            "POST\\s/echo\\sHTTP/1.1\\r\\nHost:\\sapi.example.test\\r\\nContent-Length:\\s4\\r\\n\\r\\nbody{evil}"
        );
        let chunked =
            "POST\\s/echo\\sHTTP/1.1\\r\\nHost:\\sapi.example.test\\r\\nTransfer-Encoding:\\schunked\\r\\n\\r\\n";
        let chunked = format!("{chunked}4\\r\\nbody\\r\\n0\\r\\n\\r\\n{evil}");
        let texts = [format!("{GET}{evil}"), format!("{GET}{GET}{evil}"), body, chunked];
        let rows: Vec<String> = texts.iter().map(|text| format!("say-all api.example.test:80 {text}")).collect();
        let attempted = lab.attempt(sandbox, HTTP, &rows);
        assert!(attempted.rows.iter().all(|attempt| attempt.outcome == "refused ECONNRESET"), "{:?}", attempted.rows);
        assert_eq!(
            attempted.blocked(),
            ["api.example.test:80 tcp: not HTTP as expected: the request is for another host"]
        );
        let counted = &attempted.ended.reported()["network"]["blocked"][0]["count"];
        assert_eq!(*counted, serde_json::json!(texts.len()));
        assert!(!hosts(lab).contains(&"evil.test".to_owned()), "{:?}", hosts(lab));
        lab.attempt_outside(sandbox, &rows).all_done();
        assert!(opaque_tests::eventually(Duration::from_secs(5), || hosts(lab).contains(&"evil.test".to_owned())));
    });
}

fn hosts(lab: &Lab) -> Vec<String> {
    lab.connections().iter().flat_map(|known| known.requests.clone()).filter_map(|request| request.host).collect()
}

fn only_ours_arrived(lab: &Lab, count: usize) {
    let hosts = hosts(lab);
    assert_eq!(hosts, vec!["api.example.test"; count]);
}

#[test]
fn a_request_to_an_address_names_that_address() {
    each_identity_in_a_lab(|sandbox, lab| {
        let grant = format!("{WEB}/32:80/http");
        let request = |host: &str| format!("say {WEB}:80 {}", GET.replace("api.example.test", host));
        let why = format!("{WEB}:80 tcp: not HTTP as expected: the request is for another host");
        let options = ["--allow-net", grant.as_str()];
        lab.denies(sandbox, &options, &[Denial::new(request("evil.test"), "ECONNRESET", why)]);
        lab.attempt(sandbox, &options, &[request(WEB)]).all_done();
        assert_eq!(lab.connections().last().unwrap().local.port(), port::HTTP);
    });
}
