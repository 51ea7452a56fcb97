//! Languages with network code of their own through the gate: Python, Node, Java, and a static program that asks the
//! resolver by itself. Nothing inside tells them of a proxy.

use opaque_tests::{Lab, PYTHON, Sandbox, each_identity_in_a_lab, has, internet, missing, noise};

const API: [&str; 2] = ["--allow-net", "api.example.test"];
const BOTH: [&str; 4] = ["--allow-net", "api.example.test", "--allow-net", "api.example.test:80"];

fn serve(lab: &Lab) {
    lab.serve("data", noise(3_000_000));
}

#[test]
fn pythons_library_fetches_posts_and_fails_as_outside() {
    each_identity_in_a_lab(|sandbox, lab| {
        serve(lab);
        let program = "import hashlib, ssl, urllib.request as u, urllib.error, http.client
context = ssl.create_default_context(cafile='ca.pem')
for scheme in 'https', 'http':
    reply = u.urlopen(scheme + '://api.example.test/data', context=context if scheme == 'https' else None, timeout=20)
    print(reply.status, hashlib.sha256(reply.read()).hexdigest())
body = b'x' * 500000
print(u.urlopen(u.Request('https://api.example.test/mirror', data=body), context=context).read() == body)
keeping = http.client.HTTPSConnection('api.example.test', context=context)
for _ in range(3):
    keeping.request('GET', '/bytes/10'); print(len(keeping.getresponse().read()))
try: u.urlopen('https://api.example.test/status/404', context=context)
except urllib.error.HTTPError as error: print(error.code)";
        sandbox.write("fetch.py", program);
        let ended = lab.is_the_same(sandbox, &BOTH, &[PYTHON, "fetch.py"]);
        assert_eq!(ended.text().lines().last(), Some("404"));
    });
}

#[test]
fn pythons_sockets_resolve_connect_and_tell_errors_apart() {
    each_identity_in_a_lab(|sandbox, lab| {
        let program = "import socket, sys
def attempt(what):
    try: return what()
    except OSError as error: return type(error).__name__
def exchange(family):
    s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(10)
    s.connect(socket.getaddrinfo('api.example.test', 7, family, socket.SOCK_STREAM)[0][4])
    s.sendall(b'ping'); s.shutdown(socket.SHUT_WR)
    return s.makefile('rb').read()
families = [socket.AF_INET] + ([socket.AF_INET6] if sys.argv[1] == 'six' else [])
for family in families: print(attempt(lambda: exchange(family)))
print(attempt(lambda: socket.getaddrinfo('unknown.test', 7)))
print(len({a[4][0] for a in socket.getaddrinfo('api.example.test', 7)}) == len(families))";
        sandbox.write("sockets.py", program);
        let families = if lab.has_ipv6() { "six" } else { "four" };
        let flags = ["--allow-net", "api.example.test:7/tcp"];
        let ended = lab.is_the_same(sandbox, &flags, &[PYTHON, "sockets.py", families]);
        assert!(ended.text().ends_with("gaierror\nTrue"), "{ended}");
    });
}

#[test]
fn pythons_asyncio_keeps_many_connections_at_once() {
    each_identity_in_a_lab(|sandbox, lab| {
        let program = "import asyncio, ssl
context = ssl.create_default_context(cafile='ca.pem')
async def exchange(number):
    reader, writer = await asyncio.open_connection('api.example.test', 7)
    message = b'%d ' % number * 1000
    writer.write(message); writer.write_eof()
    return await reader.read() == message
async def fetch(_):
    reader, writer = await asyncio.open_connection('api.example.test', 443, ssl=context)
    writer.write(b'GET /bytes/5000 HTTP/1.1\\r\\nHost: api.example.test\\r\\nConnection: close\\r\\n\\r\\n')
    return len(await reader.read()) > 5000
async def main():
    print(all(await asyncio.gather(*map(exchange, range(200)))), all(await asyncio.gather(*map(fetch, range(40)))))
asyncio.run(main())";
        sandbox.write("many.py", program);
        let flags = [&API[..], &["--allow-net", "api.example.test:7/tcp"]].concat();
        let ended = lab.is_the_same(sandbox, &flags, &[PYTHON, "many.py"]);
        assert_eq!(ended.text(), "True True");
        assert_eq!(ended.reported()["network"]["flows"].as_array().unwrap().len(), 240);
    });
}

#[test]
fn node_fetches_with_both_of_its_clients() {
    if !has(&["node"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        serve(lab);
        let program = "const https = require('https'), { createHash } = require('crypto'), fs = require('fs');
const hash = data => createHash('sha256').update(data).digest('hex');
const older = path => new Promise((done, fail) => https.get('https://api.example.test' + path, { ca: fs.readFileSync('ca.pem') }, reply => {
  const parts = []; reply.on('data', part => parts.push(part)); reply.on('end', () => done([reply.statusCode, hash(Buffer.concat(parts))]));
}).on('error', fail));
(async () => {
  console.log(...await older('/data'), ...await older('/status/404'));
  const reply = await fetch('https://api.example.test/data');
  console.log(reply.status, hash(Buffer.from(await reply.arrayBuffer())));
  const body = 'x'.repeat(300000);
  console.log(await (await fetch('http://api.example.test/mirror', { method: 'POST', body })).text() === body);
  console.log((await Promise.all([...Array(30)].map(() => fetch('https://api.example.test/bytes/9').then(r => r.text())))).every(t => t.length === 9));
  await fetch('https://unknown.test/').catch(error => console.log(error.cause.code));
})();";
        sandbox.write("fetch.js", program);
        let command = ["env", "NODE_EXTRA_CA_CERTS=ca.pem", "node", "fetch.js"];
        let ended = lab.is_the_same(sandbox, &BOTH, &command);
        assert!(ended.text().ends_with("true\ntrue\nENOTFOUND"), "{ended}");
    });
}

