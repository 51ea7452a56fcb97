//! Many runs at once.

use std::time::Duration;

use opaque_tests::{Identity, Sandbox, cgroups};

/// How many; `OPAQUE_TESTS_RUNS` scales it.
fn runs() -> usize {
    std::env::var("OPAQUE_TESTS_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

#[test]
fn five_hundred_runs_at_the_same_time_all_succeed() {
    for identity in Identity::all() {
        let sandbox = Sandbox::new(identity);
        let before = cgroups();
        let running: Vec<_> =
            (0..runs()).map(|_| sandbox.launch(["--", "true"]).patience(Duration::from_secs(120)).start()).collect();
        let failed: Vec<_> = running.into_iter().map(|run| run.wait()).filter(|ended| ended.code != Some(0)).collect();
        assert!(failed.is_empty(), "as {identity} {} failed, the first:\n{}", failed.len(), failed[0]);
        let left: Vec<_> = cgroups().difference(&before).cloned().collect();
        assert!(left.is_empty(), "as {identity}: {left:?}");
    }
}

#[test]
fn runs_share_one_workspace() {
    for identity in Identity::all() {
        let sandbox = Sandbox::new(identity);
        sandbox.shell_outside("git init -q").expect(0);
        let before = opaque_tests::tree(&sandbox.project());
        let running: Vec<_> = (0..40)
            .map(|index| {
                sandbox.launch(["--", "sh", "-c", &format!("sleep 0.0{}; test ! -w .envrc", index % 10)]).start()
            })
            .collect();
        for run in running {
            run.wait().expect(0);
        }
        assert_eq!(opaque_tests::tree(&sandbox.project()), before, "as {identity}");
    }
}
