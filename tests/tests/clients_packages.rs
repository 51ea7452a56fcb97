//! Package managers, each through its profile and endpoint, from registries of the lab's that the person has set for the
//! tool in their own configuration. Nothing of the workspace and nothing of ours names a host.

use std::path::PathBuf;

use opaque_tests::{Ended, Lab, Sandbox, each_identity_in_a_lab, has, missing};

/// Makes files with the identity's own tools in a directory of its own, and serves them below a host.
fn publish(sandbox: &Sandbox, lab: &Lab, host: &str, script: &str) {
    let place = sandbox.elsewhere().join(host);
    sandbox.directory(&place);
    let ended = sandbox.launch_outside(["sh", "-ec", script]).cwd(&place).finish();
    ended.expect(0);
    let root = place.join("served");
    for path in opaque_tests::tree(&root).into_iter().filter(|path| root.join(path).is_file()) {
        lab.serve(&format!("{host}/{}", path.display()), std::fs::read(root.join(&path)).unwrap());
    }
}

/// Puts the authority's certificate where the person keeps it, outside of the workspace; answers with its path.
fn certificate(sandbox: &Sandbox, lab: &Lab) -> String {
    sandbox.setting("certificates/lab.pem", &std::fs::read_to_string(lab.ca()).unwrap()).display().to_string()
}

/// The targets that were asked of the lab's web servers, with their hosts.
fn asked(lab: &Lab) -> Vec<String> {
    let connections = lab.connections();
    let requests = connections.iter().flat_map(|connection| &connection.requests);
    requests.map(|request| format!("{}{}", request.host.as_deref().unwrap_or_default(), request.target)).collect()
}

/// Every flow went to this host, and the endpoint let it out.
#[track_caller]
fn went_to(ended: &Ended, host: &str) {
    let flows = ended.reported()["network"]["flows"].as_array().unwrap();
    assert!(!flows.is_empty() && flows.iter().all(|flow| flow["name"] == host), "{flows:?}\n{ended}");
    assert_eq!(ended.reported()["network"]["blocked"], serde_json::json!([]), "{ended}");
}

const NPM: &str = r#"
mkdir -p package served/greeter/-
printf '{"name":"greeter","version":"1.2.3","bin":{"greeter":"index.js"}}' > package/package.json
printf '#!/usr/bin/env node\nconsole.log("greetings")\n' > package/index.js
tar --sort=name --mtime=@0 --owner=0 --group=0 -czf served/greeter/-/greeter-1.2.3.tgz package
sum=$(node -p 'require("crypto").createHash("sha512").update(require("fs").readFileSync("served/greeter/-/greeter-1.2.3.tgz")).digest("base64")')
printf '{"name":"greeter","dist-tags":{"latest":"1.2.3"},"versions":{"1.2.3":{"name":"greeter","version":"1.2.3","bin":{"greeter":"index.js"},"dist":{"tarball":"https://npm.example.test/greeter/-/greeter-1.2.3.tgz","integrity":"sha512-%s"}}}}' "$sum" > served/greeter/index.html
"#;

#[test]
fn npm_installs_from_the_registry_that_the_person_has_set() {
    if !has(&["npm", "node"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        publish(sandbox, lab, "npm.example.test", NPM);
        let cafile = certificate(sandbox, lab);
        sandbox.setting(".npmrc", &format!("registry=https://npm.example.test/\ncafile={cafile}\n"));
        let manifest = r#"{"name":"demo","version":"1.0.0","dependencies":{"greeter":"^1.0.0"}}"#;
        // `made` is compared: what is installed there, the lock file included.
        let script = format!(
            "cd made && echo '{manifest}' > package.json && npm install --no-audit --no-fund --silent && \
                              rm -r node_modules && npm ci --no-audit --no-fund --silent && npx --offline greeter"
        );
        let ended = lab.is_the_same(sandbox, &["--profile", "npm", "--read", &cafile], &["sh", "-ec", &script]);
        assert_eq!(ended.text(), "greetings");
        went_to(&ended, "npm.example.test");
        assert!(asked(lab).contains(&"npm.example.test/greeter/-/greeter-1.2.3.tgz".to_owned()), "{:?}", asked(lab));
        // Just this line, with the lock file that is there, and a registry without TLS: then all is in the profile.
        sandbox.setting(".npmrc", "registry=http://npm.example.test/\n");
        let manifest = sandbox.project().join("made");
        for file in ["package.json", "package-lock.json"] {
            let text = std::fs::read_to_string(manifest.join(file)).unwrap();
            sandbox.write(file, text.replace("https:", "http:"));
        }
        sandbox.outside(["mkdir", "node_modules"]).expect(0);
        let ended = lab.launch_reporting(sandbox, ["--profile", "npm", "--", "npm", "ci"]).finish();
        went_to(ended.expect(0), "npm.example.test");
        assert!(sandbox.project().join("node_modules/greeter/index.js").exists());
    });
}

