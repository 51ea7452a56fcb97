//! Attacks on patterns: paths, options and hosts that begin, end or look like what a rule permits. Each is compared by
//! component, by label and by element; none by how a text begins or ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use opaque_tests::{Ended, Sandbox, each_identity, opaque};

/// A rule that permits where this holds, in a policy that denies.
fn only(lines: &str) -> String {
    format!("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\n{lines}\n")
}

/// `projects`, a neighbour whose name begins alike, a literal `~`, and links out of the first.
fn neighbours(sandbox: &Sandbox, at: &Path) {
    for name in ["projects", "projects/deep", "projects-evil", "evil", "~/projects"] {
        sandbox.script(at.join(name).join("run"), "#!/bin/sh\nexit 0\n");
    }
    symlink("../evil", at.join("projects/link")).unwrap();
    symlink("../evil/run", at.join("projects/linked")).unwrap();
}

#[track_caller]
fn denied(ended: &Ended) {
    ended.expect(120).noting("denied by");
}

#[test]
fn a_program_beside_below_or_behind_a_permitted_place_is_not_in_it() {
    each_identity(|sandbox| {
        let data = sandbox.project().join("data");
        neighbours(sandbox, &data);
        let path = data.display();
        sandbox.policy(&only(&format!("[rules.command]\npath = \"{path}/projects/**\"")));
        for program in ["projects/run", "projects/deep/run", "projects-evil/../projects/run", "projects/./deep/../run"]
        {
            sandbox.run(["--", &format!("{path}/{program}")]).expect(0);
        }
        for program in
            ["projects-evil/run", "projects/../evil/run", "projects/link/run", "projects/linked", "~/projects/run"]
        {
            denied(&sandbox.run(["--", &format!("{path}/{program}")]));
        }
        // A star stays in its component.
        sandbox.policy(&only(&format!("[rules.command]\npath = \"{path}/projects/*\"")));
        sandbox.run(["--", &format!("{path}/projects/run")]).expect(0);
        denied(&sandbox.run(["--", &format!("{path}/projects/deep/run")]));
    });
}

#[test]
fn a_working_directory_beside_or_behind_a_permitted_one_is_another() {
    each_identity(|sandbox| {
        let data = sandbox.project().join("data");
        neighbours(sandbox, &data);
        sandbox.policy(&only(&format!("[rules.context]\ncwd = \"{}/projects/**\"", data.display())));
        let from = |place: &str| sandbox.launch(["--", "true"]).cwd(data.join(place)).finish();
        for place in ["projects", "projects/deep", "evil/../projects"] {
            from(place).expect(0);
        }
        for place in ["projects-evil", "evil", "projects/..", "projects/link", "~/projects", "~"] {
            denied(&from(place));
        }
        // What the caller says of it counts for nothing.
        let said = sandbox.launch(["--", "true"]).cwd(data.join("evil")).env("PWD", data.join("projects"));
        denied(&said.finish());
    });
}

#[test]
fn a_grant_beside_or_behind_the_place_of_a_ceiling_exceeds_it() {
    each_identity(|sandbox| {
        let data = sandbox.elsewhere().join("data");
        neighbours(sandbox, &data);
        sandbox.directory(&sandbox.project().join("~/grant"));
        sandbox.setting("grant/file", "mine");
        let path = data.display();
        for (flag, key) in [("--read", "read"), ("--write", "write")] {
            sandbox.policy(&only(&format!("[rules.sandbox]\n{key} = [\"{path}/projects\", \"~/grant\"]")));
            let ask = |place: &str| sandbox.run([flag, place, "--", "true"]);
            let home = sandbox.home().join("grant").display().to_string();
            for place in [&*format!("{path}/projects"), &format!("{path}/evil/../projects/deep"), &home] {
                ask(place).expect(0);
            }
            for place in
                ["projects-evil", "projects/..", "projects/../evil", "projects/link", "projects/linked", "~", ""]
            {
                denied(&ask(&format!("{path}/{place}")));
            }
            denied(&ask(&format!("{path}/projects/../../../../../../../etc")));
            denied(&ask(&format!("{}-evil", sandbox.home().display()).replace("home-evil", "other")));
        }
        // A directory that is called `~` is not the home, whoever expands what.
        sandbox.policy(&only("[rules.sandbox]\nwrite = [\"~/grant\"]"));
        denied(&sandbox.run(["--write", "~/grant", "--", "true"]));
        let home = sandbox.home().join("grant").display().to_string();
        sandbox.run(["--write", &home, "--", "true"]).expect(0);
    });
}

