//! The supervisor dies at random moments: nothing may live on, and the next run cleans up.

use std::time::Duration;

use opaque_tests::{Identity, Processes, Sandbox, cgroups, eventually, tree};

/// How many; `OPAQUE_TESTS_KILLS` scales it.
fn kills() -> u64 {
    std::env::var("OPAQUE_TESTS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

#[test]
fn five_hundred_kills_leave_no_process_no_cgroup_and_no_placeholder() {
    for identity in Identity::all() {
        let sandbox = Sandbox::new(identity);
        sandbox.shell_outside("git init -q").expect(0);
        let (cgroups_before, before) = (cgroups(), tree(&sandbox.project()));
        let mark = format!("77.{}{}", std::process::id(), identity.uid());
        let script = format!("sleep {mark} & setsid sleep {mark} & sleep {mark}");
        let whole = sandbox.run(["--limit", "pids=200", "--", "true"]).elapsed;
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..kills().div_ceil(2) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let running = sandbox.launch(["--limit", "pids=200", "--", "sh", "-c", &script]).start();
            // Twice the time of a whole run reaches from before the first step to well into the command.
            std::thread::sleep(whole.mul_f64((state % 1000) as f64 / 500.0));
            running.signal(9);
            let _ = running.wait();
        }
        let alive = || Processes::marked(&mark).len() + Processes::marked(&sandbox.base().display().to_string()).len();
        assert!(eventually(Duration::from_secs(3), || alive() == 0), "as {identity}: {} processes live on", alive());
        sandbox.run(["--limit", "pids=200", "--", "true"]).expect(0);
        assert!(
            eventually(Duration::from_secs(3), || cgroups().difference(&cgroups_before).count() == 0),
            "as {identity}: {:?}",
            cgroups().difference(&cgroups_before).collect::<Vec<_>>()
        );
        let left: Vec<_> = tree(&sandbox.project()).difference(&before).cloned().collect();
        assert!(left.is_empty(), "as {identity}: {left:?}");
    }
}
