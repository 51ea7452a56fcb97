//! git and ssh through the gate: a real `sshd` in the lab's internet, a repository over HTTPS, and nothing set for us.

use opaque_tests::internet::{self, port};
use opaque_tests::{
    Ended, Lab, PYTHON, Sandbox, Server, Side, Site, each_identity_in_a_lab, each_identity_in_a_lab_without, has,
    program,
};

const GIT: [&str; 2] = ["--allow-net", "git.example.test:22/tcp"];
const URL: &str = "ssh://git@git.example.test/x.git";

/// The settings of a person who commits, and of ssh, which asks nobody.
fn settle(sandbox: &Sandbox, site: &Site) {
    let file = sandbox.home().join(".gitconfig");
    sandbox.write(file, "[user]\n\tname = Ann\n\temail = ann@service.example\n[init]\n\tdefaultBranch = main\n");
    let keys = sandbox.home().join(".ssh");
    for name in ["id_ed25519", "id_ed25519.pub"] {
        let key = std::fs::read(site.directory().join(name)).unwrap();
        sandbox.script(keys.join(name), key);
    }
    let host = std::fs::read_to_string(site.directory().join("host.pub")).unwrap();
    sandbox.write(keys.join("known_hosts"), format!("git.example.test {host}"));
    sandbox.outside(["chmod", "600", &keys.join("id_ed25519").display().to_string()]).expect(0);
    sandbox.outside(["chmod", "700", &keys.display().to_string()]).expect(0);
}

/// `sshd` with keys of its own, and the repository `/x.git` of one commit behind it.
fn serve(site: &Site) -> Server {
    let shell = format!("#!/bin/sh\n# `-c COMMAND`; the repositories are its root.\ncd {0}\n", site.at(""));
    site.write("shell", shell + "exec sh -c \"$(printf %s \"$2\" | sed \"s#'/#'./#\")\"\n", 0o755);
    for name in ["host", "id_ed25519"] {
        site.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &site.at(name)]);
    }
    let key = std::fs::read(site.directory().join("id_ed25519.pub")).unwrap();
    site.write("authorized_keys", key, 0o600);
    let settings = [
        "Port 22".to_owned(),
        format!("HostKey {}", site.at("host")),
        format!("AuthorizedKeysFile {}", site.at("authorized_keys")),
        format!("PidFile {}", site.at("pid")),
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPrintMotd no\n".into(),
    ];
    site.write("sshd_config", settings.join("\n"), 0o600);
    origin(site);
    let program = program("sshd").unwrap_or("/usr/sbin/sshd".into()).display().to_string();
    site.serve(Side::Internet, (internet::WEB, 22), [&program, "-D", "-e", "-f", &site.at("sshd_config")])
}

/// A bare repository with two commits.
fn origin(site: &Site) {
    let script = "git init -q -b main work && cd work && git config user.name Bob && git config user.email bob@service.example && \
                  echo one > file && git add file && git commit -q -m one && head -c 3000000 /dev/urandom > noise && \
                  git add . && git commit -q -m two && \
                  cd .. && git clone -q --bare work x.git && git -C x.git update-server-info";
    site.run(["sh", "-c", script]);
}

fn ssh_is_there() -> bool {
    has(&["git", "ssh", "ssh-keygen", "sshd"])
}

/// The flags of a run that may use the person's keys.
fn with_keys(sandbox: &Sandbox) -> [String; 4] {
    let keys = sandbox.home().join(".ssh").display().to_string();
    ["--allow-net".into(), GIT[1].into(), "--read".into(), keys]
}

fn inside(sandbox: &Sandbox, lab: &Lab, command: &[&str]) -> Ended {
    let flags = with_keys(sandbox);
    lab.inside(sandbox, &flags.each_ref().map(String::as_str), command)
}

