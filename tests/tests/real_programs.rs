//! Real programs: the same standard output and exit code inside as outside, byte for byte.

use std::path::{Path, PathBuf};
use std::time::Duration;

use opaque_tests::{Ended, Launch, Sandbox, each_identity, missing};

/// One real program: what it needs, how its workspace is made, and the command.
struct Case<'a> {
    needs: &'a [&'a str],
    furnish: &'a dyn Fn(&Sandbox),
    profile: &'a str,
    command: &'a [&'a str],
    path: Option<String>,
}

impl Case<'_> {
    /// Runs the command outside and inside, each in a fresh workspace, and demands the same output and code 0.
    #[track_caller]
    fn is_the_same(&self, sandbox: &Sandbox) {
        for program in self.needs {
            if opaque_tests::program(program).is_none() {
                return missing(program);
            }
        }
        let outside = self.run(sandbox, sandbox.launch_outside(self.command));
        outside.expect(0);
        assert!(!outside.stdout.is_empty(), "a program that says nothing shows nothing\n{outside}");
        let mut arguments = vec!["--profile", self.profile, "--"];
        arguments.extend_from_slice(self.command);
        let inside = self.run(sandbox, sandbox.launch(arguments));
        let same = (inside.code, steady(&inside)) == (outside.code, steady(&outside));
        assert!(same, "differs\ninside:\n{inside}\noutside:\n{outside}");
    }

    fn run(&self, sandbox: &Sandbox, launch: Launch) -> Ended {
        for entry in std::fs::read_dir(sandbox.project()).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            }
            .unwrap();
        }
        (self.furnish)(sandbox);
        let launch = launch.patience(Duration::from_secs(120));
        match &self.path {
            Some(path) => launch.env("PATH", path).finish(),
            None => launch.finish(),
        }
    }
}

/// Standard output without the times that `cargo test` prints.
fn steady(ended: &Ended) -> Vec<String> {
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    text.split('\n').map(|line| line.split("; finished in ").next().unwrap_or(line).to_owned()).collect()
}

fn crate_of_one_test(sandbox: &Sandbox) {
    sandbox.write("Cargo.toml", "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n");
    sandbox.write("src/lib.rs", "pub fn two() -> u32 { 2 }\n#[test]\nfn two_is_two() { assert_eq!(two(), 2); }\n");
}

/// Shows the suite's own rustup in the sandbox's home; answers with the `PATH` that finds it.
fn rustup(sandbox: &Sandbox) -> Option<String> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let place = |variable: &str, name: &str| std::env::var_os(variable).map_or_else(|| home.join(name), PathBuf::from);
    let (cargo, rustup) = (place("CARGO_HOME", ".cargo"), place("RUSTUP_HOME", ".rustup"));
    if !cargo.join("bin/rustup").exists() || !rustup.is_dir() {
        return None;
    }
    sandbox.show(&cargo, &sandbox.home().join(".cargo"));
    sandbox.show(&rustup, &sandbox.home().join(".rustup"));
    Some(format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.home().join(".cargo/bin").display()))
}

#[test]
fn cargo_tests_a_crate_through_the_rustup_shim() {
    each_identity(|sandbox| {
        let Some(path) = rustup(sandbox) else { return missing("rustup") };
        let case = Case {
            needs: &["cc"],
            furnish: &crate_of_one_test,
            profile: "cargo-offline",
            command: &["cargo", "test", "--offline"],
            path: Some(path),
        };
        case.is_the_same(sandbox);
    });
}

#[test]
fn the_rustup_shim_tells_its_versions_under_the_default_profile() {
    each_identity(|sandbox| {
        let Some(path) = rustup(sandbox) else { return missing("rustup") };
        let command = ["sh", "-c", "cargo --version; rustc --print sysroot; command -v rustfmt"];
        let case = Case { needs: &[], furnish: &|_| (), profile: "default", command: &command, path: Some(path) };
        case.is_the_same(sandbox);
    });
}