#[test]
fn a_path_in_an_argument_stays_under_its_place() {
    each_identity(|sandbox| {
        let data = sandbox.project().join("data");
        neighbours(sandbox, &data);
        let under = format!("[rules.command]\nargv = [{{ path = {{ under = [\"{}/projects\"] }} }}]", data.display());
        sandbox.policy(&only(&under));
        let list = |place: &str| sandbox.run(["--", "ls", &format!("{}/{place}", data.display())]);
        for place in ["projects", "projects/deep", "evil/../projects/run"] {
            list(place).expect(0);
        }
        for place in ["projects-evil", "projects/../evil", "projects/deep/../../evil", "~/projects", "..", ""] {
            denied(&list(place));
        }
        for place in ["-R", "--", "~", "/", "/etc", "projects", "file:///etc"] {
            denied(&sandbox.run(["--", "ls", place]));
        }
    });
}

#[test]
fn no_option_gets_past_a_template_of_arguments() {
    each_identity(|sandbox| {
        let ran = sandbox.project().join("ran");
        for name in ["git", "tar", "npm"] {
            sandbox.script(name, "#!/bin/sh\ntouch ran\n");
        }
        let rule = |name: &str, argv: &str| {
            let path = sandbox.at(name);
            format!(
                "[[rules]]\nname = \"{name}\"\naction = \"allow\"\n[rules.command]\npath = \"{path}\"\nargv = [{argv}]\n"
            )
        };
        let rules = [
            rule("git", "\"push\", { one_of = [\"origin\"] }, { text = \"release/*\" }, { flag = \"--tags\" }"),
            rule(
                "tar",
                "{ flag = \"-x\" }, { flag = \"-f\", value = { path = { under = [\".\"] } }, required = true }",
            ),
            rule(
                "npm",
                "\"publish\", { flag = \"--tag\", value = { one_of = [\"next\", \"latest\"] } }, { rest = { path = { under = [\".\"] } } }",
            ),
        ];
        sandbox.policy(&format!("version = 1\ndefault = \"deny\"\n{}", rules.concat()));
        for permitted in [
            "git push origin release/1",
            "git push --tags origin release/1",
            "git push origin release/1 --tags",
            "tar -x -f a.tar",
            "tar -f a.tar",
            "npm publish",
            "npm publish --tag next",
            "npm --tag=latest publish ./pkg",
            "npm publish -- ./pkg",
        ] {
            sandbox.run(["--"].into_iter().chain(format!("./{permitted}").split(' '))).expect(0);
            assert!(fs::remove_file(&ran).is_ok(), "{permitted}");
        }
        for smuggled in [
            "git push --receive-pack=./evil origin release/1",
            "git push --receive-pack ./evil origin release/1",
            "git push --rec=./evil origin release/1",
            "git push --upload-pack=./evil origin release/1",
            "git push --exec=./evil origin release/1",
            "git -c core.sshCommand=./evil push origin release/1",
            "git -ccore.sshCommand=./evil push origin release/1",
            "git --config-env=core.sshCommand=EVIL push origin release/1",
            "git -C /etc push origin release/1",
            "git --exec-path=. push origin release/1",
            "git push --tag origin release/1",
            "git push --tags=x origin release/1",
            "git push --tagsx origin release/1",
            "git push -f origin release/1",
            "git push origin +release/1",
            "git push origin --force release/1",
            "git push -- --force origin release/1",
            "git push origin -- --tags",
            "git push ext::./evil release/1",
            "git push origin",
            "git push origin release/1 main",
            "tar -x -f a.tar --to-command=./evil",
            "tar -x -f a.tar --to-com ./evil",
            "tar -xf a.tar",
            "tar -xfa.tar",
            "tar -fx a.tar",
            "tar -x -f /etc/shadow",
            "tar -x -f ../a.tar",
            "tar -x -f --to-command=./evil",
            "tar -x -f -",
            "tar -x -I ./evil -f a.tar",
            "tar x -f a.tar",
            "tar -x",
            "npm --script-shell=./evil publish",
            "npm publish --script-shell ./evil",
            "npm publish --tag evil",
            "npm publish --tag=next,evil",
            "npm publish --tag= next",
            "npm publish --ta next",
            "npm publish --tag --script-shell=./evil",
            "npm publish -- --script-shell=./evil",
            "npm publish /etc",
            "npm -- publish --tag next",
        ] {
            let ended = sandbox.run(["--"].into_iter().chain(format!("./{smuggled}").split(' ')));
            assert!(ended.code == Some(120) && !ran.exists(), "{smuggled}\n{ended}");
        }
    });
}

