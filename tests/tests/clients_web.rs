//! curl and wget through the gate, without any setting of ours: what they fetch and send is the same inside as outside.

use opaque_tests::internet::{self, port};
use opaque_tests::{Ended, Lab, Sandbox, each_identity_in_a_lab, has, missing, noise};

const API: [&str; 2] = ["--allow-net", "api.example.test"];
const LARGE: usize = 100 << 20;
const POSTED: usize = 20 << 20;

/// curl with the lab's authority, and these arguments.
fn curl<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["curl", "-sS", "--max-time", "60", "--cacert", "ca.pem"];
    words.extend_from_slice(arguments);
    words
}

fn blocked(ended: &Ended) -> Vec<String> {
    let blocked = ended.reported()["network"]["blocked"].as_array().unwrap();
    blocked.iter().map(|entry| entry["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The addresses of the internet at which connections arrived.
fn reached(lab: &Lab) -> Vec<String> {
    lab.connections().iter().map(|connection| connection.local.ip().to_string()).collect()
}

fn versions(lab: &Lab) -> Vec<(&'static str, &'static str)> {
    let both = [("-4", internet::WEB), ("-6", internet::WEB6)];
    both.into_iter().filter(|(version, _)| *version == "-4" || lab.has_ipv6()).collect()
}

#[test]
fn curl_fetches_over_tls_with_either_kind_of_address_and_with_both() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("page.txt", "a page");
        for version in versions(lab).iter().map(|(version, _)| Some(*version)).chain([None]) {
            let options: Vec<&str> = version.into_iter().chain(["--http1.1"]).collect();
            let said = ["-w", "|%{http_code} %{http_version} %{ssl_verify_result}"];
            let words = [&options[..], &said, &["https://api.example.test/page.txt"]].concat();
            let ended = lab.is_the_same(sandbox, &API, &curl(&words));
            assert_eq!(ended.text(), "a page|200 1.1 0");
            let flow = &ended.reported()["network"]["flows"][0];
            assert_eq!(
                (&flow["name"], &flow["rule"]),
                (&"api.example.test".into(), &"api.example.test:443/tls".into())
            );
        }
        assert!(lab.connections().iter().all(|known| known.sni.as_deref() == Some("api.example.test")));
    });
}

#[test]
fn curl_speaks_the_second_version_of_http() {
    if !has(&["curl", "nginx"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        if !lab.has_http2() {
            return missing("nginx");
        }
        lab.serve("large", noise(4 << 20));
        let host = format!("api.example.test:{}", port::HTTP2);
        let flags = ["--allow-net", &format!("{host}/tls")];
        for (version, _) in versions(lab) {
            let ended = lab.is_the_same(sandbox, &flags, &curl(&[version, "--http2", &format!("https://{host}/")]));
            assert_eq!(ended.text(), "HTTP/2.0 api.example.test");
        }
        let url = format!("https://{host}/files/large");
        // Several streams of one connection.
        let many = ["--http2", "-Z", "-w", "%{http_version}\n", "-o", "made/one", &url, "-o", "made/two", &url];
        let ended = lab.is_the_same(sandbox, &flags, &curl(&many));
        assert_eq!(ended.text(), "2\n2");
    });
}

#[test]
fn a_redirect_to_a_host_that_is_not_open_leads_nowhere() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let command = curl(&["-L", "-o", "made/page", "https://api.example.test/redirect/https://evil.test/echo"]);
        let ended = lab.inside(sandbox, &API, &command);
        assert!(ended.expect(6).errors().contains("Could not resolve host: evil.test"), "{ended}");
        assert_eq!(blocked(&ended), ["evil.test"]);
        assert!(reached(lab).iter().all(|address| *address != internet::EVIL && *address != internet::EVIL6));
        assert_eq!(lab.queries_for("evil.test"), 0, "nobody outside was asked");
        ended.noting("--allow-net evil.test");
        // With that flag, and outside, it leads there.
        let flags = [&API[..], &["--allow-net", "evil.test"]].concat();
        lab.is_the_same(sandbox, &flags, &curl(&["-L", "-w", "%{http_code}", "-o", "/dev/null", command[9]]));
        assert!(reached(lab).iter().any(|address| *address == internet::EVIL || *address == internet::EVIL6));
    });
}

