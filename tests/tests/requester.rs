//! What rules say of the one who asks and of where they stand, decided by real processes, repositories and variables.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use opaque_tests::{Launch, Sandbox, each_identity};

/// A policy that denies unless this matches.
fn only_where(lines: &str) -> String {
    format!(
        "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\n{lines}\n"
    )
}

/// A policy that allows unless this matches.
fn except_where(lines: &str) -> String {
    format!("version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"r\"\naction = \"deny\"\n{lines}\n")
}

/// A copy of the shell under another name, which starts `opaque-run`.
fn shell_named(sandbox: &Sandbox, name: &str) -> String {
    let shell = sandbox.base().join("tools").join(name);
    fs::copy("/bin/sh", &shell).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    shell.display().to_string()
}

fn started_by(sandbox: &Sandbox, shell: &str) -> Launch {
    let run = sandbox.base().join("tools/opaque-run");
    // A shell that has something left to do does not become the command.
    sandbox.launch_outside([shell, "-c", &format!("{} -- true; exit $?", run.display())]).in_a_session()
}

#[test]
fn the_program_that_asks_is_told_by_its_file() {
    each_identity(|sandbox| {
        let trusted = shell_named(sandbox, "trusted-shell");
        let digest = sandbox.outside(["sha256sum", &trusted]).text()[..64].to_owned();
        // The name that a process gives itself counts for nothing.
        let impostor = format!("exec -a {trusted} ");
        let other = shell_named(sandbox, "other-shell");
        fs::write(&other, [fs::read("/bin/sh").unwrap(), b"x".to_vec()].concat()).unwrap();
        for client in [format!("exe_path = \"{trusted}\""), format!("exe_sha256 = \"{digest}\"")] {
            let clients = format!("[[clients]]\nname = \"mine\"\n{client}\n");
            sandbox.policy(&only_where("clients = [\"mine\"]").replace("[[rules]]", &format!("{clients}[[rules]]")));
            started_by(sandbox, &trusted).finish().expect(0);
            started_by(sandbox, &other).finish().expect(120);
            let run = sandbox.base().join("tools/opaque-run");
            let line = format!("({impostor} {other} -c '{} -- true; exit $?')", run.display());
            sandbox.outside(["bash", "-c", &line]).expect(120);
        }
    });
}

#[test]
fn names_of_processes_are_those_of_their_executables() {
    each_identity(|sandbox| {
        let agent = shell_named(sandbox, "claude");
        let other = shell_named(sandbox, "zsh-static");
        for (lines, of_agent, of_other) in [
            ("[rules.context]\nis_coding_agent = true", 120, 0),
            ("[rules.context]\ncoding_agent_name = \"claude\"", 120, 0),
            ("[rules.context]\nprocess_name = \"claude\"", 120, 0),
            ("[rules.context]\nprocess_name = [\"x\", \"~zsh.*\"]", 0, 120),
            ("[rules.context]\nancestor = \"claude\"", 120, 0),
            ("[rules.context]\ncommand = \"*/tools/claude\"", 120, 0),
            ("[rules.context]\nparent_process_name = \"claude\"", 0, 0),
        ] {
            sandbox.policy(&except_where(lines));
            started_by(sandbox, &agent).finish().expect(of_agent);
            started_by(sandbox, &other).finish().expect(of_other);
        }
        // One more process in between.
        sandbox.policy(&except_where("[rules.context]\nparent_process_name = \"claude\""));
        let run = sandbox.base().join("tools/opaque-run");
        let line = format!("{other} -c '{} -- true; exit $?'; exit $?", run.display());
        sandbox.outside([&agent, "-c", &line]).expect(120);
    });
}

#[test]
fn a_policy_may_know_more_coding_agents() {
    each_identity(|sandbox| {
        let agent = shell_named(sandbox, "robot");
        let asks = except_where("[rules.context]\ncoding_agent_name = \"house\"");
        sandbox.policy(&asks);
        started_by(sandbox, &agent).finish().expect(0);
        for told in ["ancestors = [\"robot\", \"android\"]", "env = { HOUSE = \"1\", ROBOT = \"2\" }"] {
            sandbox.policy(&format!("{asks}[coding_agents.house]\n{told}\n"));
            started_by(sandbox, &agent).env("HOUSE", "1").env("ROBOT", "2").finish().expect(120);
        }
        started_by(sandbox, &agent).env("HOUSE", "1").finish().expect(0);
    });
}

#[test]
fn the_directory_and_the_environment_are_the_callers() {
    each_identity(|sandbox| {
        let below = sandbox.project().join("src/deep");
        sandbox.directory(&below);
        sandbox.policy(&only_where(&format!("[rules.context]\ncwd = \"{}/src/**\"", sandbox.project().display())));
        sandbox.launch(["--", "true"]).cwd(&below).finish().expect(0);
        sandbox.launch(["--", "true"]).finish().expect(120);
        sandbox.policy(&except_where("[rules.context]\nenv = { TASK = [\"deploy\", \"~rel.*\"] }"));
        for (value, code) in [("deploy", 120), ("release", 120), ("test", 0)] {
            sandbox.launch(["--", "true"]).env("TASK", value).finish().expect(code);
        }
        sandbox.launch(["--", "true"]).finish().expect(0);
    });
}

#[test]
fn a_repository_is_told_by_its_remote_and_branch() {
    each_identity(|sandbox| {
        sandbox.policy(&only_where(
            "[rules.workspace]\nremote_url_pattern = \"git.example/team/*\"\nbranch_pattern = \"release/*\"",
        ));
        sandbox.run(["--", "true"]).expect(120);
        sandbox.shell_outside("git init -q && git checkout -q -b release/1").expect(0);
        sandbox.run(["--", "true"]).expect(120);
        sandbox.shell_outside("git remote add origin git@git.example:team/app.git").expect(0);
        sandbox.run(["--", "true"]).expect(0);
        for (change, back) in [
            ("git symbolic-ref HEAD refs/heads/main", "git symbolic-ref HEAD refs/heads/release/1"),
            (
                "git remote set-url origin https://git.example.evil.test/team/app",
                "git remote set-url origin https://ann@git.example/team/app/",
            ),
            ("mv .git/HEAD .git/H && mkfifo .git/HEAD", "mv .git/H .git/HEAD"),
            ("git config include.path other", "git config --unset include.path"),
        ] {
            sandbox.shell_outside(change).expect(0);
            sandbox.run(["--", "true"]).expect(120);
            sandbox.shell_outside(back).expect(0);
            sandbox.run(["--", "true"]).expect(0);
        }
    });
}

#[test]
fn nothing_is_looked_at_that_no_rule_reads() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        let shown = sandbox.run(["--plan", "--json", "--", "true"]).expect(0).text();
        let plan: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let principal = plan["plan"]["principal"].as_object().unwrap();
        assert_eq!(principal.keys().collect::<Vec<_>>(), ["kind", "uid"], "{principal:?}");
    });
}