#[test]
fn npm_reaches_nothing_without_its_profile_and_nothing_else_with_it() {
    if !has(&["npm", "node"]) {
        return;
    }
    each_identity_in_a_lab(|sandbox, lab| {
        publish(sandbox, lab, "npm.example.test", NPM);
        let cafile = certificate(sandbox, lab);
        sandbox.setting(".npmrc", &format!("registry=https://npm.example.test/\ncafile={cafile}\n"));
        let view = ["npm", "view", "greeter", "version", "--fetch-retries=0"];
        assert_eq!(lab.is_the_same(sandbox, &["--profile", "npm", "--read", &cafile], &view).text(), "1.2.3");
        let other = ["npm", "view", "greeter", "version", "--fetch-retries=0", "--registry=https://evil.test/"];
        let ended = lab.inside(sandbox, &["--profile", "npm", "--read", &cafile], &other);
        assert_eq!(ended.expect(1).reported()["network"]["blocked"][0]["name"], "evil.test");
        let reached = asked(lab);
        assert!(
            !reached.is_empty() && reached.iter().all(|target| target.starts_with("npm.example.test/")),
            "{reached:?}"
        );
        let before = reached.len();
        assert_ne!(lab.inside(sandbox, &["--profile", "default", "--read", &cafile], &view).code, Some(0));
        assert_eq!(asked(lab).len(), before);
    });
}

const PIP: &str = r#"
mkdir -p built/greeter built/greeter-1.2.3.dist-info served/simple/greeter
echo 'def greet(): return "greetings"' > built/greeter/__init__.py
printf 'Metadata-Version: 2.1\nName: greeter\nVersion: 1.2.3\n' > built/greeter-1.2.3.dist-info/METADATA
printf 'Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n' > built/greeter-1.2.3.dist-info/WHEEL
printf 'greeter/__init__.py,,\ngreeter-1.2.3.dist-info/METADATA,,\ngreeter-1.2.3.dist-info/WHEEL,,\ngreeter-1.2.3.dist-info/RECORD,,\n' > built/greeter-1.2.3.dist-info/RECORD
cd built && /usr/bin/python3 -m zipfile -c ../greeter-1.2.3-py3-none-any.whl greeter greeter-1.2.3.dist-info && cd ..
mv greeter-1.2.3-py3-none-any.whl served/simple/greeter/
sum=$(sha256sum served/simple/greeter/greeter-1.2.3-py3-none-any.whl | cut -d' ' -f1)
echo "<!DOCTYPE html><a href=\"greeter-1.2.3-py3-none-any.whl#sha256=$sum\">greeter-1.2.3-py3-none-any.whl</a>" > served/simple/greeter/index.html
"#;

#[test]
fn pip_installs_from_the_index_that_the_person_has_set() {
    let python = opaque_tests::PYTHON;
    let has_pip = std::process::Command::new(python).args(["-m", "pip", "--version"]).output();
    if !has_pip.is_ok_and(|output| output.status.success()) {
        return missing("pip of the system's python");
    }
    each_identity_in_a_lab(|sandbox, lab| {
        publish(sandbox, lab, "pip.example.test", PIP);
        let cert = certificate(sandbox, lab);
        let settings = format!("[global]\nindex-url = https://pip.example.test/simple\ncert = {cert}\n");
        sandbox.setting(".config/pip/pip.conf", &settings);
        let script = format!(
            "{python} -m pip install --quiet --no-compile --target made/lib greeter && \
                              PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=made/lib {python} -c 'import greeter; print(greeter.greet())'"
        );
        let ended = lab.is_the_same(sandbox, &["--profile", "pip", "--read", &cert], &["sh", "-ec", &script]);
        assert_eq!(ended.text(), "greetings");
        went_to(&ended, "pip.example.test");
        let before = asked(lab).len();
        let elsewhere = format!(
            "{python} -m pip install --quiet --retries 0 --target made/lib --index-url https://evil.test/simple greeter"
        );
        let ended = lab.inside(sandbox, &["--profile", "pip", "--read", &cert], &["sh", "-ec", &elsewhere]);
        assert_eq!(ended.expect(1).reported()["network"]["blocked"][0]["name"], "evil.test");
        assert_eq!(asked(lab).len(), before);
    });
}

