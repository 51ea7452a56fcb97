//! `opaque policy import`: what it prints is loaded, explained and run under like any other policy.

use std::fs;

use opaque_tests::{Ended, Sandbox, each_identity, opaque};

fn tool(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let copy = sandbox.base().join("tool/opaque");
    if !copy.exists() {
        // Written while nothing starts: a program that somebody holds open for writing cannot be started.
        sandbox.script(&copy, fs::read(opaque()).unwrap());
    }
    let line = [&[copy.to_str().unwrap()], arguments].concat();
    sandbox.launch_outside(line).finish()
}

/// Imports a source, and gives the printed policy for the file that `--policy` names.
fn import(sandbox: &Sandbox, system: &str, source: &str) -> String {
    sandbox.write(sandbox.project().join("source"), source);
    let ended = tool(sandbox, &["policy", "import", "--from", system, "source"]);
    let (printed, told) = (ended.expect(0).text(), ended.errors());
    // What is told stands in the policy too, each line as a comment.
    assert!(told.lines().count() > 0, "{told}");
    for line in told.lines() {
        let comment = format!("# {}\n", line.strip_prefix("opaque: ").unwrap());
        assert!(printed.contains(&comment), "{comment}{printed}");
    }
    sandbox.write(sandbox.project().join("imported.toml"), printed.clone());
    tool(sandbox, &["policy", "check", "--policy", "imported.toml"]).expect(0);
    printed
}

fn explained(sandbox: &Sandbox, request: &str) -> String {
    sandbox.write(sandbox.project().join("request.json"), request);
    tool(sandbox, &["policy", "explain", "--policy", "imported.toml", "--request", "request.json"]).expect(0).text()
}

#[test]
fn a_policy_over_keys_is_explained_as_it_was_written() {
    let source = "default_action: deny\nrules:\n  - name: git-hosts\n    match: { ssh_dest: \"*github.com\" }\n    action: allow\n  - name: agents\n    match: { is_coding_agent: true }\n    action: confirm\n";
    let request = |destination: &str, agent: &str| {
        format!(
            "{{\"principal\": {{\"uid\": 1000, \"kind\": \"human\"}}, \"operation\": \"ssh.sign\", \
             \"command\": {{\"path\": \"/usr/bin/ssh\", \"argv\": [\"ssh\"], \"cwd\": \"/\"}}, \
             \"context\": {{\"ssh_dest\": \"{destination}\", \"coding_agent_name\": {agent}}}}}"
        )
    };
    each_identity(|sandbox| {
        let printed = import(sandbox, "ssh-agent-guard", source);
        assert!(printed.contains("#   line 4: `ssh_dest`: `*github.com` is `github.com`, `*.github.com`"), "{printed}");
        for (destination, agent, answer) in [
            ("git@github.com", "null", "allowed by `user:git-hosts`"),
            ("evilgithub.com", "\"claude\"", "asks"),
            ("evilgithub.com", "null", "denied by `user:default`"),
        ] {
            let said = explained(sandbox, &request(destination, agent));
            assert!(said.starts_with(answer) || (answer == "asks" && said.contains("`user:agents`")), "{said}");
        }
        // Nothing is said of commands, so none runs.
        sandbox.run(["--policy", "imported.toml", "--", "true"]).expect(120);
    });
}

#[test]
fn a_policy_over_operations_is_explained_as_it_was_written() {
    let source = "version = 1\n[[clients]]\nname = \"bot\"\nmatch.uid = 1000\n[[rules]]\nclients = [\"bot\"]\noperation = \"github.set_secret\"\ntargets.repo = \"org/*\"\napproval.require = \"never\"\n";
    each_identity(|sandbox| {
        import(sandbox, "agentpass", source);
        for (repo, answer) in
            [("org/app", "allowed by `user:github.set_secret`"), ("other/app", "denied by `user:default`")]
        {
            let said = explained(
                sandbox,
                &format!(
                    "{{\"principal\": {{\"uid\": 1000, \"kind\": \"agent\"}}, \"operation\": \"github.set_secret\", \"target\": {{\"repo\": \"{repo}\"}}, \
                     \"command\": {{\"path\": \"/bin/true\", \"argv\": [\"true\"], \"cwd\": \"/\"}}}}"
                ),
            );
            assert!(said.starts_with(answer), "{said}");
        }
    });
}

#[test]
fn a_policy_over_commands_runs_them_with_its_profile() {
    let source = "write_whitelist: []\nrequire_approval: [pip]\nenv_allowlist: [PATH, GREETING]\nlimits: { wall_time_sec: 60 }\n";
    each_identity(|sandbox| {
        import(sandbox, "gatekeeper", source);
        // Its rules name a profile that nobody has yet.
        let denied = sandbox.run(["--policy", "imported.toml", "--", "ls"]);
        assert!(denied.expect(120).errors().contains("gatekeeper"), "{denied}");
        let profile =
            tool(sandbox, &["policy", "import", "--from", "gatekeeper", "--profile", "source"]).expect(0).text();
        sandbox.setting(".config/opaque/profiles/gatekeeper.toml", &profile);
        sandbox.run(["--policy", "imported.toml", "--", "ls"]).expect(0);
        sandbox.run(["--policy", "imported.toml", "--", "rm", "-rf", "x"]).expect(120);
        // What is held asks, and nobody is there.
        sandbox.run(["--unattended", "--policy", "imported.toml", "--", "touch", "x"]).expect(121);
        assert!(!sandbox.project().join("x").exists());
    });
}

#[test]
fn what_cannot_be_carried_over_ends_in_an_error_where_that_is_wanted() {
    each_identity(|sandbox| {
        sandbox.write(sandbox.project().join("source"), "default_action: deny\nconfirm:\n  max_pending: 3\n");
        let from = ["policy", "import", "--from", "ssh-agent-guard", "source"];
        tool(sandbox, &from).expect(0);
        let strict = tool(sandbox, &[&from[..], &["--strict"]].concat());
        assert!(strict.expect(1).errors().contains("line 3: `confirm.max_pending`"), "{strict}");
        assert_eq!(strict.text(), "");
        sandbox.write(sandbox.project().join("source"), "default_action: deny\nconfrm: {}\n");
        let refused = tool(sandbox, &from);
        assert!(refused.expect(1).errors().contains("source:2:1: unknown key `confrm`"), "{refused}");
        assert!(refused.errors().contains("hint: did you mean `confirm`?"), "{refused}");
        assert_eq!(refused.text(), "");
        tool(sandbox, &["policy", "import", "--from", "ssh-agent-guard", "missing"]).expect(1);
        tool(sandbox, &["policy", "import", "--from", "ssh-agent-guard", "/dev/zero"]).expect(1);
        tool(sandbox, &["policy", "import", "--from", "sudoers", "source"]).expect(2);
    });
}