#[test]
fn git_clones_commits_and_logs() {
    each_identity(|sandbox| {
        let settings = "[user]\n\tname = Ann\n\temail = ann@service.example\n[init]\n\tdefaultBranch = main\n";
        sandbox.write(sandbox.home().join(".gitconfig"), settings);
        let furnish = |sandbox: &Sandbox| {
            sandbox.write("origin/file", "one\n");
            let script = "cd origin && git init -q && git add . && git commit -q -m one && git init -q ..";
            sandbox.shell_outside(script).expect(0);
        };
        let script = "git clone -q origin copy && cd copy && echo two >> file && git commit -q -a -m two && \
                      git checkout -q -b topic && git log --format='%an <%ae> %s' && git diff HEAD~1 --stat && git status --short --branch";
        let case =
            Case { needs: &["git"], furnish: &furnish, profile: "git", command: &["sh", "-c", script], path: None };
        case.is_the_same(sandbox);
        let case = Case { profile: "default", ..case };
        case.is_the_same(sandbox);
    });
}

#[test]
fn python_runs_its_unit_tests() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            let text = "import unittest, subprocess, multiprocessing.pool, tempfile, ssl, sqlite3\n\
                        class Two(unittest.TestCase):\n    def test_two(self):\n        self.assertEqual(1 + 1, 2)\n\
                        \x20   def test_child(self):\n        print(subprocess.check_output(['echo', 'child']).decode())\n\
                        \x20   def test_threads(self):\n        print(multiprocessing.pool.ThreadPool(4).map(str, range(4)))\n\
                        \x20   def test_file(self):\n        tempfile.TemporaryFile().write(b'x')\n";
            sandbox.write("test_two.py", text);
        };
        let command = ["/usr/bin/python3", "-m", "unittest", "-q"];
        let case = Case { needs: &["python3"], furnish: &furnish, profile: "default", command: &command, path: None };
        case.is_the_same(sandbox);
    });
}

#[test]
fn python_runs_from_pyenv() {
    each_identity(|sandbox| {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let root = home.join(".pyenv");
        let Some(python) = newest_python(&root) else { return missing("pyenv") };
        sandbox.show(&root, &sandbox.home().join(".pyenv"));
        // Its programs know where they were built.
        sandbox.move_home(&home);
        let print = "import sys, json; print(sys.version, sys.executable, json.dumps([1]))";
        let python = python.display().to_string();
        let direct = [python.as_str(), "-c", print];
        let case = Case { needs: &[], furnish: &|_| (), profile: "default", command: &direct, path: None };
        case.is_the_same(sandbox);
        let path = format!("{}:{}:/usr/bin:/bin", root.join("shims").display(), root.join("bin").display());
        Case { command: &["python3", "-c", print], path: Some(path), ..case }.is_the_same(sandbox);
    });
}

fn newest_python(root: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(root.join("versions")).ok()?.flatten();
    versions.map(|version| version.path().join("bin/python3")).filter(|python| python.is_file()).max()
}

#[test]
fn a_virtual_environment_stays_activated() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            sandbox.outside(["/usr/bin/python3", "-m", "venv", "--without-pip", "venv"]).expect(0);
        };
        let script =
            ". venv/bin/activate && python -c 'import sys; print(sys.prefix, sys.executable)' && command -v python";
        let case = Case {
            needs: &["python3"],
            furnish: &furnish,
            profile: "default",
            command: &["bash", "-c", script],
            path: None,
        };
        case.is_the_same(sandbox);
        // Activated by the caller: found through PATH, which keeps a directory of the workspace.
        let path = format!("{}:/usr/bin:/bin", sandbox.at("venv/bin"));
        let command = ["python", "-c", "import sys; print(sys.prefix, sys.executable)"];
        Case { command: &command, path: Some(path), ..case }.is_the_same(sandbox);
    });
}

#[test]
fn make_builds_and_runs_a_c_program() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            sandbox.write("hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n");
            sandbox.write("Makefile", "run: hello\n\t./hello\nhello: hello.c\n\t$(CC) -O1 -o $@ $<\n");
        };
        let case =
            Case { needs: &["make", "cc"], furnish: &furnish, profile: "make", command: &["make", "-j2"], path: None };
        case.is_the_same(sandbox);
    });
}