#[test]
fn twenty_megabytes_are_posted_and_come_back() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let sent = noise(POSTED);
        sandbox.write("sent", &sent);
        for (flags, url) in [
            (["--allow-net", "api.example.test"], "https://api.example.test/mirror"),
            (["--allow-net", "api.example.test:80"], "http://api.example.test/mirror"),
        ] {
            lab.is_the_same(sandbox, &flags, &curl(&["--data-binary", "@sent", "-o", "made/back", url]));
            assert!(std::fs::read(sandbox.project().join("made/back")).unwrap() == sent, "{url}");
        }
        let url = "http://api.example.test/mirror";
        let chunked = ["-T", "sent", "-H", "Transfer-Encoding: chunked", "-o", "made/back", url];
        let ended = lab.is_the_same(sandbox, &["--allow-net", "api.example.test:80"], &curl(&chunked));
        let flow = &ended.reported()["network"]["flows"][0];
        assert!(flow["sent"].as_u64().unwrap() > POSTED as u64, "{flow}");
        assert!(flow["received"].as_u64().unwrap() > POSTED as u64, "{flow}");
    });
}

#[test]
fn a_hundred_megabytes_are_fetched_byte_for_byte() {
    if !has(&["curl", "sha256sum"]) {
        return;
    }
    let content = noise(LARGE);
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("large", &content);
        let script = "curl -sS --cacert ca.pem https://api.example.test/large | sha256sum";
        let encrypted = lab.is_the_same(sandbox, &API, &["sh", "-c", script]);
        let script = script.replace("--cacert ca.pem https", "http");
        let plain = lab.is_the_same(sandbox, &["--allow-net", "api.example.test:80"], &["sh", "-c", &script]);
        assert_eq!(encrypted.text(), plain.text());
        let direct = sandbox.launch_outside(["sha256sum", "-"]).stdin(content.clone()).finish();
        assert_eq!(encrypted.text(), direct.expect(0).text());
    });
}

#[test]
fn several_requests_go_over_one_connection() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        for (flag, url) in [
            ("api.example.test", "https://api.example.test/bytes/70000"),
            ("api.example.test:80", "http://api.example.test/bytes/70000"),
        ] {
            let said = ["-o", "/dev/null", "-w", "%{num_connects}\n"];
            let words = curl(&[&said[..], &[url], &said, &[url], &["--head"], &said, &[url]].concat());
            let ended = lab.is_the_same(sandbox, &["--allow-net", flag], &words);
            assert_eq!(ended.text(), "1\n0\n0");
            let asked = lab.connections().last().unwrap().requests.len();
            assert_eq!(asked, 3);
        }
    });
}

#[test]
fn wget_fetches_a_page_and_what_it_links_to() {
    if !has(&["wget"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("site/index.html", "<a href=one.html>1</a> <a href=two.html>2</a> <a href=https://evil.test/>3</a>");
        lab.serve("site/one.html", noise(300_000));
        lab.serve("site/two.html", "two");
        let tree = ["-r", "-l", "1", "-nH", "--no-parent", "-P", "made"];
        let page = |url| [&["wget", "-q", "--tries=1", "--ca-certificate=ca.pem"], &tree[..], &[url]].concat();
        lab.is_the_same(sandbox, &API, &page("https://api.example.test/site/index.html"));
        let flags = ["--allow-net", "api.example.test:80"];
        lab.is_the_same(sandbox, &flags, &page("http://api.example.test/site/index.html"));
        assert!(sandbox.project().join("made/site/two.html").exists());
        let closed = lab.inside(sandbox, &API, &["wget", "-q", "--tries=1", "https://evil.test/"]);
        assert_eq!(closed.expect(4).text(), "");
    });
}

#[test]
fn a_client_gets_the_answers_of_a_server_that_it_does_not_believe() {
    if !has(&["curl"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox: &Sandbox, lab| {
        let doubting = ["curl", "-sS", "https://api.example.test/echo"];
        lab.outside(sandbox, doubting).expect(60);
        lab.inside(sandbox, &API, &doubting).expect(60);
        let failing = curl(&["-f", "https://api.example.test/status/503"]);
        lab.outside(sandbox, &failing).expect(22);
        lab.inside(sandbox, &API, &failing).expect(22);
    });
}