#[test]
fn git_clones_fetches_and_pushes_over_ssh() {
    if !ssh_is_there() {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = serve(&site);
        settle(sandbox, &site);
        lab.outside(sandbox, ["git", "clone", "-q", URL, "made/outside"]).expect(0);
        inside(sandbox, lab, &["git", "clone", "-q", URL, "made/inside"]).expect(0);
        let same =
            "cd made && diff -r -x .git outside inside && git -C inside fsck --strict && git -C inside log --format=%s";
        assert_eq!(sandbox.shell_outside(same).expect(0).text(), "two\none");
        // Somebody else pushes, and what the run fetches is theirs; what it pushes arrives.
        let change = "cd made/outside && echo three > file && git commit -q -a -m three && git push -q";
        lab.outside(sandbox, ["sh", "-c", change]).expect(0);
        let script = "cd made/inside && git fetch -q && git merge -q --ff-only origin/main && echo four > file && \
                      git commit -q -a -m four && git push -q origin HEAD:main && git log --format=%s";
        let ended = inside(sandbox, lab, &["sh", "-c", script]);
        assert_eq!(ended.expect(0).text(), "four\nthree\ntwo\none");
        let flows = ended.reported()["network"]["flows"].as_array().unwrap().len();
        assert_eq!(flows, 2, "one to fetch, one to push\n{ended}");
        let pushed = site.run(["git", "-C", "x.git", "log", "--format=%s %ae", "-1"]);
        assert_eq!(pushed.text(), "four ann@service.example");
    });
}

#[test]
fn ssh_runs_a_command_there_and_its_exit_code_comes_back() {
    if !ssh_is_there() {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = serve(&site);
        settle(sandbox, &site);
        for (script, code) in [("true", 0), ("false", 1), ("exit 37", 37), ("echo said; echo told >&2", 0)] {
            let command = ["ssh", "git.example.test", script];
            let outside = lab.outside(sandbox, command);
            let inside = inside(sandbox, lab, &command);
            assert_eq!(outside.expect(code).stdout, inside.expect(code).stdout);
            assert!(inside.errors().contains("told") == outside.errors().contains("told"), "{inside}");
        }
        // Bytes both ways, and the end of input.
        let sent = opaque_tests::noise(3_000_000);
        let flags = with_keys(sandbox);
        let words = flags.iter().map(String::as_str).chain(["--", "ssh", "git.example.test", "cat"]);
        let ended = lab.launch(sandbox, words).stdin(sent.clone()).finish();
        assert!(ended.expect(0).stdout == sent, "{ended}");
    });
}

#[test]
fn ssh_to_a_host_or_port_that_is_not_open_fails_as_it_would_without_a_network() {
    if !ssh_is_there() {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        let _server = serve(&site);
        settle(sandbox, &site);
        let known = sandbox.home().join(".ssh/known_hosts");
        let host = std::fs::read_to_string(&known).unwrap().replace("git.example.test", "other.test");
        std::fs::write(&known, std::fs::read_to_string(&known).unwrap() + &host).unwrap();
        let command = ["ssh", "git@other.test", "echo", "reached"];
        assert_eq!(lab.outside(sandbox, command).expect(0).text(), "reached");
        let ended = inside(sandbox, lab, &command);
        assert!(ended.expect(255).errors().contains("Could not resolve hostname other.test"), "{ended}");
        let flags = ["--allow-net", "git.example.test:2222/tcp"];
        let ended = lab.inside(sandbox, &flags, &["ssh", "-o", "BatchMode=yes", "git.example.test", "true"]);
        ended.expect(255);
        assert_eq!(ended.reported()["network"]["blocked"][0]["allow_with"], "--allow-net git.example.test:22/tcp");
        let ended = lab.inside(sandbox, &GIT, &["git", "clone", "-q", "ssh://git@other.test/x.git", "made/x"]);
        assert!(ended.expect(128).errors().contains("Could not resolve hostname other.test"), "{ended}");
    });
}

