//! Real limits on real processes, where this machine and our rights allow them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

use super::super::discover::Home;
use super::super::{Available, Group, Mechanism, Name, Reason, Resource, Wanted};

const MIB: u64 = 1 << 20;

/// A name that no other test uses.
pub(super) fn unused_name() -> Name {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Name::new(std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What is available, or a note why the test has nothing to do; in CI that is a failure.
pub(super) fn available(resources: &[Resource]) -> Option<Available> {
    let available = Available::probe();
    for &resource in resources {
        if let Mechanism::None(reason) = available.mechanism(resource) {
            assert!(std::env::var_os("CI").is_none(), "{resource} cannot be bounded here: {reason}");
            eprintln!("skipped: {resource} cannot be bounded here: {reason}");
            return None;
        }
    }
    Some(available)
}

/// A shell that runs `script` once it is in the group.
fn start(group: &Group, script: &str) -> Child {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("read go; {script}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    group.attach(Pid::from_child(&child)).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    child
}

/// Where the group's directory for `resource` is.
fn directory(available: &Available, resource: Resource, name: &Name) -> PathBuf {
    match available.home(resource) {
        Home::Legacy(home) => home.join(name.to_string()),
        Home::Unified => available.unified.as_ref().unwrap().home().join(name.to_string()),
        Home::Nowhere(reason) => panic!("{reason}"),
    }
}

#[test]
fn memory_over_the_limit_is_killed_and_counted_and_under_it_is_not() {
    let Some(available) = available(&[Resource::Memory]) else { return };
    // `tail` keeps a line without an end in memory: all 100 MiB of it.
    let hundred = "head -c 104857600 /dev/zero | tail";
    for (limit, survives) in [(32 * MIB, false), (400 * MIB, true)] {
        let name = unused_name();
        let wanted = Wanted { memory: Some(limit), ..Wanted::default() };
        let group = Group::create(&available, &name, &wanted).unwrap();
        let status = start(&group, hundred).wait().unwrap();
        let usage = group.usage();
        assert_eq!(status.success(), survives, "{limit}: {status}");
        assert_eq!(usage.oom_kills.unwrap() == 0, survives, "{limit}: {usage:?}");
        assert!(usage.memory_peak.unwrap() <= limit, "{usage:?}");
        assert!(usage.memory_peak.unwrap() >= limit.min(100 * MIB) - MIB, "{usage:?}");
        group.remove().unwrap();
        assert!(!directory(&available, Resource::Memory, &name).exists());
    }
}

#[test]
fn forks_over_the_limit_are_refused_and_counted_and_under_it_are_not() {
    let Some(available) = available(&[Resource::Pids]) else { return };
    let many = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2 & done; wait";
    for (limit, survives) in [(5, false), (64, true)] {
        let name = unused_name();
        let wanted = Wanted { pids: Some(limit), ..Wanted::default() };
        let group = Group::create(&available, &name, &wanted).unwrap();
        let status = start(&group, many).wait().unwrap();
        let usage = group.usage();
        assert_eq!(status.success(), survives, "{limit}: {status}");
        assert_eq!(usage.pids_refused.unwrap() == 0, survives, "{limit}: {usage:?}");
        group.kill().unwrap();
        group.remove().unwrap();
        assert!(!directory(&available, Resource::Pids, &name).exists());
    }
}

#[test]
fn a_busy_process_over_its_share_is_throttled_and_under_it_is_not() {
    let Some(available) = available(&[Resource::Cpu]) else { return };
    for (percent, throttled) in [(10, true), (400, false)] {
        let name = unused_name();
        let wanted = Wanted { cpu_percent: Some(percent), ..Wanted::default() };
        let group = Group::create(&available, &name, &wanted).unwrap();
        let mut child = start(&group, "while :; do :; done");
        sleep(Duration::from_millis(500));
        let stat = fs::read_to_string(directory(&available, Resource::Cpu, &name).join("cpu.stat")).unwrap();
        let count = stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")).unwrap();
        assert_eq!(count != "0", throttled, "{percent}: {stat}");
        group.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        group.remove().unwrap();
    }
}

#[test]
fn one_group_holds_every_limit_and_leaves_nothing_behind() {
    let all = [Resource::Memory, Resource::Pids, Resource::Cpu];
    let Some(available) = available(&all) else { return };
    let name = unused_name();
    let wanted = Wanted { memory: Some(64 * MIB), pids: Some(16), cpu_percent: Some(150) };
    let group = Group::create(&available, &name, &wanted).unwrap();
    let mut child = start(&group, "sleep 60 & sleep 60 & wait");
    for resource in all {
        let directory = directory(&available, resource, &name);
        let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap();
        assert!(members.lines().any(|member| member == child.id().to_string()), "{resource}: {members}");
    }
    group.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    group.remove().unwrap();
    for resource in all {
        assert!(!directory(&available, resource, &name).exists());
    }
}

#[test]
fn a_dropped_group_takes_its_processes_with_it() {
    let Some(available) = available(&[Resource::Pids]) else { return };
    let name = unused_name();
    let wanted = Wanted { pids: Some(16), ..Wanted::default() };
    let group = Group::create(&available, &name, &wanted).unwrap();
    let mut child = start(&group, "exec sleep 60");
    assert_eq!(test_kill_process(Pid::from_child(&child)), Ok(()));
    let started = Instant::now();
    drop(group);
    assert!(!child.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(!directory(&available, Resource::Pids, &name).exists());
}

#[test]
fn a_group_that_cannot_be_made_leaves_nothing_behind() {
    let Some(available) = available(&[Resource::Memory, Resource::Cpu]) else { return };
    let name = unused_name();
    // The kernel takes no quota of zero, and the memory cgroup stands by then.
    let wanted = Wanted { memory: Some(64 * MIB), cpu_percent: Some(0), pids: None };
    let error = Group::create(&available, &name, &wanted).unwrap_err();
    assert!(error.to_string().starts_with("cannot write `0"), "{error}");
    for resource in [Resource::Memory, Resource::Cpu] {
        assert!(!directory(&available, resource, &name).exists());
    }
}

#[test]
fn a_limit_that_the_machine_cannot_give_is_an_error_that_says_why() {
    let nothing = Available::find("", "");
    let wanted = Wanted { pids: Some(16), ..Wanted::default() };
    let error = Group::create(&nothing, &unused_name(), &wanted).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot limit pids with a cgroup: {}", Reason::NotMounted));
}

/// Prints what a group costs; run it with `--ignored --nocapture`, in a release build.
#[test]
#[ignore = "a measurement, not a test"]
fn what_probing_and_making_cost() {
    let mut rows: [(&str, Vec<u128>); 4] = ["probe", "create", "usage", "remove"].map(|name| (name, Vec::new()));
    let wanted = Wanted { memory: Some(64 * MIB), pids: Some(16), cpu_percent: Some(150) };
    for _ in 0..100 {
        let mut marks = vec![Instant::now()];
        let available = Available::probe();
        marks.push(Instant::now());
        let group = Group::create(&available, &unused_name(), &wanted).unwrap();
        marks.push(Instant::now());
        assert_eq!(group.usage().oom_kills, Some(0));
        marks.push(Instant::now());
        group.remove().unwrap();
        marks.push(Instant::now());
        for (row, pair) in rows.iter_mut().zip(marks.windows(2)) {
            row.1.push((pair[1] - pair[0]).as_nanos());
        }
    }
    for (name, times) in &mut rows {
        times.sort_unstable();
        println!("{name}: least {} ns, median {} ns", times[0], times[times.len() / 2]);
    }
}