/// Hosts that are not `github.com`, however they look.
const LOOK_ALIKES: [&str; 12] = [
    "evilgithub.com",
    "github.com.evil.test",
    "github.com-evil.test",
    "ssh.github.com",
    "githubXcom",
    "github.co",
    "com",
    "g\u{456}thub.com",
    "xn--gthub-n4a.com",
    "github\u{ff0e}com.evil.test",
    "github.com..",
    "user@github.com@evil.test",
];

#[test]
fn a_way_out_to_a_host_that_looks_like_one_of_the_ceiling_exceeds_it() {
    each_identity(|sandbox| {
        sandbox.policy(&only("[rules.sandbox]\negress = [\"github.com\", \"*.git.example\"]"));
        for host in ["github.com", "GitHub.COM", "github.com.", "a.git.example", "a.b.git.example"] {
            sandbox.run(["--plan", "--allow-net", host, "--", "true"]).expect(0);
        }
        let others =
            ["git.example", "evilgit.example", "*.github.com", "*.example", "github.com:22/ssh", "140.82.121.3"];
        for host in LOOK_ALIKES.iter().chain(&others) {
            let ended = sandbox.run(["--allow-net", host, "--", "touch", "started"]);
            assert!(matches!(ended.code, Some(120 | 125)), "{host}\n{ended}");
            assert!(!sandbox.project().join("started").exists(), "{host}");
        }
    });
}

#[test]
fn a_connection_or_remote_to_a_host_that_looks_like_another_is_not_to_that_one() {
    each_identity(|sandbox| {
        let tool = sandbox.script(sandbox.base().join("tools/opaque"), fs::read(opaque()).unwrap());
        let policy =
            only("trust = \"derived\"\noperation = \"ssh.sign\"\n[rules.context]\nssh_dest = \"git@github.com\"");
        sandbox.policy(&policy);
        let explained = |dest: &str| {
            let request = serde_json::json!({
                "principal": { "uid": 1000, "kind": "agent" }, "operation": "ssh.sign", "context": { "ssh_dest": dest },
                "command": { "path": "/usr/bin/ssh", "argv": ["ssh"], "cwd": "/srv" },
            });
            sandbox.write("r.json", request.to_string());
            let line = [tool.to_str().unwrap(), "policy", "explain", "--request", "r.json"];
            sandbox.outside(line).expect(0).text()
        };
        for dest in ["git@github.com", "git@GITHUB.com", "git@github.com."] {
            assert!(explained(dest).starts_with("allowed by `user:r`"), "{dest}: {}", explained(dest));
        }
        let users = ["github.com", "root@github.com", "git@github.com@evil.test", "git@@evil.test", "Git@github.com"];
        for dest in LOOK_ALIKES.iter().map(|host| format!("git@{host}")).chain(users.map(str::to_owned)) {
            assert!(explained(&dest).starts_with("denied by `user:default`"), "{dest}: {}", explained(&dest));
        }

        sandbox.policy(&only("trust = \"derived\"\n[rules.workspace]\nremote_url_pattern = \"github.com/team/*\""));
        sandbox.shell_outside("git init -q && git remote add origin https://github.com/team/app").expect(0);
        let from = |url: &str| {
            sandbox.outside(["git", "config", "remote.origin.url", url]).expect(0);
            sandbox.run(["--", "true"])
        };
        for url in
            ["https://GitHub.com/team/app.git", "git@github.com.:team/app", "https://a:b@github.com:443/team/app"]
        {
            from(url).expect(0);
        }
        let others = [
            "https://github.com@evil.test/team/app",
            "https://evil.test#@github.com/team/app",
            "https://evil.test?@github.com/team/app",
            "https://evil.test\\@github.com/team/app",
            "https://evil.test/github.com/team/app",
            "https://github.com/team-evil/app",
            "https://github.com/team/../evil/app",
            "git@github.com@evil.test:team/app",
            "github.com::team/app",
            "ext::sh -c github.com/team/app",
            "file:///github.com/team/app",
            "./github.com:team/app",
        ];
        for url in LOOK_ALIKES.iter().map(|host| format!("https://{host}/team/app")).chain(others.map(str::to_owned)) {
            let ended = from(&url);
            assert_eq!(ended.code, Some(120), "{url}\n{ended}");
        }
    });
}
