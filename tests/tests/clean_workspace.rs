//! Whether everything is committed is asked where what git executes can do no harm, and only when a rule wants to know.

use opaque_tests::{Sandbox, each_identity};

const POLICY: &str = "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"clean\"\naction = \"allow\"\ntrust = \"derived\"\n\
    [rules.workspace]\nrequire_clean = true\n";

fn commit(sandbox: &Sandbox, directory: &str) {
    let script = format!(
        "cd {directory} && git init -q . && echo one > file && echo ignored > .gitignore && git add . && \
         git -c user.name=ann -c user.email=ann@a.test commit -qm one"
    );
    sandbox.shell_outside(&script).expect(0);
}

#[test]
fn a_rule_that_requires_it_permits_in_a_clean_workspace_only() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        let runs = |code: i32, what: &str| {
            let ended = sandbox.launch(["--", "true"]).finish();
            assert_eq!(ended.code, Some(code), "{what}: {ended}");
        };
        runs(120, "no repository");
        commit(sandbox, ".");
        runs(0, "everything is committed");
        sandbox.write("ignored", "x");
        runs(0, "what is ignored does not count");
        sandbox.write("file", "two");
        runs(120, "a changed file");
        sandbox.shell_outside("git add file").expect(0);
        runs(120, "a staged file");
        sandbox.shell_outside("git -c user.name=ann -c user.email=ann@a.test commit -qm two").expect(0);
        runs(0, "committed again");
        sandbox.write("new", "x");
        runs(120, "a file that nobody added");
        sandbox.shell_outside("rm new file").expect(0);
        runs(120, "a file that is gone");
        sandbox.shell_outside("git checkout -q file").expect(0);
        runs(0, "it is back");
        // A worktree has its repository elsewhere.
        sandbox.shell_outside("git worktree add -q ../tree").expect(0);
        let within = |code: i32| {
            sandbox.launch(["--", "true"]).cwd(sandbox.home().join("tree")).finish().expect(code);
        };
        within(0);
        sandbox.write(sandbox.home().join("tree/file"), "three");
        within(120);
    });
}

#[test]
fn what_the_repository_makes_git_execute_harms_nothing() {
    each_identity(|sandbox| {
        sandbox.policy(POLICY);
        commit(sandbox, ".");
        let traces = ["hook", "filter", "monitor"].map(|name| sandbox.elsewhere().join(name));
        let [hook, filter, monitor] = traces.each_ref().map(|path| path.display().to_string());
        sandbox.script(".git/monitor", format!("#!/bin/sh\ntouch {monitor} .git/monitored\n"));
        sandbox.script(".git/hooks/post-index-change", format!("#!/bin/sh\ntouch {hook}\n"));
        sandbox.write(".git/info/attributes", "* filter=evil\n");
        sandbox
            .shell_outside(&format!(
                "git config core.fsmonitor \"$PWD/.git/monitor\" && git config filter.evil.clean 'touch {filter} filtered; cat'"
            ))
            .expect(0);
        sandbox.write("file", "one\n");
        // The twin: on the host, git executes the filter.
        let _ = sandbox.launch(["--", "true"]).finish();
        for trace in &traces {
            assert!(!trace.exists(), "{}", trace.display());
        }
        assert!(!sandbox.project().join("filtered").exists() && !sandbox.project().join(".git/monitored").exists());
        sandbox.shell_outside("touch file && git status --porcelain").expect(0);
        assert!(traces[1].exists(), "git on the host does not execute the filter either");
    });
}

#[test]
fn nobody_asks_when_no_rule_wants_to_know() {
    each_identity(|sandbox| {
        commit(sandbox, ".");
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        sandbox.launch(["--", "true"]).finish().expect(0);
        let journal = sandbox.shell_outside("cat ~/.local/state/opaque/journal/*").text();
        assert!(!journal.contains("\"status\""), "{journal}");
        sandbox.policy(POLICY);
        sandbox.launch(["--", "true"]).finish().expect(0);
        let journal = sandbox.shell_outside("cat ~/.local/state/opaque/journal/*").text();
        assert!(journal.contains("\"status\"") && journal.contains("built-in:any-command"), "{journal}");
    });
}