#[test]
fn git_clones_and_fetches_over_https() {
    if !has(&["git"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        let site = Site::new(sandbox, lab);
        origin(&site);
        publish(lab, &site);
        let certificate = ["-c", "http.sslCAInfo=ca.pem"];
        let clone =
            |place| [&["git"][..], &certificate, &["clone", "-q", "https://git.example.test/x.git", place]].concat();
        let ca = lab.ca().display().to_string();
        lab.outside(
            sandbox,
            [
                "git",
                "-c",
                &format!("http.sslCAInfo={ca}"),
                "clone",
                "-q",
                "https://git.example.test/x.git",
                "made/outside",
            ],
        )
        .expect(0);
        let ended = lab.inside(sandbox, &["--allow-net", "git.example.test"], &clone("made/inside"));
        ended.expect(0);
        let same = "cd made && diff -r -x .git outside inside && git -C inside fsck --strict";
        sandbox.shell_outside(same).expect(0);
        site.run(["sh", "-c", "cd work && echo five > file && git commit -q -a -m five && git push -q ../x.git main && git -C ../x.git update-server-info"]);
        publish(lab, &site);
        let script =
            "cd made/inside && git -c http.sslCAInfo=../../ca.pem fetch -q && git log -1 --format=%s origin/main";
        let ended = lab.inside(sandbox, &["--allow-net", "git.example.test"], &["sh", "-c", script]);
        assert_eq!(ended.expect(0).text(), "five");
        let closed = lab.inside(sandbox, &["--allow-net", "api.example.test"], &clone("made/closed"));
        assert!(closed.expect(128).errors().contains("Could not resolve host: git.example.test"), "{closed}");
    });
}

/// Serves the repositories with git's own program over HTTP, in both directions.
const SMART: &str = r#"import http.server, os, subprocess
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length', 0)))
        parts = []
        while size := int(self.rfile.readline(), 16): parts.append(self.rfile.read(size)); self.rfile.readline()
        self.rfile.readline()
        return b''.join(parts)
    def answer(self):
        path, _, query = self.path.partition('?')
        body = self.body()
        env = dict(os.environ, GIT_PROJECT_ROOT=os.getcwd(), GIT_HTTP_EXPORT_ALL='1', REMOTE_USER='ann', REQUEST_METHOD=self.command,
                   PATH_INFO=path, QUERY_STRING=query, CONTENT_LENGTH=str(len(body)), CONTENT_TYPE=self.headers.get('Content-Type', ''),
                   HTTP_CONTENT_ENCODING=self.headers.get('Content-Encoding', ''))
        head, _, content = subprocess.run(['git', 'http-backend'], input=body, env=env, stdout=subprocess.PIPE).stdout.partition(b'\r\n\r\n')
        fields = dict(line.split(': ', 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop('Status', '200').split()[0]))
        for name, value in fields.items(): self.send_header(name, value)
        self.send_header('Content-Length', str(len(content))); self.end_headers(); self.wfile.write(content)
    do_GET = do_POST = answer
http.server.ThreadingHTTPServer(('0.0.0.0', 80), Handler).serve_forever()"#;

#[test]
fn git_clones_and_pushes_over_http_with_a_server_that_takes_both() {
    if !has(&["git"]) {
        return;
    }
    each_identity_in_a_lab_without(&[port::HTTP], |sandbox, lab| {
        let site = Site::new(sandbox, lab);
        origin(&site);
        let _server = site.serve(Side::Internet, (internet::WEB, port::HTTP), [PYTHON, "-c", SMART]);
        let person = "-c user.name=Ann -c user.email=ann@service.example";
        let script = |place: &str| {
            format!(
                "git clone -q http://git.example.test/x.git made/{place} && cd made/{place} && head -c 3000000 /dev/urandom > more && \
                 git add more && git {person} commit -q -m {place} && git push -q origin HEAD:main && git log --format=%s"
            )
        };
        let ended = lab.outside(sandbox, ["sh", "-ec", &script("outside")]);
        assert_eq!(ended.expect(0).text(), "outside\ntwo\none");
        let ended = lab.inside(sandbox, &["--allow-net", "git.example.test:80"], &["sh", "-ec", &script("inside")]);
        assert_eq!(ended.expect(0).text(), "inside\noutside\ntwo\none");
        let pushed =
            site.run(["sh", "-ec", "git -C x.git fsck --strict; git -C x.git cat-file blob main:more | sha256sum"]);
        let made = sandbox.shell_outside("sha256sum < made/inside/more");
        assert_eq!(pushed.text(), made.expect(0).text());
    });
}

/// Puts the repository where the lab's web server finds it.
fn publish(lab: &Lab, site: &Site) {
    let root = site.directory().join("x.git");
    for path in opaque_tests::tree(&root).into_iter().filter(|path| root.join(path).is_file()) {
        let content = std::fs::read(root.join(&path)).unwrap();
        lab.serve(&format!("git.example.test/x.git/{}", path.display()), content);
    }
}
