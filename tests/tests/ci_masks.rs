//! A step of a CI job: the service learns what to mask and takes no commands from the output, and nobody else learns it.

use opaque_tests::{Sandbox, each_identity};

const VALUE: &str = "correct-horse%battery\nsecond-line-of-it";

fn profile(sandbox: &Sandbox) {
    sandbox.setting(
        ".config/opaque/profiles/job.toml",
        "name = \"job\"\nextends = [\"default\"]\n[output]\nci = \"github\"\n",
    );
    let path = sandbox.elsewhere().join("key");
    sandbox.write(&path, VALUE);
    sandbox.shell_outside(&format!("chmod 600 '{}'", path.display())).expect(0);
}

/// Starts a step below a program with this name, and gives back what came on its standard error.
fn step(sandbox: &Sandbox, above: &str, options: &str, script: &str) -> String {
    let shell = sandbox.elsewhere().join(above);
    let run = sandbox.base().join("tools/opaque-run");
    let key = sandbox.elsewhere().join("key");
    let copy = format!("cp /bin/sh '{0}' && chmod 755 '{0}'", shell.display());
    sandbox.shell_outside(&copy).expect(0);
    let line = format!(
        "'{}' --profile job --secret KEY=file:'{}' {options} -- sh -c '{script}' 2>&1 >out | cat >err",
        run.display(),
        key.display()
    );
    let started =
        sandbox.launch_outside([shell.as_os_str(), "-c".as_ref(), line.as_ref()]).env("GITHUB_ACTIONS", "true");
    started.finish().expect(0);
    std::fs::read_to_string(sandbox.project().join("err")).unwrap()
}

#[test]
fn the_service_learns_what_to_mask_and_takes_no_commands_from_the_output() {
    each_identity(|sandbox| {
        profile(sandbox);
        let said = step(sandbox, "Runner.Worker", "", "echo \"::set-env name=A::$KEY\" >&2");
        let lines: Vec<&str> = said.lines().collect();
        let [first, second, stop, commands @ .., resume] = lines.as_slice() else { panic!("{said}") };
        assert_eq!((*first, *second), ("::add-mask::correct-horse%25battery", "::add-mask::second-line-of-it"));
        let token = stop.strip_prefix("::stop-commands::").unwrap();
        assert!(token.len() == 32 && *resume == format!("::{token}::"), "{said}");
        assert!(commands.concat().contains("::set-env name=A::***"), "{said}");
        let again = step(sandbox, "Runner.Worker", "", "true");
        assert!(!again.contains(token), "a token is used once");
    });
}

#[test]
fn whoever_else_reads_along_learns_nothing() {
    each_identity(|sandbox| {
        profile(sandbox);
        let said = step(sandbox, "agent", "", "echo \"$KEY\" >&2");
        assert!(
            !said.contains("horse") && !said.contains("second-line") && !said.contains("::stop-commands::"),
            "{said}"
        );
        assert!(said.contains("GitHub Actions is not told what to mask"), "{said}");
        // Outside of a job there is nobody to tell.
        let out = sandbox.run(["--profile", "job", "--", "sh", "-c", "echo ::warning::x >&2"]);
        assert_eq!(out.expect(0).errors().trim(), "::warning::x");
    });
}

#[test]
fn what_the_job_keeps_for_itself_does_not_come_in() {
    each_identity(|sandbox| {
        profile(sandbox);
        sandbox.write("_temp/_runner_file_commands/set_env", "A=1\n");
        let temp = sandbox.at("_temp");
        let start = |actions: &str| {
            let script = "cat _temp/_runner_file_commands/set_env; echo B=2 > _temp/x; env | grep -c -e GITHUB -e ACTIONS -e RUNNER";
            sandbox
                .launch(["--profile", "job", "--", "sh", "-c", script])
                .env("GITHUB_ACTIONS", actions)
                .env("RUNNER_TEMP", &temp)
                .env("GITHUB_TOKEN", "x")
                .env("ACTIONS_RUNTIME_TOKEN", "y")
                .finish()
        };
        let inside = start("true");
        assert_eq!(inside.text(), "0", "{}", inside.errors());
        assert!(!sandbox.project().join("_temp/x").exists());
        // Outside of a job it is a directory like any other.
        assert_eq!(start("false").text(), "A=1\n0");
        let passed = ["--profile", "job", "--env", "ACTIONS_RUNTIME_TOKEN", "--", "true"];
        let refused = sandbox.launch(passed).env("GITHUB_ACTIONS", "true").env("ACTIONS_RUNTIME_TOKEN", "y").finish();
        assert!(
            refused.expect(120).errors().contains("`ACTIONS_RUNTIME_TOKEN` cannot be passed"),
            "{}",
            refused.errors()
        );
    });
}