const CARGO: &str = r#"
mkdir -p greeter-1.2.3/src served/index/gr/ee served/crates/greeter/1.2.3
printf '[package]\nname = "greeter"\nversion = "1.2.3"\nedition = "2021"\n' > greeter-1.2.3/Cargo.toml
echo 'pub fn greet() -> &'"'static"' str { "greetings" }' > greeter-1.2.3/src/lib.rs
tar --sort=name --mtime=@0 --owner=0 --group=0 -czf served/crates/greeter/1.2.3/download greeter-1.2.3
sum=$(sha256sum served/crates/greeter/1.2.3/download | cut -d' ' -f1)
echo '{"dl":"https://cargo.example.test/crates"}' > served/index/config.json
echo '{"name":"greeter","vers":"1.2.3","deps":[],"cksum":"'$sum'","features":{},"yanked":false}' > served/index/gr/ee/greeter
"#;

/// Shows the suite's toolchain in the sandbox's home; answers with the `PATH` that finds it.
fn toolchain(sandbox: &Sandbox) -> Option<String> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let place = |variable: &str, name: &str| std::env::var_os(variable).map_or_else(|| home.join(name), PathBuf::from);
    let (cargo, rustup) = (place("CARGO_HOME", ".cargo").join("bin"), place("RUSTUP_HOME", ".rustup"));
    if !cargo.join("rustup").exists() || !rustup.is_dir() {
        return None;
    }
    sandbox.show(&cargo, &sandbox.home().join(".cargo/bin"));
    sandbox.show(&rustup, &sandbox.home().join(".rustup"));
    Some(format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.home().join(".cargo/bin").display()))
}

#[test]
fn cargo_fetches_and_builds_from_the_registry_that_replaces_its_own() {
    each_identity_in_a_lab(|sandbox, lab| {
        let Some(path) = toolchain(sandbox) else { return missing("rustup") };
        publish(sandbox, lab, "cargo.example.test", CARGO);
        let cainfo = certificate(sandbox, lab);
        let settings = format!(
            "[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \"sparse+https://cargo.example.test/index/\"\n[http]\ncainfo = \"{cainfo}\"\n"
        );
        sandbox.setting(".cargo/config.toml", &settings);
        sandbox.write("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ngreeter = \"1\"\n[workspace]\n");
        sandbox.write("src/main.rs", "fn main() { println!(\"{}\", greeter::greet()); }\n");
        let script = "cargo fetch --quiet && cargo run --quiet --locked";
        let run = |launch: opaque_tests::Launch| {
            let _ = std::fs::remove_dir_all(sandbox.project().join("target"));
            let _ = std::fs::remove_file(sandbox.project().join("Cargo.lock"));
            let ended = launch.env("PATH", &path).patience(std::time::Duration::from_secs(120)).finish();
            assert_eq!(ended.expect(0).text(), "greetings");
            (std::fs::read_to_string(sandbox.project().join("Cargo.lock")).unwrap(), ended)
        };
        let (outside, _) = run(lab.launch_outside(sandbox, ["sh", "-ec", script]));
        let before = asked(lab).len();
        let (inside, ended) =
            run(lab.launch_reporting(sandbox, ["--profile", "cargo", "--read", &cainfo, "--", "sh", "-ec", script]));
        assert_eq!(inside, outside);
        went_to(&ended, "cargo.example.test");
        let mut targets = asked(lab).split_off(before);
        targets.sort();
        let wanted = ["crates/greeter/1.2.3/download", "index/config.json", "index/gr/ee/greeter"];
        assert_eq!(targets, wanted.map(|path| format!("cargo.example.test/{path}")), "the run's own home begins empty");
    });
}