#[test]
fn node_runs_a_script() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            let text = r#"const { execSync } = require('child_process');
require('fs').writeFileSync('made', 'x');
console.log(process.argv.slice(2), execSync('echo child').toString());
const worker = new (require('worker_threads').Worker)('require("worker_threads").parentPort.postMessage(1)', { eval: true });
worker.on('message', number => console.log('worker', number));
worker.on('exit', () => {
  const server = require('http').createServer((_, reply) => reply.end('served'));
  server.listen(0, '127.0.0.1', () => require('http').get({ port: server.address().port, agent: false }, reply => {
    reply.on('data', data => console.log(data.toString()));
    reply.on('end', () => server.close());
  }));
});
"#;
            sandbox.write("script.js", text);
        };
        let case = Case {
            needs: &["node"],
            furnish: &furnish,
            profile: "default",
            command: &["node", "script.js", "one"],
            path: None,
        };
        case.is_the_same(sandbox);
    });
}

#[test]
fn npx_runs_a_local_package() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            sandbox.write("package.json", "{ \"name\": \"root\", \"version\": \"1.0.0\" }");
            sandbox.write(
                "node_modules/greeter/package.json",
                "{ \"name\": \"greeter\", \"version\": \"1.0.0\", \"bin\": \"greet.js\" }",
            );
            let greet = sandbox.script(
                "node_modules/greeter/greet.js",
                "#!/usr/bin/env node\nconsole.log('greetings', process.argv[2]);\n",
            );
            sandbox.directory(&sandbox.project().join("node_modules/.bin"));
            std::os::unix::fs::symlink(greet, sandbox.project().join("node_modules/.bin/greeter")).unwrap();
        };
        let command = ["npx", "--offline", "--no-install", "greeter", "you"];
        let case = Case { needs: &["npx"], furnish: &furnish, profile: "default", command: &command, path: None };
        case.is_the_same(sandbox);
    });
}

#[test]
fn tar_packs_and_unpacks() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            sandbox.write("tree/file", "content\n");
            sandbox.script("tree/program", "#!/bin/sh\n");
        };
        let script = "tar -czf all.tar.gz tree && mkdir out && tar -xzf all.tar.gz -C out && tar -tvzf all.tar.gz --numeric-owner | awk '{print $1, $2, $6}' && find out -type f -printf '%p %m %U\\n' | sort";
        let case = Case {
            needs: &["tar", "gzip"],
            furnish: &furnish,
            profile: "default",
            command: &["sh", "-c", script],
            path: None,
        };
        case.is_the_same(sandbox);
    });
}

#[test]
fn sqlite_keeps_a_database() {
    each_identity(|sandbox| {
        let sql = "pragma journal_mode=wal; create table t(x); insert into t values(1),(2); select sum(x) from t;";
        let command = ["sqlite3", "data.db", sql];
        let case = Case { needs: &["sqlite3"], furnish: &|_| (), profile: "default", command: &command, path: None };
        case.is_the_same(sandbox);
    });
}

#[test]
fn an_ordinary_shell_session_notices_nothing() {
    each_identity(|sandbox| {
        let furnish = |sandbox: &Sandbox| {
            sandbox.write("words", "pear\napple\nfig\n");
        };
        let script = "set -e; id -un; id -u; pwd; umask; sort words | head -2; mktemp -d >/dev/null; echo ~; test -t 0 || echo piped; \
                      date -u -d @0 +%F; mkfifo pipe; (echo through > pipe &); cat pipe; ls -la words | cut -c1-10; nproc; uname -s; \
                      find . -name 'w*' | xargs -n1 basename; printf 'a\\tb\\n' | sed 's/a/c/'; timeout 5 true; nice true; env -i sh -c 'echo $0'";
        let case =
            Case { needs: &[], furnish: &furnish, profile: "default", command: &["bash", "-c", script], path: None };
        case.is_the_same(sandbox);
    });
}