#[test]
fn node_is_refused_a_host_that_is_not_open() {
    if !has(&["node"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let program = "fetch('http://evil.test/echo').then(r => console.log(r.status), e => console.log(e.cause.code))";
        assert_eq!(lab.outside(sandbox, ["node", "-e", program]).expect(0).text(), "200");
        let ended = lab.inside(sandbox, &BOTH, &["node", "-e", program]);
        assert_eq!(ended.expect(0).text(), "ENOTFOUND");
        let address = program.replace("evil.test", internet::EVIL);
        assert_eq!(lab.outside(sandbox, ["node", "-e", &address]).expect(0).text(), "200");
        assert_eq!(lab.inside(sandbox, &BOTH, &["node", "-e", &address]).expect(0).text(), "ECONNREFUSED");
    });
}

const JAVA: &str = r#"import java.net.URI;
import java.net.http.*;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.*;
import java.security.*;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Fetch {
    public static void main(String[] words) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var in = Files.newInputStream(Path.of("ca.pem"))) {
            store.setCertificateEntry("lab", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        HttpClient client = HttpClient.newBuilder().sslContext(context).version(HttpClient.Version.valueOf(words[0])).build();
        for (String url : words[1].split(",")) {
            var reply = client.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofByteArray());
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(reply.body());
            System.out.println(reply.statusCode() + " " + reply.body().length + " " + java.util.HexFormat.of().formatHex(hash));
        }
        try {
            client.send(HttpRequest.newBuilder(URI.create("https://unknown.test/")).build(), BodyHandlers.ofString());
        } catch (java.io.IOException error) {
            System.out.println(error.getClass().getSimpleName());
        }
    }
}
"#;

fn java<'a>(version: &'a str, urls: &'a str) -> [&'a str; 7] {
    ["java", "-XX:TieredStopAtLevel=1", "-cp", ".", "Fetch", version, urls]
}

#[test]
fn javas_client_with_its_own_resolver_fetches() {
    if !has(&["java", "javac"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        serve(lab);
        sandbox.write("Fetch.java", JAVA);
        sandbox.outside(["javac", "-J-XX:TieredStopAtLevel=1", "Fetch.java"]).expect(0);
        let urls = "https://api.example.test/data,http://api.example.test/data";
        let ended = lab.is_the_same(sandbox, &BOTH, &java("HTTP_1_1", urls));
        assert!(ended.text().ends_with("ConnectException"), "{ended}");
        // As it is by default: over TLS it offers HTTP/2; without, it asks to leave HTTP/1, which takes a tunnel.
        let leaving = java("HTTP_2", urls);
        let flags = [&API[..], &["--allow-net", "api.example.test:80/tcp"]].concat();
        lab.is_the_same(sandbox, &flags, &leaving);
        let refused = lab.inside(sandbox, &BOTH, &leaving);
        assert_eq!(refused.text().lines().count(), 1, "only what went over TLS\n{refused}");
        assert!(refused.expect(1).errors().contains("the request asks for another protocol"), "{refused}");
    });
}

/// Asks the resolver of /etc/resolv.conf itself, connects, and prints what an HTTP server says.
const STATIC: &str = r#"#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char line[256], server[64] = "";
    FILE *file = fopen("/etc/resolv.conf", "r");
    while (file && fgets(line, sizeof line, file)) if (sscanf(line, "nameserver %63s", server) == 1) break;
    unsigned char query[300] = {7, 9, 1, 0, 0, 1}, reply[512];
    int end = 12;
    char name[200];
    snprintf(name, sizeof name, "%s", argv[1]);
    for (char *part = strtok(name, "."); part; part = strtok(NULL, ".")) {
        query[end++] = strlen(part);
        memcpy(query + end, part, strlen(part));
        end += strlen(part);
    }
    query[end] = 0; query[end + 2] = 1; query[end + 4] = 1; end += 5;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, server, &to.sin_addr);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    connect(udp, (void *)&to, sizeof to);
    send(udp, query, end, 0);
    int length = recv(udp, reply, sizeof reply, 0);
    if (length < end + 16 || reply[7] == 0) { printf("no address: %d\n", reply[3] & 15); return 3; }
    memcpy(&to.sin_addr, reply + end + 12, 4);
    to.sin_port = htons(80);
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(tcp, (void *)&to, sizeof to)) { perror("connect"); return 4; }
    dprintf(tcp, "GET /page HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[1]);
    for (char buffer[4096]; (length = read(tcp, buffer, sizeof buffer)) > 0;) write(1, buffer, length);
    return 0;
}
"#;

fn compiled(sandbox: &Sandbox) -> Option<String> {
    if !has(&["cc"]) {
        return None;
    }
    sandbox.write("fetch.c", STATIC);
    let ended = sandbox.outside(["cc", "-static", "-w", "-o", "fetch", "fetch.c"]);
    if ended.code != Some(0) {
        missing("a static C library");
        return None;
    }
    Some(sandbox.at("fetch"))
}

#[test]
fn a_static_program_with_a_resolver_of_its_own_fetches() {
    each_identity_in_a_lab(|sandbox, lab| {
        lab.serve("page", "a page\n");
        let Some(program) = compiled(sandbox) else { return };
        let flags = ["--allow-net", "api.example.test:80"];
        let ended = lab.is_the_same(sandbox, &flags, &[&program, "api.example.test"]);
        assert!(ended.text().ends_with("a page"), "{ended}");
        lab.outside(sandbox, [&program, "evil.test"]).expect(0);
        assert_eq!(lab.inside(sandbox, &flags, &[&program, "evil.test"]).expect(3).text(), "no address: 3");
    });
}
